/* SPDX-License-Identifier: BSD-2-Clause */
/* Local vector table entries by number; for apic/vlapic*.c only. */
#ifndef APIC_VLAPIC_LVT_H
#define APIC_VLAPIC_LVT_H

#include "apic/vlapic.h"

enum {
	LVT_TIMER,
	LVT_THERMAL,
	LVT_PERF,
	LVT_LINT0,
	LVT_LINT1,
	LVT_ERROR
};

static inline enum vtimer_mode vlapic_timer_mode(const struct vlapic *l)
{
	return l->lvt[LVT_TIMER] >> 17 & 3;
}

/* Does the timer's entry raise an interrupt, and is the vector legal? */
bool vlapic_timer_on(const struct vlapic *l);

#endif
