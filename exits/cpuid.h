/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CPUID shows a guest: an allow-list as data (SDM 2A, CPUID; APM 3,
 * appendix E).  A host bit passes only if it is listed; every leaf, subleaf
 * and bit that is not listed reads as zero, leaves above the highest one
 * included (where Intel parts repeat the highest basic leaf).  Pure; exit path
 * and boot.
 *
 * The back ends owe what the list promises: RDTSCP, INVPCID and, where the
 * host has them, XSAVEC and the rest must not fault in the guest.
 */
#ifndef EXITS_CPUID_H
#define EXITS_CPUID_H

#include "core/types.h"

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

/* All that the answer depends on. */
struct cpuid_env {
	/* The machine's own answer; the CPUID instruction, or a test's. */
	void (*host)(u32 leaf, u32 subleaf, struct cpuid_regs *out);
	u32 apic_id;	/* of the vCPU that asks; vCPU n has id n */
	u32 nr_vcpus;	/* at least 1 */
	u64 tsc_hz;	/* as the guest's RDTSC counts */
	u64 crystal_hz; /* of the guest's local APIC timer; 0: the guest gets
			   no leaf 15h and the KVM clock leaf instead */
	bool apic;	/* it is not globally disabled */
	bool x2apic;	/* the guest can turn it on */
	bool spec_ctrl; /* SPEC_CTRL, PRED_CMD, FLUSH_CMD, ARCH_CAPABILITIES
			   are handled */
	u64 xcr0_mask;	/* what the XSETBV handler could accept at all */
	u64 xcr0;	/* the guest's current values */
	u64 cr4;
};

#define CPUID_OWN_BASE	   0x40000000 /* "AshlarAshlar" */
#define CPUID_KVM_BASE	   0x40000100 /* "KVMKVMKVM" */
#define CPUID_KVM_FEATURES 0x40000101

/* x87, SSE, AVX, the three parts of AVX-512, PKRU.  Not MPX, not AMX. */
#define CPUID_XCR0_ALLOWED 0x2e7UL

/*
 * The guest's CPUID.  Any leaf and subleaf; bounded work.  env->host is called
 * a few times, for leaf 0Dh once per state component.
 */
void cpuid_guest(const struct cpuid_env *env, u32 leaf, u32 subleaf,
		 struct cpuid_regs *out);

/*
 * The XCR0 bits that the guest is shown and that XSETBV accepts: xcr0_mask cut
 * to what the host has, to CPUID_XCR0_ALLOWED and to whole features (no
 * AVX-512 without all of it).  0: no XSAVE at all.
 */
u64 cpuid_guest_xcr0(const struct cpuid_env *env);

#endif
