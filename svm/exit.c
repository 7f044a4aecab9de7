// SPDX-License-Identifier: BSD-2-Clause
/* #VMEXITs: one table by code, then what is special to SVM. */
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "partition/partition.h"
#include "svm/internal.h"

/* EXITINFO1 of IOIO, APM2 section 15.10.2 */
#define IO_IN	      BIT(0)
#define IO_STRING     BIT(2)
#define IO_SIZE(info) ((u8)((info) >> 4 & 7))
#define IO_PORT(info) ((u16)((info) >> 16))

/* EXITINFO1 of #NPF, APM2 section 15.25.6 */
#define NPF_FETCH BIT(4)
#define NPF_TABLE BIT(33)

#define EFER_SETTABLE (EFER_SCE | EFER_LME | EFER_NXE)

/*
 * GIF is clear since the exit and the NMI still pending: let it in.  SMIs take
 * the same way.
 */
static enum outcome exit_nmi(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	asm volatile("stgi; nop; clgi" : : : "memory");
	v->cause = guest_nmi_cause();
	return OUTCOME_RETRY;
}

/* DR6 is the guest's already: APM2 section 15.12.2. */
static enum outcome exit_debug(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	svm_inject(VEC_DB, false, 0);
	return OUTCOME_RETRY;
}

static enum outcome exit_alignment(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	svm_inject(VEC_AC, true, (u32)svm_vmcb()->exitinfo1);
	return OUTCOME_RETRY;
}

static enum outcome exit_not_present(struct vcpu *v, struct guest_regs *regs)
{
	u64 info = svm_vmcb()->exitintinfo;

	(void)regs;
	eli_not_present(v, (info & EVENT_VALID) &&
				   (info & EVENT_TYPE) == EVENT_TYPE_SOFT);
	return OUTCOME_RETRY;
}

static enum outcome exit_io(struct vcpu *v, struct guest_regs *regs)
{
	u64 info = svm_vmcb()->exitinfo1;

	if (info & IO_STRING)
		return guest_park(v, "string I/O to an emulated port");
	return guest_io(v, regs, IO_PORT(info), IO_SIZE(info), info & IO_IN);
}

/* EFER.SVME must be set while a guest runs, and looks clear to it. */
static enum outcome read_efer(struct guest_regs *regs)
{
	u64 efer = svm_vmcb()->efer & ~EFER_SVME;

	regs->gpr[GPR_RAX] = (u32)efer;
	regs->gpr[GPR_RDX] = efer >> 32;
	return OUTCOME_DONE;
}

static enum outcome write_efer(const struct guest_regs *regs)
{
	struct vmcb *b = svm_vmcb();
	u64 v = (u32)regs->gpr[GPR_RAX] | regs->gpr[GPR_RDX] << 32;

	if (v & ~(EFER_SETTABLE | EFER_LMA))
		return OUTCOME_GP;
	if (((v ^ b->efer) & EFER_LME) && (b->cr0 & CR0_PG))
		return OUTCOME_GP;
	b->efer = (v & EFER_SETTABLE) | (b->efer & (EFER_LMA | EFER_SVME));
	/* NXE gives bit 63 of cached entries another meaning. */
	b->tlb_control = TLB_FLUSH_ALL;
	return OUTCOME_DONE;
}

static enum outcome exit_msr(struct vcpu *v, struct guest_regs *regs)
{
	bool write = svm_vmcb()->exitinfo1 & 1;

	if ((u32)regs->gpr[GPR_RCX] == MSR_IA32_EFER)
		return write ? write_efer(regs) : read_efer(regs);
	if (!write)
		v->cause = CAUSE_MSR_READ;
	return write ? guest_wrmsr(v, regs) : guest_rdmsr(v, regs);
}

static enum outcome exit_npf(struct vcpu *v, struct guest_regs *regs)
{
	const struct vmcb *b = svm_vmcb();
	bool plain = !(b->exitinfo1 & NPF_TABLE) &&
		     !(b->exitintinfo & EVENT_VALID);

	if (!plain && eli_give_up(v, b->exitinfo2))
		return OUTCOME_RETRY;
	if (b->exitinfo1 & NPF_FETCH)
		return guest_park(v, "instruction fetch outside RAM");
	if (b->exitinfo1 & NPF_TABLE)
		return guest_park(v, "page tables outside RAM");
	if (b->exitintinfo & EVENT_VALID)
		return guest_park(v, "event delivery through memory outside "
				     "RAM");
	return guest_mmio(v, regs, b->exitinfo2);
}

/*
 * Also what becomes of a machine check where the guest has cleared CR4.MCE:
 * APM2 section 9.3.
 */
static enum outcome exit_shutdown(struct vcpu *v, struct guest_regs *regs)
{
	if (rdmsr(MSR_IA32_MCG_STATUS) & MCG_STATUS_MCIP)
		return guest_machine_check(v, regs);
	return guest_triple_fault(v, regs);
}

/* clang-format off */
static const struct exit_handler exits[SVM_NR_EXITS] = {
	[SVM_EXIT_WRITE_CR8] = { svm_exit_cr8, CAUSE_CR },
	[SVM_EXIT_EXCEPTION + VEC_DB] = { exit_debug, CAUSE_EXCEPTION },
	[SVM_EXIT_EXCEPTION + VEC_NP] = { exit_not_present, CAUSE_EXCEPTION },
	[SVM_EXIT_EXCEPTION + VEC_AC] = { exit_alignment, CAUSE_EXCEPTION },
	[SVM_EXIT_EXCEPTION + VEC_MC] = { guest_machine_check,
					  CAUSE_EXCEPTION },
	[SVM_EXIT_INTR] = { guest_external_interrupt,
			    CAUSE_EXTERNAL_INTERRUPT },
	[SVM_EXIT_NMI] = { exit_nmi, CAUSE_NMI_KICK },
	[SVM_EXIT_SMI] = { exit_nmi, CAUSE_NMI_KICK },
	[SVM_EXIT_INIT] = { guest_retry, CAUSE_INIT_SIPI },
	[SVM_EXIT_VINTR] = { guest_retry, CAUSE_INTERRUPT_WINDOW },
	[SVM_EXIT_IDTR_WRITE] = { guest_descriptor_table, CAUSE_EXCEPTION },
	[SVM_EXIT_RDPMC] = { guest_protected, CAUSE_EXCEPTION },
	[SVM_EXIT_CPUID] = { guest_cpuid, CAUSE_CPUID },
	[SVM_EXIT_RSM] = { guest_undefined, CAUSE_EXCEPTION },
	[SVM_EXIT_IRET] = { svm_exit_iret, CAUSE_INTERRUPT_WINDOW },
	[SVM_EXIT_INVD] = { guest_wbinvd, CAUSE_EXCEPTION },
	[SVM_EXIT_HLT] = { guest_hlt, CAUSE_HLT },
	[SVM_EXIT_INVLPGA] = { guest_undefined, CAUSE_EXCEPTION },
	[SVM_EXIT_IO] = { exit_io, CAUSE_IO_OTHER },
	[SVM_EXIT_MSR] = { exit_msr, CAUSE_MSR_OTHER },
	[SVM_EXIT_TASK_SWITCH] = { guest_task_switch, CAUSE_EXCEPTION },
	[SVM_EXIT_FERR_FREEZE] = { guest_retry, CAUSE_EXCEPTION },
	[SVM_EXIT_SHUTDOWN] = { exit_shutdown, CAUSE_TRIPLE_FAULT },
	[SVM_EXIT_VMRUN ... SVM_EXIT_SKINIT] = { guest_undefined,
						 CAUSE_EXCEPTION },
	[SVM_EXIT_WBINVD] = { guest_wbinvd, CAUSE_EXCEPTION },
	[SVM_EXIT_MONITOR ... SVM_EXIT_MWAIT_ARMED] = { guest_undefined,
							CAUSE_EXCEPTION },
	[SVM_EXIT_XSETBV] = { guest_xsetbv, CAUSE_XSETBV },
	[SVM_EXIT_RDPRU] = { guest_undefined, CAUSE_EXCEPTION },
	[SVM_EXIT_INVLPGB] = { guest_undefined, CAUSE_EXCEPTION },
	[SVM_EXIT_INVLPGB_ILLEGAL] = { guest_undefined, CAUSE_EXCEPTION },
	[SVM_EXIT_MCOMMIT] = { guest_undefined, CAUSE_EXCEPTION },
	[SVM_EXIT_TLBSYNC] = { guest_undefined, CAUSE_EXCEPTION },
};
/* clang-format on */

static enum outcome exit_invalid(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	return guest_park(v, "VMRUN refused the guest's state");
}

static const struct exit_handler npf = { exit_npf, CAUSE_EPT_OTHER };
static const struct exit_handler invalid = { exit_invalid, CAUSE_EXCEPTION };

static const struct exit_handler *find_handler(u64 code)
{
	static const struct exit_handler unknown;

	if (code == SVM_EXIT_NPF)
		return &npf;
	if (code == SVM_EXIT_INVALID)
		return &invalid;
	return code < SVM_NR_EXITS ? &exits[code] : &unknown;
}

/*
 * An event whose delivery the exit cut short is delivered again at the next
 * entry: APM2 section 15.7.2.  INT n, INT3 and INTO are executed again: RIP is
 * still theirs, and an injection would not go behind them.
 */
static void requeue_event(struct vcpu *v, struct vmcb *b)
{
	u64 info = b->exitintinfo;
	u64 type = info & EVENT_TYPE;
	u8 vector = info & EVENT_VECTOR;

	if (type == EVENT_TYPE_SOFT || (type == EVENT_TYPE_EXCEPTION &&
					(vector == VEC_BP || vector == VEC_OF)))
		return;

	if (svm_maps.tcg && type == EVENT_TYPE_EXCEPTION && vector > 31)
		info = (info & ~EVENT_TYPE) | EVENT_TYPE_INTR;
	if ((info & EVENT_TYPE) == EVENT_TYPE_INTR && eli_bounced(v, vector))
		return;
	b->eventinj = info;
}

/*
 * Real mode has no error codes; a fault's delivery ends the shadow, and what it
 * pushes has RF set: APM2 section 3.1.6.
 */
void svm_inject(u8 vector, bool has_error, u32 error)
{
	struct vmcb *b = svm_vmcb();

	if (!(b->cr0 & CR0_PE))
		has_error = false;
	if (vector != VEC_DB)
		b->rflags |= RFLAGS_RF;
	b->interrupt_shadow &= ~INTERRUPT_SHADOW;
	b->eventinj = EVENT_VALID | EVENT_TYPE_EXCEPTION | vector;
	if (has_error)
		b->eventinj |= EVENT_ERROR_VALID | (u64)error << 32;
}

bool svm_event_pending(void)
{
	return svm_vmcb()->eventinj & EVENT_VALID;
}

/* Bytes after the prefixes, of what is ever skipped: APM3 chapter 4. */
static u32 opcode_length(u64 exitcode)
{
	switch (exitcode) {
	case SVM_EXIT_HLT:
		return 1;
	case SVM_EXIT_CPUID:
	case SVM_EXIT_INVD:
	case SVM_EXIT_MSR:
	case SVM_EXIT_WBINVD:
		return 2;
	case SVM_EXIT_XSETBV:
		return 3;
	default:
		return 0;
	}
}

int svm_skip(struct vcpu *v)
{
	const struct vmcb *b = svm_vmcb();
	u32 opcode = opcode_length(b->exitcode);
	struct vcpu_state s;
	u32 length;

	if (b->exitcode == SVM_EXIT_IO) {
		svm_retire(b->exitinfo2);
		return 0;
	}
	if (svm_maps.next_rip && b->next_rip) {
		svm_retire(b->next_rip);
		return 0;
	}
	svm_get_state(&s);
	length = guest_insn_length(v, &s, opcode);
	if (!opcode || !length)
		return -EFAULT;
	svm_retire(s.rip + length);
	return 0;
}

void svm_handle_exit(void)
{
	u64 now = rdtsc();
	struct vcpu *v = &this_vcpu;
	struct vmcb *b = svm_vmcb();
	const struct exit_handler *h = NULL;

	this_cpu.regs.gpr[GPR_RAX] = b->rax;
	b->tlb_control = 0;
	b->eventinj = 0;
	if (!vcpu_owns_apic(v) && !v->shadowed)
		svm_read_tpr(v);
	if (unlikely(b->exitintinfo & EVENT_VALID))
		requeue_event(v, b);
	if (unlikely(v->svm.step.on))
		h = svm_end_step(v);
	guest_exit(v, h ? h : find_handler(b->exitcode), b->exitcode, now);
	b->rax = this_cpu.regs.gpr[GPR_RAX];
	svm_begin_step(v);
}

void svm_handle_kick(void)
{
	struct vcpu *v = &this_vcpu;

	this_cpu.kick_mark = 0;
	if (unlikely(v->svm.step.on))
		svm_cancel_step(v);
	guest_kicked(v);
	svm_nmi_behind_event(v);
	svm_begin_step(v);
}
