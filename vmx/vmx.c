// SPDX-License-Identifier: BSD-2-Clause
/* What the processor must offer, and VMX root operation. */
#include "core/cpu.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "exits/msr.h"
#include "vmx/internal.h"
#include "vmx/vmcs.h"

/* SDM vol. 3 appendix A */
enum {
	MSR_IA32_VMX_BASIC = 0x480,
	MSR_IA32_VMX_MISC = 0x485,
	MSR_IA32_VMX_CR0_FIXED0 = 0x486,
	MSR_IA32_VMX_CR4_FIXED0 = 0x488,
	MSR_IA32_VMX_CR4_FIXED1 = 0x489,
	MSR_IA32_VMX_PROCBASED_CTLS2 = 0x48b,
	MSR_IA32_VMX_EPT_VPID_CAP = 0x48c,
	MSR_IA32_VMX_TRUE_PINBASED_CTLS = 0x48d,
	MSR_IA32_VMX_TRUE_PROCBASED_CTLS = 0x48e,
	MSR_IA32_VMX_TRUE_EXIT_CTLS = 0x48f,
	MSR_IA32_VMX_TRUE_ENTRY_CTLS = 0x490,
};

#define VMX_BASIC_TRUE_CTLS    BIT(55)
#define VMX_MISC_STORE_LMA     BIT(5)
#define EPT_CAP_WALK_4	       BIT(6)
#define EPT_CAP_WB	       BIT(14)
#define EPT_CAP_2M	       BIT(16)
#define EPT_CAP_1G	       BIT(17)
#define EPT_CAP_INVEPT	       BIT(20)
#define EPT_CAP_INVEPT_SINGLE  BIT(25)
#define EPT_CAP_INVEPT_ALL     BIT(26)
#define VMX_MISC_TIMER_RATE(v) ((v)&31)
#define EPT_CAP_INVVPID	       BIT(32)
#define EPT_CAP_INVVPID_SINGLE BIT(41)
#define FEATURE_CONTROL_LOCK   BIT(0)
#define FEATURE_CONTROL_VMXON  BIT(2)

struct vmx_controls vmx_controls;

static struct slat_format ept_format = {
	.table = EPT_READ | EPT_WRITE | EPT_EXECUTE,
	.ram = EPT_READ | EPT_WRITE | EPT_EXECUTE | EPT_MEMTYPE_WB,
	/* Both sides by one memory type, whatever the guest takes it for */
	.shared = EPT_READ | EPT_WRITE | EPT_MEMTYPE_WB | EPT_IGNORE_PAT,
	.device = EPT_READ | EPT_WRITE | EPT_MEMTYPE_UC,
	.root = EPTP_WB | EPTP_LEVELS_4,
	.large_1g = true, /* until one core lacks it */
};

/* A control, the MSR that allows it, and how the SDM calls it. */
struct requirement {
	u32 msr;
	u32 bit;
	const char *name;
};

static const struct requirement requirements[] = {
	{ MSR_IA32_VMX_TRUE_PINBASED_CTLS, PIN_EXTERNAL_INTERRUPT,
	  "external-interrupt exiting" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_INTERRUPT_WINDOW,
	  "interrupt-window exiting" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_HLT, "HLT exiting" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_CR8_LOAD | CPU_CR8_STORE,
	  "CR8 exiting" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, CPU2_DESCRIPTOR,
	  "descriptor-table exiting" },
	{ MSR_IA32_VMX_TRUE_PINBASED_CTLS, PIN_NMI, "NMI exiting" },
	{ MSR_IA32_VMX_TRUE_PINBASED_CTLS, PIN_VIRTUAL_NMI, "virtual NMIs" },
	{ MSR_IA32_VMX_TRUE_PINBASED_CTLS, PIN_PREEMPTION_TIMER,
	  "VMX-preemption timer" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_MWAIT, "MWAIT exiting" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_MONITOR, "MONITOR exiting" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_RDPMC, "RDPMC exiting" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_IO,
	  "unconditional I/O exiting" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_MSR_BITMAP, "MSR bitmaps" },
	{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_SECONDARY,
	  "secondary controls" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, CPU2_EPT, "EPT" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, CPU2_VPID, "VPID" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, CPU2_UNRESTRICTED,
	  "unrestricted guest" },
	{ MSR_IA32_VMX_PROCBASED_CTLS2, CPU2_WBINVD, "WBINVD exiting" },
	{ MSR_IA32_VMX_TRUE_EXIT_CTLS, EXIT_SAVE_DEBUG, "save debug controls" },
	{ MSR_IA32_VMX_TRUE_EXIT_CTLS, EXIT_HOST_64,
	  "host address-space size" },
	{ MSR_IA32_VMX_TRUE_EXIT_CTLS, EXIT_SAVE_PAT, "save IA32_PAT" },
	{ MSR_IA32_VMX_TRUE_EXIT_CTLS, EXIT_LOAD_PAT, "load IA32_PAT on exit" },
	{ MSR_IA32_VMX_TRUE_EXIT_CTLS, EXIT_SAVE_EFER, "save IA32_EFER" },
	{ MSR_IA32_VMX_TRUE_EXIT_CTLS, EXIT_LOAD_EFER,
	  "load IA32_EFER on exit" },
	{ MSR_IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_LOAD_DEBUG,
	  "load debug controls" },
	{ MSR_IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_GUEST_64, "IA-32e mode guest" },
	{ MSR_IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_LOAD_PAT,
	  "load IA32_PAT on entry" },
	{ MSR_IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_LOAD_EFER,
	  "load IA32_EFER on entry" },
};

/* Shown to the guest where the CPU has them. */
#define CPU2_OPTIONAL (CPU2_RDTSCP | CPU2_INVPCID | CPU2_ENCLS)

/* Must stay clear, or the guest would exit on its normal path. */
#define CPU_UNWANTED (CPU_CR3_LOAD | CPU_CR3_STORE | CPU_INVLPG)

/* As data, for tests that take a bit out of the image. */
const u32 vmx_cpu_emulated = CPU_HLT | CPU_CR8_LOAD | CPU_CR8_STORE;

static int check_feature_control(char *error, size_t size)
{
	const u64 need = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON;
	u64 v = rdmsr(MSR_IA32_FEATURE_CONTROL);

	if (!(v & FEATURE_CONTROL_LOCK)) {
		wrmsr(MSR_IA32_FEATURE_CONTROL, v | need);
		v = rdmsr(MSR_IA32_FEATURE_CONTROL);
	}
	if ((v & need) == need)
		return 0;
	fmt_snprintf(error, size,
		     "VMX: switched off by the firmware "
		     "(IA32_FEATURE_CONTROL = %lx); enable VT-x in its setup",
		     v);
	return -ENODEV;
}

static int check_ept(char *error, size_t size)
{
	static const struct {
		u64 bit;
		const char *name;
	} caps[] = {
		{ EPT_CAP_WALK_4, "EPT with 4 levels" },
		{ EPT_CAP_WB, "write-back EPT tables" },
		{ EPT_CAP_2M, "2 MiB EPT pages" },
		{ EPT_CAP_INVEPT | EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL,
		  "INVEPT" },
		{ EPT_CAP_INVVPID | EPT_CAP_INVVPID_SINGLE, "INVVPID" },
	};
	u64 v = rdmsr(MSR_IA32_VMX_EPT_VPID_CAP);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(caps); i++)
		if ((v & caps[i].bit) != caps[i].bit)
			return guest_cpu_lacks(error, size, caps[i].name);
	if (!(v & EPT_CAP_1G))
		ept_format.large_1g = false;
	return 0;
}

static int check_controls(char *error, size_t size)
{
	const struct requirement *r = requirements;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(requirements); i++, r++)
		if (~(rdmsr(r->msr) >> 32) & r->bit)
			return guest_cpu_lacks(error, size, r->name);
	if (rdmsr(MSR_IA32_VMX_TRUE_PROCBASED_CTLS) & CPU_UNWANTED)
		return guest_cpu_lacks(error, size,
				       "free choice of CR3 exiting");
	return 0;
}

/* All required bits of one MSR plus those that must be 1. */
static u32 control_value(u32 msr, u32 optional)
{
	u64 v = rdmsr(msr);
	u32 bits = (u32)v | ((u32)(v >> 32) & optional);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(requirements); i++)
		if (requirements[i].msr == msr)
			bits |= requirements[i].bit;
	return bits;
}

static void choose_controls(struct vmx_controls *c)
{
	c->pin = control_value(MSR_IA32_VMX_TRUE_PINBASED_CTLS, 0) &
		 ~(u32)PIN_EMULATED;
	c->cpu = control_value(MSR_IA32_VMX_TRUE_PROCBASED_CTLS, 0) &
		 ~(vmx_cpu_emulated | (u32)CPU_INTERRUPT_WINDOW);
	c->cpu2 = control_value(MSR_IA32_VMX_PROCBASED_CTLS2, CPU2_OPTIONAL) &
		  ~(u32)CPU2_DESCRIPTOR;
	c->exit = control_value(MSR_IA32_VMX_TRUE_EXIT_CTLS, 0);
	c->entry = control_value(MSR_IA32_VMX_TRUE_ENTRY_CTLS, 0) &
		   ~(u32)ENTRY_GUEST_64;
	c->timer_rate = VMX_MISC_TIMER_RATE(rdmsr(MSR_IA32_VMX_MISC));
	c->cr0_fixed0 = rdmsr(MSR_IA32_VMX_CR0_FIXED0);
	c->cr4_fixed1 = rdmsr(MSR_IA32_VMX_CR4_FIXED1);
}

/*
 * All cores have the same, but for what a guest is shown if the CPU has it:
 * parts of unlike cores (hybrid ones) agree on what all of them have.
 */
static int join_controls(const struct vmx_controls *own, char *error,
			 size_t size)
{
	struct vmx_controls *c = &vmx_controls;

	if (!c->pin)
		*c = *own;
	if (own->pin != c->pin || own->cpu != c->cpu || own->exit != c->exit ||
	    own->entry != c->entry ||
	    ((own->cpu2 ^ c->cpu2) & ~(u32)CPU2_OPTIONAL) ||
	    own->timer_rate != c->timer_rate ||
	    own->cr0_fixed0 != c->cr0_fixed0)
		return guest_cpu_lacks(error, size,
				       "the VMX controls of CPU 0");
	c->cpu2 &= own->cpu2;
	c->cr4_fixed1 &= own->cr4_fixed1;
	return 0;
}

static int vmx_check(char *error, size_t size)
{
	struct vmx_controls own = { 0 };

	u32 a, b, c, d;
	int err;

	cpuid(1, 0, &a, &b, &c, &d);
	if (!(c & BIT(5)))
		return guest_cpu_lacks(error, size, "VMX (CPUID.1:ECX bit 5)");
	if (!(c & BIT(26)))
		return guest_cpu_lacks(error, size,
				       "XSAVE (CPUID.1:ECX bit 26)");
	/* Memory is zeroed and loaded write-back; a guest may map it UC. */
	if (!(d & BIT(27)))
		return guest_cpu_lacks(error, size,
				       "self-snoop (CPUID.1:EDX bit 27)");
	err = check_feature_control(error, size);
	if (err)
		return err;
	if (!(rdmsr(MSR_IA32_VMX_BASIC) & VMX_BASIC_TRUE_CTLS))
		return guest_cpu_lacks(error, size, "the TRUE control MSRs");
	if (!(rdmsr(MSR_IA32_VMX_MISC) & VMX_MISC_STORE_LMA))
		return guest_cpu_lacks(error, size,
				       "storing of EFER.LMA on exits");
	err = check_controls(error, size);
	if (!err)
		err = check_ept(error, size);
	if (err)
		return err;
	choose_controls(&own);
	return join_controls(&own, error, size);
}

static int vmx_init(void)
{
	enum msr_set set;
	void *bitmap;

	for (set = 0; set < MSR_SETS; set++) {
		bitmap = pool_alloc(1, &vmx_controls.msr_bitmap_pa[set]);
		if (!bitmap)
			return -ENOMEM;
		msr_policy_bitmap(bitmap, host_features, set);
	}
	return 0;
}

static int vmx_alloc_cpu(char *error, size_t size)
{
	u32 revision = (u32)rdmsr(MSR_IA32_VMX_BASIC) & 0x7fffffff;
	u32 *vmxon = pool_alloc(1, &this_vcpu.vmx.vmxon_pa);
	u32 *vmcs = pool_alloc(1, &this_vcpu.vmx.vmcs_pa);

	if (!vmxon || !vmcs) {
		fmt_snprintf(error, size, "no memory for its VMCS");
		return -ENOMEM;
	}
	*vmxon = revision;
	*vmcs = revision;
	return 0;
}

static void vmx_on(void)
{
	u8 failed;

	write_cr0(read_cr0() | rdmsr(MSR_IA32_VMX_CR0_FIXED0));
	write_cr4(read_cr4() | rdmsr(MSR_IA32_VMX_CR4_FIXED0));
	asm volatile("vmxon %1; setna %0"
		     : "=qm"(failed)
		     : "m"(this_vcpu.vmx.vmxon_pa)
		     : "cc", "memory");
	if (failed)
		panic("cpu %u: VMXON failed", this_cpu.id);
	this_cpu.vmx_root = 1;
}

/* Interrupts are let in for the second instruction only. */
static void vmx_accept(void)
{
	asm volatile("sti; nop; cli" : : : "memory");
}

/* NMIs are never held back in VMX root operation. */
static void vmx_leave(void)
{
}

const struct backend vmx_backend = {
	.name = "VMX",
	.tables = &ept_format,
	.check = vmx_check,
	.init = vmx_init,
	.alloc_cpu = vmx_alloc_cpu,
	.on = vmx_on,
	.leave = vmx_leave,
	.reset = vmx_reset,
	.run = vmx_run,
	.get_state = vmx_get_state,
	.put_state = vmx_put_state,
	.skip = vmx_skip,
	.inject = vmx_inject,
	.event_pending = vmx_event_pending,
	.deliver_nmi = vmx_deliver_nmi,
	.inject_interrupt = vmx_inject_interrupt,
	.interrupt_window = vmx_interrupt_window,
	.accept = vmx_accept,
	.wait = cpu_wait,
	.get_idt = vmx_get_idt,
	.set_delivery = vmx_set_delivery,
	.set_limit = vmx_reset_timer,
	.set_msrs = vmx_set_msrs,
	.flush_views = vmx_flush_views,
	.set_debugctl = vmx_set_debugctl,
	.dump = vmx_dump,
};
