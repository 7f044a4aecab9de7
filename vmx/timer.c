// SPDX-License-Identifier: BSD-2-Clause
/* What the VMX-preemption timer counts: SDM vol. 3 section 26.5.1. */
#include "vmx/timer.h"

u32 preemption_timer_value(u64 ticks, u32 rate)
{
	u64 value = ticks >> rate;

	return ticks && value < PREEMPTION_TIMER_MAX ? (u32)value :
						       PREEMPTION_TIMER_MAX;
}
