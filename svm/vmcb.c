// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VMCB of this core's vCPU: reset state, and access for the guest layer.
 *
 * docs/decisions.md: One ASID; A vCPU starts with CR0.CD clear.
 */
#include "core/lib.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "guest/loader.h"
#include "partition/partition.h"
#include "svm/internal.h"

struct vmcb *svm_vmcb(void)
{
	return (struct vmcb *)CPU_VMCB;
}

void svm_set_msrs(const struct vcpu *v)
{
	svm_vmcb()->msrpm_base_pa = svm_maps.msrpm_pa[guest_msr_set(v)];
}

static void reset_control(struct vmcb *b, const struct vcpu *v)
{
	b->intercept_exceptions = svm_intercept_exceptions;
	b->intercept_misc1 = svm_intercept_misc1;
	b->intercept_misc2 = svm_intercept_misc2;
	b->intercept_misc3 = svm_intercept_misc3;
	if (!vcpu_owns_apic(v)) {
		b->intercept_misc1 |= svm_intercept_emulated;
		b->virtual_interrupt = V_INTR_MASKING;
	}
	b->iopm_base_pa = svm_maps.iopm_pa;
	svm_set_msrs(v);
	b->asid = 1;
	b->tlb_control = TLB_FLUSH_ALL;
	b->nested_control = NESTED_PAGING_ENABLE;
	b->nested_cr3 = v->part->second_level;
}

static void reset_segments(struct vmcb *b, const struct vcpu_start *start)
{
	static const u16 code[] = {
		[VCPU_REAL] = ATTRIB_CODE_REAL,
		[VCPU_FLAT32] = ATTRIB_CODE_32,
		[VCPU_LONG] = ATTRIB_CODE_64,
	};
	bool real = start->mode == VCPU_REAL;
	u32 limit = real ? 0xffff : 0xffffffff;
	u32 n;

	for (n = SEGMENT_ES; n < SEGMENT_COUNT; n++)
		b->segment[n] = (struct vmcb_segment){ real ? 0 : LOADER_DS,
						       real ? ATTRIB_DATA_REAL :
							      ATTRIB_DATA_FLAT,
						       limit, 0 };
	b->segment[SEGMENT_CS] = (struct vmcb_segment){
		real ? (u16)(start->sipi_vector << 8) : LOADER_CS,
		code[start->mode], limit,
		real ? (u64)start->sipi_vector << 12 : 0
	};
	b->gdtr.base = start->gdt_base;
	b->gdtr.limit = real ? 0xffff : start->gdt_limit;
	b->idtr.limit = real ? 0xffff : 0;
	b->ldtr = (struct vmcb_segment){ 0, ATTRIB_LDT, 0xffff, 0 };
	b->tr = (struct vmcb_segment){ 0, ATTRIB_TSS_BUSY, 0xffff, 0 };
}

/*
 * APM2 section 14.1.3, and what a boot protocol has changed since.  INIT leaves
 * CD and NW alone, which firmware has cleared.
 */
void svm_reset(struct vcpu *v, const struct vcpu_start *start)
{
	struct vmcb *b = svm_vmcb();

	memset(b, 0, sizeof(*b));
	v->svm.nmi_masked = false;
	v->svm.nmi_at_once = false;
	v->svm.step.what = STEP_NONE;
	v->svm.step.on = false;
	reset_control(b, v);
	reset_segments(b, start);
	b->efer = EFER_SVME;
	b->cr0 = CR0_ET;
	if (start->mode != VCPU_REAL)
		b->cr0 = CR0_PE | CR0_ET;
	if (start->mode == VCPU_LONG) {
		b->efer |= EFER_LME | EFER_LMA;
		b->cr0 |= CR0_PG;
		b->cr4 = CR4_PAE;
		b->cr3 = start->cr3;
	}
	b->dr6 = 0xffff0ff0;
	b->dr7 = 0x400;
	b->rflags = RFLAGS_FIXED;
	b->rip = start->rip;
	b->rax = start->regs.gpr[GPR_RAX];
	b->g_pat = PAT_RESET;
	this_cpu.regs = start->regs;
}

/*
 * TLB entries are tagged with the ASID alone, and what the guest invalidates
 * must be gone in either view.  V_TPR while injecting comes from
 * svm_interrupt_window().
 */
void svm_set_delivery(struct vcpu *v)
{
	struct vmcb *b = svm_vmcb();

	b->intercept_cr = 0;
	b->intercept_misc1 &= ~(svm_intercept_emulated | INTERCEPT_VINTR |
				INTERCEPT_IDTR_WRITE);
	b->intercept_exceptions = svm_intercept_exceptions;
	b->nested_cr3 = v->part->second_level;
	b->virtual_interrupt = 0;
	if (v->shadowed) {
		b->intercept_misc1 |= INTERCEPT_IDTR_WRITE;
		b->intercept_exceptions |= svm_intercept_bounce;
		b->nested_cr3 = v->own_view;
	} else if (!vcpu_owns_apic(v)) {
		b->intercept_misc1 |= svm_intercept_emulated;
		b->virtual_interrupt = V_INTR_MASKING;
	}
	svm_set_msrs(v);
	b->tlb_control = TLB_FLUSH_ALL;
}

void svm_flush_views(void)
{
	svm_vmcb()->tlb_control = TLB_FLUSH_ALL;
}

static u8 code_bits(const struct vmcb *b)
{
	u16 attrib = b->segment[SEGMENT_CS].attrib;

	if ((b->efer & EFER_LMA) && (attrib & ATTRIB_L))
		return 64;
	return attrib & ATTRIB_D ? 32 : 16;
}

void svm_get_state(struct vcpu_state *s)
{
	const struct vmcb *b = svm_vmcb();
	u32 n;

	s->rip = b->rip;
	s->rsp = b->rsp;
	s->rflags = b->rflags;
	s->dr7 = b->dr7;
	s->cr0 = b->cr0;
	s->cr3 = b->cr3;
	s->cr4 = b->cr4;
	s->efer = b->efer & ~EFER_SVME;
	s->cpl = b->cpl;
	s->code_bits = code_bits(b);
	for (n = SEGMENT_ES; n < SEGMENT_COUNT; n++)
		s->segment_base[n] = b->segment[n].base;
	for (n = SEGMENT_ES; s->code_bits == 64 && n < SEGMENT_FS; n++)
		s->segment_base[n] = 0;
}

void svm_get_idt(struct idt_register *r)
{
	const struct vmcb *b = svm_vmcb();

	r->base = b->idtr.base;
	r->cr3 = b->cr3;
	r->cr0 = b->cr0;
	r->cr4 = b->cr4;
	r->efer = b->efer;
	r->limit = b->idtr.limit;
}

/* An instruction has completed: on to rip, with the trap that follows it. */
void svm_retire(u64 rip)
{
	struct vmcb *b = svm_vmcb();

	b->rip = code_bits(b) == 64 ? rip : (u32)rip;
	b->interrupt_shadow &= ~INTERRUPT_SHADOW;
	b->rflags &= ~RFLAGS_RF;
	if (unlikely(b->rflags & RFLAGS_TF)) {
		b->dr6 |= BIT(14);
		svm_inject(VEC_DB, false, 0);
	}
}

void svm_put_state(const struct vcpu_state *s)
{
	struct vmcb *b = svm_vmcb();

	b->rsp = s->rsp;
	b->rflags = s->rflags;
	svm_retire(s->rip);
}

void svm_dump(const struct vcpu *v)
{
	const char *name = v->part->config->name;
	const struct vmcb *b = svm_vmcb();

	log_printf("%s/%u: exit %lx info %lx %lx intinfo %lx cr2 %lx", name,
		   v->index, b->exitcode, b->exitinfo1, b->exitinfo2,
		   b->exitintinfo, b->cr2);
	log_printf("%s/%u: cs %x/%x ss %x/%x gdt %lx idt %lx tr %lx", name,
		   v->index, b->segment[SEGMENT_CS].selector,
		   b->segment[SEGMENT_CS].attrib,
		   b->segment[SEGMENT_SS].selector,
		   b->segment[SEGMENT_SS].attrib, b->gdtr.base, b->idtr.base,
		   b->tr.base);
}
