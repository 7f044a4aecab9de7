// SPDX-License-Identifier: BSD-2-Clause
/*
 * Emulation of the instruction that touched guest-physical memory without RAM
 * behind it: the local APIC's page while the guest has not turned x2APIC on,
 * the IO-APIC's page, and empty space, which reads as ones.
 */
#include "apic/vioapic.h"
#include "apic/vlapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/partition.h"
#include "core/percpu.h"
#include "guest/decode.h"
#include "guest/memory.h"
#include "guest/vcpu.h"

static enum outcome park(struct vcpu *v, const char *why, u64 gpa)
{
	partition_park(v->part, "%s at guest address %lx, rip %lx", why, gpa,
		       vcpu_rip());
	return OUTCOME_PARK;
}

/* The bytes of the instruction at RIP, as many as can be read. */
static size_t fetch(struct vcpu *v, u64 linear, u8 *bytes)
{
	struct walk_result w;
	size_t n, step;

	for (n = 0; n < INSN_MAX_LENGTH; n += step) {
		step = MIN(INSN_MAX_LENGTH - n,
			   PAGE_SIZE - (linear + n) % PAGE_SIZE);
		if (guest_translate(v, linear + n, WALK_FETCH, &w) ||
		    guest_read(v, w.gpa, bytes + n, step))
			break;
	}
	return n;
}

static int decode(struct vcpu *v, const u64 base[SEGMENT_COUNT],
		  struct insn *insn)
{
	u32 bits = vcpu_code_bits();
	enum decode_mode mode = bits == 64 ? DECODE_64 :
				bits == 32 ? DECODE_32 :
					     DECODE_16;
	u8 bytes[INSN_MAX_LENGTH];
	size_t n = fetch(v, base[SEGMENT_CS] + vcpu_rip(), bytes);

	return decode_insn(bytes, n, mode, insn);
}

static u64 device_read(struct vcpu *v, u64 gpa)
{
	struct partition *p = v->part;
	u32 value;

	if (gpa - GUEST_LAPIC < PAGE_SIZE) {
		v->cause = CAUSE_EPT_LAPIC;
		return vlapic_mmio_read(v, (u32)(gpa - GUEST_LAPIC));
	}
	if (gpa - GUEST_IOAPIC < PAGE_SIZE) {
		v->cause = CAUSE_EPT_IOAPIC;
		spin_lock(&p->lock);
		value = vioapic_read(&p->ioapic, (u32)(gpa - GUEST_IOAPIC));
		spin_unlock(&p->lock);
		return value;
	}
	return ~0UL;
}

static void device_write(struct vcpu *v, u64 gpa, u32 value)
{
	if (gpa - GUEST_LAPIC < PAGE_SIZE) {
		v->cause = CAUSE_EPT_LAPIC;
		vlapic_mmio_write(v, (u32)(gpa - GUEST_LAPIC), value);
	} else if (gpa - GUEST_IOAPIC < PAGE_SIZE) {
		v->cause = CAUSE_EPT_IOAPIC;
		partition_ioapic_write(v->part, (u32)(gpa - GUEST_IOAPIC),
				       value);
	}
}

/* One operand: RAM or device, within a page.  0, or < 0 with #PF left. */
static int access(struct vcpu *v, u64 linear, u8 size, bool write, u64 *value)
{
	struct walk_result w;
	u64 left;
	int err = guest_translate(v, linear, write ? WALK_WRITE : WALK_READ,
				  &w);

	if (err)
		return err;
	if (w.gpa % PAGE_SIZE + size > PAGE_SIZE)
		return -EINVAL;
	if (guest_ram(v->part, w.gpa, &left))
		return write ? guest_write(v, w.gpa, value, size) :
			       guest_read(v, w.gpa, value, size);
	if (write)
		device_write(v, w.gpa, (u32)*value);
	else
		*value = device_read(v, w.gpa);
	return 0;
}

/* Read, execute, write; registers change only when all of it worked. */
static int emulate(struct vcpu *v, const struct insn *insn,
		   const u64 base[SEGMENT_COUNT], u64 gpr[GPR_COUNT],
		   u64 *rflags)
{
	u64 next = vcpu_rip() + insn->length;
	u64 in = 0, out = 0, linear, source;
	bool writes;
	int err;

	err = insn_address(insn, gpr, next, base, &linear);
	if (!err)
		err = insn_source_address(insn, gpr, next, base, &source);
	if (!err && insn_needs_read(insn))
		err = access(v, source, insn->mem_size, false, &in);
	if (!err)
		err = insn_execute(insn, gpr, rflags, in, &out, &writes);
	if (!err && writes)
		err = access(v, linear, insn->mem_size, true, &out);
	return err;
}

enum outcome guest_mmio(struct vcpu *v, struct guest_regs *regs, u64 gpa)
{
	u64 gpr[GPR_COUNT], base[SEGMENT_COUNT];
	u64 rflags = vcpu_rflags();
	struct insn insn;

	vcpu_segment_bases(base);
	memcpy(gpr, regs->gpr, sizeof(gpr));
	gpr[GPR_RSP] = vcpu_rsp();
	if (decode(v, base, &insn))
		return park(v, "instruction that is not emulated", gpa);
	if (!insn_rep_done(&insn, gpr)) {
		if (emulate(v, &insn, base, gpr, &rflags))
			return park(v, "access that is not emulated", gpa);
		memcpy(regs->gpr, gpr, sizeof(gpr));
		vcpu_set_rsp(gpr[GPR_RSP]);
		vcpu_set_rflags(rflags & ~RFLAGS_RF);
	}
	if (insn.is_rep && !insn_rep_done(&insn, gpr))
		return OUTCOME_RETRY;
	vcpu_retire(vcpu_rip() + insn.length);
	return OUTCOME_RETRY;
}
