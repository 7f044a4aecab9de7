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

/* Instructions that one exit executes, at most. */
#define SERIES 8

/* One instruction on its way: copies that become real when all worked. */
struct emulation {
	struct vcpu *v;
	struct vcpu_state s;
	struct insn insn;
	u64 gpr[GPR_COUNT];
	const struct mmio_region *region; /* that it has touched, */
	const struct mmio_region *series; /* and that it may write to */
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
static int access_device(struct emulation *e, u64 gpa, u8 size, bool write,
			 u64 *value)
{
	const struct mmio_region *r = mmio_find(&e->v->part->mmio, gpa);

	if (e->series && r != e->series)
		return -EINVAL;
	e->region = r;
	if (!r) {
		*value = ~0UL;
		return 0;
	}
	e->v->cause = r->cause;
	if (write)
		r->write(r->ctx, gpa - r->gpa, size, *value);
	else
		*value = r->read(r->ctx, gpa - r->gpa, size);
	return 0;
}

/* A series writes none, where the dirty flag would be missing. */
static int access_ram(struct emulation *e, u64 gpa, u8 size, bool write,
		      u64 *value)
{
	struct vcpu *v = e->v;
	int err;

	if (!write)
		return guest_read(v->ram, gpa, value, size);
	if (e->series)
		return -EINVAL;
	err = guest_write(v->ram, gpa, value, size);
	if (!err)
		eli_wrote(v, gpa, size);
	return err;
}

/* One operand: RAM or device, within a page.  0, or < 0. */
static int access(struct emulation *e, u64 linear, bool write, u64 *value)
{
	u8 size = e->insn.mem_size;
	struct walk_result w;
	u64 left;
	int err = guest_translate(e->v, &e->s, linear,
				  write ? WALK_WRITE : WALK_READ, &w);

	if (err)
		return err;
	if (w.gpa % PAGE_SIZE + size > PAGE_SIZE)
		return -EINVAL;
	if (guest_map(e->v->ram, w.gpa, &left))
		return access_ram(e, w.gpa, size, write, value);
	return access_device(e, w.gpa, size, write, value);
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

/* RIP moves on unless a REP has more to do. */
static void advance(struct emulation *e)
{
	e->s.rsp = e->gpr[GPR_RSP];
	e->s.rflags &= ~RFLAGS_RF;
	if (!e->insn.is_rep || insn_rep_done(&e->insn, e->gpr))
		e->s.rip += e->insn.length;
}

/* Could a debugger of the guest's want to see each instruction? */
static bool watched(const struct vcpu_state *s)
{
	return (s->rflags & RFLAGS_TF) || (s->dr7 & DR7_ENABLED);
}

/*
 * A driver writes a message by stores in a row, with loads between them: they
 * cost one exit.  What does not work here exits by itself.
 * docs/decisions.md: Stores in a row are one exit.
 */
static void follow(struct emulation *e)
{
	struct emulation next = *e;
	u32 n;

	if (!e->region || !e->region->series || watched(&e->s))
		return;
	next.series = e->region;
	for (n = 1; n < SERIES; n++) {
		if (decode(e->v, &next.s, &next.insn) ||
		    next.insn.op != INSN_MOV || execute(&next))
			return;
		advance(&next);
		*e = next;
	}
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
	advance(&e);
	follow(&e);
	memcpy(regs->gpr, e.gpr, sizeof(e.gpr));
	backend->put_state(&e.s);
	return OUTCOME_RETRY;
}
