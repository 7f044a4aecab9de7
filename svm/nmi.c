// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest's NMIs, which are virtual: the physical ones are kicks.  They are
 * masked from the injection to the end of the handler's IRET, which exits when
 * it begins and is stepped over; so is the instruction in an interrupt shadow.
 * The guest may not exit again for ever, so nothing waits for the next exit.
 *
 * docs/decisions.md: The guest's NMIs under SVM.
 */
#include "core/lapic.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "svm/internal.h"

/* The handler's last instruction; what it returns to may take an NMI. */
enum outcome svm_exit_iret(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	v->svm.step.what = STEP_IRET;
	return OUTCOME_RETRY;
}

void svm_nmi_end(struct vcpu *v)
{
	struct vmcb *b = svm_vmcb();

	v->svm.nmi_masked = false;
	b->intercept_misc1 &= ~(u32)INTERCEPT_IRET;
	if (v->svm.nmi_shadow && b->rip == v->svm.nmi_rip)
		b->interrupt_shadow |= INTERRUPT_SHADOW;
	/* Another may wait. */
	this_cpu.kick_mark = 1;
}

/*
 * Not sooner: whoever lets interrupts in on the way to VMRUN would take it, and
 * be sent back.
 */
void svm_nmi_behind_event(const struct vcpu *v)
{
	if (unlikely(v->nmis && !v->svm.nmi_masked) &&
	    (svm_vmcb()->eventinj & EVENT_VALID) && !this_cpu.kick_mark)
		lapic_send(this_cpu.apic_id, APIC_DM_NMI);
}

void svm_deliver_nmi(struct vcpu *v)
{
	struct vmcb *b = svm_vmcb();

	if (v->svm.nmi_masked) {
		v->nmis = 1;
		return;
	}
	if (b->eventinj & EVENT_VALID)
		return;
	if ((b->interrupt_shadow & INTERRUPT_SHADOW) && !v->svm.nmi_at_once) {
		v->svm.step.what = STEP_SHADOW;
		return;
	}
	v->nmis--;
	v->halted = false;
	v->svm.nmi_at_once = false;
	v->svm.nmi_masked = true;
	v->svm.nmi_shadow = b->interrupt_shadow & INTERRUPT_SHADOW;
	v->svm.nmi_rip = b->rip;
	b->interrupt_shadow &= ~INTERRUPT_SHADOW;
	b->intercept_misc1 |= INTERCEPT_IRET;
	b->eventinj = EVENT_VALID | EVENT_TYPE_NMI | VEC_NMI;
}
