// SPDX-License-Identifier: BSD-2-Clause
#include "lib/e1000.h"
#include "lib/payload.h"
#include "lib/pci.h"

#define ID_82540EM 0x100e8086
/* i440FX: pins 16 to 19, by slot and line; slot 2, INTA. */
#define BOCHS_PIN 17

volatile u32 *e1000_regs;

void e1000_init(u32 causes)
{
	u32 device = pci_find(ID_82540EM);

	pci_enable(device, PCI_COMMAND_MEMORY);
	e1000_regs = pci_bar0(device);
	e1000_write(E1000_IMC, ~0U);
	e1000_read(E1000_ICR);
	e1000_write(E1000_IMS, causes);
}

u32 e1000_pin(void)
{
	return (u32)cmdline_number("pin", BOCHS_PIN);
}
