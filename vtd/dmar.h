/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR table: where the remapping units are, which devices are whose, which
 * memory devices of the firmware use.  Checked once as a whole, then walked
 * where it is, so it must stay readable; what it claims is trusted, its lengths
 * are not.  Paths that lead over bridges are resolved by what these say.
 *
 * Pure; boot.  Sections of the VT-d specification 4.1.
 */
#ifndef VTD_DMAR_H
#define VTD_DMAR_H

#include "core/types.h"
#include "drivers/pci_bus.h"

#define DMAR_UNITS 64

/* 8.1 */
#define DMAR_INTR_REMAP	    BIT(0)
#define DMAR_X2APIC_OPT_OUT BIT(1)

struct dmar {
	const u8 *table;
	u32 length;
	u8 width; /* of host addresses, in bits */
	u8 flags;
};

/* Where a structure's scopes are in the table. */
struct dmar_scopes {
	u32 at, end;
};

/* 8.3 */
struct dmar_unit {
	u64 base;
	u16 segment;
	bool all; /* it has what no other unit of its segment has */
	struct dmar_scopes scopes;
};

/* 8.4: memory [base, limit] that devices of the firmware use. */
struct dmar_reserved {
	u64 base, limit;
	u16 segment;
	struct dmar_scopes scopes;
};

/* 8.3.1: those that matter */
enum dmar_scope_type {
	DMAR_ENDPOINT = 1,
	DMAR_BRIDGE = 2, /* and all that is below */
	DMAR_IOAPIC = 3,
};

struct dmar_scope {
	u8 type;
	u8 id; /* of an IO-APIC as in the MADT */
	u8 bus;
	u32 path, hops; /* {device, function} each, in the table */
};

/*
 * 0, or -EINVAL with the reason in error: then d holds what came before it, and
 * can be walked too.  A structure of length 0 ends the table.
 */
int __must_check dmar_check(struct dmar *d, const u8 *table, u32 length,
			    char *error, size_t size);

/* The next behind *at, which begins as 0. */
bool dmar_next_unit(const struct dmar *d, u32 *at, struct dmar_unit *u);
/* Without those that are empty, as some firmware has them. */
bool dmar_next_reserved(const struct dmar *d, u32 *at, struct dmar_reserved *r);
/* Takes it from the scopes. */
bool dmar_next_scope(const struct dmar *d, struct dmar_scopes *scopes,
		     struct dmar_scope *s);

/* The address of what a scope names; -1: its bridges are not there. */
s32 dmar_address(const struct dmar *d, const struct dmar_scope *s,
		 pci_reader *read);

/* Does one of the scopes hold the function?  Those of an RMRR, or a unit's. */
bool dmar_holds(const struct dmar *d, struct dmar_scopes scopes, u16 address,
		pci_reader *read);

/* Which unit, as counted in the table, has a function of segment 0; -1: none.
 */
s32 dmar_unit_of(const struct dmar *d, u16 address, pci_reader *read);
/* Likewise of an IO-APIC, with the address that it sends from. */
s32 dmar_ioapic(const struct dmar *d, u8 id, u16 *address, pci_reader *read);

#endif
