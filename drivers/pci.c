// SPDX-License-Identifier: BSD-2-Clause
/* PCI configuration space, and what is done to functions by it. */
#include "drivers/pci.h"
#include "core/clock.h"
#include "core/io.h"
#include "core/lib.h"
#include "core/mem.h"
#include "core/spinlock.h"
#include "drivers/pci_regs.h"

/*
 * PCI Express 6.0, 6.6: what was on its way is through after 100 ms, and so
 * long a function takes to answer; some take up to a second.  A bus is held in
 * reset for 1 ms.
 */
#define BUSY_MS	     100
#define RESET_US     100000
#define BACK_MS	     900
#define BUS_RESET_US 2000

/* Guards the address port and what it points to. */
static struct spinlock lock;
static struct pci_buses roots;
/* The functions there are, by their addresses. */
static u64 functions[PCI_FUNCTIONS / 64];
static const struct acpi_info *tables;
struct pci_tree pci_tree;

static void select(u16 address, u32 reg)
{
	outl(PCI_CONFIG_ADDRESS,
	     PCI_CONFIG_ENABLE | (u32)address << 8 | (reg & 0xfc));
}

u32 pci_read(u16 address, u32 reg)
{
	u32 value;

	spin_lock(&lock);
	select(address, reg);
	value = inl(PCI_CONFIG_DATA);
	spin_unlock(&lock);
	return value;
}

void pci_write16(u16 address, u32 reg, u16 value)
{
	spin_lock(&lock);
	select(address, reg);
	outw(PCI_CONFIG_DATA + (reg & 2), value);
	spin_unlock(&lock);
}

void pci_write32(u16 address, u32 reg, u32 value)
{
	spin_lock(&lock);
	select(address, reg);
	outl(PCI_CONFIG_DATA, value);
	spin_unlock(&lock);
}

bool pci_present(u16 address)
{
	return pci_read(address, PCI_VENDOR_ID) != ~0U;
}

u16 pci_command(u16 address, u64 off, u64 on)
{
	u16 old = (u16)pci_read(address, PCI_COMMAND);

	/* The status half is write-1-to-clear: leave it alone. */
	pci_write16(address, PCI_COMMAND, (u16)((old & ~off) | on));
	return old;
}

void pci_master_off(u16 address)
{
	pci_command(address, PCI_COMMAND_MASTER, 0);
	/* What it had posted has arrived when a read of it returns. */
	(void)pci_read(address, PCI_COMMAND);
}

/*
 * PCI Express 6.0, 7.2.2: where a register is in memory that the boot reaches,
 * or 0.
 */
static u64 extended_at(u16 address, u32 reg)
{
	const struct acpi_mcfg *m = tables->mcfg;
	u64 at;

	for (; m < tables->mcfg + tables->nr_mcfg; m++) {
		at = m->base + ((u64)address << 12) + reg;
		if (!m->segment && address >> 8 >= m->bus_start &&
		    address >> 8 <= m->bus_end && at < DIRECT_BOOT_END)
			return at;
	}
	return 0;
}

/* Boot. */
static u32 read_all(u16 address, u32 reg)
{
	u64 at;

	if (reg < PCI_CONFIG_SIZE)
		return pci_read(address, reg);
	at = extended_at(address, reg);
	return at ? *(volatile u32 *)phys_to_virt(at) : ~0U;
}

static void clear(u16 function, u8 capability, u32 bit)
{
	u32 pos = pci_capability(pci_read, function, capability);

	if (pos)
		pci_write32(function, pos, pci_read(function, pos) & ~bit);
}

static void quiet_function(void *used, u16 function)
{
	pci_bus_add(used, function >> 8);
	functions[function / 64] |= BIT(function % 64);
	clear(function, PCI_CAP_MSI, PCI_MSI_ENABLE);
	clear(function, PCI_CAP_MSIX, PCI_MSIX_ENABLE);
	pci_master_off(function);
}

void pci_quiet(void)
{
	struct pci_buses used = { 0 };

	pci_walk(pci_read, &roots, quiet_function, &used);
	/* Of buses that might have been there. */
	roots = used;
}

bool pci_next(u32 *at, u16 *address)
{
	for (; *at < PCI_FUNCTIONS; ++*at)
		if (functions[*at / 64] & BIT(*at % 64)) {
			*address = (u16)(*at)++;
			return true;
		}
	return false;
}

static void acs_on(u16 address)
{
	u32 pos = pci_acs(read_all, address);
	volatile u32 *control;

	if (!pos)
		return;
	control = phys_to_virt(extended_at(address, pos + PCI_ACS_CONTROL));
	*control = pci_acs_on(*control);
}

void pci_read_tree(bool apart)
{
	u32 at = 0;
	u16 address;

	while (apart && pci_next(&at, &address))
		acs_on(address);
	pci_tree_read(&pci_tree, read_all, &roots);
}

/*
 * Where ACPI does not name all host bridges every bus may be a root: 8,192
 * devices are asked for.
 */
void pci_init(const struct acpi_info *acpi)
{
	u32 i;

	tables = acpi;
	roots = acpi->root_buses;
	pci_bus_add(&roots, 0);
	for (i = 0; i < acpi->nr_mcfg; i++)
		if (!acpi->mcfg[i].segment)
			pci_bus_add(&roots, acpi->mcfg[i].bus_start);
	if (!acpi->nr_mcfg || acpi->more_root_buses)
		memset(&roots, 0xff, sizeof(roots));
}

void pci_bar_at(u16 address, u32 n, struct pci_bar *bar)
{
	u32 value = pci_read(address, PCI_BAR(n));
	bool ports = value & PCI_BAR_IO;
	u32 mask = ports ? PCI_BAR_IO_MASK : PCI_BAR_MEMORY_MASK;

	*bar = (struct pci_bar){
		.base = value & mask,
		.flags = value & ~mask,
		.ports = ports,
		.wide = !ports && (value & PCI_BAR_64) && n + 1 < PCI_BARS,
	};
	if (bar->wide)
		bar->base |= (u64)pci_read(address, PCI_BAR(n + 1)) << 32;
}

/* The bits of a register that can be written, and maybe flags. */
static u32 size_register(u16 address, u32 n)
{
	u32 ones, value = pci_read(address, PCI_BAR(n));

	pci_write32(address, PCI_BAR(n), ~0U);
	ones = pci_read(address, PCI_BAR(n));
	pci_write32(address, PCI_BAR(n), value);
	return ones;
}

void pci_read_bar(u16 address, u32 n, struct pci_bar *bar)
{
	u16 command = pci_command(address, PCI_COMMAND_IO | PCI_COMMAND_MEMORY,
				  0);
	u64 ones;

	pci_bar_at(address, n, bar);
	ones = size_register(address, n) &
	       (bar->ports ? PCI_BAR_IO_MASK : PCI_BAR_MEMORY_MASK);
	/* PCI Local Bus 3.0, 6.2.5.1: a port's upper half may be wired to 0. */
	if (bar->wide)
		ones |= (u64)size_register(address, n + 1) << 32;
	else if (ones)
		ones |= bar->ports ? ~0xffffUL : ~0UL << 32;
	bar->size = -ones;
	pci_write16(address, PCI_COMMAND, command);
}

int pci_function_read(u16 address, struct pci_function *f)
{
	u32 pos = pci_acs(read_all, address);

	pci_describe(pci_read, pci_reset_bridge(&pci_tree, address), address,
		     f);
	if (!pos)
		return 0;
	pos += PCI_ACS_CONTROL;
	f->acs_value = read_all(address, pos);
	f->acs = paging_add_device(extended_at(address, pos), sizeof(*f->acs));
	return f->acs ? 0 : -ENOMEM;
}

void pci_open_bridges(u16 address)
{
	s32 bridge;

	for (bridge = pci_above(&pci_tree, address); bridge >= 0;
	     bridge = pci_above(&pci_tree, (u16)bridge))
		pci_command((u16)bridge, 0, PCI_COMMAND_MASTER);
}

/* Until `bits` of a register are clear, or the time is over. */
static bool await_clear(u16 address, u32 reg, u32 bits, u32 ms)
{
	while (pci_read(address, reg) & bits) {
		if (!ms--)
			return false;
		clock_delay_us(1000);
	}
	return true;
}

/* 6.6.2: a function that is not there yet answers with ones. */
static bool await_function(u16 address)
{
	u32 ms;

	clock_delay_us(RESET_US);
	for (ms = 0; ms < BACK_MS && !pci_present(address); ms++)
		clock_delay_us(1000);
	return pci_present(address);
}

/* With a control bit, once nothing of it is on its way. */
static void reset_function(const struct pci_function *f, u32 control, u32 busy,
			   u32 start)
{
	u32 reg = f->reset_where + control;
	u32 value = pci_read(f->reset_address, reg);

	await_clear(f->reset_address, reg, busy, BUSY_MS);
	pci_write16(f->reset_address, reg, (u16)(value | start));
}

static void reset_bus(const struct pci_function *f)
{
	u32 reg = PCI_BRIDGE_CONTROL & ~3U;
	u16 control = (u16)(pci_read(f->reset_address, reg) >> 16);

	pci_write16(f->reset_address, PCI_BRIDGE_CONTROL,
		    control | (u16)PCI_BRIDGE_RESET);
	clock_delay_us(BUS_RESET_US);
	pci_write16(f->reset_address, PCI_BRIDGE_CONTROL,
		    control & (u16)~PCI_BRIDGE_RESET);
}

bool pci_reset(u16 address, const struct pci_function *f)
{
	switch (f->reset) {
	case PCI_RESET_FLR:
		reset_function(f, PCI_EXPRESS_DEVCTL, PCI_EXPRESS_DEVSTA_BUSY,
			       PCI_EXPRESS_DEVCTL_FLR);
		break;
	case PCI_RESET_AF_FLR:
		reset_function(f, PCI_AF_CONTROL, PCI_AF_BUSY, PCI_AF_START);
		break;
	case PCI_RESET_BUS:
		reset_bus(f);
		break;
	default:
		return false;
	}
	if (!await_function(address))
		return false;
	if (f->acs)
		*f->acs = f->acs_value;
	return true;
}
