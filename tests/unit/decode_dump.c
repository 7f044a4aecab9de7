// SPDX-License-Identifier: BSD-2-Clause
/*
 * decode_dump 16|32|64: reads slots of 32 bytes from standard input and prints
 * for each what the instruction at its start is, in a line of numbers but for
 * the operation's name, or a negative error.
 */
#include <stdio.h>
#include <stdlib.h>
#include "exits/decode.h"

#define SLOT_SIZE 32

static const char *const names[] = {
	[INSN_ADD] = "add",	    [INSN_OR] = "or",
	[INSN_ADC] = "adc",	    [INSN_SBB] = "sbb",
	[INSN_AND] = "and",	    [INSN_SUB] = "sub",
	[INSN_XOR] = "xor",	    [INSN_CMP] = "cmp",
	[INSN_TEST] = "test",	    [INSN_MOV] = "mov",
	[INSN_MOVZX] = "movzx",	    [INSN_MOVSX] = "movsx",
	[INSN_XCHG] = "xchg",	    [INSN_XADD] = "xadd",
	[INSN_CMPXCHG] = "cmpxchg", [INSN_INC] = "inc",
	[INSN_DEC] = "dec",	    [INSN_NOT] = "not",
	[INSN_NEG] = "neg",	    [INSN_BT] = "bt",
	[INSN_BTS] = "bts",	    [INSN_BTR] = "btr",
	[INSN_BTC] = "btc",	    [INSN_MOVS] = "movs",
	[INSN_STOS] = "stos",	    [INSN_LODS] = "lods",
};

static enum decode_mode parse_mode(const char *arg)
{
	switch (atoi(arg)) {
	case 16:
		return DECODE_16;
	case 32:
		return DECODE_32;
	default:
		return DECODE_64;
	}
}

static void print(const struct insn *i)
{
	printf("%u %s %u %u %u %u %u %u %u %ld %ld\n", i->length, names[i->op],
	       i->mem_size, i->mem_is_dest, i->segment, i->rip_relative,
	       i->base, i->index, 1U << i->scale, i->disp, (s64)i->imm);
}

int main(int argc, char **argv)
{
	u8 slot[SLOT_SIZE];
	struct insn insn;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: decode_dump 16|32|64\n");
		return 2;
	}
	while (fread(slot, sizeof(slot), 1, stdin) == 1) {
		err = decode_insn(slot, INSN_MAX_LENGTH, parse_mode(argv[1]),
				  &insn);
		if (err)
			printf("%d\n", err);
		else
			print(&insn);
	}
	return 0;
}
