/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which MSRs a guest has, as data: what is not listed does not exist (#GP).
 * The policy is pure; the accesses (guest_rdmsr, guest_wrmsr) are in
 * guest/vcpu.h.
 */
#ifndef EXITS_MSR_H
#define EXITS_MSR_H

#include "core/cpu.h"
#include "core/types.h"

enum msr_policy {
	MSR_GP,	    /* does not exist */
	MSR_DIRECT, /* the processor's own, no exit */
	MSR_TRAP,   /* exits to the handler */
	MSR_ZERO,   /* reads as 0; writes of anything are ignored */
};

enum msr_handler {
	MSR_H_NONE,
	MSR_H_TSC,
	MSR_H_APIC_BASE,
	MSR_H_TSC_ADJUST,
	MSR_H_MTRR_DEF,
	MSR_H_MISC_ENABLE,
	MSR_H_DEBUGCTL,
	MSR_H_FIXED, /* reads as `value`, #GP on writes */
	MSR_H_X2APIC,
	MSR_H_DEADLINE,
	MSR_H_KVM_WALL,
	MSR_H_KVM_CLOCK,
	MSR_H_COUNT,
};

struct msr_range {
	u32 first, last;
	u8 read, write; /* enum msr_policy */
	u8 handler;
	u32 needs; /* FEATURE_ bits of the host: core/cpu.h */
	u64 value;
	const char *why;
};

/* Where the local APIC is that the MSRs reach: apic/vlapic.h. */
enum msr_set {
	MSR_SET_DIRECT,
	MSR_SET_DIRECT_EOI, /* the same, but EOI exits */
	MSR_SET_TIMER,	    /* none but IA32_TSC_DEADLINE */
	MSR_SET_EMULATED,   /* the APIC's own MSRs and its timer's exit */
	MSR_SET_ELI,	    /* but for EOI, TPR, PPR, ISR and TMR */
	MSR_SETS,
};

/* What becomes of an access. */
enum msr_policy msr_policy(const struct msr_range *r, bool write,
			   enum msr_set set);

/* The entry for an MSR, or NULL. */
const struct msr_range *msr_lookup(u32 msr, u32 features);

/*
 * Fills an MSR permissions map (8 KiB, APM2 section 15.11) likewise.
 */
void msr_policy_msrpm(u8 *map, u32 features, enum msr_set set);

/*
 * Fills an MSR bitmap (4 KiB, SDM vol. 3 section 25.6.9) so that exactly the
 * direct ones do not exit.
 */
void msr_policy_bitmap(u8 *bitmap, u32 features, enum msr_set set);

/* The one that a vCPU's mode asks for. */
struct vcpu;
enum msr_set guest_msr_set(const struct vcpu *v);

#endif
