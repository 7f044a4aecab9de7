// SPDX-License-Identifier: BSD-2-Clause
/*
 * Faults that units have recorded: sections 7.1 and 11.4.9 of the VT-d
 * specification.  Where somebody looks now and then units announce nothing;
 * else by NMI.
 */
#include "vtd/unit.h"

/* Upper half of a record */
#define RECORD_SID(hi)	  ((u16)(hi))
#define RECORD_REASON(hi) ((u8)((hi) >> 32))
#define RECORD_READ	  BIT(62)
#define RECORD_F	  BIT(63)
#define RECORD_SIZE	  16

static void decode(u64 lo, u64 hi, struct vtd_fault *f)
{
	*f = (struct vtd_fault){
		.address = RECORD_SID(hi),
		.reason = RECORD_REASON(hi),
		.write = !(hi & RECORD_READ),
		.where = lo & VTD_ADDRESS,
	};
	if (f->reason >= VTD_FAULT_INTERRUPT)
		f->where = lo >> 48;
}

/* The record at u->record, if there is one; it is free again then. */
static bool take(struct vtd_unit *u, struct vtd_fault *f)
{
	u32 reg = CAP_FRO(u->cap) + RECORD_SIZE * u->record;
	u64 hi = vtd_read64(u, reg + 8);

	u->record = (u->record + 1) % CAP_NFR(u->cap);
	if (!(hi & RECORD_F))
		return false;
	decode(vtd_read64(u, reg), hi, f);
	vtd_write32(u, reg + 12, (u32)(RECORD_F >> 32));
	return true;
}

/* Records may begin anywhere.  Behind the last the unit can record again. */
static bool next_of(struct vtd_unit *u, struct vtd_fault *f)
{
	u32 status, i;
	bool found = false;

	spin_lock(&u->lock);
	status = vtd_read32(u, VTD_FSTS);
	if (status & FSTS_PPF)
		for (i = 0; !found && i < CAP_NFR(u->cap); i++)
			found = take(u, f);
	if (!found && (status & FSTS_PFO))
		vtd_write32(u, VTD_FSTS, FSTS_PFO);
	spin_unlock(&u->lock);
	return found;
}

bool vtd_next_fault(struct vtd_fault *f)
{
	u32 i;

	for (i = 0; vtd.on && i < vtd.nr; i++)
		if (next_of(&vtd.unit[i], f))
			return true;
	return false;
}

static void announce(struct vtd_unit *u, u32 apic_id)
{
	vtd_write32(u, VTD_FEDATA, FEDATA_NMI);
	vtd_write32(u, VTD_FEADDR, FEADDR_DEST(apic_id));
	vtd_write32(u, VTD_FEUADDR, apic_id & ~0xffU);
	vtd_write32(u, VTD_FECTL, 0);
	(void)vtd_read32(u, VTD_FECTL);
}

void vtd_announce_faults(u32 apic_id)
{
	u32 i;

	for (i = 0; vtd.on && i < vtd.nr; i++)
		announce(&vtd.unit[i], apic_id);
}
