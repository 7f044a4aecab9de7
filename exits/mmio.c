// SPDX-License-Identifier: BSD-2-Clause
/*
 * Emulation of the instruction that touched guest-physical memory without RAM
 * behind it: registers, and empty space, which reads as ones.
 *
 * docs/decisions.md: What is not emulated parks.
 */
#include "core/lib.h"
#include "core/log.h"
#include "core/percpu.h"
#include "eli/eli.h"
#include "exits/decode.h"
#include "exits/exit.h"
#include "guest/memory.h"
#include "guest/mmio.h"
#include "partition/partition.h"

/* One instruction on its way: copies that become real when all worked. */
struct emulation {
	struct vcpu *v;
	struct vcpu_state s;
	struct insn insn;
	u64 gpr[GPR_COUNT];
};

/* The bytes of the instruction at RIP, as many as can be read. */
static size_t fetch(struct vcpu *v, const struct vcpu_state *s, u8 *bytes)
{
	u64 linear = s->segment_base[SEGMENT_CS] + s->rip;
	struct walk_result w;
	size_t n, step;

	for (n = 0; n < INSN_MAX_LENGTH; n += step) {
		step = MIN(INSN_MAX_LENGTH - n,
			   PAGE_SIZE - (linear + n) % PAGE_SIZE);
		if (guest_translate(v, s, linear + n, WALK_FETCH, &w) ||
		    guest_read(v->ram, w.gpa, bytes + n, step))
			break;
	}
	return n;
}

static enum decode_mode decode_mode(const struct vcpu_state *s)
{
	return s->code_bits == 64 ? DECODE_64 :
	       s->code_bits == 32 ? DECODE_32 :
				    DECODE_16;
}

static int decode(struct vcpu *v, const struct vcpu_state *s, struct insn *insn)
{
	u8 bytes[INSN_MAX_LENGTH];
	size_t n = fetch(v, s, bytes);

	return decode_insn(bytes, n, decode_mode(s), insn);
}

u32 guest_insn_length(struct vcpu *v, const struct vcpu_state *s, u32 opcode)
{
	u8 bytes[INSN_MAX_LENGTH];
	size_t n = fetch(v, s, bytes);
	size_t length = insn_prefixes(bytes, n, decode_mode(s)) + opcode;

	return length <= n ? (u32)length : 0;
}

/* What is no register's reads as ones. */
static u64 device_read(struct vcpu *v, u64 gpa, u8 size)
{
	const struct mmio_region *r = mmio_find(&v->part->mmio, gpa);

	if (!r)
		return ~0UL;
	v->cause = r->cause;
	return r->read(r->ctx, gpa - r->gpa, size);
}

static void device_write(struct vcpu *v, u64 gpa, u8 size, u64 value)
{
	const struct mmio_region *r = mmio_find(&v->part->mmio, gpa);

	if (!r)
		return;
	v->cause = r->cause;
	r->write(r->ctx, gpa - r->gpa, size, value);
}

static int access_ram(struct vcpu *v, u64 gpa, u8 size, bool write, u64 *value)
{
	int err;

	if (!write)
		return guest_read(v->ram, gpa, value, size);
	err = guest_write(v->ram, gpa, value, size);
	if (!err)
		eli_wrote(v, gpa, size);
	return err;
}

/* One operand: RAM or device, within a page.  0, or < 0. */
static int access(struct emulation *e, u64 linear, bool write, u64 *value)
{
	u8 size = e->insn.mem_size;
	struct vcpu *v = e->v;
	struct walk_result w;
	u64 left;
	int err = guest_translate(v, &e->s, linear,
				  write ? WALK_WRITE : WALK_READ, &w);

	if (err)
		return err;
	if (w.gpa % PAGE_SIZE + size > PAGE_SIZE)
		return -EINVAL;
	if (guest_map(v->ram, w.gpa, &left))
		return access_ram(v, w.gpa, size, write, value);
	if (write)
		device_write(v, w.gpa, size, *value);
	else
		*value = device_read(v, w.gpa, size);
	return 0;
}

/* Read, execute, write. */
static int execute(struct emulation *e)
{
	const struct insn *insn = &e->insn;
	const u64 *base = e->s.segment_base;
	u64 next = e->s.rip + insn->length;
	u64 linear = insn_address(insn, e->gpr, next, base);
	u64 source = insn_source_address(insn, e->gpr, next, base);
	u64 value = 0;
	int err = 0;

	if (insn_reads(insn))
		err = access(e, source, false, &value);
	if (err)
		return err;
	value = insn_execute(insn, e->gpr, &e->s.rflags, value);
	return insn_writes(insn) ? access(e, linear, true, &value) : 0;
}

/* Registers become the guest's; RIP moves on unless a REP has more to do. */
static void commit(struct emulation *e, struct guest_regs *regs)
{
	memcpy(regs->gpr, e->gpr, sizeof(e->gpr));
	e->s.rsp = e->gpr[GPR_RSP];
	e->s.rflags &= ~RFLAGS_RF;
	if (!e->insn.is_rep || insn_rep_done(&e->insn, e->gpr))
		e->s.rip += e->insn.length;
	backend->put_state(&e->s);
}

enum outcome guest_mmio(struct vcpu *v, struct guest_regs *regs, u64 gpa)
{
	struct emulation e = { .v = v };

	backend->get_state(&e.s);
	memcpy(e.gpr, regs->gpr, sizeof(e.gpr));
	e.gpr[GPR_RSP] = e.s.rsp;
	if (decode(v, &e.s, &e.insn) ||
	    (!insn_rep_done(&e.insn, e.gpr) && execute(&e))) {
		if (eli_give_up(v, gpa))
			return OUTCOME_RETRY;
		partition_park(v->part,
			       "access to guest address %lx by an "
			       "instruction that is not emulated",
			       gpa);
		return OUTCOME_PARK;
	}
	commit(&e, regs);
	return OUTCOME_RETRY;
}
