// SPDX-License-Identifier: BSD-2-Clause
/* What the processor must offer, and the maps that all vCPUs share. */
#include "core/cpu.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "exits/msr.h"
#include "svm/internal.h"

enum {
	MSR_VM_CR = 0xc0010114,
	MSR_VM_HSAVE_PA = 0xc0010117,
};

#define VM_CR_SVMDIS BIT(4)

/* CPUID leaves 8000_0001h ECX and 8000_000Ah EDX */
#define ECX_SVM	  BIT(2)
#define EDX_NP	  BIT(0)
#define EDX_NRIPS BIT(3)

#define IOPM_PAGES  3
#define MSRPM_PAGES 2

/* Page-table bits of the nested tables: always user, APM2 section 15.25.5 */
#define NPT_PRESENT BIT(0)
#define NPT_WRITE   BIT(1)
#define NPT_USER    BIT(2)
/* By the host's PAT as it is at reset (APM2 7.8.1) */
#define NPT_UC (BIT(3) | BIT(4))
#define NPT_NX BIT(63)

struct svm_maps svm_maps;

static struct slat_format npt_format = {
	.table = NPT_PRESENT | NPT_WRITE | NPT_USER,
	.ram = NPT_PRESENT | NPT_WRITE | NPT_USER,
	.shared = NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_NX,
	.device = NPT_PRESENT | NPT_WRITE | NPT_USER | NPT_UC | NPT_NX,
};

static bool on_tcg(void)
{
	u32 a, sig[3];

	cpuid(0x40000000, 0, &a, &sig[0], &sig[1], &sig[2]);
	return !memcmp(sig, "TCGTCGTCGTCG", sizeof(sig));
}

static int svm_check(char *error, size_t size)
{
	u32 a, b, c, d;

	cpuid(0x80000001, 0, &a, &b, &c, &d);
	npt_format.large_1g = d & BIT(26);
	if (!(c & ECX_SVM))
		return guest_cpu_lacks(error, size,
				       "SVM (CPUID.80000001h:ECX bit 2)");
	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) {
		fmt_snprintf(error, size,
			     "SVM: switched off by the firmware "
			     "(VM_CR.SVMDIS); enable it in its setup");
		return -ENODEV;
	}
	cpuid(1, 0, &a, &b, &c, &d);
	if (!(c & BIT(26)))
		return guest_cpu_lacks(error, size,
				       "XSAVE (CPUID.1:ECX bit 26)");
	cpuid(0x8000000a, 0, &a, &b, &c, &d);
	if (!(d & EDX_NP))
		return guest_cpu_lacks(error, size, "nested paging");
	svm_maps.next_rip = d & EDX_NRIPS;
	svm_maps.tcg = on_tcg();
	return 0;
}

static int svm_init(void)
{
	void *iopm = pool_alloc(IOPM_PAGES, &svm_maps.iopm_pa);
	enum msr_set set;
	void *msrpm;

	if (!iopm)
		return -ENOMEM;
	memset(iopm, 0xff, IOPM_PAGES * PAGE_SIZE);
	for (set = 0; set < MSR_SETS; set++) {
		msrpm = pool_alloc(MSRPM_PAGES, &svm_maps.msrpm_pa[set]);
		if (!msrpm)
			return -ENOMEM;
		msr_policy_msrpm(msrpm, host_features, set);
	}
	return 0;
}

static int svm_alloc_cpu(char *error, size_t size)
{
	if (pool_alloc(1, &this_vcpu.svm.hsave_pa) &&
	    pool_alloc(1, &this_cpu.host_vmcb_pa) &&
	    paging_add_private(CPU_VMCB, &this_cpu.vmcb_pa))
		return 0;
	fmt_snprintf(error, size, "no memory for its VMCB");
	return -ENOMEM;
}

static void svm_on(void)
{
	wrmsr(MSR_IA32_EFER, rdmsr(MSR_IA32_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, this_vcpu.svm.hsave_pa);
	asm volatile("vmsave %0" : : "a"(this_cpu.host_vmcb_pa) : "memory");
}

static void svm_leave(void)
{
	asm volatile("stgi" : : : "memory");
}

static void __noreturn svm_run(struct vcpu *v)
{
	(void)v;
	svm_enter();
}

/*
 * There is no timer that ends a guest's run.  What a guest can keep waiting is
 * its own timer alone; whoever else wants the core sends an NMI.
 */
static void svm_set_limit(const struct vcpu *v)
{
	(void)v;
}

/* Without virtualised LBRs the MSR is not switched, so nothing is offered. */
static int svm_set_debugctl(u64 value)
{
	return value ? -EINVAL : 0;
}

const struct backend svm_backend = {
	.name = "SVM",
	.tables = &npt_format,
	.check = svm_check,
	.init = svm_init,
	.alloc_cpu = svm_alloc_cpu,
	.on = svm_on,
	.leave = svm_leave,
	.reset = svm_reset,
	.run = svm_run,
	.get_state = svm_get_state,
	.put_state = svm_put_state,
	.skip = svm_skip,
	.inject = svm_inject,
	.event_pending = svm_event_pending,
	.deliver_nmi = svm_deliver_nmi,
	.inject_interrupt = svm_inject_interrupt,
	.interrupt_window = svm_interrupt_window,
	.accept = svm_accept,
	.wait = svm_wait,
	.get_idt = svm_get_idt,
	.set_delivery = svm_set_delivery,
	.set_limit = svm_set_limit,
	.set_msrs = svm_set_msrs,
	.flush_views = svm_flush_views,
	.set_debugctl = svm_set_debugctl,
	.dump = svm_dump,
};
