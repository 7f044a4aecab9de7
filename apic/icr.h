/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ICR filter: what a guest's write to the interrupt command register asks
 * for, and which of the partition's own vCPUs it reaches.
 *
 * Pure, no state of its own; any context.  The caller holds the partition's
 * lock or reads `running` once and accepts that it is a snapshot.
 */
#ifndef APIC_ICR_H
#define APIC_ICR_H

#include "core/types.h"

/*
 * ICR fields, SDM vol. 3, 10.6.1 (xAPIC) and 10.12.9 (x2APIC).  The chapter
 * cited as 10 here is 11 in newer editions.
 */
#define ICR_VECTOR_MASK	   0xffUL
#define ICR_DM_SHIFT	   8
#define ICR_DM_MASK	   (7UL << ICR_DM_SHIFT)
#define ICR_LOGICAL	   BIT(11)
#define ICR_LEVEL_ASSERT   BIT(14)
#define ICR_TRIGGER_LEVEL  BIT(15)
#define ICR_SHORTHAND_MASK (3UL << 18)
#define ICR_X2APIC_DEST(n) ((u64)(n) << 32)
#define ICR_XAPIC_DEST(n)  ((u64)(n) << 56)

#define ICR_SHORTHAND_NONE 0UL
#define ICR_SHORTHAND_SELF (1UL << 18)
#define ICR_SHORTHAND_ALL  (2UL << 18)
#define ICR_SHORTHAND_REST (3UL << 18)

/* SDM vol. 3, figure 10-28; bit 12 passes, see icr_decode(). */
#define ICR_X2APIC_RESERVED (0xfff00000UL | BIT(17) | BIT(16) | BIT(13))
/* The vectors below are illegal, 10.5.2. */
#define ICR_FIRST_VECTOR 16

/* Delivery modes; 3 and 7 are reserved in the ICR. */
enum icr_dm {
	ICR_DM_FIXED = 0,
	ICR_DM_LOWEST = 1,
	ICR_DM_SMI = 2,
	ICR_DM_NMI = 4,
	ICR_DM_INIT = 5,
	ICR_DM_SIPI = 6,
};

/* ESR bits 5 and 6, sent and received, SDM vol. 3, 10.5.3. */
#define ESR_SEND_ILLEGAL_VECTOR BIT(5)
#define ESR_ILLEGAL_VECTOR	(ESR_SEND_ILLEGAL_VECTOR | BIT(6))

/*
 * The sender's view.  The guest APIC id of vCPU n is n and cannot be changed;
 * in x2APIC mode its logical id is (n >> 4) << 16 | 1 << (n & 15).  Every
 * vCPU is taken to be in the sender's mode, as the SDM requires of software.
 */
struct icr_env {
	u32 self;
	u32 nr_vcpus; /* 1 to MAX_VCPUS */
	u64 running;  /* bit n: vCPU n is not waiting for INIT or SIPI */
	u64 accepts;  /* bit n: and its APIC takes fixed interrupts */
	u64 off;      /* bit n: its APIC is globally disabled, takes nothing */
	bool x2apic;
	const u32 *ldr; /* nr_vcpus registers as the guest wrote them; only */
	const u32 *dfr; /* read in xAPIC mode, where both must be there */
};

enum icr_kind {
	ICR_NONE, /* nothing to send, which is no fault of the guest's */
	ICR_FIXED,
	ICR_NMI,
	ICR_INIT,
	ICR_SIPI,
	ICR_GP, /* the WRMSR must raise #GP(0) */
};

struct icr_plan {
	enum icr_kind kind;
	u8 vector;   /* ICR_FIXED: 16-255; ICR_SIPI: the start page */
	u8 esr;	     /* bits to set in the sender's virtual ESR */
	u64 targets; /* bit n: vCPU n, the sender too if addressed */
};

/*
 * Decodes `icr`: the MSR's value in x2APIC mode; in xAPIC mode ICR2 (offset
 * 310h) in the upper half and ICR1 (300h) in the lower.  Takes any value.
 *
 * - Fixed: all matching vCPUs that accept it.  Lowest priority: delivered as
 *   fixed to one of them only, the one with the lowest number.
 * - A vector below 16 with those two: ICR_NONE and ESR_SEND_ILLEGAL_VECTOR.
 * - Level and trigger mean something for INIT only (10.6.1): INIT with
 *   level 0 and trigger 1 is the de-assert, ICR_NONE; the rest is sent edge.
 * - NMI: vCPUs that run.  INIT and SIPI: also those that wait for them.
 * - With shorthand self or all-including-self only fixed is valid (table 10-3):
 *   the rest is ICR_NONE.
 * - SMI and the reserved delivery modes: ICR_NONE (the SDM promises no #GP
 *   for them, and there is no SMM in a guest).
 * - Reserved bits 13, 16, 17, 20-31: ICR_GP in x2APIC mode (10.12.1.3),
 *   ignored in xAPIC mode.  Bit 12, the old delivery status, is ignored in
 *   both: Intel's processors let it pass.
 * - A destination that is no vCPU: the kind as asked for, `targets` 0.
 */
void icr_decode(const struct icr_env *env, u64 icr, struct icr_plan *plan);

/*
 * The vCPUs of the destination whose APIC is not off, running or not: `dest` is
 * 8 bits wide unless env->x2apic.  `self`, `running` and `accepts` do not
 * count.
 */
u64 icr_addressed(const struct icr_env *env, u32 dest, bool logical);

/*
 * What kernels send all day: an x2APIC-mode value that is fixed, without a
 * shorthand, to one existing vCPU by its physical id.  icr_decode() says of it
 * ICR_FIXED, its vector, and this vCPU if it accepts it; so the exit path need
 * not ask.
 */
static inline bool icr_is_plain(u64 icr, u32 nr_vcpus)
{
	return !(icr & (ICR_X2APIC_RESERVED | ICR_DM_MASK | ICR_LOGICAL |
			ICR_SHORTHAND_MASK)) &&
	       icr >> 32 < nr_vcpus &&
	       (icr & ICR_VECTOR_MASK) >= ICR_FIRST_VECTOR;
}

#endif
