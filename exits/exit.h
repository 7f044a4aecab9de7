/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens when a guest exits.  On the vCPU's core, on the exit path.
 *
 * A back end has one table from its exit codes to struct exit_handler.  It
 * hands the entry to guest_exit(), which runs the handler, keeps the ledger and
 * carries out what the handler decided.  Handlers that any back end needs are
 * here; a back end adds those that must look into its own structures first.
 */
#ifndef EXITS_EXIT_H
#define EXITS_EXIT_H

#include "guest/vcpu.h"

/* What became of an intercepted instruction. */
enum outcome {
	OUTCOME_DONE,  /* completed: go on behind it */
	OUTCOME_RETRY, /* go on where it stands */
	OUTCOME_GP,    /* #GP(0) */
	OUTCOME_UD,    /* #UD */
	OUTCOME_PARK,  /* forbidden: the partition is being parked */
};

struct exit_handler {
	enum outcome (*handler)(struct vcpu *v, struct guest_regs *regs);
	enum cause cause; /* unless the handler finds a better one */
};

/* `start`: TSC at the exit.  An entry without handler parks. */
void guest_exit(struct vcpu *v, const struct exit_handler *h, u64 code,
		u64 start);

/* Parks the partition; always OUTCOME_PARK. */
enum outcome guest_park(struct vcpu *v, const char *why);

/* Handlers. */
enum outcome guest_cpuid(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_rdmsr(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_wrmsr(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_xsetbv(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_undefined(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_protected(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_retry(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_triple_fault(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_task_switch(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_machine_check(struct vcpu *v, struct guest_regs *regs);
/* WBINVD and INVD: no memory of the guest's is outside coherence. */
enum outcome guest_wbinvd(struct vcpu *v, struct guest_regs *regs);

enum outcome guest_hlt(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_external_interrupt(struct vcpu *v, struct guest_regs *regs);
/* Mode `eli`: what can't be let pass while the IDT is shadowed. */
enum outcome guest_descriptor_table(struct vcpu *v, struct guest_regs *regs);

/* The mark was set, and is clear again: what others asked of this vCPU. */
void guest_kicked(struct vcpu *v);

/* Parts of handlers. */
enum outcome guest_io(struct vcpu *v, struct guest_regs *regs, u16 port,
		      u8 size, bool in);
/* An access to guest-physical memory that is not RAM, or is read-only. */
enum outcome guest_mmio(struct vcpu *v, struct guest_regs *regs, u64 gpa);
/* An NMI, taken by the host: the cause of the exit. */
enum cause guest_nmi_cause(void);
/*
 * Length of the instruction at s->rip, whose prefixes are followed by `opcode`
 * bytes; 0 if it can't be read.
 */
u32 guest_insn_length(struct vcpu *v, const struct vcpu_state *s, u32 opcode);

#endif
