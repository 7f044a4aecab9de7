// SPDX-License-Identifier: BSD-2-Clause
/*
 * decode_dump 16|32|64: reads slots of 32 bytes from standard input and prints
 * for each the length of the instruction at its start, or a negative error.
 */
#include <stdio.h>
#include <stdlib.h>
#include "exits/decode.h"

#define SLOT_SIZE 32

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
		printf("%d\n", err ? err : insn.length);
	}
	return 0;
}
