/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMX-preemption timer's unit: it counts down by one whenever bit `rate` of
 * the TSC changes, and ends the guest's run at 0.  Pure; any context.
 */
#ifndef VMX_TIMER_H
#define VMX_TIMER_H

#include "core/types.h"

/* As long as it can be. */
#define PREEMPTION_TIMER_MAX 0xffffffffU

/* The value for a run of at most so many ticks; 0: without a limit. */
u32 preemption_timer_value(u64 ticks, u32 rate);

#endif
