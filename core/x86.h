/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions and architectural numbers of the processor.  Names and numbers
 * are those of the SDM (vol. 2 for the instructions, vol. 4 for MSRs).
 */
#ifndef CORE_X86_H
#define CORE_X86_H

#include "core/layout.h"
#include "core/types.h"

/* General registers, in the order of their encodings. */
enum gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_COUNT = 16,
};

/* A guest's, by enum gpr; RSP's place is unused: the back end has it. */
struct guest_regs {
	u64 gpr[GPR_COUNT];
};

/* Segment registers, in the order of their encodings. */
enum segment {
	SEGMENT_ES,
	SEGMENT_CS,
	SEGMENT_SS,
	SEGMENT_DS,
	SEGMENT_FS,
	SEGMENT_GS,
	SEGMENT_COUNT,
};

enum {
	MSR_IA32_TSC = 0x10,
	MSR_IA32_PLATFORM_ID = 0x17,
	MSR_IA32_APIC_BASE = 0x1b,
	MSR_IA32_FEATURE_CONTROL = 0x3a,
	MSR_IA32_TSC_ADJUST = 0x3b,
	MSR_IA32_BIOS_SIGN_ID = 0x8b,
	MSR_IA32_MTRRCAP = 0xfe,
	MSR_IA32_SYSENTER_CS = 0x174,
	MSR_IA32_SYSENTER_ESP = 0x175,
	MSR_IA32_SYSENTER_EIP = 0x176,
	MSR_IA32_MCG_CAP = 0x179,
	MSR_IA32_MCG_STATUS = 0x17a,
	MSR_IA32_MISC_ENABLE = 0x1a0,
	MSR_IA32_DEBUGCTL = 0x1d9,
	MSR_IA32_PAT = 0x277,
	MSR_IA32_MTRR_DEF_TYPE = 0x2ff,
	MSR_IA32_TSC_DEADLINE = 0x6e0,
	MSR_IA32_XSS = 0xda0,
	MSR_IA32_EFER = 0xc0000080,
	MSR_IA32_STAR = 0xc0000081,
	MSR_IA32_LSTAR = 0xc0000082,
	MSR_IA32_CSTAR = 0xc0000083,
	MSR_IA32_FMASK = 0xc0000084,
	MSR_IA32_FS_BASE = 0xc0000100,
	MSR_IA32_GS_BASE = 0xc0000101,
	MSR_IA32_KERNEL_GS_BASE = 0xc0000102,
	MSR_IA32_TSC_AUX = 0xc0000103,
};

#define MCG_STATUS_MCIP BIT(2)

#define APIC_BASE_BSP	  BIT(8)
#define APIC_BASE_X2APIC  BIT(10)
#define APIC_BASE_ENABLE  BIT(11)
#define APIC_DEFAULT_BASE 0xfee00000UL

#define EFER_SCE  BIT(0)
#define EFER_LME  BIT(8)
#define EFER_LMA  BIT(10)
#define EFER_NXE  BIT(11)
#define EFER_SVME BIT(12)

#define RFLAGS_FIXED 0x2UL
#define RFLAGS_TF    BIT(8)
#define RFLAGS_IF    BIT(9)
#define RFLAGS_RF    BIT(16)

/* SDM vol. 3 section 18.2.4: L0 to G3 */
#define DR7_ENABLED 0xffUL

/* State components, SDM vol. 1 section 13.1 */
#define XCR0_X87    BIT(0)
#define XCR0_SSE    BIT(1)
#define XCR0_AVX    BIT(2)
#define XCR0_AVX512 (7UL << 5)

/* Value of IA32_PAT after reset, SDM vol. 3 section 12.12.4 */
#define PAT_RESET 0x0007040600070406UL

/* Exception vectors, SDM vol. 3 section 6.3.1 */
enum {
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_OF = 4,
	VEC_UD = 6,
	VEC_DF = 8,
	VEC_NP = 11,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_AC = 17,
	VEC_MC = 18,
};

#define CPUID_1_ECX_DEADLINE BIT(24)

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr"
		     :
		     : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32))
		     : "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (u64)hi << 32 | lo;
}

/* Behind all that was read before, and before all that comes. */
static inline u64 rdtsc_ordered(void)
{
	u64 now;

	asm volatile("lfence" : : : "memory");
	now = rdtsc();
	asm volatile("lfence" : : : "memory");
	return now;
}

static inline void cpuid(u32 leaf, u32 sub, u32 *a, u32 *b, u32 *c, u32 *d)
{
	asm volatile("cpuid"
		     : "=a"(*a), "=b"(*b), "=c"(*c), "=d"(*d)
		     : "a"(leaf), "c"(sub));
}

static inline void xsetbv(u64 v)
{
	asm volatile("xsetbv" : : "c"(0), "a"((u32)v), "d"((u32)(v >> 32)));
}

#define READ_CR(n)                                                     \
	static inline u64 read_cr##n(void)                             \
	{                                                              \
		u64 v;                                                 \
		asm volatile("mov %%cr" #n ", %0" : "=r"(v));          \
		return v;                                              \
	}                                                              \
	static inline void write_cr##n(u64 v)                          \
	{                                                              \
		asm volatile("mov %0, %%cr" #n : : "r"(v) : "memory"); \
	}
READ_CR(0)
READ_CR(2)
READ_CR(3)
READ_CR(4)
#undef READ_CR

static inline void cpu_pause(void)
{
	asm volatile("pause" : : : "memory");
}

static inline void invlpg(u64 va)
{
	asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

#endif
