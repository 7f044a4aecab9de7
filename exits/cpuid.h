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
 *
 * docs/decisions.md: SPEC_CTRL and its kin are not shown.
 */
#ifndef EXITS_CPUID_H
#define EXITS_CPUID_H

#include "core/types.h"
#include "core/x86.h"

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
	u64 xcr0;	/* the guest's current values */
	u64 cr4;
};

#define CPUID_OWN_BASE	   0x40000000 /* "AshlarAshlar" */
#define CPUID_KVM_BASE	   0x40000100 /* "KVMKVMKVM" */
#define CPUID_KVM_FEATURES 0x40000101

/* Not MPX, PKRU (CR4.PKE is not offered) and AMX. */
#define CPUID_XCR0_ALLOWED (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

/*
 * The guest's CPUID.  Any leaf and subleaf; bounded work.  env->host is called
 * a few times, for leaf 0Dh once per state component.
 */
void cpuid_guest(const struct cpuid_env *env, u32 leaf, u32 subleaf,
		 struct cpuid_regs *out);

/*
 * The XCR0 bits that the guest is shown and that XSETBV accepts:
 * CPUID_XCR0_ALLOWED cut to what the host has and to whole features (no AVX-512
 * without all of it).  0: no XSAVE at all.
 */
u64 cpuid_guest_xcr0(const struct cpuid_env *env);

#endif
