// SPDX-License-Identifier: BSD-2-Clause
/* PCI configuration space by mechanism #1. */
#include "drivers/pci.h"
#include "core/io.h"
#include "core/spinlock.h"
#include "drivers/pci_regs.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000U

#define PCI_BUSES     256
#define PCI_DEVICES   32
#define PCI_FUNCTIONS 8

#define PCI_CAP_MSI	0x05
#define PCI_CAP_MSIX	0x11
#define PCI_MSI_ENABLE	BIT(16)
#define PCI_MSIX_ENABLE BIT(31)
/* No list is longer than the space behind the header holds. */
#define PCI_MAX_CAPABILITIES 48

/* Guards the address port and what it points to. */
static struct spinlock lock;

static void select(u16 address, u32 reg)
{
	outl(CONFIG_ADDRESS, CONFIG_ENABLE | (u32)address << 8 | (reg & 0xfc));
}

u32 pci_read(u16 address, u32 reg)
{
	u32 value;

	spin_lock(&lock);
	select(address, reg);
	value = inl(CONFIG_DATA);
	spin_unlock(&lock);
	return value;
}

void pci_write16(u16 address, u32 reg, u16 value)
{
	spin_lock(&lock);
	select(address, reg);
	outw(CONFIG_DATA + (reg & 2), value);
	spin_unlock(&lock);
}

void pci_write32(u16 address, u32 reg, u32 value)
{
	spin_lock(&lock);
	select(address, reg);
	outl(CONFIG_DATA, value);
	spin_unlock(&lock);
}

bool pci_present(u16 address)
{
	return pci_read(address, PCI_VENDOR_ID) != ~0U;
}

void pci_master_off(u16 address)
{
	u32 command = pci_read(address, PCI_COMMAND);

	/* The status half is write-1-to-clear: leave it alone. */
	pci_write16(address, PCI_COMMAND,
		    (u16)(command & ~(u32)PCI_COMMAND_MASTER));
	/* What it had posted has arrived when a read of it returns. */
	(void)pci_read(address, PCI_COMMAND);
}

static void quiet_msi(u16 function)
{
	u32 pos = pci_read(function, PCI_CAPABILITIES) & 0xfc;
	u32 cap, i;

	for (i = 0; pos && i < PCI_MAX_CAPABILITIES; i++) {
		cap = pci_read(function, pos);
		if ((cap & 0xff) == PCI_CAP_MSI)
			pci_write32(function, pos, cap & ~(u32)PCI_MSI_ENABLE);
		else if ((cap & 0xff) == PCI_CAP_MSIX)
			pci_write32(function, pos, cap & ~(u32)PCI_MSIX_ENABLE);
		pos = cap >> 8 & 0xfc;
	}
}

static void quiet_function(void *ctx, u16 function)
{
	(void)ctx;
	if (pci_read(function, PCI_COMMAND) & PCI_STATUS_CAPABILITIES)
		quiet_msi(function);
	pci_master_off(function);
}

void pci_quiet(void)
{
	pci_for_each(quiet_function, NULL);
}

static void visit_device(u16 first, void (*visit)(void *ctx, u16 address),
			 void *ctx)
{
	u32 n, functions;

	if (!pci_present(first))
		return;
	functions = pci_read(first, PCI_CACHE_LINE) & PCI_HEADER_MULTI ?
			    PCI_FUNCTIONS :
			    1;
	for (n = 0; n < functions; n++)
		if (pci_present((u16)(first + n)))
			visit(ctx, (u16)(first + n));
}

void pci_for_each(void (*visit)(void *ctx, u16 address), void *ctx)
{
	u32 device;

	for (device = 0; device < PCI_BUSES * PCI_DEVICES; device++)
		visit_device((u16)(device * PCI_FUNCTIONS), visit, ctx);
}

void pci_size_bar(u16 address, u32 n, u32 *value, u32 *mask)
{
	u16 command = (u16)pci_read(address, PCI_COMMAND);
	u32 ones;

	pci_write16(address, PCI_COMMAND,
		    command & (u16) ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	*value = pci_read(address, PCI_BAR(n));
	pci_write32(address, PCI_BAR(n), ~0U);
	ones = pci_read(address, PCI_BAR(n));
	pci_write32(address, PCI_BAR(n), *value);
	pci_write16(address, PCI_COMMAND, command);
	*mask = ones &
		(*value & PCI_BAR_IO ? PCI_BAR_IO_MASK : PCI_BAR_MEMORY_MASK);
}
