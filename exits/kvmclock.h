/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock page of KVM's guest interface (Linux, Documentation/virt/kvm/x86/
 * msr.rst): nanoseconds from the TSC by a multiplication and a shift.  Pure.
 */
#ifndef EXITS_KVMCLOCK_H
#define EXITS_KVMCLOCK_H

#include "core/types.h"

#define KVM_CLOCK_ENABLE     BIT(0)
#define KVM_CLOCK_TSC_STABLE BIT(0)

struct kvm_clock_page {
	u32 version;
	u32 pad0;
	u64 tsc_timestamp;
	u64 system_time;
	u32 tsc_to_system_mul;
	s8 tsc_shift;
	u8 flags;
	u8 pad1[2];
} __packed;
_Static_assert(sizeof(struct kvm_clock_page) == 32, "KVM clock page");
_Static_assert(offsetof(struct kvm_clock_page, tsc_shift) == 28, "shift");

struct kvm_wall_clock {
	u32 version;
	u32 sec;
	u32 nsec;
} __packed;
_Static_assert(sizeof(struct kvm_wall_clock) == 12, "KVM wall clock");

/* System time 0 is TSC 0 on every vCPU.  tsc_hz is not 0. */
void kvm_clock_page(struct kvm_clock_page *p, u64 tsc_hz);

#endif
