// SPDX-License-Identifier: BSD-2-Clause
/* Vectors and timer of a vCPU in the core's own local APIC. */
#include "apic/domain.h"
#include "apic/icr.h"
#include "apic/vlapic_lvt.h"
#include "core/clock.h"

/* SDM vol. 3 section 11.5.3: a write makes ESR show what came since the last.
 */
static u32 read_esr(void)
{
	wrmsr(APIC_MSR(APIC_ESR), 0);
	return (u32)rdmsr(APIC_MSR(APIC_ESR)) & ESR_ILLEGAL_VECTOR;
}

static u32 read(struct vlapic *l, u32 reg)
{
	(void)l;
	return reg == APIC_ESR ? read_esr() : (u32)rdmsr(APIC_MSR(reg));
}

/* It exits where a level interrupt may have come as an IPI: devices/intx.h. */
static void end_of_interrupt(struct vlapic *l)
{
	s32 vector = lapic_highest(APIC_ISR, 0);
	bool edge = vector >= 0 && !lapic_test(APIC_TMR, (u32)vector);

	lapic_eoi();
	if (edge)
		l->domain->eoi(l->domain->eoi_ctx, (u8)vector);
}

static void write(struct vlapic *l, u32 reg, u32 value)
{
	if (reg == APIC_EOI)
		end_of_interrupt(l);
	else
		wrmsr(APIC_MSR(reg), value);
}

/*
 * The timer's entry is the only one that reaches the core's own APIC, with a
 * vector that is no exception's.
 */
static void apply(struct vlapic *l)
{
	u32 lvt = l->lvt[LVT_TIMER];

	wrmsr(APIC_MSR(APIC_SVR), (l->svr & 0xff) | APIC_SVR_ENABLE);
	if (!vlapic_timer_on(l))
		lvt |= APIC_LVT_MASKED;
	wrmsr(APIC_MSR(APIC_LVT_TIMER), lvt);
}

/* The deadline, or what is left of the count. */
static u64 timer_left(const struct vlapic *l)
{
	if (vlapic_timer_mode(l) == VTIMER_DEADLINE)
		return rdmsr(MSR_IA32_TSC_DEADLINE);
	return rdmsr(APIC_MSR(APIC_TMCCT));
}

/*
 * QEMU's count is at its end before its main loop raises the interrupt, which a
 * write to any register of the timer's would then cancel.
 */
#define END_MS 20

static void await_end(struct vlapic *l)
{
	u32 vector = l->lvt[LVT_TIMER] & 0xff;
	u64 start = rdtsc();

	if (vlapic_timer_mode(l) != VTIMER_ONE_SHOT || !vlapic_timer_on(l) ||
	    !read(l, APIC_TMICT))
		return;
	while (!read(l, APIC_TMCCT) && !lapic_test(APIC_ISR, vector) &&
	       !lapic_test(APIC_IRR, vector) &&
	       rdtsc() - start < clock_ms(END_MS))
		cpu_pause();
}

/* Which is masked from now on.  Has it ended before that, and not said so? */
static bool mask_timer(struct vlapic *l, u64 *left)
{
	u32 lvt = l->lvt[LVT_TIMER];
	u64 before;

	await_end(l);
	before = timer_left(l);
	wrmsr(APIC_MSR(APIC_LVT_TIMER), lvt | APIC_LVT_MASKED);
	*left = timer_left(l);
	if (!before || !vlapic_timer_on(l) || lapic_test(APIC_IRR, lvt & 0xff))
		return false;
	return !*left ||
	       (vlapic_timer_mode(l) == VTIMER_PERIODIC && *left > before);
}

void vlapic_leave_core(struct vlapic *l)
{
	u64 left, now;
	bool ended = mask_timer(l, &left);

	now = rdtsc();
	vtimer_init(&l->timer, host_clock.tsc_hz, host_clock.crystal_hz);
	vtimer_restore(&l->timer, vlapic_timer_mode(l), read(l, APIC_TMICT),
		       read(l, APIC_TDCR), left, now);
	if (ended)
		vapic_accept(&l->irq, (u8)l->lvt[LVT_TIMER], false, now);
	l->irq.tpr = (u8)read(l, APIC_TPR);
	l->esr_pending |= read_esr();
	l->home = &vlapic_emulated;
	l->armed = 0;
	lapic_quiet();
}

static void resume_timer(const struct vlapic *l)
{
	const struct vtimer *t = &l->timer;
	u64 now = rdtsc();
	u32 count = t->initial;

	wrmsr(APIC_MSR(APIC_TDCR), t->divide);
	if (t->mode == VTIMER_DEADLINE) {
		wrmsr(MSR_IA32_TSC_DEADLINE, t->expiry);
		return;
	}
	/* A period begins anew, or those after it would be shorter. */
	if (t->mode == VTIMER_ONE_SHOT)
		count = t->expiry ? MAX(vtimer_count(t, now), 1U) : 0;
	wrmsr(APIC_MSR(APIC_TMICT), count);
}

void vlapic_enter_core(struct vlapic *l)
{
	l->home = &vlapic_direct;
	apply(l);
	resume_timer(l);
	wrmsr(APIC_MSR(APIC_TPR), l->irq.tpr);
	l->armed = 0;
}

static void clear(struct vlapic *l)
{
	lapic_quiet();
	read_esr();
	apply(l);
}

const struct vlapic_home vlapic_direct = {
	.clear = clear,
	.read = read,
	.write = write,
	.apply = apply,
};
