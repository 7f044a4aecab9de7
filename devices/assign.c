// SPDX-License-Identifier: BSD-2-Clause
/* Devices that a partition owns: their life, their exits. */
#include "devices/assign.h"
#include "core/io.h"
#include "core/log.h"
#include "core/spinlock.h"
#include "vtd/entry.h"

static void restore(const struct assigned_function *f)
{
	u32 n;

	pci_master_off(f->address);
	for (n = 0; n < PCI_BARS; n++)
		if (f->bar[n])
			pci_write32(f->address, PCI_BAR(n), f->bar[n]);
	/* Guests see no ROM: it decodes nothing. */
	pci_write32(f->address, PCI_ROM, 0);
	pci_write16(f->address, PCI_COMMAND, f->command);
}

/* The device names the entry for ever; where that sends is the guest's. */
static u32 message_address(void *function, u32 entry)
{
	struct assigned_function *f = function;

	return msi_address((u16)f->routes[entry].where);
}

/* The table is there only while the device decodes memory. */
static void reset_msix(struct assigned_function *f)
{
	u16 command = pci_command(f->address, 0, PCI_COMMAND_MEMORY);

	msix_reset(&f->msix, message_address);
	pci_write16(f->address, PCI_COMMAND, command);
}

static void reset_msi(struct assigned_function *f)
{
	u32 control = pci_read(f->address, f->can.msi);
	u32 data = f->can.msi + PCI_MSI_DATA_32;

	control &= ~(u32)(PCI_MSI_ENABLE | PCI_MSI_MANY_MASK);
	pci_write16(f->address, f->can.msi + 2, (u16)(control >> 16));
	pci_write32(f->address, f->can.msi + PCI_MSI_LOW,
		    message_address(f, 0));
	if (control & PCI_MSI_64) {
		pci_write32(f->address, f->can.msi + PCI_MSI_HIGH, 0);
		data = f->can.msi + PCI_MSI_DATA_64;
	}
	pci_write16(f->address, data, 0);
}

void assign_start(struct assigned *a)
{
	struct assigned_function *f;

	for (f = a->function; f < a->function + a->pci.nr; f++) {
		restore(f);
		if (f->msix.entries)
			reset_msix(f);
		else if (f->routes)
			reset_msi(f);
	}
	vpci_reset(&a->pci);
	__atomic_store_n(&a->off, false, __ATOMIC_RELAXED);
}

/*
 * What a device has on its way arrives after it is no bus master any more, so
 * it is reset, and that is waited for.
 */
static void quiet(const struct assigned_function *f)
{
	pci_master_off(f->address);
	if (f->can.reset != PCI_RESET_NONE && !pci_reset(f->address, &f->can))
		log_printf("partition %s: device " PCI_NAME " does not come "
			   "back from its reset",
			   f->owner->config->name, PCI_WORDS(f->address));
}

void assign_stop(struct assigned *a)
{
	struct irq_domain *d = a->intx->domain;
	u32 i;

	for (i = 0; i < a->pci.nr; i++)
		quiet(&a->function[i]);
	spin_lock(&d->lock);
	routes_off(d);
	spin_unlock(&d->lock);
	__atomic_store_n(&a->off, true, __ATOMIC_RELEASE);
}

bool assign_stopped(const struct assigned *a)
{
	return __atomic_load_n(&a->off, __ATOMIC_ACQUIRE);
}

void assign_quarantine(struct assigned *a, u32 n, bool on)
{
	struct vpci_function *f = &a->pci.function[n];

	f->quarantined = on;
	if (on)
		pci_master_off(f->address);
}

static u32 read_port(u16 port, u8 size)
{
	switch (size) {
	case 1:
		return inb(port);
	case 2:
		return inw(port);
	default:
		return inl(port);
	}
}

static void write_port(u16 port, u8 size, u32 value)
{
	if (size == 1)
		outb(port, (u8)value);
	else if (size == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
}

static bool device_io(const struct assigned *a, u16 port, u8 size, bool write,
		      u32 *value)
{
	u32 i, off;

	for (i = 0; i < a->nr_ports; i++) {
		off = (u32)port - a->ports[i].base;
		if (off >= a->ports[i].size || size > a->ports[i].size - off)
			continue;
		if (write)
			write_port(port, size, *value);
		else
			*value = read_port(port, size);
		return true;
	}
	return false;
}

bool assign_io(struct assigned *a, u16 port, u8 size, bool write, u32 *value)
{
	bool config;

	if (device_io(a, port, size, write, value))
		return true;
	spin_lock(&a->intx->domain->lock);
	config = vpci_io(&a->pci, port, size, write, value);
	spin_unlock(&a->intx->domain->lock);
	return config;
}

u64 assign_ecam_read(void *assigned, u64 offset, u8 size)
{
	struct assigned *a = assigned;
	u64 value;

	spin_lock(&a->intx->domain->lock);
	value = vpci_ecam_read(&a->pci, offset, size);
	spin_unlock(&a->intx->domain->lock);
	return value;
}

void assign_ecam_write(void *assigned, u64 offset, u8 size, u64 value)
{
	struct assigned *a = assigned;

	spin_lock(&a->intx->domain->lock);
	vpci_ecam_write(&a->pci, offset, size, value);
	spin_unlock(&a->intx->domain->lock);
}

/* --- an MSI-X table's pages; with the lock, routes are told --- */

u64 assign_msix_read(void *function, u64 offset, u8 size)
{
	struct assigned_function *f = function;
	struct irq_domain *d = f->owner->intx->domain;
	u64 value;

	spin_lock(&d->lock);
	value = msix_read(&f->msix, offset, size);
	spin_unlock(&d->lock);
	return value;
}

void assign_msix_write(void *function, u64 offset, u8 size, u64 value)
{
	struct assigned_function *f = function;
	struct irq_domain *d = f->owner->intx->domain;

	spin_lock(&d->lock);
	msix_write(&f->msix, offset, size, value);
	spin_unlock(&d->lock);
}

void assign_msix_want(void *function, u32 entry, const struct irq_msg *m)
{
	struct assigned_function *f = function;

	route_want(&f->routes[entry], m, false);
	routes_settle(f->owner->intx->domain);
}

void assign_msi_want(void *assigned, u32 n, u32 k, const struct irq_msg *m)
{
	struct assigned *a = assigned;

	assign_msix_want(&a->function[n], k, m);
}
