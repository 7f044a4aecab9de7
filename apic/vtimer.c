// SPDX-License-Identifier: BSD-2-Clause
/* The timer of a local APIC that Ashlar keeps. */
#include "apic/vtimer.h"
#include "core/lib.h"

/* Bits 3, 1 and 0 of TDCR: 2, 4, 8 ... 128, 1 (SDM figure 11-10). */
static u32 divide_shift(u32 tdcr)
{
	return (((tdcr >> 1 & 4) | (tdcr & 3)) + 1) & 7;
}

/* The length of `count` ticks of the divided clock; not 0. */
static u64 ticks_to_tsc(const struct vtimer *t, u32 count)
{
	u64 tsc = mul_div((u64)count << divide_shift(t->divide), t->tsc_hz,
			  t->apic_hz);

	return MAX(tsc, 1UL);
}

void vtimer_init(struct vtimer *t, u64 tsc_hz, u64 apic_hz)
{
	*t = (struct vtimer){ .tsc_hz = tsc_hz, .apic_hz = apic_hz };
}

static void disarm(struct vtimer *t)
{
	t->initial = 0;
	t->expiry = 0;
}

void vtimer_set_mode(struct vtimer *t, enum vtimer_mode mode)
{
	if ((mode == VTIMER_DEADLINE) != (t->mode == VTIMER_DEADLINE))
		disarm(t);
	t->mode = mode;
}

/* The count begins again with what is left of it. */
static void restart(struct vtimer *t, u32 count, u64 now)
{
	u64 expiry = now + ticks_to_tsc(t, count);

	/* Beyond the end of time; 0 stands for disarmed. */
	t->expiry = expiry > now ? expiry : ~0UL;
}

void vtimer_set_divide(struct vtimer *t, u32 tdcr, u64 now)
{
	u32 left = vtimer_count(t, now);

	t->divide = tdcr & 0xb;
	if (t->mode != VTIMER_DEADLINE && t->expiry && left)
		restart(t, left, now);
}

void vtimer_set_count(struct vtimer *t, u32 count, u64 now)
{
	if (t->mode == VTIMER_DEADLINE)
		return;
	t->initial = count;
	t->expiry = 0;
	if (count)
		restart(t, count, now);
}

void vtimer_set_deadline(struct vtimer *t, u64 tsc)
{
	if (t->mode == VTIMER_DEADLINE)
		t->expiry = tsc;
}

void vtimer_restore(struct vtimer *t, enum vtimer_mode mode, u32 initial,
		    u32 divide, u64 left, u64 now)
{
	t->mode = mode;
	t->divide = divide & 0xb;
	t->initial = mode == VTIMER_DEADLINE ? 0 : initial;
	t->expiry = 0;
	if (mode == VTIMER_DEADLINE)
		t->expiry = left;
	else if (left)
		restart(t, (u32)left, now);
	else if (mode == VTIMER_PERIODIC && initial)
		restart(t, initial, now);
}

u32 vtimer_count(const struct vtimer *t, u64 now)
{
	u64 left;

	if (t->mode == VTIMER_DEADLINE || !t->expiry || now >= t->expiry)
		return 0;
	left = mul_div(t->expiry - now, t->apic_hz, t->tsc_hz) >>
	       divide_shift(t->divide);
	return (u32)MIN(left, (u64)t->initial);
}

u64 vtimer_deadline(const struct vtimer *t)
{
	return t->mode == VTIMER_DEADLINE ? t->expiry : 0;
}

bool vtimer_expired(struct vtimer *t, u64 now)
{
	u64 period;

	if (!t->expiry || now < t->expiry)
		return false;
	if (t->mode != VTIMER_PERIODIC) {
		t->expiry = 0;
		return true;
	}
	period = ticks_to_tsc(t, t->initial);
	t->expiry += ((now - t->expiry) / period + 1) * period;
	return true;
}
