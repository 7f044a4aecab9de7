// SPDX-License-Identifier: BSD-2-Clause
/* What a guest's CPUID, RDMSR, WRMSR, XSETBV and I/O instructions do. */
#include "apic/vlapic.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "exits/cpuid.h"
#include "exits/exit.h"
#include "exits/kvmclock.h"
#include "exits/msr.h"
#include "guest/memory.h"
#include "guest/ports.h"
#include "partition/partition.h"

#define MSR_X2APIC_FIRST 0x800
#define MTRR_DEF_BITS	 (0xffUL | BIT(11))
/* Branch trace and PEBS are not there. */
#define MISC_ENABLE_FAST_STRINGS BIT(0)
#define MISC_ENABLE_ABSENT	 (BIT(11) | BIT(12))

static void host_cpuid(u32 leaf, u32 sub, struct cpuid_regs *r)
{
	cpuid(leaf, sub, &r->eax, &r->ebx, &r->ecx, &r->edx);
	/* An erratum may forbid it. */
	if (leaf == 1 && !(host_features & FEATURE_DEADLINE))
		r->ecx &= ~(u32)CPUID_1_ECX_DEADLINE;
}

static struct cpuid_env cpuid_env(const struct vcpu *v)
{
	struct vcpu_state s;

	backend->get_state(&s);
	return (struct cpuid_env){
		.host = host_cpuid,
		.apic_id = v->index,
		.nr_vcpus = v->part->config->nr_cpus,
		.tsc_hz = host_clock.tsc_hz,
		/* Leaf 15h is Intel's; others have the KVM clock. */
		.crystal_hz = host_features & FEATURE_KVM_CLOCK ?
				      0 :
				      host_clock.crystal_hz,
		.apic = vlapic_enabled(&v->lapic),
		.cr4 = s.cr4,
		.xcr0 = v->xcr0,
	};
}

enum outcome guest_cpuid(struct vcpu *v, struct guest_regs *regs)
{
	struct cpuid_env env = cpuid_env(v);
	struct cpuid_regs out;

	cpuid_guest(&env, (u32)regs->gpr[GPR_RAX], (u32)regs->gpr[GPR_RCX],
		    &out);
	regs->gpr[GPR_RAX] = out.eax;
	regs->gpr[GPR_RBX] = out.ebx;
	regs->gpr[GPR_RCX] = out.ecx;
	regs->gpr[GPR_RDX] = out.edx;
	return OUTCOME_DONE;
}

/*
 * Linux copies by other instructions where fast strings are off, so what the
 * processor says passes.  AMD's have no such register.
 */
static u64 misc_enable(void)
{
	u64 fast = MISC_ENABLE_FAST_STRINGS;

	if (host_features & FEATURE_VMX)
		fast &= rdmsr(MSR_IA32_MISC_ENABLE);
	return fast | MISC_ENABLE_ABSENT;
}

static int read_handled(struct vcpu *v, const struct msr_range *r, u32 msr,
			u64 *value)
{
	switch (r->handler) {
	case MSR_H_X2APIC:
		return vlapic_msr_read(&v->lapic, msr - MSR_X2APIC_FIRST,
				       value);
	case MSR_H_DEADLINE:
		*value = vlapic_read_deadline(&v->lapic);
		return 0;
	case MSR_H_APIC_BASE:
		*value = v->lapic.base;
		return 0;
	case MSR_H_TSC_ADJUST:
		*value = v->tsc_adjust;
		return 0;
	case MSR_H_MTRR_DEF:
		*value = v->mtrr_def_type;
		return 0;
	case MSR_H_MISC_ENABLE:
		*value = misc_enable();
		return 0;
	case MSR_H_DEBUGCTL:
		*value = v->debugctl;
		return 0;
	case MSR_H_KVM_CLOCK:
		*value = v->kvm_clock;
		return 0;
	case MSR_H_FIXED:
		*value = r->value;
		return 0;
	default:
		return -EINVAL;
	}
}

static int write_mtrr_def(struct vcpu *v, u64 value)
{
	u64 type = value & 0xff;

	if (value & ~MTRR_DEF_BITS ||
	    (type != 0 && type != 1 && type != 4 && type != 5 && type != 6))
		return -EINVAL;
	v->mtrr_def_type = value;
	return 0;
}

/* Both pages are written once, here; the guest reads them from then on. */
static int write_kvm_wall(struct vcpu *v, u64 gpa)
{
	const struct kvm_wall_clock wall = {
		.version = 2,
		.sec = (u32)host_clock.wall,
	};

	return guest_write(v->ram, gpa, &wall, sizeof(wall)) ? -EINVAL : 0;
}

static int write_kvm_clock(struct vcpu *v, u64 value)
{
	struct kvm_clock_page page;

	v->kvm_clock = value;
	if (!(value & KVM_CLOCK_ENABLE))
		return 0;
	kvm_clock_page(&page, host_clock.tsc_hz);
	return guest_write(v->ram, value & ~KVM_CLOCK_ENABLE, &page,
			   sizeof(page)) ?
		       -EINVAL :
		       0;
}

static int write_handled(struct vcpu *v, const struct msr_range *r, u32 msr,
			 u64 value)
{
	switch (r->handler) {
	case MSR_H_X2APIC:
		v->cause = vlapic_cause(msr - MSR_X2APIC_FIRST);
		return vlapic_msr_write(&v->lapic, msr - MSR_X2APIC_FIRST,
					value);
	case MSR_H_DEADLINE:
		v->cause = CAUSE_MSR_TIMER;
		vlapic_write_deadline(&v->lapic, value);
		return 0;
	case MSR_H_APIC_BASE:
		v->cause = CAUSE_MSR_APIC;
		return vlapic_write_base(&v->lapic, value);
	case MSR_H_TSC_ADJUST:
		v->tsc_adjust = value;
		return 0;
	case MSR_H_MTRR_DEF:
		return write_mtrr_def(v, value);
	case MSR_H_DEBUGCTL:
		if (backend->set_debugctl(value))
			return -EINVAL;
		v->debugctl = value;
		return 0;
	case MSR_H_KVM_WALL:
		return write_kvm_wall(v, value);
	case MSR_H_KVM_CLOCK:
		return write_kvm_clock(v, value);
	case MSR_H_TSC:
	case MSR_H_MISC_ENABLE:
		return 0;
	default:
		return -EINVAL;
	}
}

enum msr_set guest_msr_set(const struct vcpu *v)
{
	if (!vcpu_owns_apic(v))
		return v->shadowed ? MSR_SET_ELI : MSR_SET_EMULATED;
	if (!vlapic_can_be_direct(&v->lapic))
		return MSR_SET_TIMER;
	return v->eois_exit ? MSR_SET_DIRECT_EOI : MSR_SET_DIRECT;
}

enum outcome guest_rdmsr(struct vcpu *v, struct guest_regs *regs)
{
	u32 msr = (u32)regs->gpr[GPR_RCX];
	const struct msr_range *r = msr_lookup(msr, host_features);
	enum msr_policy policy = r ? msr_policy(r, false, guest_msr_set(v)) :
				     MSR_GP;
	u64 value = 0;

	if (policy != MSR_TRAP && policy != MSR_ZERO)
		return OUTCOME_GP;
	if (policy == MSR_TRAP && read_handled(v, r, msr, &value))
		return OUTCOME_GP;
	regs->gpr[GPR_RAX] = (u32)value;
	regs->gpr[GPR_RDX] = value >> 32;
	return OUTCOME_DONE;
}

/* Apart, so that an IPI does not pay for the registers it needs. */
static __attribute__((noinline)) enum outcome write_listed(struct vcpu *v,
							   u32 msr, u64 value)
{
	const struct msr_range *r = msr_lookup(msr, host_features);
	enum msr_policy policy = r ? msr_policy(r, true, guest_msr_set(v)) :
				     MSR_GP;

	if (policy != MSR_TRAP && policy != MSR_ZERO)
		return OUTCOME_GP;
	if (policy == MSR_TRAP && write_handled(v, r, msr, value))
		return OUTCOME_GP;
	return OUTCOME_DONE;
}

enum outcome guest_wrmsr(struct vcpu *v, struct guest_regs *regs)
{
	u32 msr = (u32)regs->gpr[GPR_RCX];
	u64 value = (u32)regs->gpr[GPR_RAX] | regs->gpr[GPR_RDX] << 32;

	if (likely(msr == APIC_MSR(APIC_ICR))) {
		v->cause = CAUSE_MSR_ICR;
		return vlapic_write_icr(&v->lapic, value) ? OUTCOME_GP :
							    OUTCOME_DONE;
	}
	/* Wherever it exits it is this. */
	if (likely(msr == APIC_MSR(APIC_EOI))) {
		v->cause = CAUSE_MSR_EOI;
		return vlapic_write_eoi(&v->lapic, value) ? OUTCOME_GP :
							    OUTCOME_DONE;
	}
	return write_listed(v, msr, value);
}

/* SDM vol. 1 section 13.3: which components may be on together. */
static bool xcr0_valid(const struct vcpu *v, u64 value)
{
	struct cpuid_env env = cpuid_env(v);
	u64 avx512 = value & XCR0_AVX512;

	if (!(value & XCR0_X87) || (value & ~cpuid_guest_xcr0(&env)))
		return false;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return false;
	return !avx512 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX));
}

enum outcome guest_xsetbv(struct vcpu *v, struct guest_regs *regs)
{
	u64 value = (u32)regs->gpr[GPR_RAX] | regs->gpr[GPR_RDX] << 32;
	struct vcpu_state s;

	backend->get_state(&s);
	if (!(s.cr4 & CR4_OSXSAVE))
		return OUTCOME_UD;
	if (s.cpl || (u32)regs->gpr[GPR_RCX] || !xcr0_valid(v, value))
		return OUTCOME_GP;
	xsetbv(value);
	v->xcr0 = value;
	return OUTCOME_DONE;
}

/* A register of which `size` bytes are replaced, as IN does. */
static u64 merge(u64 old, u32 value, u8 size)
{
	if (size == 4)
		return value;
	if (size == 2)
		return (old & ~0xffffUL) | (value & 0xffff);
	return (old & ~0xffUL) | (value & 0xff);
}

enum outcome guest_io(struct vcpu *v, struct guest_regs *regs, u16 port,
		      u8 size, bool in)
{
	u32 value = (u32)regs->gpr[GPR_RAX];

	partition_io(v, port, size, !in, &value);
	if (in)
		regs->gpr[GPR_RAX] = merge(regs->gpr[GPR_RAX], value, size);
	return OUTCOME_DONE;
}
