/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a vCPU's vectors and timer are; for apic/vlapic*.c only. */
#ifndef APIC_VLAPIC_HOME_H
#define APIC_VLAPIC_HOME_H

#include "guest/vcpu.h"

enum {
	LVT_TIMER,
	LVT_THERMAL,
	LVT_PERF,
	LVT_LINT0,
	LVT_LINT1,
	LVT_ERROR
};

/*
 * The registers TPR, PPR, EOI, ISR, TMR, IRR, the timer's and SELF IPI.  What a
 * register does not have of `value` must be 0.
 */
struct vlapic_home {
	void (*reset)(struct vcpu *v);
	u32 (*read)(struct vcpu *v, u32 reg);
	void (*write)(struct vcpu *v, u32 reg, u32 value);
	/* SVR or the timer's LVT entry has changed. */
	void (*apply)(struct vcpu *v);
};

extern const struct vlapic_home vlapic_direct, vlapic_emulated;

/* Does the timer's LVT entry raise an interrupt, and is the vector legal? */
bool vlapic_timer_on(const struct vlapic *l);

#endif
