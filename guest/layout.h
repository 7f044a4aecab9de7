/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest-physical map that every guest sees, and how a loader writes to it.
 *
 *	00000000-0009efff	RAM; a loader's own tables go here
 *	000e0000-000fffff	ACPI tables, reset vector; reserved in E820
 *	00100000-		main RAM, up to 3 GiB at most
 *	c0000000-ffffffff	hole: PCI, ECAM, IO-APIC, local APIC
 *	100000000-		the rest of RAM
 *
 * With identity = yes main RAM begins where it is in the host's memory, and
 * there is none from 4 GiB up.
 *
 * Pure; any context.
 */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#include "core/types.h"
#include "core/x86.h"

#define GUEST_LOW_END	   0x9f000UL /* end of RAM below 1 MiB, by E820 */
#define GUEST_ACPI	   0xe0000UL
#define GUEST_ACPI_END	   0x100000UL
#define GUEST_ACPI_PCI	   0xff000UL  /* the PCI bus, for AML */
#define GUEST_RESET_VECTOR 0xffff0UL  /* F000:FFF0 in real mode */
#define GUEST_HIGH	   0x100000UL /* RAM above the BIOS area */
#define GUEST_HOLE	   0xc0000000UL
#define GUEST_HOLE_END	   0x100000000UL
#define GUEST_ECAM	   0xfeb00000UL /* devices/vpci.h: 1 MiB, bus 0 */
#define GUEST_ECAM_END	   0xfec00000UL
#define GUEST_IOAPIC	   0xfec00000UL
#define GUEST_LAPIC	   APIC_DEFAULT_BASE
#define GUEST_ECHO	   0xfed80000UL /* drivers/echo.h */

/*
 * The IO-APIC's id in the MADT is the value its id register has at reset.
 * IO-APICs and local APICs have shared no space of ids since the xAPIC.
 */
#define GUEST_IOAPIC_ID 0

/* I/O ports that the FADT names (ACPI 6.4, 4.8.3.6 and 4.8.3.7). */
#define GUEST_PORT_SLEEP_CONTROL 0x600
#define GUEST_PORT_SLEEP_STATUS	 0x601
#define GUEST_PORT_RESET	 0xcf9
#define GUEST_RESET_VALUE	 6
#define GUEST_SLP_TYP_S5	 5 /* \_S5 in dsdt.asl */

#define GUEST_COM1_PORT 0x3f8
#define GUEST_COM1_GSI	4
#define GUEST_ECHO_GSI	22

/* Guest-physical memory and where it is. */
struct guest_region {
	u64 gpa, hpa, size;
};

/* Where RAM is, besides that below GUEST_LOW_END, which all guests have. */
struct guest_layout {
	u64 main; /* GUEST_HIGH or above */
	u64 main_end;
	u64 high; /* bytes from 4 GiB up */
};

/* For a guest with `memory` bytes, the hole left out. */
static inline struct guest_layout layout_of(u64 memory)
{
	u64 low = MIN(memory, GUEST_HOLE);

	return (struct guest_layout){ GUEST_HIGH, low, memory - low };
}

static inline bool layout_equal(const struct guest_layout *a,
				const struct guest_layout *b)
{
	return a->main == b->main && a->main_end == b->main_end &&
	       a->high == b->high;
}

/*
 * A guest's memory as a loader sees it: no flat mapping.  Both calls return 0
 * or a negative error when a byte of the range is not RAM.
 */
struct guest_mem {
	int (*write)(void *ctx, u64 gpa, const void *src, size_t n);
	int (*zero)(void *ctx, u64 gpa, size_t n);
	void *ctx;
	struct guest_layout layout;
};

#endif
