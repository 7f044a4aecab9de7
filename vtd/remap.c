// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts of devices by the remapping table: chapter 5 of the VT-d
 * specification.  All units share it.  An entry's upper half, who may use it,
 * is written once; its lower half is changed by one store, so that no interrupt
 * is lost.
 */
#include "apic/ioapic.h"
#include "apic/vioapic.h"
#include "core/lib.h"
#include "vtd/unit.h"

/* Of each entry, whose unit must hear of changes. */
static u8 unit_of[VTD_IRTES];

static void write_entry(u32 index, u64 lo)
{
	struct vtd_entry *e = &vtd.irte[index];

	*(volatile u64 *)&e->lo = lo;
	vtd_written(e, sizeof(*e));
	if (vtd.on)
		vtd_flush(&vtd.unit[unit_of[index]], desc_iec((u16)index));
}

/* A guest may say the same again and again: that is no flush. */
static void change_entry(u32 index, u64 lo)
{
	if (vtd.irte[index].lo != lo)
		write_entry(index, lo);
}

/* What comes by an entry without a destination is dropped in silence. */
static u64 lower_half(u32 apic_id, u8 vector, u64 mode, bool level)
{
	return irte_remapped(irte_dest(apic_id, vtd.eim), vector, mode, level);
}

/* 5.1.5.1: mode and destination are here, trigger and vector in both. */
static u64 set_pin(u32 index, u32 apic_id, u32 low)
{
	change_entry(index, lower_half(apic_id, (u8)low,
				       (low & RTE_DM) >> RTE_DM_SHIFT,
				       low & RTE_LEVEL));
	return (u64)rte_upper((u16)index) << 32 | rte_lower((u16)index) |
	       (low & ~RTE_DM);
}

static void set_message(u32 index, const struct route_out *out)
{
	change_entry(index, out->masked ? VTD_FPD :
					  lower_half(out->apic_id, out->vector,
						     0, false));
}

/* The vCPU's vector says which, and no line has to be held. */
static bool message_taken(u32 index)
{
	(void)index;
	return true;
}

const struct route_source vtd_message = {
	.set = set_message,
	.mask = set_message,
	.taken = message_taken,
};

u32 vtd_entries_present(void)
{
	u32 i, n = 0;

	for (i = 0; i < vtd.nr_irtes; i++)
		n += vtd.irte[i].lo & VTD_PRESENT;
	return n;
}

/* Blocked until they are set. */
static s32 take(s32 unit, u16 sid, u32 nr)
{
	u32 block = 1, first, i;

	if (unit < 0)
		return -ENODEV;
	while (block < nr)
		block *= 2;
	first = ALIGN_UP(vtd.nr_irtes, block);
	if (!nr || first + block > VTD_IRTES)
		return -ENOSPC;
	vtd.nr_irtes = first + block;
	for (i = first; i < vtd.nr_irtes; i++) {
		vtd.irte[i].hi = irte_source(sid);
		unit_of[i] = (u8)unit;
		write_entry(i, VTD_FPD);
	}
	return (s32)first;
}

s32 vtd_irte_take(u16 sid, u32 nr)
{
	return take(dmar_unit_of(vtd.dmar, sid, vtd.read), sid, nr);
}

static s32 take_pins(u8 id, u32 pins)
{
	u16 sid = 0;
	s32 unit = dmar_ioapic(vtd.dmar, id, &sid, vtd.read);

	return take(unit, sid, pins);
}

static const struct ioapic_remapper remapper = {
	.take = take_pins,
	.entry = set_pin,
};

void vtd_remap_prepare(const struct acpi_info *acpi, char *error, size_t size)
{
	u32 n;

	vtd.irte = vtd_alloc(VTD_IRTES * sizeof(*vtd.irte), &vtd.irte_pa);
	if (!vtd.irte)
		fmt_snprintf(error, size, "no memory for their table");
	else if (ioapic_remap(&remapper, vtd.eim, &n))
		fmt_snprintf(error, size,
			     "the firmware does not say which IOMMU IO-APIC "
			     "%u has",
			     acpi->ioapics[n].id);
}
