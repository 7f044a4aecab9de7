// SPDX-License-Identifier: BSD-2-Clause
/* The physical IO-APICs. */
#include "apic/ioapic.h"
#include "apic/vioapic.h"
#include "core/clock.h"
#include "core/io.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/spinlock.h"

/* 82093AA data sheet: index and data registers, redirection table. */
#define IOREGSEL	0x00
#define IOWIN		0x10
#define IOAPIC_VERSION	1
#define IOAPIC_RTE(pin) (0x10 + 2 * (pin))
#define IOAPIC_MAX_PINS 240

#define RTE_DM_NMI 4U

#define PIC1_DATA 0x21
#define PIC2_DATA 0xa1

/* A message is on its way for this long at most: reads, not time. */
#define DELIVERY_READS 1000

static const struct acpi_info *machine;
/* Of each IO-APIC; read once, since a register costs more than the rest. */
static u32 nr_pins[ACPI_IOAPICS];
/* NULL: not remapped.  The first index of each IO-APIC. */
static const struct ioapic_remapper *remapper;
static bool reaches_all;
static u32 first_index[ACPI_IOAPICS];
/* Guards the index registers and the entries. */
static struct spinlock lock;

struct pin {
	const struct acpi_ioapic *io; /* NULL: there is none */
	u32 n;
};

static u32 read_register(const struct acpi_ioapic *io, u32 reg)
{
	volatile u8 *base = phys_to_virt(io->address);

	*(volatile u32 *)(base + IOREGSEL) = reg;
	return *(volatile u32 *)(base + IOWIN);
}

static void write_register(const struct acpi_ioapic *io, u32 reg, u32 value)
{
	volatile u8 *base = phys_to_virt(io->address);

	*(volatile u32 *)(base + IOREGSEL) = reg;
	*(volatile u32 *)(base + IOWIN) = value;
}

/* Some firmware lists more than there are; nobody answers for those. */
static u32 count_pins(const struct acpi_ioapic *io)
{
	u32 version = read_register(io, IOAPIC_VERSION);

	if (version && version != ~0U)
		return MIN((version >> 16 & 0xff) + 1, IOAPIC_MAX_PINS);
	log_printf("warning: IO-APIC %u at %xh is not there: left out", io->id,
		   io->address);
	return 0;
}

static struct pin find(u32 gsi)
{
	const struct acpi_ioapic *io = machine->ioapics;
	u32 i;

	for (i = 0; i < machine->nr_ioapics; i++, io++)
		if (gsi >= io->gsi_base && gsi - io->gsi_base < nr_pins[i])
			return (struct pin){ io, gsi - io->gsi_base };
	return (struct pin){ NULL, 0 };
}

/* The same, of a GSI that has one. */
static struct pin known(u32 gsi)
{
	struct pin pin = find(gsi);

	if (!pin.io)
		panic("no IO-APIC has GSI %u", gsi);
	return pin;
}

static u32 read_low(struct pin pin)
{
	return read_register(pin.io, IOAPIC_RTE(pin.n));
}

static void write_low(struct pin pin, u32 value)
{
	write_register(pin.io, IOAPIC_RTE(pin.n), value);
}

static u64 entry_of(struct pin pin, u32 apic_id, u32 low)
{
	if (!remapper)
		return (u64)apic_id << RTE_DEST_SHIFT | low;
	return remapper->entry(first_index[pin.io - machine->ioapics] + pin.n,
			       apic_id, low);
}

/*
 * Masked while it is changed: the halves are written one after the other.  And
 * edge-triggered, which clears remote IRR (82093AA, 3.2.4): an EOI of the old
 * vector, still to come, would not.
 */
static void write_entry(struct pin pin, u32 apic_id, u32 low)
{
	u64 rte;

	write_low(pin, RTE_MASKED);
	rte = entry_of(pin, apic_id, low);
	write_register(pin.io, IOAPIC_RTE(pin.n) + 1, (u32)(rte >> 32));
	write_low(pin, (u32)rte);
}

void ioapic_init(const struct acpi_info *acpi)
{
	const struct acpi_ioapic *io = acpi->ioapics;
	u32 i, n;

	machine = acpi;
	for (i = 0; i < machine->nr_ioapics; i++, io++) {
		nr_pins[i] = count_pins(io);
		for (n = 0; n < nr_pins[i]; n++)
			write_entry((struct pin){ io, n }, 0, RTE_MASKED);
	}
	outb(PIC1_DATA, 0xff);
	outb(PIC2_DATA, 0xff);
}

int ioapic_remap(const struct ioapic_remapper *r, bool wide, u32 *n)
{
	s32 first;

	for (*n = 0; *n < machine->nr_ioapics; ++*n) {
		if (!nr_pins[*n])
			continue;
		first = r->take(machine->ioapics[*n].id, nr_pins[*n]);
		if (first < 0)
			return first;
		first_index[*n] = (u32)first;
	}
	remapper = r;
	reaches_all = wide;
	return 0;
}

bool ioapic_reaches(u32 apic_id)
{
	return reaches_all || apic_id <= IOAPIC_MAX_DEST;
}

static u32 isa_gsi(u8 irq)
{
	u32 i;

	for (i = 0; i < machine->nr_overrides; i++)
		if (machine->overrides[i].source == irq)
			return machine->overrides[i].gsi;
	return irq;
}

int ioapic_route_nmi(u8 irq, u32 apic_id)
{
	u32 gsi = isa_gsi(irq);

	if (!ioapic_has(gsi))
		return -ENOENT;
	if (!ioapic_reaches(apic_id))
		return -ERANGE;
	ioapic_route(gsi, apic_id, RTE_DM_NMI << RTE_DM_SHIFT);
	return 0;
}

bool ioapic_has(u32 gsi)
{
	return find(gsi).io;
}

/* What a pin that is masked now has sent is on its way no more. */
static void await_delivery(struct pin pin, u32 low)
{
	u32 i;

	for (i = 0; (low & RTE_MASKED) && i < DELIVERY_READS; i++)
		if (!(read_low(pin) & RTE_DELIVS))
			break;
}

void ioapic_route(u32 gsi, u32 apic_id, u32 low)
{
	struct pin pin;

	spin_lock(&lock);
	pin = known(gsi);
	write_entry(pin, apic_id, low);
	await_delivery(pin, low);
	spin_unlock(&lock);
}

void ioapic_set_mask(u32 gsi, u32 low)
{
	struct pin pin;

	spin_lock(&lock);
	pin = known(gsi);
	write_low(pin, low);
	await_delivery(pin, low);
	spin_unlock(&lock);
}

u32 ioapic_state(u32 gsi)
{
	u32 low;

	spin_lock(&lock);
	low = read_low(known(gsi));
	spin_unlock(&lock);
	return low;
}

void ioapic_eoi(u32 gsi)
{
	struct pin pin;
	u32 low;

	spin_lock(&lock);
	pin = known(gsi);
	low = read_low(pin);
	/* Edge-triggered for a moment, which clears it (82093AA, 3.2.4). */
	write_low(pin, (low & ~(u32)RTE_LEVEL) | RTE_MASKED);
	write_low(pin, low);
	spin_unlock(&lock);
}
