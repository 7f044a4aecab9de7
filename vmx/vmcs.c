// SPDX-License-Identifier: BSD-2-Clause
/* The VMCS of this core's vCPU: reset state, and access for the guest layer. */
#include "vmx/vmcs.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "guest/loader.h"
#include "partition/partition.h"
#include "vmx/internal.h"
#include "vmx/timer.h"

#define EXCEPTIONS (BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC))

/* CR4 bits a guest may have where the CPU has them. */
#define CR4_ALLOWED                                                          \
	(BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) |      \
	 BIT(7) | BIT(8) | BIT(9) | BIT(10) | CR4_UMIP | BIT(16) | BIT(17) | \
	 CR4_OSXSAVE | BIT(20) | BIT(21))

static void vmptrld(void)
{
	u8 failed;

	asm volatile("vmclear %1; setna %0"
		     : "=qm"(failed)
		     : "m"(this_vcpu.vmx.vmcs_pa)
		     : "cc", "memory");
	if (!failed)
		asm volatile("vmptrld %1; setna %0"
			     : "=qm"(failed)
			     : "m"(this_vcpu.vmx.vmcs_pa)
			     : "cc", "memory");
	if (failed)
		panic("cpu %u: VMPTRLD failed", this_cpu.id);
}

/* Type 1 (single context) with the descriptor that the SDM asks for. */
static void flush_guest_tlb(u64 eptp, u16 vpid)
{
	struct {
		u64 lo, hi;
	} ept = { eptp, 0 }, vp = { vpid, 0 };

	asm volatile("invept %0, %1" : : "m"(ept), "r"(1UL) : "cc", "memory");
	asm volatile("invvpid %0, %1" : : "m"(vp), "r"(1UL) : "cc", "memory");
}

void vmx_flush_vpid(void)
{
	flush_guest_tlb(this_vcpu.part->second_level, (u16)(this_cpu.id + 1));
}

u64 vmx_cr4_allowed(void)
{
	return CR4_ALLOWED & vmx_controls.cr4_fixed1;
}

static bool delivers_itself(const struct vcpu *v)
{
	return vcpu_owns_apic(v) || v->shadowed;
}

static u32 emulated_controls(const struct vcpu *v)
{
	return delivers_itself(v) ? 0 : vmx_cpu_emulated;
}

static u32 emulated_pin(const struct vcpu *v)
{
	return delivers_itself(v) ? 0 : PIN_EMULATED;
}

void vmx_reset_timer(const struct vcpu *v)
{
	vmwrite(PREEMPTION_TIMER_VALUE,
		preemption_timer_value(v->shadowed ? v->limit : 0,
				       vmx_controls.timer_rate));
}

void vmx_set_msrs(const struct vcpu *v)
{
	vmwrite(MSR_BITMAP_ADDRESS,
		vmx_controls.msr_bitmap_pa[guest_msr_set(v)]);
}

static void write_controls(const struct vcpu *v)
{
	const struct vmx_controls *c = &vmx_controls;

	vmwrite(VIRTUAL_PROCESSOR_ID, this_cpu.id + 1);
	vmx_set_msrs(v);
	vmwrite(EPT_POINTER, v->part->second_level);
	vmwrite(PIN_BASED_CONTROLS, c->pin | emulated_pin(v));
	vmwrite(PRIMARY_CONTROLS, c->cpu | emulated_controls(v));
	vmwrite(SECONDARY_CONTROLS, c->cpu2);
	if (c->cpu2 & CPU2_ENCLS)
		vmwrite(ENCLS_EXITING_BITMAP, ~0UL);
	vmwrite(EXIT_CONTROLS, c->exit);
	vmwrite(ENTRY_CONTROLS, c->entry);
	vmwrite(EXCEPTION_BITMAP, EXCEPTIONS);
	vmwrite(PAGE_FAULT_ERROR_MASK, 0);
	vmwrite(PAGE_FAULT_ERROR_MATCH, 0);
	vmwrite(CR3_TARGET_COUNT, 0);
	vmwrite(EXIT_MSR_STORE_COUNT, 0);
	vmwrite(EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(ENTRY_INTR_INFO, 0);
	vmwrite(CR0_GUEST_HOST_MASK, CR0_OWNED);
	vmwrite(CR4_GUEST_HOST_MASK, ~vmx_cr4_allowed() | CR4_MCE);
	vmwrite(VMCS_LINK_POINTER, ~0UL);
	vmwrite(PREEMPTION_TIMER_VALUE, PREEMPTION_TIMER_MAX);
}

static u64 sidt_base(void)
{
	struct __packed {
		u16 limit;
		u64 base;
	} dtr;

	asm volatile("sidt %0" : "=m"(dtr));
	return dtr.base;
}

static void write_host_state(void)
{
	vmwrite(HOST_ES_SELECTOR, 0);
	vmwrite(HOST_CS_SELECTOR, SEL_CODE);
	vmwrite(HOST_SS_SELECTOR, SEL_DATA);
	vmwrite(HOST_DS_SELECTOR, 0);
	vmwrite(HOST_FS_SELECTOR, 0);
	vmwrite(HOST_GS_SELECTOR, 0);
	vmwrite(HOST_TR_SELECTOR, SEL_TSS);
	vmwrite(HOST_IA32_PAT, PAT_RESET);
	vmwrite(HOST_IA32_EFER, EFER_LME | EFER_LMA | EFER_NXE);
	vmwrite(HOST_SYSENTER_CS, 0);
	vmwrite(HOST_SYSENTER_ESP, 0);
	vmwrite(HOST_SYSENTER_EIP, 0);
	vmwrite(HOST_CR0, read_cr0());
	vmwrite(HOST_CR3, read_cr3());
	vmwrite(HOST_CR4, read_cr4());
	vmwrite(HOST_FS_BASE, 0);
	vmwrite(HOST_GS_BASE, 0);
	vmwrite(HOST_TR_BASE, (u64)&this_cpu.tss);
	vmwrite(HOST_GDTR_BASE, (u64)this_cpu.gdt);
	vmwrite(HOST_IDTR_BASE, sidt_base());
	vmwrite(HOST_RSP, CPU_STACK_TOP);
	vmwrite(HOST_RIP, (u64)vmx_exit_entry);
}

/* Segment n of ES CS SS DS FS GS: their fields follow one another. */
static void write_segment(u32 n, u64 selector, u64 base, u64 limit, u64 access)
{
	vmwrite(GUEST_ES_SELECTOR + 2 * n, selector);
	vmwrite(GUEST_ES_BASE + 2 * n, base);
	vmwrite(GUEST_ES_LIMIT + 2 * n, limit);
	vmwrite(GUEST_ES_ACCESS + 2 * n, access);
}

static void write_segments(const struct vcpu_start *start)
{
	static const u32 code[] = {
		[VCPU_REAL] = ACCESS_CODE_REAL,
		[VCPU_FLAT32] = ACCESS_CODE_32,
		[VCPU_LONG] = ACCESS_CODE_64,
	};
	bool real = start->mode == VCPU_REAL;
	u64 limit = real ? 0xffff : 0xffffffff;
	u32 n;

	for (n = SEGMENT_ES; n <= SEGMENT_GS; n++)
		write_segment(n, real ? 0 : LOADER_DS, 0, limit,
			      real ? ACCESS_DATA_REAL : ACCESS_DATA_FLAT);
	write_segment(SEGMENT_CS,
		      real ? (u64)start->sipi_vector << 8 : LOADER_CS,
		      real ? (u64)start->sipi_vector << 12 : 0, limit,
		      code[start->mode]);
	vmwrite(GUEST_LDTR_SELECTOR, 0);
	vmwrite(GUEST_LDTR_BASE, 0);
	vmwrite(GUEST_LDTR_LIMIT, 0xffff);
	vmwrite(GUEST_LDTR_ACCESS, ACCESS_LDT);
	vmwrite(GUEST_TR_SELECTOR, 0);
	vmwrite(GUEST_TR_BASE, 0);
	vmwrite(GUEST_TR_LIMIT, 0xffff);
	vmwrite(GUEST_TR_ACCESS, ACCESS_TSS_BUSY);
	vmwrite(GUEST_GDTR_BASE, start->gdt_base);
	vmwrite(GUEST_GDTR_LIMIT, real ? 0xffff : start->gdt_limit);
	vmwrite(GUEST_IDTR_BASE, 0);
	vmwrite(GUEST_IDTR_LIMIT, real ? 0xffff : 0);
}

/*
 * SDM vol. 3 table 10-1, and what a boot protocol has changed since.  INIT
 * leaves CD and NW alone, which firmware has cleared.
 */
static void write_control_registers(const struct vcpu_start *start)
{
	u64 cr0 = CR0_ET;
	u64 cr4 = 0, efer = 0;

	if (start->mode != VCPU_REAL)
		cr0 = CR0_PE | CR0_ET;
	if (start->mode == VCPU_LONG) {
		cr0 |= CR0_PG;
		cr4 = CR4_PAE;
		efer = EFER_LME | EFER_LMA;
		vmwrite(ENTRY_CONTROLS, vmx_controls.entry | ENTRY_GUEST_64);
	}
	vmwrite(CR0_READ_SHADOW, cr0);
	vmwrite(GUEST_CR0, cr0 | CR0_NE);
	vmwrite(CR4_READ_SHADOW, cr4);
	vmwrite(GUEST_CR4, cr4 | CR4_VMXE | CR4_MCE);
	vmwrite(GUEST_CR3, start->cr3);
	vmwrite(GUEST_IA32_EFER, efer);
	vmwrite(GUEST_IA32_PAT, PAT_RESET);
	vmwrite(GUEST_IA32_DEBUGCTL, 0);
	vmwrite(GUEST_DR7, 0x400);
	vmwrite(GUEST_SYSENTER_CS, 0);
	vmwrite(GUEST_SYSENTER_ESP, 0);
	vmwrite(GUEST_SYSENTER_EIP, 0);
}

void vmx_reset(struct vcpu *v, const struct vcpu_start *start)
{
	vmptrld();
	write_controls(v);
	write_host_state();
	write_segments(start);
	write_control_registers(start);
	vmwrite(GUEST_RSP, 0);
	vmwrite(GUEST_RIP, start->rip);
	vmwrite(GUEST_RFLAGS, RFLAGS_FIXED);
	vmwrite(GUEST_PENDING_DEBUG, 0);
	vmwrite(GUEST_INTERRUPTIBILITY, 0);
	vmwrite(GUEST_ACTIVITY_STATE, 0);
	vmx_flush_vpid();
	this_cpu.regs = start->regs;
	v->window = false;
	v->vmx.launched = false;
}

void vmx_run(struct vcpu *v)
{
	vmx_enter(v->vmx.launched);
}

u32 vmx_code_bits(void)
{
	u64 access = vmread(GUEST_CS_ACCESS);

	if ((vmread(GUEST_IA32_EFER) & EFER_LMA) && (access & ACCESS_L))
		return 64;
	return access & ACCESS_D ? 32 : 16;
}

static u64 visible(enum vmcs_field reg, enum vmcs_field mask_field,
		   enum vmcs_field shadow)
{
	u64 mask = vmread(mask_field);

	return (vmread(reg) & ~mask) | (vmread(shadow) & mask);
}

u64 vmx_guest_cr0(void)
{
	return visible(GUEST_CR0, CR0_GUEST_HOST_MASK, CR0_READ_SHADOW);
}

u64 vmx_guest_cr4(void)
{
	return visible(GUEST_CR4, CR4_GUEST_HOST_MASK, CR4_READ_SHADOW);
}

void vmx_get_state(struct vcpu_state *s)
{
	u32 n;

	s->rip = vmread(GUEST_RIP);
	s->rsp = vmread(GUEST_RSP);
	s->rflags = vmread(GUEST_RFLAGS);
	s->dr7 = vmread(GUEST_DR7);
	s->cr0 = vmx_guest_cr0();
	s->cr3 = vmread(GUEST_CR3);
	s->cr4 = vmx_guest_cr4();
	s->efer = vmread(GUEST_IA32_EFER);
	s->cpl = ACCESS_DPL(vmread(GUEST_SS_ACCESS));
	s->code_bits = (u8)vmx_code_bits();
	for (n = SEGMENT_ES; n < SEGMENT_COUNT; n++)
		s->segment_base[n] = vmread(GUEST_ES_BASE + 2 * n);
	/* In 64-bit mode only FS and GS have bases. */
	for (n = SEGMENT_ES; s->code_bits == 64 && n < SEGMENT_FS; n++)
		s->segment_base[n] = 0;
}

void vmx_get_idt(struct idt_register *r)
{
	r->base = vmread(GUEST_IDTR_BASE);
	r->cr3 = vmread(GUEST_CR3);
	r->cr0 = vmread(GUEST_CR0);
	r->cr4 = vmread(GUEST_CR4);
	r->efer = vmread(GUEST_IA32_EFER);
	r->limit = (u32)vmread(GUEST_IDTR_LIMIT);
}

static void end_shadow(void)
{
	u64 blocked = vmread(GUEST_INTERRUPTIBILITY);

	if (unlikely(blocked & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)))
		vmwrite(GUEST_INTERRUPTIBILITY,
			blocked & ~(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
}

/* An instruction has completed: on to rip, with the traps that follow it. */
static void retire(u64 rip)
{
	u64 flags = vmread(GUEST_RFLAGS);

	if (unlikely(rip >> 32 && vmx_code_bits() != 64))
		rip = (u32)rip;
	vmwrite(GUEST_RIP, rip);
	end_shadow();
	if (unlikely(flags & RFLAGS_RF))
		vmwrite(GUEST_RFLAGS, flags & ~RFLAGS_RF);
	/* None of them is a branch. */
	if (unlikely((flags & RFLAGS_TF) &&
		     !(vmread(GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF)))
		vmwrite(GUEST_PENDING_DEBUG,
			vmread(GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

void vmx_put_state(const struct vcpu_state *s)
{
	vmwrite(GUEST_RSP, s->rsp);
	vmwrite(GUEST_RFLAGS, s->rflags);
	retire(s->rip);
}

int vmx_skip(struct vcpu *v)
{
	(void)v;
	retire(vmread(GUEST_RIP) + vmread(EXIT_INSTRUCTION_LENGTH));
	return 0;
}

/*
 * All events come this way.  They end the blocking by STI and MOV SS; left in
 * place the entry would fail where TF is set (SDM vol. 3 section 27.3.1.5).
 */
void vmx_write_event(u32 info)
{
	end_shadow();
	vmwrite(ENTRY_INTR_INFO, info);
}

/*
 * Real mode has no error codes (SDM vol. 3 section 27.2.1.3).  What a fault
 * pushes has RF set (section 18.3.1.1); #DB has what its exit has left.
 */
void vmx_inject(u8 vector, bool has_error, u32 error)
{
	if (unlikely(!(vmread(GUEST_CR0) & CR0_PE)))
		has_error = false;
	if (vector != VEC_DB)
		vmwrite(GUEST_RFLAGS, vmread(GUEST_RFLAGS) | RFLAGS_RF);
	vmx_write_event(INTR_VALID | INTR_TYPE_HARD_EXCEPTION | vector |
			(has_error ? INTR_ERROR_VALID : 0));
	vmwrite(ENTRY_EXCEPTION_ERROR, error);
}

/* With a single step that waits, which an injected event would end. */
bool vmx_event_pending(void)
{
	return (vmread(ENTRY_INTR_INFO) & INTR_VALID) ||
	       vmread(GUEST_PENDING_DEBUG);
}

/* A guest NMI waits until the guest can take it. */
void vmx_deliver_nmi(struct vcpu *v)
{
	u64 blocked = vmread(GUEST_INTERRUPTIBILITY);
	u64 info = vmread(ENTRY_INTR_INFO);

	if ((blocked & BLOCKED_BY_NMI) ||
	    ((info & INTR_VALID) && (info & INTR_TYPE) == INTR_TYPE_NMI))
		v->nmis = 1;
	if (!vmx_event_pending() &&
	    !(blocked &
	      (BLOCKED_BY_NMI | BLOCKED_BY_MOV_SS | BLOCKED_BY_STI))) {
		v->nmis--;
		v->halted = false;
		vmx_write_event(INTR_VALID | INTR_TYPE_NMI | VEC_NMI);
	}
	if (v->nmis)
		vmwrite(PRIMARY_CONTROLS,
			vmread(PRIMARY_CONTROLS) | CPU_NMI_WINDOW);
}

/* SDM vol. 3 section 27.3.1.5: with IF clear or blocking the entry fails. */
bool vmx_inject_interrupt(u8 vector)
{
	if (!(vmread(GUEST_RFLAGS) & RFLAGS_IF) ||
	    (vmread(GUEST_INTERRUPTIBILITY) &
	     (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)) ||
	    vmx_event_pending())
		return false;
	vmx_write_event(INTR_VALID | INTR_TYPE_EXTERNAL | vector);
	return true;
}

/* TPR is not the processor's business here: writes of it exit. */
void vmx_interrupt_window(struct vcpu *v)
{
	bool wanted = vapic_next(&v->lapic.irq) >= 0;
	u64 controls;

	if (likely(wanted == v->window))
		return;
	v->window = wanted;
	controls = vmread(PRIMARY_CONTROLS);
	vmwrite(PRIMARY_CONTROLS, wanted ? controls | CPU_INTERRUPT_WINDOW :
					   controls & ~CPU_INTERRUPT_WINDOW);
}

void vmx_set_delivery(struct vcpu *v)
{
	const struct vmx_controls *c = &vmx_controls;
	bool shadowed = v->shadowed;
	u64 eptp = v->part->second_level;

	if (shadowed)
		eptp = v->own_view | (eptp & ~PAGE_MASK);
	v->window = false;
	vmwrite(EPT_POINTER, eptp);
	vmx_set_msrs(v);
	vmwrite(PIN_BASED_CONTROLS, c->pin | emulated_pin(v));
	vmwrite(PRIMARY_CONTROLS,
		c->cpu | emulated_controls(v) |
			(vmread(PRIMARY_CONTROLS) & CPU_NMI_WINDOW));
	vmwrite(SECONDARY_CONTROLS, c->cpu2 | (shadowed ? CPU2_DESCRIPTOR : 0));
	vmwrite(EXCEPTION_BITMAP, EXCEPTIONS | (shadowed ? BIT(VEC_NP) : 0));
	vmx_reset_timer(v);
}

/* Type 2: all contexts. */
void vmx_flush_views(void)
{
	const struct {
		u64 lo, hi;
	} all = { 0, 0 };

	asm volatile("invept %0, %1" : : "m"(all), "r"(2UL) : "cc", "memory");
}

int vmx_set_debugctl(u64 value)
{
	if (value & ~DEBUGCTL_BTF)
		return -EINVAL;
	vmwrite(GUEST_IA32_DEBUGCTL, value);
	return 0;
}

void vmx_dump(const struct vcpu *v)
{
	log_printf("%s/%u: cs %lx/%lx ss %lx/%lx gdt %lx idt %lx tr %lx",
		   v->part->config->name, v->index, vmread(GUEST_CS_SELECTOR),
		   vmread(GUEST_CS_ACCESS), vmread(GUEST_SS_SELECTOR),
		   vmread(GUEST_SS_ACCESS), vmread(GUEST_GDTR_BASE),
		   vmread(GUEST_IDTR_BASE), vmread(GUEST_TR_BASE));
}
