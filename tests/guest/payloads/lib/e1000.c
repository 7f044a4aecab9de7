// SPDX-License-Identifier: BSD-2-Clause
#include "lib/e1000.h"
#include "lib/payload.h"

/* PCI Local Bus 3.0, section 3.2.2.3.2 */
#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  BIT(31)
#define PCI_ID	       0x00
#define PCI_COMMAND    0x04
#define COMMAND_MEMORY BIT(1)
#define PCI_BAR0       0x10
#define BAR_FLAGS      0xfU
#define DEVICES	       32

#define ID_82540EM 0x100e8086
/* i440FX: pins 16 to 19, by slot and line; slot 2, INTA. */
#define BOCHS_PIN 17

volatile u32 *e1000_regs;

static void config_select(u32 device, u32 reg)
{
	outl(CONFIG_ADDRESS, CONFIG_ENABLE | device << 11 | reg);
}

static u32 config_read(u32 device, u32 reg)
{
	config_select(device, reg);
	return inl(CONFIG_DATA);
}

static void config_write(u32 device, u32 reg, u32 value)
{
	config_select(device, reg);
	outl(CONFIG_DATA, value);
}

static u32 find(void)
{
	u32 device;

	for (device = 0; device < DEVICES; device++)
		if (config_read(device, PCI_ID) == ID_82540EM)
			return device;
	payload_fail("no 82540EM on bus 0");
}

void e1000_init(u32 causes)
{
	u32 device = find();

	/* The status is in the upper half: written as 0 it stays. */
	config_write(device, PCI_COMMAND,
		     (config_read(device, PCI_COMMAND) & 0xffff) |
			     COMMAND_MEMORY);
	e1000_regs = (void *)(u64)(config_read(device, PCI_BAR0) & ~BAR_FLAGS);
	e1000_write(E1000_IMC, ~0U);
	e1000_read(E1000_ICR);
	e1000_write(E1000_IMS, causes);
}

u32 e1000_pin(void)
{
	return (u32)cmdline_number("pin", BOCHS_PIN);
}
