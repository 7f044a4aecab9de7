// SPDX-License-Identifier: BSD-2-Clause
/*
 * apic/vlapic.c with the ICR filter out: what is not for one of the guest's
 * own vCPUs by its number is sent as the guest wrote it, too.
 */
#define vlapic_write_icr filtered_write_icr
#include "apic/vlapic.c"
#undef vlapic_write_icr

int vlapic_write_icr(struct vlapic *l, u64 value);

int vlapic_write_icr(struct vlapic *l, u64 value)
{
	bool own = !(value & ICR_SHORTHAND_MASK) && value >> 32 < l->domain->nr;

	if (!own && x2apic_on(l) && !(value & ICR_X2APIC_RESERVED))
		wrmsr(APIC_MSR(APIC_ICR), value);
	return filtered_write_icr(l, value);
}
