/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of svm/ only. */
#ifndef SVM_INTERNAL_H
#define SVM_INTERNAL_H

#include "core/types.h"
#include "exits/exit.h"
#include "exits/msr.h"
#include "svm/vmcb.h"

struct svm_maps {
	u64 iopm_pa, msrpm_pa[MSR_SETS];
	bool next_rip; /* NRIPS: the VMCB names the next instruction */
	/*
	 * QEMU's TCG calls an interrupted external interrupt an exception in
	 * EXITINTINFO (type 3 with a vector above 31).
	 */
	bool tcg;
};
extern struct svm_maps svm_maps;

/* svm/intercepts.c */
extern const u32 svm_intercept_exceptions, svm_intercept_misc1,
	svm_intercept_misc2, svm_intercept_misc3;
/* Where Ashlar delivers interrupts itself, these too. */
extern const u32 svm_intercept_emulated;
extern const u32 svm_intercept_bounce;
/* And while stepping. */
extern const u32 svm_step_exceptions, svm_step_misc1;

/* This core's VMCB. */
struct vmcb *svm_vmcb(void);

/* svm/entry.S, and what it calls. */
void svm_enter(void) __noreturn;
void svm_handle_exit(void);
void svm_handle_kick(void);

/* svm/exit.c: goes behind the exited instruction. */
int svm_skip(struct vcpu *v);
void svm_inject(u8 vector, bool has_error, u32 error);
bool svm_event_pending(void);

/* svm/nmi.c: the guest's NMIs. */
void svm_deliver_nmi(struct vcpu *v);
/* Before VMRUN: where an NMI waits for an event, an exit right behind that. */
void svm_nmi_behind_event(const struct vcpu *v);
enum outcome svm_exit_iret(struct vcpu *v, struct guest_regs *regs);
/* The handler's IRET has let NMIs in again. */
void svm_nmi_end(struct vcpu *v);

/*
 * svm/step.c.  Before VMRUN, with all decided: the step that v->svm.step.what
 * wants, if any.
 */
void svm_begin_step(struct vcpu *v);
/*
 * It is on, and an exit has ended it.  What to do about the exit where that is
 * not what the table says, else NULL.
 */
const struct exit_handler *svm_end_step(struct vcpu *v);
/* It is on, and VMRUN put off: the instruction will exit again. */
void svm_cancel_step(struct vcpu *v);

/* svm/interrupt.c: interrupts where the local APIC is emulated. */
bool svm_inject_interrupt(u8 vector);
void svm_interrupt_window(struct vcpu *v);
enum outcome svm_exit_cr8(struct vcpu *v, struct guest_regs *regs);
void svm_read_tpr(struct vcpu *v);
void svm_accept(void);
void svm_wait(void);

/* svm/vmcb.c */
void svm_set_msrs(const struct vcpu *v);
void svm_set_delivery(struct vcpu *v);
void svm_flush_views(void);
void svm_reset(struct vcpu *v, const struct vcpu_start *start);
void svm_get_idt(struct idt_register *r);
void svm_get_state(struct vcpu_state *s);
void svm_put_state(const struct vcpu_state *s);
void svm_retire(u64 rip);
void svm_dump(const struct vcpu *v);

#endif
