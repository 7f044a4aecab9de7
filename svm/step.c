// SPDX-License-Identifier: BSD-2-Clause
/*
 * One instruction with an RFLAGS.TF of ours.  What would store or load TF exits
 * before it does: exceptions, interrupts, and the instructions that do.  Any
 * exit ends the step, so no guest sees that TF.
 *
 * docs/decisions.md: The guest's NMIs under SVM.
 */
#include "core/percpu.h"
#include "core/x86.h"
#include "svm/internal.h"

#define DR6_NONE   0xffff0ff0UL
#define DR6_BS	   BIT(14)
#define DR6_CAUSES (0xfUL | BIT(13) | DR6_BS | BIT(15))

/* Exceptions with an error code: APM2 section 8.2. */
#define WITH_ERROR (BIT(VEC_DF) | 0x1fU << 10 | BIT(VEC_AC))

void svm_begin_step(struct vcpu *v)
{
	struct svm_step *s = &v->svm.step;
	struct vmcb *b = svm_vmcb();

	if (likely(s->what == STEP_NONE))
		return;
	/* An event comes first. */
	if (b->eventinj & EVENT_VALID) {
		s->what = STEP_NONE;
		return;
	}
	s->on = true;
	s->rip = b->rip;
	s->dr6 = b->dr6;
	s->efer = b->efer;
	s->tf = b->rflags & RFLAGS_TF;
	s->intercept_cr = b->intercept_cr;
	s->intercept_exceptions = b->intercept_exceptions;
	s->intercept_misc1 = b->intercept_misc1;
	b->rflags |= RFLAGS_TF;
	b->dr6 = DR6_NONE;
	/* SYSCALL is #UD. */
	b->efer &= ~EFER_SCE;
	b->intercept_cr = 0;
	b->intercept_exceptions = svm_step_exceptions;
	b->intercept_misc1 |= svm_step_misc1;
	b->intercept_misc2 |= INTERCEPT_ICEBP;
	if (s->what == STEP_IRET)
		b->intercept_misc1 &= ~(u32)INTERCEPT_IRET;
	b->virtual_interrupt &= ~V_IRQ;
}

/* All but the instruction's own effect is as it was. */
static void restore(struct svm_step *s, struct vmcb *b, u64 causes)
{
	b->efer = s->efer;
	b->intercept_cr = s->intercept_cr;
	b->intercept_exceptions = s->intercept_exceptions;
	b->intercept_misc1 = s->intercept_misc1;
	b->intercept_misc2 &= ~(u32)INTERCEPT_ICEBP;
	b->dr6 = s->dr6 | (s->tf ? causes : causes & ~DR6_BS);
	/* IRET has loaded RFLAGS. */
	if (s->what != STEP_IRET || b->rip == s->rip)
		b->rflags = (b->rflags & ~RFLAGS_TF) | (s->tf ? RFLAGS_TF : 0);
	s->what = STEP_NONE;
	s->on = false;
}

void svm_cancel_step(struct vcpu *v)
{
	restore(&v->svm.step, svm_vmcb(), 0);
}

static enum outcome exit_fault(struct vcpu *v, struct guest_regs *regs)
{
	struct vmcb *b = svm_vmcb();
	u8 vector = (u8)(b->exitcode - SVM_EXIT_EXCEPTION);

	(void)v;
	(void)regs;
	if (vector == VEC_PF)
		b->cr2 = b->exitinfo2;
	svm_inject(vector, WITH_ERROR >> vector & 1, (u32)b->exitinfo1);
	return OUTCOME_RETRY;
}

static bool is_fault(u64 code)
{
	return code >= SVM_EXIT_EXCEPTION && code < SVM_EXIT_INTR &&
	       code != SVM_EXIT_EXCEPTION + VEC_DB &&
	       code != SVM_EXIT_EXCEPTION + VEC_MC;
}

/* Or may be, for #UD; and HLT, which #DB need not end. */
static bool touches_flags(u64 code)
{
	switch (code) {
	case SVM_EXIT_EXCEPTION + VEC_BP:
	case SVM_EXIT_EXCEPTION + VEC_OF:
	case SVM_EXIT_EXCEPTION + VEC_UD:
	case SVM_EXIT_PUSHF:
	case SVM_EXIT_POPF:
	case SVM_EXIT_IRET:
	case SVM_EXIT_INTN:
	case SVM_EXIT_HLT:
	case SVM_EXIT_ICEBP:
		return true;
	default:
		return false;
	}
}

const struct exit_handler *svm_end_step(struct vcpu *v)
{
	static const struct exit_handler fault = { exit_fault,
						   CAUSE_EXCEPTION },
					 none = { guest_retry,
						  CAUSE_EXCEPTION };
	struct svm_step *s = &v->svm.step;
	struct vmcb *b = svm_vmcb();
	u64 causes = b->dr6 & DR6_CAUSES;
	bool over = b->rip != s->rip, iret = s->what == STEP_IRET;
	bool shadow = s->what == STEP_SHADOW;

	restore(s, b, causes);
	if (shadow)
		this_cpu.kick_mark = 1;
	if (shadow && !over && touches_flags(b->exitcode)) {
		v->svm.nmi_at_once = true;
		return &none;
	}
	/* One that faults lets NMIs in, too. */
	if (iret && (over || is_fault(b->exitcode)))
		svm_nmi_end(v);
	if (!over && is_fault(b->exitcode))
		return &fault;
	if (b->exitcode == SVM_EXIT_EXCEPTION + VEC_DB && !s->tf &&
	    !(causes & ~DR6_BS))
		return &none;
	return NULL;
}
