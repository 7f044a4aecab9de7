// SPDX-License-Identifier: BSD-2-Clause
/* The MP table: how PCI interrupts are wired. */
#include "drivers/mptable.h"

/* 4.1 MP Floating Pointer Structure */
struct mp_pointer {
	char signature[4]; /* "_MP_" */
	u32 table;
	u8 length; /* in paragraphs */
	u8 version;
	u8 checksum;
	u8 features[5];
} __packed;
_Static_assert(sizeof(struct mp_pointer) == 16, "4.1");

/* 4.2 MP Configuration Table Header */
struct mp_header {
	char signature[4]; /* "PCMP" */
	u16 length;
	u8 version;
	u8 checksum;
	char oem_id[8];
	char product_id[12];
	u32 oem_table;
	u16 oem_size;
	u16 entries;
	u32 local_apic;
	u16 extended_length;
	u8 extended_checksum;
	u8 reserved;
} __packed;
_Static_assert(offsetof(struct mp_header, entries) == 34, "4.2");
_Static_assert(sizeof(struct mp_header) == 44, "4.2");

/* 4.3: entries are 8 bytes, but for those of processors. */
#define MP_PROCESSOR	  0
#define MP_BUS		  1
#define MP_INTERRUPT	  3
#define MP_PROCESSOR_SIZE 20
#define MP_ENTRY_SIZE	  8

/* 4.3.2 Bus Entry */
struct mp_bus {
	u8 type;
	u8 id;
	char name[6];
} __packed;
_Static_assert(sizeof(struct mp_bus) == MP_ENTRY_SIZE, "4.3.2");

/* 4.3.4 I/O Interrupt Assignment Entry */
struct mp_interrupt {
	u8 type;
	u8 kind; /* 0: vectored, by the IO-APIC */
	u16 flags;
	u8 bus;
	u8 irq; /* PCI (D.3): device in bits 2-6, pin in 0-1 */
	u8 ioapic;
	u8 pin;
} __packed;
_Static_assert(sizeof(struct mp_interrupt) == MP_ENTRY_SIZE, "4.3.4");

#define EBDA_SEGMENT 0x40e
#define AREA	     1024
#define BASE_MEMORY  0xa0000
#define ROM	     0xf0000
#define ROM_END	     0x100000

struct parse {
	const struct phys_reader *r;
	const struct acpi_info *acpi;
	struct mptable *out;
	u32 pci[256 / 32]; /* the buses of that kind */
};

static bool sums_to_zero(const struct phys_reader *r, u64 at, size_t n)
{
	const u8 *p = phys_map(r, at, n);
	u8 sum = 0;

	while (p && n--)
		sum = (u8)(sum + *p++);
	return p && !sum;
}

static bool search(const struct phys_reader *r, u64 from, u64 to, u64 *table)
{
	struct mp_pointer p;
	u64 at;

	for (at = from; at + sizeof(p) <= to; at += sizeof(p)) {
		if (phys_read(r, at, &p, sizeof(p)) ||
		    memcmp(p.signature, "_MP_", 4) || p.length != 1 ||
		    !sums_to_zero(r, at, sizeof(p)))
			continue;
		*table = p.table;
		return true;
	}
	return false;
}

/* The places of chapter 4. */
static bool find_table(const struct phys_reader *r, u64 *table)
{
	u16 segment = 0;
	u64 ebda;

	if (!phys_read(r, EBDA_SEGMENT, &segment, sizeof(segment))) {
		ebda = (u64)segment << 4;
		if (ebda && search(r, ebda, ebda + AREA, table))
			return true;
	}
	return search(r, BASE_MEMORY - AREA, BASE_MEMORY, table) ||
	       search(r, ROM, ROM_END, table);
}

static void add_route(struct parse *p, const struct mp_interrupt *e)
{
	const struct acpi_ioapic *io = p->acpi->ioapics;
	u32 i;

	if (e->kind || !(p->pci[e->bus / 32] >> e->bus % 32 & 1))
		return;
	for (i = 0; i < p->acpi->nr_ioapics; i++) {
		if (io[i].id != e->ioapic || p->out->nr == MP_ROUTES)
			continue;
		p->out->route[p->out->nr++] = (struct mp_route){
			.bus = e->bus,
			.device = e->irq >> 2 & 31,
			.pin = (e->irq & 3) + 1,
			.gsi = io[i].gsi_base + e->pin,
		};
		return;
	}
}

/* Buses are named before the interrupts that come by them. */
static void read_entry(struct parse *p, const u8 *bytes)
{
	struct mp_interrupt interrupt;
	struct mp_bus bus;

	memcpy(&bus, bytes, sizeof(bus));
	memcpy(&interrupt, bytes, sizeof(interrupt));
	if (bus.type == MP_BUS && !memcmp(bus.name, "PCI", 3))
		p->pci[bus.id / 32] |= 1U << bus.id % 32;
	else if (bus.type == MP_INTERRUPT)
		add_route(p, &interrupt);
}

static void read_entries(struct parse *p, u64 at, u64 end)
{
	u8 bytes[MP_ENTRY_SIZE];

	while (end - at >= MP_ENTRY_SIZE) {
		if (phys_read(p->r, at, bytes, sizeof(bytes)))
			return;
		read_entry(p, bytes);
		at += bytes[0] == MP_PROCESSOR ? MP_PROCESSOR_SIZE :
						 MP_ENTRY_SIZE;
		if (at > end)
			return;
	}
}

void mptable_read(const struct phys_reader *r, const struct acpi_info *acpi,
		  struct mptable *t)
{
	struct parse p = { .r = r, .acpi = acpi, .out = t };
	struct mp_header h;
	u64 at;

	t->nr = 0;
	if (!find_table(r, &at) || phys_read(r, at, &h, sizeof(h)) ||
	    memcmp(h.signature, "PCMP", 4) || h.length < sizeof(h) ||
	    !sums_to_zero(r, at, h.length))
		return;
	read_entries(&p, at + sizeof(h), at + h.length);
}

s32 mptable_gsi(const struct mptable *t, u32 bus, u32 device, u32 pin)
{
	const struct mp_route *m;

	for (m = t->route; m < t->route + t->nr; m++)
		if (m->bus == bus && m->device == device && m->pin == pin)
			return (s32)m->gsi;
	return -1;
}
