// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts where the local APIC is emulated: EVENTINJ delivers them, and a
 * virtual interrupt that is intercepted before delivery is the window.  CR8 is
 * V_TPR, which the processor holds against the window's priority.
 *
 * docs/decisions.md: CR8 in mode `exit`.
 */
#include "core/percpu.h"
#include "core/x86.h"
#include "svm/internal.h"

bool svm_inject_interrupt(u8 vector)
{
	struct vmcb *b = svm_vmcb();

	if (!(b->rflags & RFLAGS_IF) ||
	    (b->interrupt_shadow & INTERRUPT_SHADOW) ||
	    (b->eventinj & EVENT_VALID))
		return false;
	b->eventinj = EVENT_VALID | EVENT_TYPE_INTR | vector;
	return true;
}

/* QEMU's TCG takes a priority that is no more than equal to V_TPR for higher.
 */
static u64 window_priority(s32 vector)
{
	u64 class = (u64)vector >> 4;

	return V_INTR_PRIO(svm_maps.tcg ? class - 1 : class);
}

void svm_interrupt_window(struct vcpu *v)
{
	s32 vector = vapic_next_above_isr(&v->lapic.irq);
	struct vmcb *b = svm_vmcb();

	b->virtual_interrupt = V_INTR_MASKING | v->lapic.irq.tpr >> 4;
	b->intercept_misc1 &= ~(u32)INTERCEPT_VINTR;
	b->intercept_cr = 0;
	if (vector < 0)
		return;
	b->virtual_interrupt |= V_IRQ | window_priority(vector);
	b->intercept_misc1 |= INTERCEPT_VINTR;
	/* TCG ends with an assertion where CR8 lets a virtual interrupt in. */
	if (svm_maps.tcg)
		b->intercept_cr = INTERCEPT_CR8_WRITE;
}

/* Without the window, which comes back with the step's end. */
enum outcome svm_exit_cr8(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	v->svm.step.what = STEP_CR8;
	return OUTCOME_RETRY;
}

/* CR8 has only the upper half of TPR. */
void svm_read_tpr(struct vcpu *v)
{
	u8 class = svm_vmcb()->virtual_interrupt & V_TPR;

	if (class != v->lapic.irq.tpr >> 4)
		v->lapic.irq.tpr = (u8)(class << 4);
}

/* GIF is clear since the exit; interrupts are let in for one instruction. */
void svm_accept(void)
{
	asm volatile("stgi; sti; nop; cli; clgi" : : : "memory");
}

void svm_wait(void)
{
	asm volatile("stgi" : : : "memory");
	cpu_wait();
	asm volatile("clgi" : : : "memory");
}
