// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which MSRs a guest has, and the bitmaps made of that.
 *
 * docs/decisions.md: MTRRs exist with no ranges.
 */
#include "exits/msr.h"
#include "core/lib.h"
#include "core/x86.h"

#define X2APIC(n) (0x800 + (n))

static const struct msr_range ranges[] = {
	/*
	 * The core's own timer and local APIC: design, direct x2APIC.  Looked
	 * up in this order: first those that exit at every timer tick.
	 */
	{ X2APIC(0x0b), X2APIC(0x0b), MSR_GP, MSR_DIRECT, MSR_H_X2APIC, 0, 0,
	  "EOI" },
	{ MSR_IA32_TSC_DEADLINE, MSR_IA32_TSC_DEADLINE, MSR_DIRECT, MSR_DIRECT,
	  MSR_H_DEADLINE, FEATURE_DEADLINE, 0, "the TSC offset is 0" },
	{ MSR_IA32_TSC, MSR_IA32_TSC, MSR_DIRECT, MSR_TRAP, MSR_H_TSC, 0, 0,
	  "a write would move the host's time" },
	{ X2APIC(0x02), X2APIC(0x03), MSR_TRAP, MSR_GP, MSR_H_X2APIC, 0, 0,
	  "virtual id and version" },
	{ X2APIC(0x08), X2APIC(0x08), MSR_DIRECT, MSR_DIRECT, MSR_H_X2APIC, 0,
	  0, "TPR" },
	{ X2APIC(0x0a), X2APIC(0x0a), MSR_DIRECT, MSR_GP, MSR_H_X2APIC, 0, 0,
	  "PPR" },
	{ X2APIC(0x0d), X2APIC(0x0d), MSR_TRAP, MSR_GP, MSR_H_X2APIC, 0, 0,
	  "LDR, from the virtual id" },
	{ X2APIC(0x0f), X2APIC(0x0f), MSR_TRAP, MSR_TRAP, MSR_H_X2APIC, 0, 0,
	  "SVR: the enable bit is virtual" },
	{ X2APIC(0x10), X2APIC(0x1f), MSR_DIRECT, MSR_GP, MSR_H_X2APIC, 0, 0,
	  "ISR, TMR" },
	{ X2APIC(0x20), X2APIC(0x27), MSR_DIRECT, MSR_GP, MSR_H_X2APIC, 0, 0,
	  "IRR" },
	{ X2APIC(0x28), X2APIC(0x28), MSR_TRAP, MSR_TRAP, MSR_H_X2APIC, 0, 0,
	  "ESR, virtual" },
	{ X2APIC(0x30), X2APIC(0x30), MSR_TRAP, MSR_TRAP, MSR_H_X2APIC, 0, 0,
	  "ICR, filtered" },
	{ X2APIC(0x32), X2APIC(0x37), MSR_TRAP, MSR_TRAP, MSR_H_X2APIC, 0, 0,
	  "LVT: only the timer's reaches hardware" },
	{ X2APIC(0x38), X2APIC(0x38), MSR_DIRECT, MSR_DIRECT, MSR_H_X2APIC, 0,
	  0, "timer's initial count" },
	{ X2APIC(0x39), X2APIC(0x39), MSR_DIRECT, MSR_GP, MSR_H_X2APIC, 0, 0,
	  "timer's current count" },
	{ X2APIC(0x3e), X2APIC(0x3e), MSR_DIRECT, MSR_DIRECT, MSR_H_X2APIC, 0,
	  0, "timer's divider" },
	{ X2APIC(0x3f), X2APIC(0x3f), MSR_GP, MSR_DIRECT, MSR_H_X2APIC, 0, 0,
	  "self-IPI: reaches this core only" },

	/* The processor keeps these for the guest; Ashlar does not use them. */
	{ MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_EIP, MSR_DIRECT, MSR_DIRECT,
	  MSR_H_NONE, 0, 0, "guest state in the VMCS" },
	{ MSR_IA32_PAT, MSR_IA32_PAT, MSR_DIRECT, MSR_DIRECT, MSR_H_NONE, 0, 0,
	  "guest state in the VMCS" },
	{ MSR_IA32_EFER, MSR_IA32_EFER, MSR_DIRECT, MSR_DIRECT, MSR_H_NONE,
	  FEATURE_VMX, 0, "guest state in the VMCS" },
	{ MSR_IA32_EFER, MSR_IA32_EFER, MSR_TRAP, MSR_TRAP, MSR_H_NONE,
	  FEATURE_SVM, 0, "SVME is virtual: svm/exit.c" },
	{ MSR_IA32_STAR, MSR_IA32_FMASK, MSR_DIRECT, MSR_DIRECT, MSR_H_NONE, 0,
	  0, "SYSCALL, which the host does not use" },
	{ MSR_IA32_FS_BASE, MSR_IA32_KERNEL_GS_BASE, MSR_DIRECT, MSR_DIRECT,
	  MSR_H_NONE, 0, 0, "written on every context switch" },
	{ MSR_IA32_TSC_AUX, MSR_IA32_TSC_AUX, MSR_DIRECT, MSR_DIRECT,
	  MSR_H_NONE, FEATURE_RDTSCP, 0, "RDTSCP, which the host does not" },

	/* Kept, not obeyed. */
	{ MSR_IA32_APIC_BASE, MSR_IA32_APIC_BASE, MSR_TRAP, MSR_TRAP,
	  MSR_H_APIC_BASE, 0, 0, "xAPIC or x2APIC mode, virtual" },
	{ MSR_IA32_TSC_ADJUST, MSR_IA32_TSC_ADJUST, MSR_TRAP, MSR_TRAP,
	  MSR_H_TSC_ADJUST, 0, 0, "a write would move the host's time" },
	{ MSR_IA32_MTRRCAP, MSR_IA32_MTRRCAP, MSR_TRAP, MSR_GP, MSR_H_FIXED, 0,
	  0, "no fixed and no variable ranges" },
	{ MSR_IA32_MTRR_DEF_TYPE, MSR_IA32_MTRR_DEF_TYPE, MSR_TRAP, MSR_TRAP,
	  MSR_H_MTRR_DEF, 0, 0, "memory types come from EPT and PAT" },
	{ MSR_IA32_MISC_ENABLE, MSR_IA32_MISC_ENABLE, MSR_TRAP, MSR_TRAP,
	  MSR_H_MISC_ENABLE, 0, 0, "read-only to a guest" },
	{ MSR_IA32_DEBUGCTL, MSR_IA32_DEBUGCTL, MSR_TRAP, MSR_TRAP,
	  MSR_H_DEBUGCTL, 0, 0, "BTF only" },
	{ MSR_IA32_FEATURE_CONTROL, MSR_IA32_FEATURE_CONTROL, MSR_TRAP, MSR_GP,
	  MSR_H_FIXED, 0, 1, "locked, nothing on" },
	{ MSR_IA32_MCG_CAP, MSR_IA32_MCG_CAP, MSR_TRAP, MSR_GP, MSR_H_FIXED, 0,
	  0, "no machine-check banks" },
	{ MSR_IA32_MCG_STATUS, MSR_IA32_MCG_STATUS, MSR_ZERO, MSR_ZERO,
	  MSR_H_NONE, 0, 0, "no machine check in progress" },
	{ MSR_IA32_PLATFORM_ID, MSR_IA32_PLATFORM_ID, MSR_ZERO, MSR_GP,
	  MSR_H_NONE, 0, 0, "read by microcode drivers" },
	{ MSR_IA32_BIOS_SIGN_ID, MSR_IA32_BIOS_SIGN_ID, MSR_TRAP, MSR_ZERO,
	  MSR_H_FIXED, 0, 0xffffffff00000000UL, "no microcode to load" },

	/* AMD: what guests read without asking CPUID. */
	{ 0xc0010000, 0xc0010007, MSR_ZERO, MSR_ZERO, MSR_H_NONE, FEATURE_SVM,
	  0, "the legacy performance counters: they count nothing" },
	{ 0xc0010010, 0xc0010010, MSR_ZERO, MSR_GP, MSR_H_NONE, FEATURE_SVM, 0,
	  "SYSCFG: no memory encryption" },
	{ 0xc0010015, 0xc0010015, MSR_ZERO, MSR_ZERO, MSR_H_NONE, FEATURE_SVM,
	  0, "HWCR" },
	{ 0xc001001f, 0xc001001f, MSR_ZERO, MSR_ZERO, MSR_H_NONE, FEATURE_SVM,
	  0, "NB_CFG" },

	/* KVM's clock: one page per vCPU, written once. */
	{ 0x4b564d00, 0x4b564d00, MSR_ZERO, MSR_TRAP, MSR_H_KVM_WALL,
	  FEATURE_KVM_CLOCK, 0, "KVM_WALL_CLOCK_NEW" },
	{ 0x4b564d01, 0x4b564d01, MSR_TRAP, MSR_TRAP, MSR_H_KVM_CLOCK,
	  FEATURE_KVM_CLOCK, 0, "KVM_SYSTEM_TIME_NEW" },
};

const struct msr_range *msr_lookup(u32 msr, u32 features)
{
	const struct msr_range *r;

	for (r = ranges; r < ranges + ARRAY_SIZE(ranges); r++)
		if (msr >= r->first && msr <= r->last &&
		    !(r->needs & ~features))
			return r;
	return NULL;
}

/* Index among the MSRs that both maps can name; -1 for none of them. */
static s32 map_index(u32 msr)
{
	if (msr < 0x2000)
		return (s32)msr;
	if (msr - 0xc0000000 < 0x2000)
		return (s32)(0x2000 + msr - 0xc0000000);
	return -1;
}

static void clear_bit(u8 *map, u32 bit)
{
	map[bit / 8] &= (u8) ~(1U << bit % 8);
}

/* One bit each: all reads, then all writes. */
static void clear_bitmap(u8 *map, u32 index, bool write)
{
	clear_bit(map, index + (write ? 0x4000 : 0));
}

/* Two bits each, for read and write. */
static void clear_msrpm(u8 *map, u32 index, bool write)
{
	clear_bit(map, 2 * index + write);
}

/*
 * While shadowed the core's own local APIC has all that is in service.  IRR may
 * have vectors of the host's as well, which are not for the guest to see.
 */
static bool direct_in_eli(const struct msr_range *r)
{
	switch (r->first) {
	case X2APIC(0x08): /* TPR */
	case X2APIC(0x0a): /* PPR */
	case X2APIC(0x0b): /* EOI */
	case X2APIC(0x10): /* ISR, TMR */
		return true;
	default:
		return false;
	}
}

/* An MSR of the local APIC, which is the core's own in mode `did`. */
static bool exits_in(const struct msr_range *r, enum msr_set set)
{
	switch (set) {
	case MSR_SET_DIRECT:
		return false;
	case MSR_SET_DIRECT_EOI:
		return r->first == X2APIC(0x0b);
	case MSR_SET_TIMER:
		return r->handler == MSR_H_X2APIC;
	case MSR_SET_ELI:
		return !direct_in_eli(r);
	default:
		return true;
	}
}

enum msr_policy msr_policy(const struct msr_range *r, bool write,
			   enum msr_set set)
{
	enum msr_policy policy = write ? r->write : r->read;
	bool of_apic = r->handler == MSR_H_X2APIC ||
		       r->handler == MSR_H_DEADLINE;

	if (policy != MSR_DIRECT || !of_apic)
		return policy;
	return exits_in(r, set) ? MSR_TRAP : MSR_DIRECT;
}

static void fill(u8 *map, size_t size, u32 features, enum msr_set set,
		 void (*clear)(u8 *map, u32 index, bool write))
{
	const struct msr_range *r;
	s32 index;
	u32 msr;

	memset(map, 0xff, size);
	for (r = ranges; r < ranges + ARRAY_SIZE(ranges); r++) {
		if (r->needs & ~features)
			continue;
		for (msr = r->first; msr <= r->last; msr++) {
			index = map_index(msr);
			if (index < 0)
				continue;
			if (msr_policy(r, false, set) == MSR_DIRECT)
				clear(map, (u32)index, false);
			if (msr_policy(r, true, set) == MSR_DIRECT)
				clear(map, (u32)index, true);
		}
	}
}

void msr_policy_bitmap(u8 *bitmap, u32 features, enum msr_set set)
{
	fill(bitmap, PAGE_SIZE, features, set, clear_bitmap);
}

void msr_policy_msrpm(u8 *map, u32 features, enum msr_set set)
{
	fill(map, 2 * PAGE_SIZE, features, set, clear_msrpm);
}
