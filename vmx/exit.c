// SPDX-License-Identifier: BSD-2-Clause
/* VM exits: one table by reason, then what is special to VMX. */
#include "core/lib.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "partition/partition.h"
#include "vmx/internal.h"
#include "vmx/vmcs.h"

#define QUAL_IO_SIZE(q) ((u8)((7 & (q)) + 1))
#define QUAL_IO_IN	BIT(3)
#define QUAL_IO_STRING	BIT(4)
#define QUAL_IO_PORT(q) ((u16)((q) >> 16))

/* B0-B3, BD, BS: table 28-1 */
#define QUAL_DB_DR6 (15 | BIT(13) | BIT(14))

#define QUAL_EPT_FETCH	      BIT(2)
#define QUAL_EPT_LINEAR_VALID BIT(7)
#define QUAL_EPT_FINAL	      BIT(8)

/* NMIs stay blocked after this exit until an IRET: take it as if in root. */
static enum outcome host_nmi(struct vcpu *v)
{
	asm volatile("int $2" : : : "memory");
	v->cause = guest_nmi_cause();
	return OUTCOME_RETRY;
}

/*
 * #DB leaves DR6 and DR7.GD to the hypervisor: SDM vol. 3 section 28.3.3.  INT1
 * touches neither, and the guest goes on behind it.
 */
static void reflect_debug(u32 info)
{
	u64 dr6;

	if ((info & INTR_TYPE) == INTR_TYPE_INT1) {
		vmwrite(ENTRY_INSTRUCTION_LENGTH,
			vmread(EXIT_INSTRUCTION_LENGTH));
		vmx_write_event(INTR_VALID | INTR_TYPE_INT1 | VEC_DB);
		return;
	}
	asm volatile("mov %%dr6, %0" : "=r"(dr6));
	dr6 = (dr6 & ~15UL) | (vmread(EXIT_QUALIFICATION) & QUAL_DB_DR6);
	asm volatile("mov %0, %%dr6" : : "r"(dr6));
	vmwrite(GUEST_DR7, vmread(GUEST_DR7) & ~BIT(13));
	vmx_inject(VEC_DB, false, 0);
}

/*
 * An IRET that has ended the blocking of NMIs is executed again: SDM vol. 3
 * section 28.2.3.  Within the delivery of an event the bit says nothing.
 */
static void block_nmis_again(u64 info, u32 vectoring)
{
	if (unlikely((info & NMI_UNBLOCKED) && !(vectoring & INTR_VALID)))
		vmwrite(GUEST_INTERRUPTIBILITY,
			vmread(GUEST_INTERRUPTIBILITY) | BLOCKED_BY_NMI);
}

/* Seen again while injecting, with the guest's own table. */
static void not_present(struct vcpu *v, u32 info)
{
	u32 vectoring = (u32)vmread(IDT_VECTORING_INFO);

	block_nmis_again(info, vectoring);
	eli_not_present(v, (vectoring & INTR_VALID) &&
				   (vectoring & INTR_TYPE) ==
					   INTR_TYPE_SOFT_INTERRUPT);
}

static enum outcome exit_exception(struct vcpu *v, struct guest_regs *regs)
{
	u32 info = (u32)vmread(EXIT_INTR_INFO);

	if ((info & INTR_TYPE) == INTR_TYPE_NMI)
		return host_nmi(v);
	switch (info & INTR_VECTOR) {
	case VEC_DB:
		reflect_debug(info);
		return OUTCOME_RETRY;
	case VEC_AC:
		vmx_inject(VEC_AC, true, (u32)vmread(EXIT_INTR_ERROR));
		return OUTCOME_RETRY;
	case VEC_NP:
		not_present(v, info);
		return OUTCOME_RETRY;
	case VEC_MC:
		return guest_machine_check(v, regs);
	default:
		return guest_park(v, "unexpected exception exit");
	}
}

static enum outcome exit_nmi_window(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	vmwrite(PRIMARY_CONTROLS,
		vmread(PRIMARY_CONTROLS) & ~(u64)CPU_NMI_WINDOW);
	/* Deliver what waits for it on the way back. */
	this_cpu.kick_mark = 1;
	return OUTCOME_RETRY;
}

static enum outcome exit_io(struct vcpu *v, struct guest_regs *regs)
{
	u64 q = vmread(EXIT_QUALIFICATION);

	if (q & QUAL_IO_STRING)
		return guest_park(v, "string I/O to an emulated port");
	return guest_io(v, regs, QUAL_IO_PORT(q), QUAL_IO_SIZE(q),
			q & QUAL_IO_IN);
}

static enum outcome exit_ept_violation(struct vcpu *v, struct guest_regs *regs)
{
	u64 q = vmread(EXIT_QUALIFICATION);
	u64 gpa = vmread(GUEST_PHYSICAL_ADDRESS);
	u32 vectoring = (u32)vmread(IDT_VECTORING_INFO);
	bool plain = (q & QUAL_EPT_LINEAR_VALID) && (q & QUAL_EPT_FINAL) &&
		     !(vectoring & INTR_VALID);

	block_nmis_again(q, vectoring);
	if (!plain && eli_give_up(v, gpa))
		return OUTCOME_RETRY;
	if (q & QUAL_EPT_FETCH)
		return guest_park(v, "instruction fetch outside RAM");
	if (!(q & QUAL_EPT_LINEAR_VALID) || !(q & QUAL_EPT_FINAL))
		return guest_park(v, "page tables outside RAM");
	if (vectoring & INTR_VALID)
		return guest_park(v,
				  "event delivery through memory outside RAM");
	return guest_mmio(v, regs, gpa);
}

static enum outcome exit_misconfig(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	panic("cpu %u: EPT misconfiguration at guest address %lx", this_cpu.id,
	      vmread(GUEST_PHYSICAL_ADDRESS));
}

static enum outcome exit_entry_failed(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	return guest_park(v, "VM entry refused the guest's state");
}

/* clang-format off */
static const struct exit_handler exits[NR_EXIT_REASONS] = {
	[EXIT_EXCEPTION_NMI] = { exit_exception, CAUSE_EXCEPTION },
	[EXIT_EXTERNAL_INTERRUPT] = { guest_external_interrupt,
				      CAUSE_EXTERNAL_INTERRUPT },
	[EXIT_TRIPLE_FAULT] = { guest_triple_fault, CAUSE_TRIPLE_FAULT },
	[EXIT_INIT] = { guest_retry, CAUSE_INIT_SIPI },
	[EXIT_INTERRUPT_WINDOW] = { guest_retry, CAUSE_INTERRUPT_WINDOW },
	[EXIT_NMI_WINDOW] = { exit_nmi_window, CAUSE_INTERRUPT_WINDOW },
	[EXIT_TASK_SWITCH] = { guest_task_switch, CAUSE_EXCEPTION },
	[EXIT_CPUID] = { guest_cpuid, CAUSE_CPUID },
	[EXIT_HLT] = { guest_hlt, CAUSE_HLT },
	[EXIT_INVD] = { guest_wbinvd, CAUSE_EXCEPTION },
	[EXIT_RDPMC] = { guest_protected, CAUSE_EXCEPTION },
	[EXIT_VMCALL ... EXIT_VMXON] = { guest_undefined, CAUSE_EXCEPTION },
	[EXIT_CR_ACCESS] = { vmx_exit_cr, CAUSE_CR },
	[EXIT_IO] = { exit_io, CAUSE_IO_OTHER },
	[EXIT_RDMSR] = { guest_rdmsr, CAUSE_MSR_READ },
	[EXIT_WRMSR] = { guest_wrmsr, CAUSE_MSR_OTHER },
	[EXIT_ENTRY_GUEST_STATE] = { exit_entry_failed, CAUSE_EXCEPTION },
	[EXIT_ENTRY_MSR] = { exit_entry_failed, CAUSE_EXCEPTION },
	[EXIT_MWAIT] = { guest_undefined, CAUSE_EXCEPTION },
	[EXIT_MONITOR] = { guest_undefined, CAUSE_EXCEPTION },
	[EXIT_ENTRY_MACHINE_CHECK] = { guest_machine_check, CAUSE_EXCEPTION },
	[EXIT_GDTR_IDTR] = { guest_descriptor_table, CAUSE_EXCEPTION },
	[EXIT_LDTR_TR] = { guest_descriptor_table, CAUSE_EXCEPTION },
	[EXIT_EPT_VIOLATION] = { exit_ept_violation, CAUSE_EPT_OTHER },
	[EXIT_EPT_MISCONFIG] = { exit_misconfig, CAUSE_EPT_OTHER },
	[EXIT_INVEPT] = { guest_undefined, CAUSE_EXCEPTION },
	[EXIT_PREEMPTION_TIMER] = { guest_retry, CAUSE_PREEMPTION_TIMER },
	[EXIT_INVVPID] = { guest_undefined, CAUSE_EXCEPTION },
	[EXIT_WBINVD] = { guest_wbinvd, CAUSE_EXCEPTION },
	[EXIT_XSETBV] = { guest_xsetbv, CAUSE_XSETBV },
	[EXIT_ENCLS] = { guest_undefined, CAUSE_EXCEPTION },
	[EXIT_SEAMCALL] = { guest_undefined, CAUSE_EXCEPTION },
	[EXIT_TDCALL] = { guest_undefined, CAUSE_EXCEPTION },
};
/* clang-format on */

/*
 * An event whose delivery the exit cut short is delivered again at the next
 * entry: SDM vol. 3 section 28.2.4.
 */
static void requeue_event(u32 info)
{
	u32 type = info & INTR_TYPE;

	if (type == INTR_TYPE_NMI)
		vmwrite(GUEST_INTERRUPTIBILITY,
			vmread(GUEST_INTERRUPTIBILITY) & ~BLOCKED_BY_NMI);
	if (type >= INTR_TYPE_SOFT_INTERRUPT)
		vmwrite(ENTRY_INSTRUCTION_LENGTH,
			vmread(EXIT_INSTRUCTION_LENGTH));
	if (info & INTR_ERROR_VALID)
		vmwrite(ENTRY_EXCEPTION_ERROR, vmread(IDT_VECTORING_ERROR));
	vmx_write_event(info & ~(u32)NMI_UNBLOCKED);
}

static bool bounced(struct vcpu *v, u32 info)
{
	return (info & INTR_TYPE) == INTR_TYPE_EXTERNAL &&
	       eli_bounced(v, info & INTR_VECTOR);
}

u64 vmx_handle_exit(void)
{
	static const struct exit_handler unknown;
	u64 now = rdtsc();
	struct vcpu *v = &this_vcpu;
	u32 reason = vmread(EXIT_REASON) & 0xffff;
	u32 vectoring = (u32)vmread(IDT_VECTORING_INFO);

	v->vmx.launched = true;
	if (unlikely(vectoring & INTR_VALID) && !bounced(v, vectoring))
		requeue_event(vectoring);
	guest_exit(v, reason < NR_EXIT_REASONS ? &exits[reason] : &unknown,
		   reason, now);
	return v->vmx.launched;
}

u64 vmx_handle_kick(void)
{
	struct vcpu *v = &this_vcpu;

	this_cpu.kick_mark = 0;
	vmx_reset_timer(v);
	guest_kicked(v);
	return v->vmx.launched;
}

void vmx_entry_failed(void)
{
	panic("cpu %u: VM entry failed, instruction error %lu", this_cpu.id,
	      vmread(VM_INSTRUCTION_ERROR));
}
