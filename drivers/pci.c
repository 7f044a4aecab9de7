// SPDX-License-Identifier: BSD-2-Clause
/* PCI configuration space by mechanism #1. */
#include "drivers/pci.h"
#include "core/io.h"
#include "core/lib.h"
#include "core/spinlock.h"
#include "drivers/pci_regs.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000U

/* Guards the address port and what it points to. */
static struct spinlock lock;
static struct pci_buses roots;

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

static void clear(u16 function, u8 capability, u32 bit)
{
	u32 pos = pci_capability(pci_read, function, capability);

	if (pos)
		pci_write32(function, pos, pci_read(function, pos) & ~bit);
}

static void quiet_function(void *ctx, u16 function)
{
	(void)ctx;
	clear(function, PCI_CAP_MSI, PCI_MSI_ENABLE);
	clear(function, PCI_CAP_MSIX, PCI_MSIX_ENABLE);
	pci_master_off(function);
}

void pci_quiet(void)
{
	pci_for_each(quiet_function, NULL);
}

/*
 * Where ACPI does not name all host bridges every bus may be a root: 8,192
 * devices are asked for.
 */
void pci_init(const struct acpi_info *acpi)
{
	u32 i;

	roots = acpi->root_buses;
	pci_bus_add(&roots, 0);
	for (i = 0; i < acpi->nr_mcfg; i++)
		if (!acpi->mcfg[i].segment)
			pci_bus_add(&roots, acpi->mcfg[i].bus_start);
	if (!acpi->nr_mcfg || acpi->more_root_buses)
		memset(&roots, 0xff, sizeof(roots));
}

void pci_for_each(pci_visitor *visit, void *ctx)
{
	pci_walk(pci_read, &roots, visit, ctx);
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
