// SPDX-License-Identifier: BSD-2-Clause
/* The page of KVM's clock. */
#include "exits/kvmclock.h"

#define NSEC 1000000000UL

/* ns = (tsc << shift) * mul >> 32, with mul as large as 32 bits allow. */
void kvm_clock_page(struct kvm_clock_page *p, u64 tsc_hz)
{
	s8 shift = 0;

	for (; tsc_hz <= NSEC; shift++)
		tsc_hz <<= 1;
	for (; tsc_hz > 2 * NSEC; shift--)
		tsc_hz >>= 1;
	*p = (struct kvm_clock_page){
		.version = 2,
		.tsc_to_system_mul = (u32)((NSEC << 32) / tsc_hz),
		.tsc_shift = shift,
		.flags = KVM_CLOCK_TSC_STABLE,
	};
}
