// SPDX-License-Identifier: BSD-2-Clause
/*
 * Decodes, takes the addresses and executes in each mode.  The first bytes are
 * the instruction, the rest fills registers, flags and memory.
 */
#include <string.h>
#include "exits/decode.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct machine {
	u64 gpr[GPR_COUNT];
	u64 seg_base[SEGMENT_COUNT];
	u64 rip_next;
	u64 rflags;
	u64 mem;
};

#define CHECK(cond)                       \
	do {                              \
		if (!(cond))              \
			__builtin_trap(); \
	} while (0)

static void check_fields(const struct insn *insn, size_t avail)
{
	CHECK(insn->length >= 1 && insn->length <= INSN_MAX_LENGTH);
	CHECK(insn->length <= avail);
	CHECK(insn->reg < GPR_COUNT);
	CHECK(insn->base < GPR_COUNT || insn->base == GPR_NONE);
	CHECK(insn->index < GPR_COUNT || insn->index == GPR_NONE);
	CHECK(insn->scale < 4);
	CHECK(insn->segment < SEGMENT_COUNT);
	CHECK(insn->op <= INSN_LODS);
	CHECK(insn->mem_size >= 1 && insn->mem_size <= 8);
	CHECK(!(insn->mem_size & (insn->mem_size - 1)));
}

static void run(const struct insn *insn, struct machine *m)
{
	u64 before = m->rflags;
	u64 linear = insn_address(insn, m->gpr, m->rip_next, m->seg_base);
	u64 source = insn_source_address(insn, m->gpr, m->rip_next,
					 m->seg_base);
	u64 out;

	if (insn->mode != DECODE_64)
		CHECK(linear <= 0xffffffff && source <= 0xffffffff);
	CHECK(insn_reads(insn) || insn_writes(insn));
	CHECK(!insn_writes(insn) || insn->mem_is_dest);
	if (insn_rep_done(insn, m->gpr))
		return;
	out = insn_execute(insn, m->gpr, &m->rflags, m->mem);
	/* No flags but the arithmetic ones. */
	CHECK(!((before ^ m->rflags) & ~0x8d5UL));
	if (insn->mem_size < 8)
		CHECK(out < BIT(8 * insn->mem_size));
}

static void one_mode(const u8 *bytes, size_t avail, enum decode_mode mode,
		     const struct machine *start)
{
	struct machine m = *start;
	struct machine again = *start;
	struct insn insn;
	struct insn other;
	size_t prefixes = insn_prefixes(bytes, avail, mode);
	size_t n;
	int err;

	CHECK(prefixes <= avail && prefixes <= INSN_MAX_LENGTH);
	err = decode_insn(bytes, avail, mode, &insn);
	CHECK(err == 0 || err == -EINVAL);
	CHECK(decode_insn(bytes, avail, mode, &other) == err);
	if (err)
		return;
	CHECK(!memcmp(&insn, &other, sizeof(insn)));
	check_fields(&insn, avail);
	CHECK(prefixes < insn.length);
	/* What follows the instruction does not matter, what is in it does. */
	CHECK(!decode_insn(bytes, insn.length, mode, &other));
	CHECK(!memcmp(&insn, &other, sizeof(insn)));
	for (n = 0; n < insn.length; n++)
		CHECK(decode_insn(bytes, n, mode, &other) == -EINVAL);
	run(&insn, &m);
	run(&insn, &again);
	CHECK(!memcmp(&m, &again, sizeof(m)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t avail = MIN(size, 20UL);
	struct machine m = { 0 };

	if (size > avail)
		memcpy(&m, data + avail, MIN(size - avail, sizeof(m)));
	one_mode(data, avail, DECODE_16, &m);
	one_mode(data, avail, DECODE_32, &m);
	one_mode(data, avail, DECODE_64, &m);
	return 0;
}
