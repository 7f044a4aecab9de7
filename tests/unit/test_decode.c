// SPDX-License-Identifier: BSD-2-Clause
/*
 * The decoder and the address against encodings worked out by hand from the
 * manuals' tables; 16- and 32-bit mode too, where the host is no oracle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "exits/decode.h"

/* The bytes of a row, and how many. */
#define BYTES(s) (const u8 *)(s), sizeof(s) - 1

static const u64 flat[SEGMENT_COUNT];

static struct insn decode(const u8 *bytes, size_t size, enum decode_mode mode)
{
	struct insn insn;

	assert_int_equal(decode_insn(bytes, size, mode, &insn), 0);
	assert_int_equal(insn.length, size);
	return insn;
}

/* Decodes, and gives the linear address with registers 100h, 200h, ... */
static u64 address(const u8 *bytes, size_t size, enum decode_mode mode)
{
	struct insn insn = decode(bytes, size, mode);
	u64 gpr[GPR_COUNT];
	u64 i;

	for (i = 0; i < GPR_COUNT; i++)
		gpr[i] = (i + 1) * 0x100;
	return insn_address(&insn, gpr, 0x10000, flat);
}

#define IN_16  BIT(DECODE_16)
#define IN_32  BIT(DECODE_32)
#define IN_64  BIT(DECODE_64)
#define LEGACY (IN_16 | IN_32)
#define ALL    (LEGACY | IN_64)

/* clang-format off */

static const struct {
	const char *name;
	const u8 *bytes;
	size_t length;
	u64 modes;	/* in which that is the length; refused in others */
} lengths[] = {
	{ "add [rax], al", BYTES("\x00\x00"), ALL },
	{ "cmp eax, [rax]", BYTES("\x3b\x00"), ALL },
	{ "or [rax+disp8], cl", BYTES("\x08\x48\x10"), ALL },
	{ "xor [rsp], ecx", BYTES("\x31\x0c\x24"), IN_32 | IN_64 },
	{ "adc [r9+disp8], ecx", BYTES("\x41\x11\x49\x10"), IN_64 },
	{ "sbb ecx, [disp]", BYTES("\x1b\x0d\1\2\3\4"), IN_32 | IN_64 },
	{ "and [disp16], cx", BYTES("\x21\x0e\1\2"), IN_16 },
	{ "sub [ebx+disp32], cl", BYTES("\x67\x28\x8b\1\2\3\4"),
	  IN_16 | IN_64 },
	{ "mov [rax+rax+disp32], eax", BYTES("\x89\x84\x00\1\2\3\4"),
	  IN_32 | IN_64 },
	{ "mov [rax], imm8", BYTES("\xc6\x00\1"), ALL },
	{ "mov [bx+si], imm16", BYTES("\xc7\x00\1\2"), IN_16 },
	{ "mov [rax], imm32", BYTES("\xc7\x00\1\2\3\4"), IN_32 | IN_64 },
	{ "mov [rax], sx imm32", BYTES("\x48\xc7\x00\1\2\3\4"), IN_64 },
	{ "66: imm32", BYTES("\x66\xc7\x00\1\2\3\4"), IN_16 },
	{ "66: imm16", BYTES("\x66\xc7\x00\1\2"), IN_32 | IN_64 },
	{ "REX.W over 66", BYTES("\x66\x48\xc7\x00\1\2\3\4"), IN_64 },
	{ "REX before 66", BYTES("\x48\x66\xc7\x00\1\2"), IN_64 },
	{ "mov al, [moffs16]", BYTES("\xa0\1\2"), IN_16 },
	{ "mov al, [moffs32]", BYTES("\xa0\1\2\3\4"), IN_32 },
	{ "mov al, [moffs64]", BYTES("\xa0\1\2\3\4\5\6\7\x08"), IN_64 },
	{ "67 moffs16", BYTES("\x67\xa0\1\2"), IN_32 },
	{ "67 moffs32", BYTES("\x67\xa2\1\2\3\4"), IN_16 | IN_64 },
	{ "add [rax], imm8", BYTES("\x80\x00\1"), ALL },
	{ "cmp [rax], imm32", BYTES("\x81\x38\1\2\3\4"), IN_32 | IN_64 },
	{ "and [rax], sx imm8", BYTES("\x83\x20\1"), ALL },
	{ "test [rax], imm8", BYTES("\xf6\x00\1"), ALL },
	{ "test [rax], imm32", BYTES("\xf7\x00\1\2\3\4"), IN_32 | IN_64 },
	{ "test /1", BYTES("\xf7\x08\1\2\3\4"), IN_32 | IN_64 },
	{ "not [rax]", BYTES("\xf7\x10"), ALL },
	{ "neg [rax]", BYTES("\xf6\x18"), ALL },
	{ "lock dec [rax]", BYTES("\xf0\xff\x08"), ALL },
	{ "movsxd ecx, [rax]", BYTES("\x63\x08"), IN_64 },
	{ "rep movsb", BYTES("\xf3\xa4"), ALL },
	{ "gs rep lodsw", BYTES("\x65\x66\xf3\xad"), ALL },
	{ "addr rep stosb", BYTES("\x67\xf3\xaa"), ALL },
	{ "movzx eax, [rax]", BYTES("\x0f\xb6\x00"), ALL },
	{ "bt [rax], ecx", BYTES("\x0f\xa3\x08"), ALL },
	{ "lock btc [rax], imm8", BYTES("\xf0\x0f\xba\x38\1"), ALL },
	{ "movnti [rax], eax", BYTES("\x0f\xc3\x00"), ALL },
};

static const struct {
	const char *name;
	const u8 *bytes;
	size_t length;
	u64 modes;	/* in which it is refused */
} refused[] = {
	{ "lea", BYTES("\x8d\x00"), ALL },
	{ "rol [rax]", BYTES("\xd0\x00"), ALL },
	{ "push [rax]", BYTES("\xff\x30"), ALL },
	{ "mov ds, [rax]", BYTES("\x8e\x18"), ALL },
	{ "mul [rax]", BYTES("\xf7\x20"), ALL },
	{ "cmpsb", BYTES("\xa6"), ALL },
	{ "cpuid", BYTES("\x0f\xa2"), ALL },
	{ "movups", BYTES("\x0f\x11\x00"), ALL },
	{ "invlpg", BYTES("\x0f\x01\x38"), ALL },
	{ "lidt", BYTES("\x0f\x01\x18"), ALL },
	{ "cmpxchg8b", BYTES("\x0f\xc7\x08"), ALL },
	{ "bsf", BYTES("\x0f\xbc\x00"), ALL },
	{ "popcnt", BYTES("\xf3\x0f\xb8\x00"), ALL },
	{ "movbe", BYTES("\x0f\x38\xf0\x00"), ALL },
	{ "0F 3A", BYTES("\x0f\x3a\x0f\x00\1"), ALL },
	{ "VEX 3 bytes", BYTES("\xc4\xe1\x78\x10\xc1"), ALL },
	{ "VEX 2 bytes", BYTES("\xc5\xf8\x10\xc1"), ALL },
	{ "EVEX", BYTES("\x62\xf1\x7c\x48\x10\xc1"), ALL },
	{ "XOP", BYTES("\x8f\xe8\x78\xc0\xc1\1"), ALL },
	{ "82, which is 80", BYTES("\x82\x00\1"), ALL },
	{ "arpl", BYTES("\x63\x00"), LEGACY },
	{ "mov /1", BYTES("\xc6\x08\1"), ALL },
	{ "FE /2", BYTES("\xfe\x10"), ALL },
	{ "FF /7", BYTES("\xff\x38"), ALL },
	{ "0F BA /0", BYTES("\x0f\xba\x00\1"), ALL },
	{ "mov of registers", BYTES("\x89\xc8"), ALL },
	{ "bt of registers", BYTES("\x0f\xa3\xc8"), ALL },
	{ "mov register, imm32", BYTES("\xc7\xc0\1\2\3\4"), ALL },
	{ "movnti register", BYTES("\x0f\xc3\xc1"), ALL },
	{ "lock mov", BYTES("\xf0\x88\x00"), ALL },
	{ "lock cmp", BYTES("\xf0\x38\x00"), ALL },
	{ "lock cmp imm", BYTES("\xf0\x80\x38\1"), ALL },
	{ "lock test", BYTES("\xf0\xf6\x00\1"), ALL },
	{ "lock bt", BYTES("\xf0\x0f\xa3\x00"), ALL },
	{ "lock add to register", BYTES("\xf0\x02\x00"), ALL },
	{ "lock add of registers", BYTES("\xf0\x00\xc0"), ALL },
	{ "lock movs", BYTES("\xf0\xa4"), ALL },
	{ "lock stos", BYTES("\xf0\xaa"), ALL },
	{ "lock nop", BYTES("\xf0\x90"), ALL },
};

/* What precedes an opcode, of any instruction. */
static const struct {
	const u8 *bytes;
	size_t length;
	size_t prefixes[3];	/* by mode */
} prefixes[] = {
	{ BYTES(""), { 0, 0, 0 } },
	{ BYTES("\x0f\xa2"), { 0, 0, 0 } },
	{ BYTES("\xf4\xf3"), { 0, 0, 0 } },
	{ BYTES("\xf3\x0f\x09"), { 1, 1, 1 } },
	{ BYTES("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3\x0f\xa2"),
	  { 11, 11, 11 } },
	/* REX, before others too; in other modes INC and DEC. */
	{ BYTES("\x48\x0f\x32"), { 0, 0, 1 } },
	{ BYTES("\x40\x4f\x66\x0f\x32"), { 0, 0, 3 } },
	{ BYTES("\x66\x40\x66\x0f\x32"), { 1, 1, 3 } },
	/* No more than there is, and never more than 15. */
	{ BYTES("\x66\x66"), { 2, 2, 2 } },
	{ BYTES("\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e\x2e"
		"\x2e\x2e"),
	  { 15, 15, 15 } },
};

/* clang-format on */

static void test_lengths(void **state)
{
	struct insn insn;
	size_t i;
	int mode;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (mode = DECODE_16; mode <= DECODE_64; mode++) {
			err = decode_insn(lengths[i].bytes, lengths[i].length,
					  mode, &insn);
			if (!(lengths[i].modes & BIT(mode)) &&
			    (err || insn.length != lengths[i].length))
				continue;
			if (lengths[i].modes & BIT(mode) && !err &&
			    insn.length == lengths[i].length)
				continue;
			fail_msg("%s, mode %d: error %d, length %u",
				 lengths[i].name, mode, err, insn.length);
		}
	}
}

/* No shorter part of a good encoding is one. */
static void test_truncated(void **state)
{
	struct insn insn;
	size_t i;
	size_t n;
	int mode;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (mode = DECODE_16; mode <= DECODE_64; mode++) {
			if (!(lengths[i].modes & BIT(mode)))
				continue;
			for (n = 0; n < lengths[i].length; n++)
				assert_int_equal(decode_insn(lengths[i].bytes,
							     n, mode, &insn),
						 -EINVAL);
		}
	}
}

/* Whatever follows. */
static void test_refused(void **state)
{
	u8 bytes[INSN_MAX_LENGTH];
	struct insn insn;
	size_t i;
	int mode;
	int err;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, refused[i].bytes, refused[i].length);
		for (mode = DECODE_16; mode <= DECODE_64; mode++) {
			if (!(refused[i].modes & BIT(mode)))
				continue;
			err = decode_insn(bytes, sizeof(bytes), mode, &insn);
			if (err != -EINVAL)
				fail_msg("%s, mode %d: %d", refused[i].name,
					 mode, err);
		}
	}
}

static void test_prefixes(void **state)
{
	size_t i;
	int mode;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		for (mode = DECODE_16; mode <= DECODE_64; mode++)
			assert_int_equal(insn_prefixes(prefixes[i].bytes,
						       prefixes[i].length,
						       mode),
					 prefixes[i].prefixes[mode]);
	}
}

static void test_15_bytes(void **state)
{
	u8 bytes[64];
	struct insn insn;

	(void)state;
	memset(bytes, 0x66, sizeof(bytes));
	bytes[14] = 0xaa;
	decode(bytes, 15, DECODE_64);
	bytes[14] = 0x66;
	bytes[15] = 0xaa;
	assert_int_equal(decode_insn(bytes, 16, DECODE_64, &insn), -EINVAL);
	/* An immediate that would end in byte 16. */
	bytes[9] = 0x48;
	bytes[10] = 0xc7;
	bytes[11] = 0;
	assert_int_equal(decode_insn(bytes, 64, DECODE_64, &insn), -EINVAL);
	bytes[8] = 0x48;
	bytes[9] = 0xc7;
	bytes[10] = 0;
	assert_int_equal(decode_insn(bytes, 64, DECODE_64, &insn), 0);
}

static void test_fields(void **state)
{
	struct insn insn;

	(void)state;
	/* lock xadd [r12+r9*8-1], r10 */
	insn = decode(BYTES("\xf0\x4f\x0f\xc1\x54\xcc\xff"), DECODE_64);
	assert_int_equal(insn.op, INSN_XADD);
	assert_int_equal(insn.rex, 0x4f);
	assert_true(insn.mem_is_dest);
	assert_int_equal(insn.base, 12);
	assert_int_equal(insn.index, 9);
	assert_int_equal(insn.scale, 3);
	assert_int_equal(insn.reg, 10);
	assert_int_equal(insn.disp, -1);
	assert_int_equal(insn.op_size, 8);
	assert_int_equal(insn.mem_size, 8);
	assert_int_equal(insn.addr_size, 8);
	assert_int_equal(insn.segment, SEGMENT_DS);

	/* movzx cx, byte [eax] in 32-bit mode */
	insn = decode(BYTES("\x66\x0f\xb6\x08"), DECODE_32);
	assert_int_equal(insn.op, INSN_MOVZX);
	assert_int_equal(insn.op_size, 2);
	assert_int_equal(insn.mem_size, 1);
	assert_false(insn.mem_is_dest);
	assert_true(insn_reads(&insn));

	/* movsxd cx, [rax] reads 16 bits, movsxd rcx, [rax] 32. */
	insn = decode(BYTES("\x66\x63\x08"), DECODE_64);
	assert_int_equal(insn.mem_size, 2);
	insn = decode(BYTES("\x48\x63\x08"), DECODE_64);
	assert_int_equal(insn.mem_size, 4);
	assert_int_equal(insn.op_size, 8);

	/* mov qword [rax], -2 */
	insn = decode(BYTES("\x48\xc7\x00\xfe\xff\xff\xff"), DECODE_64);
	assert_int_equal(insn.imm, -2L);
	assert_true(insn.src_is_imm && insn.mem_is_dest);
	assert_false(insn_reads(&insn));

	/* MOVNTI writes 32 bits in 16-bit mode too. */
	insn = decode(BYTES("\x0f\xc3\x07"), DECODE_16);
	assert_int_equal(insn.mem_size, 4);

	/* MOVNTI and others take no notice of F2 and F3, strings of either. */
	insn = decode(BYTES("\xf3\x88\x00"), DECODE_64);
	assert_false(insn.is_string || insn.is_rep);
	insn = decode(BYTES("\xf2\xab"), DECODE_32);
	assert_true(insn.is_string && insn.is_rep);
	insn = decode(BYTES("\xf3\xab"), DECODE_32);
	assert_true(insn.is_string && insn.is_rep);
	insn = decode(BYTES("\xab"), DECODE_32);
	assert_true(insn.is_string && !insn.is_rep);
}

/* Which opcode is which operation, beyond those that test_execute.c runs. */
static void test_operations(void **state)
{
	static const u8 by_reg[8] = { INSN_ADD, INSN_OR,  INSN_ADC, INSN_SBB,
				      INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP };
	u8 bytes[3] = { 0 };
	u8 n;

	(void)state;
	for (n = 0; n < 8; n++) {
		bytes[0] = (u8)(n << 3);
		assert_int_equal(decode(bytes, 2, DECODE_32).op, by_reg[n]);
		bytes[0] = 0x83;
		bytes[1] = (u8)(n << 3);
		assert_int_equal(decode(bytes, 3, DECODE_32).op, by_reg[n]);
		bytes[1] = 0;
	}
	for (n = 0; n < 4; n++) {
		bytes[0] = 0x0f;
		bytes[1] = (u8)(0xa3 + 8 * n);
		assert_int_equal(decode(bytes, 3, DECODE_32).op, INSN_BT + n);
	}
}

/* Registers are RAX 100h, RCX 200h, ... RSP 500h, ... R15 1000h. */
static void test_address_64(void **state)
{
	(void)state;
	/* [rax], [rbp+10h], [r13-1] */
	assert_int_equal(address(BYTES("\x8b\x00"), DECODE_64), 0x100);
	assert_int_equal(address(BYTES("\x8b\x45\x10"), DECODE_64), 0x610);
	assert_int_equal(address(BYTES("\x41\x8b\x45\xff"), DECODE_64), 0xdff);
	/* [rip+20h], and with 67h, and rm 5 with REX.B is still RIP. */
	assert_int_equal(address(BYTES("\x8b\x05\x20\0\0\0"), DECODE_64),
			 0x10020);
	assert_int_equal(address(BYTES("\x67\x8b\x05\x20\0\0\0"), DECODE_64),
			 0x10020);
	assert_int_equal(address(BYTES("\x41\x8b\x05\x20\0\0\0"), DECODE_64),
			 0x10020);
	/* [rsp]; [r12] needs a SIB too. */
	assert_int_equal(address(BYTES("\x8b\x04\x24"), DECODE_64), 0x500);
	assert_int_equal(address(BYTES("\x41\x8b\x04\x24"), DECODE_64), 0xd00);
	/* Index 4 is none, whatever the scale; with REX.X it is R12. */
	assert_int_equal(address(BYTES("\x8b\x04\xe0"), DECODE_64), 0x100);
	assert_int_equal(address(BYTES("\x42\x8b\x04\x60"), DECODE_64),
			 0x100 + 2 * 0xd00);
	/* No base: disp32 alone, and with an index; sign-extended. */
	assert_int_equal(address(BYTES("\x8b\x04\x25\x00\x10\0\0"), DECODE_64),
			 0x1000);
	assert_int_equal(address(BYTES("\x8b\x04\x8d\x00\x10\0\0"), DECODE_64),
			 0x1000 + 4 * 0x200);
	assert_int_equal(address(BYTES("\x8b\x04\x25\0\0\xe0\xfe"), DECODE_64),
			 0xfffffffffee00000);
	assert_int_equal(
		address(BYTES("\x67\x8b\x04\x25\0\0\xe0\xfe"), DECODE_64),
		0xfee00000);
	/* Base 5 with a displacement is RBP, with REX.B R13. */
	assert_int_equal(address(BYTES("\x8b\x44\x25\x08"), DECODE_64), 0x608);
	assert_int_equal(address(BYTES("\x41\x8b\x44\x25\x08"), DECODE_64),
			 0xe08);
	/* REX.B does not give mod 0 base 5 a base. */
	assert_int_equal(
		address(BYTES("\x41\x8b\x04\x25\x08\0\0\0"), DECODE_64), 8);
	/* mov al, [1122334455667788h] */
	assert_int_equal(address(BYTES("\xa0\x88\x77\x66\x55\x44\x33\x22\x11"),
				 DECODE_64),
			 0x1122334455667788);
}

/* RAX 100h, RCX 200h, RDX 300h, RBX 400h, RBP 600h, RSI 700h, RDI 800h. */
static void test_address_16(void **state)
{
	static const u64 by_rm[8] = { 0xb00, 0xc00, 0xd00, 0xe00,
				      0x700, 0x800, 0x600, 0x400 };
	u8 bytes[4] = { 0x8b };
	u8 rm;

	(void)state;
	for (rm = 0; rm < 8; rm++) {
		bytes[1] = 0x40 | rm;
		bytes[2] = 0xf0;
		assert_int_equal(address(bytes, 3, DECODE_16),
				 by_rm[rm] - 0x10);
		bytes[1] = 0x80 | rm;
		bytes[2] = 0x34;
		bytes[3] = 0x12;
		assert_int_equal(address(bytes, 4, DECODE_16),
				 by_rm[rm] + 0x1234);
		bytes[1] = rm;
		if (rm != 6)
			assert_int_equal(address(bytes, 2, DECODE_16),
					 by_rm[rm]);
		else
			assert_int_equal(address(bytes, 4, DECODE_16), 0x1234);
	}
	/* Wraps at 64 KiB: [bx+si-0b01h]. */
	assert_int_equal(address(BYTES("\x8b\x80\xff\xf4"), DECODE_16), 0xffff);
	/* 67h: 16-bit addresses in 32-bit mode and the other way round. */
	assert_int_equal(address(BYTES("\x67\x8b\x00"), DECODE_32), 0xb00);
	assert_int_equal(address(BYTES("\x67\x8b\x04\x88"), DECODE_16), 0x900);
	assert_int_equal(address(BYTES("\x8b\x05\x04\0\0\0"), DECODE_32), 4);
	assert_int_equal(address(BYTES("\xa1\x34\x12"), DECODE_16), 0x1234);
}

static u64 address_in(const u8 *bytes, size_t size, enum decode_mode mode)
{
	static const u64 base[SEGMENT_COUNT] = { 0x100000, 0x200000, 0x300000,
						 0x400000, 0x500000, 0x600000 };
	struct insn insn = decode(bytes, size, mode);
	u64 gpr[GPR_COUNT] = { 0 };

	return insn_address(&insn, gpr, 0, base);
}

static void test_segments(void **state)
{
	u64 high[SEGMENT_COUNT] = { [SEGMENT_DS] = 0xffff0000 };
	u64 gpr[GPR_COUNT] = { 0x20000 };
	struct insn insn;

	(void)state;
	/* [eax], [ebp], [esp], [esp with fs], [ebp*1+disp32] */
	assert_int_equal(address_in(BYTES("\x8b\x00"), DECODE_32), 0x400000);
	assert_int_equal(address_in(BYTES("\x8b\x45\0"), DECODE_32), 0x300000);
	assert_int_equal(address_in(BYTES("\x8b\x04\x24"), DECODE_32),
			 0x300000);
	assert_int_equal(address_in(BYTES("\x64\x8b\x04\x24"), DECODE_32),
			 0x500000);
	assert_int_equal(address_in(BYTES("\x8b\x04\x2d\0\0\0\0"), DECODE_32),
			 0x400000);
	/* [bp+si], [si], and the last of two overrides. */
	assert_int_equal(address_in(BYTES("\x8b\x02"), DECODE_16), 0x300000);
	assert_int_equal(address_in(BYTES("\x8b\x04"), DECODE_16), 0x400000);
	assert_int_equal(address_in(BYTES("\x64\x2e\x8b\x04"), DECODE_16),
			 0x200000);
	assert_int_equal(address_in(BYTES("\x26\x8b\x04"), DECODE_16),
			 0x100000);
	/* 64-bit mode knows FS and GS only. */
	assert_int_equal(address_in(BYTES("\x8b\x45\0"), DECODE_64), 0);
	assert_int_equal(address_in(BYTES("\x2e\x8b\x00"), DECODE_64), 0);
	assert_int_equal(address_in(BYTES("\x65\x8b\x00"), DECODE_64),
			 0x600000);
	assert_int_equal(address_in(BYTES("\x65\x2e\x8b\x00"), DECODE_64),
			 0x600000);
	/* STOS is not to be overridden; LODS is. */
	assert_int_equal(address_in(BYTES("\x64\xaa"), DECODE_32), 0x100000);
	assert_int_equal(address_in(BYTES("\x64\xac"), DECODE_32), 0x500000);
	assert_int_equal(address_in(BYTES("\x64\xa4"), DECODE_32), 0x100000);
	/* Outside 64-bit mode linear addresses wrap at 4 GiB. */
	insn = decode(BYTES("\x8b\x00"), DECODE_32);
	assert_int_equal(insn_address(&insn, gpr, 0, high), 0x10000);
}

static bool writes_memory(const u8 *bytes, size_t size, bool reads)
{
	struct insn insn = decode(bytes, size, DECODE_64);

	assert_int_equal(insn_reads(&insn), reads);
	return insn_writes(&insn);
}

/* An access that does not happen must not be emulated either. */
static void test_accesses(void **state)
{
	(void)state;
	assert_false(writes_memory(BYTES("\x39\x00"), true)); /* cmp */
	assert_false(writes_memory(BYTES("\x3b\x00"), true));
	assert_false(writes_memory(BYTES("\x83\x38\x01"), true));
	assert_false(writes_memory(BYTES("\x85\x00"), true));	  /* test */
	assert_false(writes_memory(BYTES("\x0f\xa3\x08"), true)); /* bt */
	assert_false(writes_memory(BYTES("\x0f\xba\x20\x01"), true));
	assert_false(writes_memory(BYTES("\x8b\x00"), true)); /* mov */
	assert_false(writes_memory(BYTES("\xac"), true));     /* lods */
	assert_true(writes_memory(BYTES("\x89\x00"), false)); /* mov */
	assert_true(writes_memory(BYTES("\xaa"), false));     /* stos */
	assert_true(writes_memory(BYTES("\xa4"), true));      /* movs */
	assert_true(writes_memory(BYTES("\x87\x08"), true));  /* xchg */
	assert_true(writes_memory(BYTES("\x01\x08"), true));  /* add */
	/* cmpxchg, matching or not */
	assert_true(writes_memory(BYTES("\x0f\xb1\x08"), true));
}

/* fs rep movsw in 16-bit mode, backwards, across the end of the segment. */
static void test_movs_16(void **state)
{
	static const u64 base[SEGMENT_COUNT] = {
		[SEGMENT_ES] = 0x10000, [SEGMENT_FS] = 0x20000
	};
	struct insn insn = decode(BYTES("\x64\xf3\xa5"), DECODE_16);
	u64 gpr[GPR_COUNT] = { [GPR_RCX] = 0xabcd0001,
			       [GPR_RSI] = 0x77770000,
			       [GPR_RDI] = 0x88880002 };
	u64 rflags = 0x402;

	(void)state;
	assert_false(insn_rep_done(&insn, gpr));
	assert_int_equal(insn_source_address(&insn, gpr, 0, base), 0x20000);
	assert_int_equal(insn_address(&insn, gpr, 0, base), 0x10002);
	assert_int_equal(insn_execute(&insn, gpr, &rflags, 0xff1234), 0x1234);
	assert_int_equal(gpr[GPR_RSI], 0x7777fffe);
	assert_int_equal(gpr[GPR_RDI], 0x88880000);
	assert_int_equal(gpr[GPR_RCX], 0xabcd0000);
	assert_int_equal(rflags, 0x402);
	assert_true(insn_rep_done(&insn, gpr));
}

/* inc word [bx] in 16-bit mode: CF stays, OF comes. */
static void test_inc_16(void **state)
{
	struct insn insn = decode(BYTES("\xff\x07"), DECODE_16);
	u64 gpr[GPR_COUNT] = { 0 };
	u64 rflags = 0x203;

	(void)state;
	assert_int_equal(insn.mem_size, 2);
	assert_int_equal(insn_execute(&insn, gpr, &rflags, 0x7fff), 0x8000);
	/* OF, IF, SF, AF, PF, CF */
	assert_int_equal(rflags, 0xa97);
}

/* bts word [bx], ax in 16-bit mode: bit -17 is bit 15 of the word at -4. */
static void test_bit_string_16(void **state)
{
	struct insn insn = decode(BYTES("\x0f\xab\x07"), DECODE_16);
	u64 gpr[GPR_COUNT] = { [GPR_RAX] = 0x1ffef, [GPR_RBX] = 2 };
	u64 rflags = 2;

	(void)state;
	assert_int_equal(insn_address(&insn, gpr, 0, flat), 0xfffe);
	assert_int_equal(insn_execute(&insn, gpr, &rflags, 1), 0x8001);
	assert_int_equal(rflags, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_15_bytes),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_address_64),
		cmocka_unit_test(test_address_16),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_accesses),
		cmocka_unit_test(test_movs_16),
		cmocka_unit_test(test_inc_16),
		cmocka_unit_test(test_bit_string_16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
