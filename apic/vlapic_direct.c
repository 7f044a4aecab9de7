// SPDX-License-Identifier: BSD-2-Clause
/* Vectors and timer of a vCPU in the core's own local APIC. */
#include "apic/domain.h"
#include "apic/icr.h"
#include "apic/vlapic_lvt.h"

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
