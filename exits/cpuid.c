// SPDX-License-Identifier: BSD-2-Clause
/* What CPUID tells a guest, leaf by leaf. */
#include "exits/cpuid.h"
#include "core/lib.h"

/* Allow-lists, one bit per line that is shown; SDM 2A table 3-8 and on. */
#define L1_ECX_SSE3	    BIT(0)
#define L1_ECX_PCLMULQDQ    BIT(1)
#define L1_ECX_SSSE3	    BIT(9)
#define L1_ECX_FMA	    BIT(12)
#define L1_ECX_CX16	    BIT(13)
#define L1_ECX_PCID	    BIT(17)
#define L1_ECX_SSE4_1	    BIT(19)
#define L1_ECX_SSE4_2	    BIT(20)
#define L1_ECX_X2APIC	    BIT(21)
#define L1_ECX_MOVBE	    BIT(22)
#define L1_ECX_POPCNT	    BIT(23)
#define L1_ECX_TSC_DEADLINE CPUID_1_ECX_DEADLINE
#define L1_ECX_AES	    BIT(25)
#define L1_ECX_XSAVE	    BIT(26)
#define L1_ECX_OSXSAVE	    BIT(27)
#define L1_ECX_AVX	    BIT(28)
#define L1_ECX_F16C	    BIT(29)
#define L1_ECX_RDRAND	    BIT(30)
#define L1_ECX_HYPERVISOR   BIT(31)
#define L1_ECX                                                             \
	(L1_ECX_SSE3 | L1_ECX_PCLMULQDQ | L1_ECX_SSSE3 | L1_ECX_FMA |      \
	 L1_ECX_CX16 | L1_ECX_PCID | L1_ECX_SSE4_1 | L1_ECX_SSE4_2 |       \
	 L1_ECX_MOVBE | L1_ECX_POPCNT | L1_ECX_TSC_DEADLINE | L1_ECX_AES | \
	 L1_ECX_XSAVE | L1_ECX_AVX | L1_ECX_F16C | L1_ECX_RDRAND)

#define L1_EDX_FPU   BIT(0)
#define L1_EDX_VME   BIT(1)
#define L1_EDX_DE    BIT(2)
#define L1_EDX_PSE   BIT(3)
#define L1_EDX_TSC   BIT(4)
#define L1_EDX_MSR   BIT(5)
#define L1_EDX_PAE   BIT(6)
#define L1_EDX_MCE   BIT(7) /* MCG_CAP has no banks */
#define L1_EDX_CX8   BIT(8)
#define L1_EDX_APIC  BIT(9)
#define L1_EDX_SEP   BIT(11)
#define L1_EDX_MTRR  BIT(12) /* virtual, no variable ranges */
#define L1_EDX_PGE   BIT(13)
#define L1_EDX_MCA   BIT(14)
#define L1_EDX_CMOV  BIT(15)
#define L1_EDX_PAT   BIT(16)
#define L1_EDX_PSE36 BIT(17)
#define L1_EDX_CLFSH BIT(19)
#define L1_EDX_MMX   BIT(23)
#define L1_EDX_FXSR  BIT(24)
#define L1_EDX_SSE   BIT(25)
#define L1_EDX_SSE2  BIT(26)
#define L1_EDX_SS    BIT(27)
#define L1_EDX_HTT   BIT(28)
/* The part that AMD repeats in leaf 80000001h. */
#define COMMON_EDX                                                          \
	(L1_EDX_FPU | L1_EDX_VME | L1_EDX_DE | L1_EDX_PSE | L1_EDX_TSC |    \
	 L1_EDX_MSR | L1_EDX_PAE | L1_EDX_MCE | L1_EDX_CX8 | L1_EDX_APIC |  \
	 L1_EDX_MTRR | L1_EDX_PGE | L1_EDX_MCA | L1_EDX_CMOV | L1_EDX_PAT | \
	 L1_EDX_PSE36 | L1_EDX_MMX | L1_EDX_FXSR)
#define L1_EDX                                                               \
	(COMMON_EDX | L1_EDX_SEP | L1_EDX_CLFSH | L1_EDX_SSE | L1_EDX_SSE2 | \
	 L1_EDX_SS)

#define L6_EAX_ARAT BIT(2)

#define L7_EBX_FSGSBASE	   BIT(0)
#define L7_EBX_TSC_ADJUST  BIT(1)
#define L7_EBX_BMI1	   BIT(3)
#define L7_EBX_AVX2	   BIT(5)
#define L7_EBX_FDP_EXCPTN  BIT(6)
#define L7_EBX_SMEP	   BIT(7)
#define L7_EBX_BMI2	   BIT(8)
#define L7_EBX_ERMS	   BIT(9)
#define L7_EBX_INVPCID	   BIT(10)
#define L7_EBX_NO_FCS_FDS  BIT(13)
#define L7_EBX_AVX512F	   BIT(16)
#define L7_EBX_AVX512DQ	   BIT(17)
#define L7_EBX_RDSEED	   BIT(18)
#define L7_EBX_ADX	   BIT(19)
#define L7_EBX_SMAP	   BIT(20)
#define L7_EBX_AVX512_IFMA BIT(21)
#define L7_EBX_CLFLUSHOPT  BIT(23)
#define L7_EBX_CLWB	   BIT(24)
#define L7_EBX_AVX512PF	   BIT(26)
#define L7_EBX_AVX512ER	   BIT(27)
#define L7_EBX_AVX512CD	   BIT(28)
#define L7_EBX_SHA	   BIT(29)
#define L7_EBX_AVX512BW	   BIT(30)
#define L7_EBX_AVX512VL	   BIT(31)
#define L7_EBX_AVX512                                            \
	(L7_EBX_AVX512F | L7_EBX_AVX512DQ | L7_EBX_AVX512_IFMA | \
	 L7_EBX_AVX512PF | L7_EBX_AVX512ER | L7_EBX_AVX512CD |   \
	 L7_EBX_AVX512BW | L7_EBX_AVX512VL)
#define L7_EBX                                                             \
	(L7_EBX_FSGSBASE | L7_EBX_BMI1 | L7_EBX_AVX2 | L7_EBX_FDP_EXCPTN | \
	 L7_EBX_SMEP | L7_EBX_BMI2 | L7_EBX_ERMS | L7_EBX_INVPCID |        \
	 L7_EBX_NO_FCS_FDS | L7_EBX_RDSEED | L7_EBX_ADX | L7_EBX_SMAP |    \
	 L7_EBX_CLFLUSHOPT | L7_EBX_CLWB | L7_EBX_SHA | L7_EBX_AVX512)

#define L7_ECX_AVX512_VBMI	BIT(1)
#define L7_ECX_UMIP		BIT(2)
#define L7_ECX_AVX512_VBMI2	BIT(6)
#define L7_ECX_GFNI		BIT(8)
#define L7_ECX_VAES		BIT(9)
#define L7_ECX_VPCLMULQDQ	BIT(10)
#define L7_ECX_AVX512_VNNI	BIT(11)
#define L7_ECX_AVX512_BITALG	BIT(12)
#define L7_ECX_AVX512_VPOPCNTDQ BIT(14)
#define L7_ECX_RDPID		BIT(22)
#define L7_ECX_CLDEMOTE		BIT(25)
#define L7_ECX_MOVDIRI		BIT(27)
#define L7_ECX_MOVDIR64B	BIT(28)
#define L7_ECX_AVX512                                                    \
	(L7_ECX_AVX512_VBMI | L7_ECX_AVX512_VBMI2 | L7_ECX_AVX512_VNNI | \
	 L7_ECX_AVX512_BITALG | L7_ECX_AVX512_VPOPCNTDQ)
#define L7_ECX                                                                \
	(L7_ECX_UMIP | L7_ECX_GFNI | L7_ECX_VAES | L7_ECX_VPCLMULQDQ |        \
	 L7_ECX_RDPID | L7_ECX_CLDEMOTE | L7_ECX_MOVDIRI | L7_ECX_MOVDIR64B | \
	 L7_ECX_AVX512)

#define L7_EDX_AVX512_4VNNIW BIT(2)
#define L7_EDX_AVX512_4FMAPS BIT(3)
#define L7_EDX_FSRM	     BIT(4)
#define L7_EDX_AVX512_VP2    BIT(8)
#define L7_EDX_SERIALIZE     BIT(14)
#define L7_EDX_AVX512_FP16   BIT(23)
#define L7_EDX_AVX512                                                      \
	(L7_EDX_AVX512_4VNNIW | L7_EDX_AVX512_4FMAPS | L7_EDX_AVX512_VP2 | \
	 L7_EDX_AVX512_FP16)
#define L7_EDX (L7_EDX_FSRM | L7_EDX_SERIALIZE | L7_EDX_AVX512)

#define L7_1_EAX_AVX_VNNI    BIT(4)
#define L7_1_EAX_AVX512_BF16 BIT(5)
#define L7_1_EAX_FZRM	     BIT(10)
#define L7_1_EAX_FSRS	     BIT(11)
#define L7_1_EAX_FSRCS	     BIT(12)
#define L7_1_EAX                                                    \
	(L7_1_EAX_AVX_VNNI | L7_1_EAX_AVX512_BF16 | L7_1_EAX_FZRM | \
	 L7_1_EAX_FSRS | L7_1_EAX_FSRCS)

#define LD_1_EAX_XSAVEOPT BIT(0)
#define LD_1_EAX_XSAVEC	  BIT(1)
#define LD_1_EAX_XGETBV1  BIT(2)
#define LD_N_ECX_ALIGN64  BIT(1)

#define LD_1_EAX (LD_1_EAX_XSAVEOPT | LD_1_EAX_XSAVEC | LD_1_EAX_XGETBV1)

#define KVM_EAX_NOP_IO_DELAY BIT(1)
#define KVM_EAX_CLOCKSOURCE2 BIT(3)
#define KVM_EAX_CLOCK_STABLE BIT(24)

/* APM 3, E.4. */
#define X1_ECX_LAHF_SAHF    BIT(0)
#define X1_ECX_CMP_LEGACY   BIT(1)
#define X1_ECX_ALT_MOV_CR8  BIT(4)
#define X1_ECX_LZCNT	    BIT(5)
#define X1_ECX_SSE4A	    BIT(6)
#define X1_ECX_MISALIGN_SSE BIT(7)
#define X1_ECX_PREFETCHW    BIT(8)
#define X1_ECX                                                       \
	(X1_ECX_LAHF_SAHF | X1_ECX_CMP_LEGACY | X1_ECX_ALT_MOV_CR8 | \
	 X1_ECX_LZCNT | X1_ECX_SSE4A | X1_ECX_MISALIGN_SSE | X1_ECX_PREFETCHW)

#define X1_EDX_SYSCALL BIT(11)
#define X1_EDX_NX      BIT(20)
#define X1_EDX_MMXEXT  BIT(22)
#define X1_EDX_1G      BIT(26)
#define X1_EDX_RDTSCP  BIT(27)
#define X1_EDX_LM      BIT(29)
#define X1_EDX                                                                 \
	(COMMON_EDX | X1_EDX_SYSCALL | X1_EDX_NX | X1_EDX_MMXEXT | X1_EDX_1G | \
	 X1_EDX_RDTSCP | X1_EDX_LM)

#define X7_EDX_INVARIANT_TSC BIT(8)

#define X8_EBX_CLZERO	  BIT(0)
#define X8_EBX_XSAVEERPTR BIT(2)
#define X8_EBX		  (X8_EBX_CLZERO | X8_EBX_XSAVEERPTR)

#define XSAVE_LEGACY 576 /* SDM 1 13.4: legacy region and header */
#define XCR0_LAST    7	 /* highest component in CPUID_XCR0_ALLOWED */

#define BASIC_MAX    0x16
#define BASIC_MIN    0x0b /* own topology, whatever the host has */
#define EXTENDED     0x80000000
#define EXTENDED_MAX 0x80000008
#define LINEAR_BITS  48 /* LA57 is hidden */

#define ANY ~0U
#define ALL ~0U

struct rule {
	u32 leaf;
	u32 subleaf; /* ANY: the leaf has none, or `fixup` sorts them out */
	u32 eax, ebx, ecx, edx; /* host bits that pass */
	void (*fixup)(const struct cpuid_env *env, u32 subleaf,
		      struct cpuid_regs *r);
	const char *why;
};

static void set(u32 *reg, u64 bits, bool on)
{
	*reg = on ? *reg | (u32)bits : *reg & ~(u32)bits;
}

/*
 * A leaf the host lacks reads as zero: an Intel part would answer with its
 * highest basic leaf, whose bits mean something else.
 */
static void host(const struct cpuid_env *env, u32 leaf, u32 subleaf,
		 struct cpuid_regs *r)
{
	u32 base = leaf & EXTENDED;

	env->host(base, 0, r);
	if (leaf == base)
		return;
	if (leaf > r->eax || (r->eax & EXTENDED) != base)
		memset(r, 0, sizeof(*r));
	else
		env->host(leaf, subleaf, r);
}

/* AMD and Hygon: the vendor's first four letters, leaf 0 EBX. */
static bool is_amd(const struct cpuid_env *env)
{
	struct cpuid_regs r;

	env->host(0, 0, &r);
	return r.ebx == 0x68747541 || r.ebx == 0x6f677948;
}

u64 cpuid_guest_xcr0(const struct cpuid_env *env)
{
	struct cpuid_regs r;
	u64 mask;

	host(env, 1, 0, &r);
	if (!(r.ecx & L1_ECX_XSAVE))
		return 0;
	host(env, 0xd, 0, &r);
	mask = r.eax & CPUID_XCR0_ALLOWED;
	if (!(mask & XCR0_X87) || !(mask & XCR0_SSE))
		return 0;
	if (!(mask & XCR0_AVX) || (mask & XCR0_AVX512) != XCR0_AVX512)
		mask &= ~XCR0_AVX512;
	return mask;
}

/*
 * The clocks in the ranges that leaf 15h can express: 1 MHz and more, a
 * crystal of 32 bits.
 */
static bool crystal_known(const struct cpuid_env *env)
{
	return env->crystal_hz >= 1000000 && env->crystal_hz <= ~0U &&
	       env->tsc_hz >= 1000000 && !(env->tsc_hz >> 40);
}

/* Bits of an id that tells `n` apart: the shift of leaf 0Bh. */
static u32 id_bits(u32 n)
{
	u32 bits = 0;

	while (bits < 31 && BIT(bits) < n)
		bits++;
	return bits;
}

static void leaf_0(const struct cpuid_env *env, u32 subleaf,
		   struct cpuid_regs *r)
{
	(void)subleaf;
	r->eax = MAX(MIN(r->eax, (u32)BASIC_MAX), (u32)BASIC_MIN);
	if (crystal_known(env))
		r->eax = BASIC_MAX;
}

static void leaf_1(const struct cpuid_env *env, u32 subleaf,
		   struct cpuid_regs *r)
{
	u32 count = MIN(env->nr_vcpus, 255U);
	u64 xcr0 = cpuid_guest_xcr0(env);

	(void)subleaf;
	r->ebx |= (env->apic_id & 0xff) << 24 | count << 16;
	set(&r->edx, L1_EDX_HTT, env->nr_vcpus > 1);
	set(&r->edx, L1_EDX_APIC, (r->edx & L1_EDX_APIC) && env->apic);
	set(&r->ecx, L1_ECX_HYPERVISOR | L1_ECX_X2APIC, true);
	if (!xcr0)
		set(&r->ecx, L1_ECX_XSAVE, false);
	if (!(xcr0 & XCR0_AVX))
		set(&r->ecx, L1_ECX_AVX | L1_ECX_FMA | L1_ECX_F16C, false);
	set(&r->ecx, L1_ECX_OSXSAVE,
	    (r->ecx & L1_ECX_XSAVE) && (env->cr4 & CR4_OSXSAVE));
}

#define CACHE_LEAVES 8

/* One thread per core; levels 1 and 2 private, the last shared by all. */
static void leaf_4(const struct cpuid_env *env, u32 subleaf,
		   struct cpuid_regs *r)
{
	u32 ids = (1U << id_bits(env->nr_vcpus)) - 1;
	u32 sharing = (r->eax >> 5 & 7) < 3 ? 0 : MIN(ids, 0xfffU);

	if (subleaf >= CACHE_LEAVES || !(r->eax & 0x1f)) {
		memset(r, 0, sizeof(*r));
		return;
	}
	r->eax |= sharing << 14 | MIN(ids, 63U) << 26;
}

/*
 * Deep sleep states are hidden, so the APIC timer always runs; without this
 * bit Linux gives up high-resolution timers, as there is no other timer.
 */
static void leaf_6(const struct cpuid_env *env, u32 subleaf,
		   struct cpuid_regs *r)
{
	(void)env;
	(void)subleaf;
	r->eax = (u32)L6_EAX_ARAT;
}

static void leaf_7(const struct cpuid_env *env, u32 subleaf,
		   struct cpuid_regs *r)
{
	u64 xcr0 = cpuid_guest_xcr0(env);

	(void)subleaf;
	r->eax = MIN(r->eax, 1U);
	r->ebx |= (u32)L7_EBX_TSC_ADJUST; /* virtual: host's or not */
	if (!(xcr0 & XCR0_AVX)) {
		set(&r->ebx, L7_EBX_AVX2, false);
		set(&r->ecx, L7_ECX_VAES | L7_ECX_VPCLMULQDQ, false);
	}
	if (!(xcr0 & XCR0_AVX512)) {
		set(&r->ebx, L7_EBX_AVX512, false);
		set(&r->ecx, L7_ECX_AVX512, false);
		set(&r->edx, L7_EDX_AVX512, false);
	}
}

static void leaf_7_1(const struct cpuid_env *env, u32 subleaf,
		     struct cpuid_regs *r)
{
	u64 xcr0 = cpuid_guest_xcr0(env);

	(void)subleaf;
	if (!(xcr0 & XCR0_AVX))
		set(&r->eax, L7_1_EAX_AVX_VNNI, false);
	if (!(xcr0 & XCR0_AVX512))
		set(&r->eax, L7_1_EAX_AVX512_BF16, false);
}

/* SDM 3A 9.9.  One thread per core, one package. */
static void leaf_b(const struct cpuid_env *env, u32 subleaf,
		   struct cpuid_regs *r)
{
	r->ecx = subleaf & 0xff;
	r->edx = env->apic_id;
	if (subleaf == 0) {
		r->ebx = 1;
		r->ecx |= 1 << 8;
	} else if (subleaf == 1) {
		r->eax = id_bits(env->nr_vcpus);
		r->ebx = MIN(env->nr_vcpus, 0xffffU);
		r->ecx |= 2 << 8;
	}
}

/* Bytes that XSAVE needs for `xcr0` (SDM 1 13.4.2 and 13.4.3). */
static u32 xsave_size(const struct cpuid_env *env, u64 xcr0, bool compact)
{
	u32 size = XSAVE_LEGACY;
	struct cpuid_regs r;

	for (u32 i = 2; i <= XCR0_LAST; i++) {
		if (!(xcr0 & BIT(i)))
			continue;
		host(env, 0xd, i, &r);
		if (!compact)
			size = MAX(size, r.ebx + r.eax);
		else if (r.ecx & LD_N_ECX_ALIGN64)
			size = ALIGN_UP(size, 64U) + r.eax;
		else
			size += r.eax;
	}
	return size;
}

static void leaf_d_0(const struct cpuid_env *env, struct cpuid_regs *r)
{
	u64 shown = cpuid_guest_xcr0(env);

	r->eax = (u32)shown;
	r->edx = (u32)(shown >> 32);
	r->ebx = xsave_size(env, env->xcr0 & shown, false);
	r->ecx = xsave_size(env, shown, false);
}

static void leaf_d_1(const struct cpuid_env *env, struct cpuid_regs *r)
{
	r->eax &= (u32)LD_1_EAX;
	r->ebx = 0;
	if (r->eax & LD_1_EAX_XSAVEC)
		r->ebx = xsave_size(env, env->xcr0 & cpuid_guest_xcr0(env),
				    true);
	r->ecx = 0;
	r->edx = 0;
}

static void leaf_d(const struct cpuid_env *env, u32 subleaf,
		   struct cpuid_regs *r)
{
	u64 shown = cpuid_guest_xcr0(env);

	if (!shown || subleaf > XCR0_LAST ||
	    (subleaf >= 2 && !(shown & BIT(subleaf)))) {
		memset(r, 0, sizeof(*r));
	} else if (subleaf == 0) {
		leaf_d_0(env, r);
	} else if (subleaf == 1) {
		leaf_d_1(env, r);
	} else {
		r->ecx &= (u32)LD_N_ECX_ALIGN64;
		r->edx = 0;
	}
}

struct ratio {
	u64 n, d;
};

/*
 * The convergent of a/b with the largest denominator up to `max`: Euclid's
 * algorithm, so exact where a/b has such a denominator.
 */
static struct ratio approximate(u64 a, u64 b, u64 max)
{
	struct ratio last = { 1, 0 };
	struct ratio best = { a / b, 1 };

	for (u64 r = a % b; r; r = a % b) {
		struct ratio next;
		u64 q = b / r;

		a = b;
		b = r;
		if (q > max)
			break;
		next = (struct ratio){ q * best.n + last.n,
				       q * best.d + last.d };
		if (next.d > max)
			break;
		last = best;
		best = next;
	}
	return best;
}

/*
 * TSC = crystal * EBX / EAX.  Linux 6.1 computes crystal kHz * EBX in 32 bits,
 * which is the bound on the denominator.
 */
static void leaf_15(const struct cpuid_env *env, u32 subleaf,
		    struct cpuid_regs *r)
{
	u64 khz = (env->tsc_hz + env->crystal_hz) / 1000 + 1;
	struct ratio tsc;

	(void)subleaf;
	if (!crystal_known(env))
		return;
	tsc = approximate(env->tsc_hz, env->crystal_hz,
			  MAX(0xffffffffUL / khz, 1UL));
	r->eax = (u32)tsc.d;
	r->ebx = (u32)tsc.n;
	r->ecx = (u32)env->crystal_hz;
}

static void leaf_16(const struct cpuid_env *env, u32 subleaf,
		    struct cpuid_regs *r)
{
	(void)subleaf;
	if (!crystal_known(env)) {
		memset(r, 0, sizeof(*r));
		return;
	}
	r->eax = (u32)((env->tsc_hz + 500000) / 1000000) & 0xffff;
	r->ebx = r->eax;
}

static void signature(struct cpuid_regs *r, u32 max, const char name[12])
{
	r->eax = max;
	memcpy(&r->ebx, name, 4);
	memcpy(&r->ecx, name + 4, 4);
	memcpy(&r->edx, name + 8, 4);
}

static void leaf_own(const struct cpuid_env *env, u32 subleaf,
		     struct cpuid_regs *r)
{
	(void)env;
	(void)subleaf;
	signature(r, CPUID_OWN_BASE, "AshlarAshlar");
}

static void leaf_kvm(const struct cpuid_env *env, u32 subleaf,
		     struct cpuid_regs *r)
{
	(void)env;
	(void)subleaf;
	signature(r, CPUID_KVM_FEATURES, "KVMKVMKVM\0\0");
}

static void leaf_kvm_features(const struct cpuid_env *env, u32 subleaf,
			      struct cpuid_regs *r)
{
	(void)subleaf;
	r->eax = (u32)KVM_EAX_NOP_IO_DELAY;
	set(&r->eax, KVM_EAX_CLOCKSOURCE2 | KVM_EAX_CLOCK_STABLE,
	    !crystal_known(env));
}

static void leaf_x0(const struct cpuid_env *env, u32 subleaf,
		    struct cpuid_regs *r)
{
	(void)env;
	(void)subleaf;
	r->eax = MIN(r->eax, (u32)EXTENDED_MAX);
}

static void leaf_x1(const struct cpuid_env *env, u32 subleaf,
		    struct cpuid_regs *r)
{
	(void)subleaf;
	if (env->nr_vcpus < 2)
		set(&r->ecx, X1_ECX_CMP_LEGACY, false);
	if (!is_amd(env))
		set(&r->edx, COMMON_EDX, false);
	if (!env->apic)
		set(&r->edx, L1_EDX_APIC, false);
}

/* Partitions run only where the TSC passed the check at boot. */
static void leaf_x7(const struct cpuid_env *env, u32 subleaf,
		    struct cpuid_regs *r)
{
	(void)env;
	(void)subleaf;
	r->edx = (u32)X7_EDX_INVARIANT_TSC;
}

static void leaf_x8(const struct cpuid_env *env, u32 subleaf,
		    struct cpuid_regs *r)
{
	u32 linear = MIN(r->eax >> 8 & 0xff, (u32)LINEAR_BITS);

	(void)subleaf;
	r->eax = (r->eax & 0xff) | linear << 8;
	if (is_amd(env))
		r->ecx = MIN(env->nr_vcpus - 1, 0xffU) |
			 MIN(id_bits(env->nr_vcpus), 0xfU) << 12;
}

static const struct rule rules[] = {
	{ 0, ANY, ALL, ALL, ALL, ALL, leaf_0,
	  "vendor as it is: guests choose errata and paths by it" },
	{ 1, ANY, ALL, 0xffff, L1_ECX, L1_EDX, leaf_1,
	  "instructions, and what the MSR list and the local APIC handle" },
	{ 2, ANY, ALL, ALL, ALL, ALL, NULL, "cache and TLB sizes" },
	{ 4, ANY, 0x3ff, ALL, ALL, 7, leaf_4, "cache sizes, own topology" },
	{ 6, ANY, 0, 0, 0, 0, leaf_6, "the APIC timer never stops" },
	{ 7, 0, ALL, L7_EBX, L7_ECX, L7_EDX, leaf_7, "instructions" },
	{ 7, 1, L7_1_EAX, 0, 0, 0, leaf_7_1, "instructions" },
	{ 0xb, ANY, 0, 0, 0, 0, leaf_b, "own topology" },
	{ 0xd, ANY, ALL, ALL, ALL, ALL, leaf_d, "states that XSETBV accepts" },
	{ 0x15, ANY, 0, 0, 0, 0, leaf_15, "the measured clocks" },
	{ 0x16, ANY, 0, 0, 0xffff, 0, leaf_16, "the measured clocks" },
	{ CPUID_OWN_BASE, ANY, 0, 0, 0, 0, leaf_own, "who is below" },
	{ CPUID_KVM_BASE, ANY, 0, 0, 0, 0, leaf_kvm,
	  "Linux turns x2APIC on without remapping if it sees this" },
	{ CPUID_KVM_FEATURES, ANY, 0, 0, 0, 0, leaf_kvm_features,
	  "a clock where CPUID 15h can't give it; no port 80h delays" },
	{ EXTENDED, ANY, ALL, ALL, ALL, ALL, leaf_x0, "vendor again (AMD)" },
	{ EXTENDED + 1, ANY, ALL, 0, X1_ECX, X1_EDX, leaf_x1, "instructions" },
	{ EXTENDED + 2, ANY, ALL, ALL, ALL, ALL, NULL, "brand string" },
	{ EXTENDED + 3, ANY, ALL, ALL, ALL, ALL, NULL, "brand string" },
	{ EXTENDED + 4, ANY, ALL, ALL, ALL, ALL, NULL, "brand string" },
	{ EXTENDED + 5, ANY, ALL, ALL, ALL, ALL, NULL, "cache sizes (AMD)" },
	{ EXTENDED + 6, ANY, ALL, ALL, ALL, ALL, NULL, "cache sizes" },
	{ EXTENDED + 7, ANY, 0, 0, 0, 0, leaf_x7,
	  "the TSC counts alike on all cores" },
	{ EXTENDED + 8, ANY, 0xffff, X8_EBX, 0, 0, leaf_x8,
	  "address widths, instructions" },
};

static const struct rule *find_rule(u32 leaf, u32 subleaf)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];

		if (r->leaf == leaf &&
		    (r->subleaf == ANY || r->subleaf == subleaf))
			return r;
	}
	return NULL;
}

/* Above the highest leaf that the guest is shown; not the leaves 4000xxxxh. */
static bool beyond(const struct cpuid_env *env, u32 leaf)
{
	u32 base = leaf & EXTENDED;
	struct cpuid_regs r;

	if (leaf >> 30 == 1)
		return false;
	env->host(base, 0, &r);
	if (base)
		leaf_x0(env, 0, &r);
	else
		leaf_0(env, 0, &r);
	return leaf > r.eax;
}

void cpuid_guest(const struct cpuid_env *env, u32 leaf, u32 subleaf,
		 struct cpuid_regs *out)
{
	const struct rule *rule = find_rule(leaf, subleaf);

	memset(out, 0, sizeof(*out));
	if (!rule || beyond(env, leaf))
		return;
	if (rule->eax | rule->ebx | rule->ecx | rule->edx)
		host(env, leaf, subleaf, out);
	out->eax &= rule->eax;
	out->ebx &= rule->ebx;
	out->ecx &= rule->ecx;
	out->edx &= rule->edx;
	if (rule->fixup)
		rule->fixup(env, subleaf, out);
}
