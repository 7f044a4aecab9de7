// SPDX-License-Identifier: BSD-2-Clause
/* Vectors and timer of a vCPU in the core's own local APIC. */
#include "core/lapic.h"
#include "apic/vlapic_home.h"
#include "partition/partition.h"
#include "core/x86.h"

static u32 read(struct vcpu *v, u32 reg)
{
	(void)v;
	return (u32)rdmsr(APIC_MSR(reg));
}

/* It exits where a level interrupt may have come as an IPI: devices/intx.h. */
static void end_of_interrupt(struct vcpu *v)
{
	s32 vector = lapic_highest(APIC_ISR, 0);
	bool edge = vector >= 0 && !lapic_test(APIC_TMR, (u32)vector);

	lapic_eoi();
	if (edge)
		partition_eoi(v->part, (u8)vector);
}

static void write(struct vcpu *v, u32 reg, u32 value)
{
	if (reg == APIC_EOI)
		end_of_interrupt(v);
	else
		wrmsr(APIC_MSR(reg), value);
}

/*
 * The timer's entry is the only one that reaches the core's own APIC, with a
 * vector that is no exception's.
 */
static void apply(struct vcpu *v)
{
	const struct vlapic *l = &v->lapic;
	u32 lvt = l->lvt[LVT_TIMER];

	wrmsr(APIC_MSR(APIC_SVR), (l->svr & 0xff) | APIC_SVR_ENABLE);
	if (!vlapic_timer_on(l))
		lvt |= APIC_LVT_MASKED;
	wrmsr(APIC_MSR(APIC_LVT_TIMER), lvt);
}

static void reset(struct vcpu *v)
{
	lapic_quiet();
	apply(v);
}

const struct vlapic_home vlapic_direct = {
	.reset = reset,
	.read = read,
	.write = write,
	.apply = apply,
};
