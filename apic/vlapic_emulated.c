// SPDX-License-Identifier: BSD-2-Clause
/*
 * Vectors and timer of a vCPU kept by Ashlar, for event injection.  The core's
 * own timer stands for the guest's: it fires with a vector of the host's.
 *
 * docs/decisions.md: The guest's timer in mode `exit`.
 */
#include "apic/domain.h"
#include "apic/vlapic_lvt.h"
#include "core/clock.h"

static u32 read(struct vlapic *l, u32 reg)
{
	switch (reg) {
	case APIC_TPR:
		return l->irq.tpr;
	case APIC_PPR:
		return vapic_ppr(&l->irq);
	case APIC_ISR ... APIC_ISR + 7:
		return vectors_register(l->irq.isr, reg - APIC_ISR);
	case APIC_TMR ... APIC_TMR + 7:
		return vectors_register(l->irq.tmr, reg - APIC_TMR);
	case APIC_IRR ... APIC_IRR + 7:
		return vectors_register(l->irq.irr, reg - APIC_IRR);
	case APIC_TMICT:
		return l->timer.initial;
	case APIC_TMCCT:
		return vtimer_count(&l->timer, rdtsc());
	case APIC_TDCR:
		return l->timer.divide;
	default:
		return 0;
	}
}

static void end_of_interrupt(struct vlapic *l)
{
	bool level;
	s32 vector;

	vector = vapic_eoi(&l->irq, &level);
	if (vector >= 0 && level)
		l->domain->eoi(l->domain->eoi_ctx, (u8)vector);
}

static void write(struct vlapic *l, u32 reg, u32 value)
{
	switch (reg) {
	case APIC_TPR:
		l->irq.tpr = (u8)value;
		break;
	case APIC_EOI:
		end_of_interrupt(l);
		break;
	case APIC_TMICT:
		vtimer_set_count(&l->timer, value, rdtsc());
		break;
	case APIC_TDCR:
		vtimer_set_divide(&l->timer, value, rdtsc());
		break;
	case APIC_SELF_IPI:
		vapic_accept(&l->irq, (u8)value, false, rdtsc());
		break;
	}
}

static void apply(struct vlapic *l)
{
	vtimer_set_mode(&l->timer, vlapic_timer_mode(l));
}

static void clear(struct vlapic *l)
{
	vtimer_init(&l->timer, host_clock.tsc_hz, host_clock.crystal_hz);
	lapic_quiet();
	lapic_timer_init();
}

const struct vlapic_home vlapic_emulated = {
	.clear = clear,
	.read = read,
	.write = write,
	.apply = apply,
};

void vlapic_timer_fired(struct vlapic *l)
{
	l->armed = 0;
}

static void arm(struct vlapic *l)
{
	u64 expiry = vlapic_timer_on(l) ? l->timer.expiry : 0;

	if (expiry == l->armed)
		return;
	lapic_timer_arm(expiry);
	l->armed = expiry;
}

void vlapic_collect(struct vlapic *l)
{
	u64 due = l->timer.expiry;

	vapic_take_posted(&l->irq, &l->domain->posted[l->index]);
	/* Sent before it was globally disabled. */
	if (unlikely(!vlapic_enabled(l)))
		vapic_reset(&l->irq);
	if (due && vtimer_expired(&l->timer, rdtsc()) && vlapic_timer_on(l))
		vapic_accept(&l->irq, (u8)l->lvt[LVT_TIMER], false, due);
	arm(l);
}
