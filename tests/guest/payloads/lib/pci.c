// SPDX-License-Identifier: BSD-2-Clause
#include "lib/pci.h"
#include "lib/payload.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  BIT(31)
#define DEVICES	       32

static void select(u32 device, u32 reg)
{
	outl(CONFIG_ADDRESS, CONFIG_ENABLE | device << 11 | reg);
}

u32 pci_read(u32 device, u32 reg)
{
	select(device, reg);
	return inl(CONFIG_DATA);
}

void pci_write(u32 device, u32 reg, u32 value)
{
	select(device, reg);
	outl(CONFIG_DATA, value);
}

u32 pci_find(u32 id)
{
	u32 device;

	for (device = 0; device < DEVICES; device++)
		if (pci_read(device, PCI_VENDOR_ID) == id)
			return device;
	payload_fail("no device %x on bus 0", id);
}

void pci_enable(u32 device, u32 bits)
{
	/* The status is in the upper half: written as 0 it stays. */
	pci_write(device, PCI_COMMAND,
		  (pci_read(device, PCI_COMMAND) & 0xffff) | bits);
}

volatile void *pci_bar0(u32 device)
{
	return (volatile void *)(u64)(pci_read(device, PCI_BAR(0)) &
				      PCI_BAR_MEMORY_MASK);
}
