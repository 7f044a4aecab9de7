// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes to CR0 and CR4 that touch bits which the guest sees but does not own.
 * The rules are those of MOV to CR, SDM vol. 2 and vol. 3 section 4.1.
 */
#include "core/cpu.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "guest/memory.h"
#include "partition/partition.h"
#include "vmx/internal.h"
#include "vmx/vmcs.h"

/* Exit qualification, table 28-3 */
#define QUAL_CR(q)	(15 & (q))
#define QUAL_CR_TYPE(q) ((q) >> 4 & 3)
#define QUAL_CR_GPR(q)	((q) >> 8 & 15)
#define QUAL_CR_LMSW(q) ((q) >> 16 & 0xffff)
enum {
	CR_MOV_TO = 0,
	CR_MOV_FROM = 1,
	CR_CLTS = 2,
	CR_LMSW = 3
};

#define CR0_DEFINED                                                    \
	(CR0_PE | CR0_MP | 0xcUL | CR0_ET | CR0_NE | CR0_WP | CR0_AM | \
	 CR0_NW | CR0_CD | CR0_PG)
#define CR4_PCIDE    BIT(17)
#define GUEST_PDPTE0 0x280a

/*
 * PAE paging reads its four top entries when it is switched on.  Reserved bits:
 * SDM vol. 3 table 4-8.
 */
static enum outcome load_pdptes(u64 cr3)
{
	const u64 reserved = -BIT(host_phys_bits) | 0x1e6;
	u64 pdpte[4];
	u32 i;

	if (guest_read(this_vcpu.ram, cr3 & 0xffffffe0, pdpte, sizeof(pdpte)))
		return OUTCOME_GP;
	for (i = 0; i < 4; i++)
		if ((pdpte[i] & 1) && (pdpte[i] & reserved))
			return OUTCOME_GP;
	for (i = 0; i < 4; i++)
		vmwrite(GUEST_PDPTE0 + 2 * i, pdpte[i]);
	return OUTCOME_DONE;
}

static enum outcome reload_pae(u64 cr0, u64 cr4, u64 efer)
{
	if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || (efer & EFER_LME))
		return OUTCOME_DONE;
	return load_pdptes(vmread(GUEST_CR3));
}

/* EFER.LMA follows CR0.PG where EFER.LME is set. */
static void set_long_mode(u64 efer, bool on)
{
	u64 entry = vmread(ENTRY_CONTROLS);

	vmwrite(GUEST_IA32_EFER, on ? efer | EFER_LMA : efer & ~EFER_LMA);
	vmwrite(ENTRY_CONTROLS,
		on ? entry | ENTRY_GUEST_64 : entry & ~(u64)ENTRY_GUEST_64);
}

static enum outcome write_guest_cr0(u64 v)
{
	u64 old = vmread(GUEST_CR0);
	u64 cr4 = vmread(GUEST_CR4);
	u64 efer = vmread(GUEST_IA32_EFER);
	bool paging_on = (v & CR0_PG) && !(old & CR0_PG);
	bool paging_off = !(v & CR0_PG) && (old & CR0_PG);
	bool cs_long = vmread(GUEST_CS_ACCESS) & ACCESS_L;

	if (v >> 32 || ((v & CR0_PG) && !(v & CR0_PE)) ||
	    ((v & CR0_NW) && !(v & CR0_CD)))
		return OUTCOME_GP;
	if (paging_on && (efer & EFER_LME) && (!(cr4 & CR4_PAE) || cs_long))
		return OUTCOME_GP;
	if (paging_off && ((efer & EFER_LMA) && cs_long))
		return OUTCOME_GP;
	if (paging_off && (cr4 & CR4_PCIDE))
		return OUTCOME_GP;
	if (paging_on && reload_pae(v, cr4, efer) == OUTCOME_GP)
		return OUTCOME_GP;
	v = (v & CR0_DEFINED) | CR0_ET;
	vmwrite(CR0_READ_SHADOW, v);
	vmwrite(GUEST_CR0, (v & ~(u64)CR0_OWNED) | CR0_NE);
	if ((paging_on || paging_off) && (efer & EFER_LME))
		set_long_mode(efer, paging_on);
	return OUTCOME_DONE;
}

static enum outcome write_guest_cr4(u64 v)
{
	u64 old = vmx_guest_cr4();
	u64 efer = vmread(GUEST_IA32_EFER);
	u64 pae_bits = CR4_PAE | CR4_PGE | BIT(4) | BIT(20);

	if (v & ~vmx_cr4_allowed())
		return OUTCOME_GP;
	if ((efer & EFER_LMA) && !(v & CR4_PAE))
		return OUTCOME_GP;
	if ((v & CR4_PCIDE) && !(old & CR4_PCIDE) &&
	    (!(efer & EFER_LMA) || (vmread(GUEST_CR3) & 0xfff)))
		return OUTCOME_GP;
	if (((v ^ old) & pae_bits) &&
	    reload_pae(vmread(GUEST_CR0), v, efer) == OUTCOME_GP)
		return OUTCOME_GP;
	vmwrite(CR4_READ_SHADOW, v);
	vmwrite(GUEST_CR4, v | CR4_VMXE | CR4_MCE);
	vmx_flush_vpid();
	return OUTCOME_DONE;
}

static u64 source_register(const struct guest_regs *regs, u64 q)
{
	u64 n = QUAL_CR_GPR(q);
	u64 v = n == GPR_RSP ? vmread(GUEST_RSP) : regs->gpr[n];

	return vmx_code_bits() == 64 ? v : (u32)v;
}

/* The upper half of TPR; exits only where the local APIC is emulated. */
static enum outcome write_guest_cr8(struct vcpu *v, u64 value)
{
	if (value > 15)
		return OUTCOME_GP;
	v->lapic.irq.tpr = (u8)(value << 4);
	return OUTCOME_DONE;
}

static enum outcome read_guest_cr8(const struct vcpu *v,
				   struct guest_regs *regs, u64 q)
{
	u64 value = v->lapic.irq.tpr >> 4;

	if (QUAL_CR_GPR(q) == GPR_RSP)
		vmwrite(GUEST_RSP, value);
	else
		regs->gpr[QUAL_CR_GPR(q)] = value;
	return OUTCOME_DONE;
}

enum outcome vmx_exit_cr(struct vcpu *v, struct guest_regs *regs)
{
	u64 q = vmread(EXIT_QUALIFICATION);
	u64 cr0 = vmx_guest_cr0();

	switch (QUAL_CR_TYPE(q)) {
	case CR_CLTS:
		return write_guest_cr0(cr0 & ~8UL);
	case CR_LMSW:
		/* Sets PE, never clears it; changes MP, EM and TS. */
		return write_guest_cr0((cr0 & ~0xeUL) |
				       (QUAL_CR_LMSW(q) & 0xf));
	case CR_MOV_TO:
		if (QUAL_CR(q) == 0)
			return write_guest_cr0(source_register(regs, q));
		if (QUAL_CR(q) == 4)
			return write_guest_cr4(source_register(regs, q));
		if (QUAL_CR(q) == 8)
			return write_guest_cr8(v, source_register(regs, q));
		break;
	case CR_MOV_FROM:
		if (QUAL_CR(q) == 8)
			return read_guest_cr8(v, regs, q);
		break;
	}
	partition_park(this_vcpu.part, "CR access with qualification %lx", q);
	return OUTCOME_PARK;
}
