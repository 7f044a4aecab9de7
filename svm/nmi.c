// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest's NMIs, which are virtual: the physical ones are kicks.  They are
 * masked from the injection to the end of the handler's IRET.  An exit says
 * when the IRET begins; a single step over it, when it is through: the guest
 * may not exit again for ever, so nothing may wait for the next exit.
 */
#include "core/lapic.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "svm/internal.h"

#define DR6_NONE   0xffff0ff0UL
#define DR6_BS	   BIT(14)
#define DR6_CAUSES (0xfUL | BIT(13) | DR6_BS | BIT(15))

/* One instruction with a TF of ours; its end is a #DB, or svm_retire(). */
static void step(struct vcpu *v)
{
	struct vmcb *b = svm_vmcb();

	if (v->svm.stepping)
		return;
	v->svm.stepping = true;
	v->svm.step_tf = b->rflags & RFLAGS_TF;
	v->svm.step_dr6 = b->dr6;
	b->rflags |= RFLAGS_TF;
	b->dr6 = DR6_NONE;
}

void svm_step_end(struct vcpu *v)
{
	struct vmcb *b = svm_vmcb();
	bool iret = v->svm.nmi_masked && !(b->intercept_misc1 & INTERCEPT_IRET);

	if (!v->svm.stepping)
		return;
	v->svm.stepping = false;
	/* IRET has loaded RFLAGS; others leave TF as it was. */
	if (iret)
		v->svm.nmi_masked = false;
	else if (!v->svm.step_tf)
		b->rflags &= ~RFLAGS_TF;
	if (!(b->dr6 & DR6_CAUSES & ~DR6_BS))
		b->dr6 = v->svm.step_dr6 |
			 (v->svm.step_tf ? b->dr6 & DR6_BS : 0);
	else if (!v->svm.step_tf)
		b->dr6 &= ~DR6_BS;
	this_cpu.kick_mark = 1;
}

bool svm_own_debug(struct vcpu *v)
{
	u64 causes = svm_vmcb()->dr6 & DR6_CAUSES;
	bool own = v->svm.stepping && !v->svm.step_tf && causes == DR6_BS;

	svm_step_end(v);
	return own;
}

/* The handler's last instruction; what it returns to may take an NMI. */
enum outcome svm_exit_iret(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	svm_vmcb()->intercept_misc1 &= ~(u32)INTERCEPT_IRET;
	step(v);
	return OUTCOME_RETRY;
}

void svm_deliver_nmi(struct vcpu *v)
{
	struct vmcb *b = svm_vmcb();

	if (v->svm.nmi_masked) {
		v->nmis = 1;
		return;
	}
	if (b->eventinj & EVENT_VALID) {
		/* Taken as soon as that event is delivered. */
		lapic_send(this_cpu.apic_id, APIC_DM_NMI);
		return;
	}
	if (b->interrupt_shadow & INTERRUPT_SHADOW) {
		step(v);
		return;
	}
	v->nmis--;
	v->halted = false;
	v->svm.nmi_masked = true;
	b->intercept_misc1 |= INTERCEPT_IRET;
	b->eventinj = EVENT_VALID | EVENT_TYPE_NMI | VEC_NMI;
}
