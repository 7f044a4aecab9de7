/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MultiProcessor Specification's table (version 1.4), for one purpose: to
 * which IO-APIC pins the interrupt pins of PCI devices go.  Pure; boot CPU.
 */
#ifndef DRIVERS_MPTABLE_H
#define DRIVERS_MPTABLE_H

#include "core/acpi.h"
#include "core/phys.h"

#define MP_ROUTES 256

struct mp_route {
	u8 bus; /* PCI */
	u8 device;
	u8 pin; /* 1 to 4: INTA to INTD */
	u32 gsi;
};

struct mptable {
	u32 nr;
	struct mp_route route[MP_ROUTES];
};

/*
 * Reads the routes of PCI interrupts; IO-APICs are those of `acpi`, by id.  A
 * machine without the table, or with one that is damaged, has none: firmware
 * of today leaves it out.  What has no place in the array is left out.
 */
void mptable_read(const struct phys_reader *r, const struct acpi_info *acpi,
		  struct mptable *t);

/* The GSI, or -1. */
s32 mptable_gsi(const struct mptable *t, u32 bus, u32 device, u32 pin);

#endif
