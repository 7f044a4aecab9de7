/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One virtual CPU and the interface between the guest's machine (guest/, apic/)
 * and the back end that runs it (vmx/).
 *
 * A vCPU lives in this_cpu of the core that it is pinned to: every function
 * here is called on that core, from the exit path or with the vCPU stopped.
 */
#ifndef GUEST_VCPU_H
#define GUEST_VCPU_H

#include "apic/vlapic.h"
#include "core/ledger.h"
#include "core/types.h"
#include "guest/decode.h"
#include "guest/walk.h"

struct partition;

/* By enum insn_gpr; RSP's place is unused: it is in the back end's state. */
struct guest_regs {
	u64 gpr[16];
};

struct vcpu {
	struct partition *part;
	u32 index;		/* vCPU number = guest APIC id */
	struct vlapic lapic;
	/* MSRs that are kept, not obeyed */
	u64 tsc_adjust;
	u64 mtrr_def_type;
	u64 spec_ctrl;
	u64 xcr0;
	/* guest NMI waiting for injection */
	bool nmi_pending;
	bool launched;
	/* TSC at the last exit, and what the ledger will call it */
	u64 exit_tsc;
	enum cause cause;
	struct ledger *ledger;
};

/* What became of an intercepted instruction. */
enum outcome {
	OUTCOME_DONE,		/* completed: go on behind it */
	OUTCOME_RETRY,		/* go on where it stands */
	OUTCOME_GP,		/* #GP(0) */
	OUTCOME_UD,		/* #UD */
	OUTCOME_PARK,		/* forbidden: park the partition */
};

/* Where a vCPU begins. */
struct vcpu_start {
	bool long_mode;		/* else real mode at vector << 12 */
	u8 sipi_vector;
	u64 rip, rsi, cr3;
	u64 gdt_base;
	u32 gdt_limit;
};

/* --- implemented by the back end --- */

/* Puts the vCPU into the architectural reset state plus `start`. */
void vcpu_reset(struct vcpu *v, const struct vcpu_start *start);
/* Enters the guest; comes back only to exits, on a fresh stack. */
void vcpu_run(struct vcpu *v) __noreturn;
/* Paging and privilege state for the walker. */
void vcpu_walk_state(struct walk_state *state);
/* ES CS SS DS FS GS, as struct insn numbers them. */
void vcpu_segment_bases(u64 base[6]);
/* 16, 32 or 64: default operand and address size of the code segment. */
u32 vcpu_code_bits(void);
u64 vcpu_rip(void);
/* An instruction has completed: go on at rip, with its pending traps. */
void vcpu_retire(u64 rip);
u64 vcpu_rflags(void);
void vcpu_set_rflags(u64 rflags);
u64 vcpu_rsp(void);
void vcpu_set_rsp(u64 rsp);
u64 vcpu_cr4(void);
void vcpu_inject(u8 vector, bool has_error, u32 error);
u64 vcpu_debugctl(void);
void vcpu_set_debugctl(u64 v);
/* The registers that a park message shows, as log lines. */
void vcpu_dump(const struct vcpu *v, const struct guest_regs *regs);

/* --- implemented by guest/ for every back end --- */

void guest_cpuid(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_rdmsr(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_wrmsr(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_xsetbv(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_io(struct vcpu *v, struct guest_regs *regs, u16 port,
		      u8 size, bool in);
/* An access to guest-physical memory that is not RAM. */
enum outcome guest_mmio(struct vcpu *v, struct guest_regs *regs, u64 gpa);

#endif
