// SPDX-License-Identifier: BSD-2-Clause
/*
 * The processor as the oracle: random encodings of every instruction in enum
 * insn_op run both on the host, in 64-bit mode, and through the decoder, the
 * address and the execution.  Registers, flags and memory must come out alike.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>
#include "exits/decode.h"

#define ROUNDS 4000 /* for each form */

/*
 * Below 2 GiB, so that 32-bit addresses and displacements reach it: a page of
 * code, and one of data between two that are not mapped.
 */
#define ARENA	  0x20000000UL
#define CODE	  ARENA
#define DATA	  (ARENA + 2 * PAGE_SIZE)
#define TARGET	  (DATA + 1024)
#define DATA_USED 2048
#define GS_BASE	  0x1234567UL

#define FLAG_CF	    BIT(0)
#define FLAG_PF	    BIT(2)
#define FLAG_AF	    BIT(4)
#define FLAG_ZF	    BIT(6)
#define FLAG_SF	    BIT(7)
#define FLAG_DF	    BIT(10)
#define FLAG_OF	    BIT(11)
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)
#define FLAGS_FIXED 0x202UL /* IF, and bit 1 */

/* What the assembly below loads, runs and stores. */
struct oracle {
	u64 gpr[GPR_COUNT];
	u64 rflags;
	u64 host_rsp;
	u64 code;
};

extern struct oracle oracle;
struct oracle oracle;
void oracle_run(void);
void oracle_return(void);

_Static_assert(offsetof(struct oracle, rflags) == 128, "used in assembly");
_Static_assert(offsetof(struct oracle, code) == 144, "used in assembly");

/* clang-format off */
__asm__(".text\n"
	"oracle_run:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n"
	"push %r14\n push %r15\n"
	"mov %rsp, oracle+136(%rip)\n"
	"pushq oracle+128(%rip)\n popfq\n"
	"mov oracle+0(%rip), %rax\n mov oracle+8(%rip), %rcx\n"
	"mov oracle+16(%rip), %rdx\n mov oracle+24(%rip), %rbx\n"
	"mov oracle+32(%rip), %rsp\n mov oracle+40(%rip), %rbp\n"
	"mov oracle+48(%rip), %rsi\n mov oracle+56(%rip), %rdi\n"
	"mov oracle+64(%rip), %r8\n mov oracle+72(%rip), %r9\n"
	"mov oracle+80(%rip), %r10\n mov oracle+88(%rip), %r11\n"
	"mov oracle+96(%rip), %r12\n mov oracle+104(%rip), %r13\n"
	"mov oracle+112(%rip), %r14\n mov oracle+120(%rip), %r15\n"
	"jmp *oracle+144(%rip)\n"
	"oracle_return:\n"
	"mov %rax, oracle+0(%rip)\n mov %rcx, oracle+8(%rip)\n"
	"mov %rdx, oracle+16(%rip)\n mov %rbx, oracle+24(%rip)\n"
	"mov %rsp, oracle+32(%rip)\n mov %rbp, oracle+40(%rip)\n"
	"mov %rsi, oracle+48(%rip)\n mov %rdi, oracle+56(%rip)\n"
	"mov %r8, oracle+64(%rip)\n mov %r9, oracle+72(%rip)\n"
	"mov %r10, oracle+80(%rip)\n mov %r11, oracle+88(%rip)\n"
	"mov %r12, oracle+96(%rip)\n mov %r13, oracle+104(%rip)\n"
	"mov %r14, oracle+112(%rip)\n mov %r15, oracle+120(%rip)\n"
	"mov oracle+136(%rip), %rsp\n"
	"pushfq\n popq oracle+128(%rip)\n cld\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n"
	"pop %rbp\n pop %rbx\n"
	"ret\n");

/* How an instruction goes on after its opcode. */
enum tail { MODRM, MODRM_IMM8, MODRM_IMMZ, MOFFS, IMPLIED };

#define ANY_REG 8

static const struct form {
	const char *name;
	u8 opcode[2];
	u8 opcode_length;
	u8 reg;		/* /r, or ANY_REG */
	u8 tail;
	bool lockable;
	u64 undefined;	/* flags */
} forms[] = {
	/* 00-3B are built in test_alu(). */
	{ "80", { 0x80 }, 1, ANY_REG, MODRM_IMM8, false, 0 },
	{ "81", { 0x81 }, 1, ANY_REG, MODRM_IMMZ, false, 0 },
	{ "83", { 0x83 }, 1, ANY_REG, MODRM_IMM8, false, 0 },
	{ "lock 80 add", { 0x80 }, 1, 0, MODRM_IMM8, true, 0 },
	{ "lock 81 or", { 0x81 }, 1, 1, MODRM_IMMZ, true, FLAG_AF },
	{ "lock 83 xor", { 0x83 }, 1, 6, MODRM_IMM8, true, FLAG_AF },
	{ "test 84", { 0x84 }, 1, ANY_REG, MODRM, false, FLAG_AF },
	{ "test 85", { 0x85 }, 1, ANY_REG, MODRM, false, FLAG_AF },
	{ "xchg 86", { 0x86 }, 1, ANY_REG, MODRM, true, 0 },
	{ "xchg 87", { 0x87 }, 1, ANY_REG, MODRM, true, 0 },
	{ "mov 88", { 0x88 }, 1, ANY_REG, MODRM, false, 0 },
	{ "mov 89", { 0x89 }, 1, ANY_REG, MODRM, false, 0 },
	{ "mov 8a", { 0x8a }, 1, ANY_REG, MODRM, false, 0 },
	{ "mov 8b", { 0x8b }, 1, ANY_REG, MODRM, false, 0 },
	{ "mov c6", { 0xc6 }, 1, 0, MODRM_IMM8, false, 0 },
	{ "mov c7", { 0xc7 }, 1, 0, MODRM_IMMZ, false, 0 },
	{ "mov a0", { 0xa0 }, 1, 0, MOFFS, false, 0 },
	{ "mov a1", { 0xa1 }, 1, 0, MOFFS, false, 0 },
	{ "mov a2", { 0xa2 }, 1, 0, MOFFS, false, 0 },
	{ "mov a3", { 0xa3 }, 1, 0, MOFFS, false, 0 },
	{ "movsxd", { 0x63 }, 1, ANY_REG, MODRM, false, 0 },
	{ "movzx b6", { 0x0f, 0xb6 }, 2, ANY_REG, MODRM, false, 0 },
	{ "movzx b7", { 0x0f, 0xb7 }, 2, ANY_REG, MODRM, false, 0 },
	{ "movsx be", { 0x0f, 0xbe }, 2, ANY_REG, MODRM, false, 0 },
	{ "movsx bf", { 0x0f, 0xbf }, 2, ANY_REG, MODRM, false, 0 },
	{ "movnti", { 0x0f, 0xc3 }, 2, ANY_REG, MODRM, false, 0 },
	{ "test f6", { 0xf6 }, 1, 0, MODRM_IMM8, false, FLAG_AF },
	{ "test f7", { 0xf7 }, 1, 0, MODRM_IMMZ, false, FLAG_AF },
	{ "test f7 /1", { 0xf7 }, 1, 1, MODRM_IMMZ, false, FLAG_AF },
	{ "not f6", { 0xf6 }, 1, 2, MODRM, true, 0 },
	{ "not f7", { 0xf7 }, 1, 2, MODRM, true, 0 },
	{ "neg f6", { 0xf6 }, 1, 3, MODRM, true, 0 },
	{ "neg f7", { 0xf7 }, 1, 3, MODRM, true, 0 },
	{ "inc fe", { 0xfe }, 1, 0, MODRM, true, 0 },
	{ "inc ff", { 0xff }, 1, 0, MODRM, true, 0 },
	{ "dec fe", { 0xfe }, 1, 1, MODRM, true, 0 },
	{ "dec ff", { 0xff }, 1, 1, MODRM, true, 0 },
	{ "cmpxchg b0", { 0x0f, 0xb0 }, 2, ANY_REG, MODRM, true, 0 },
	{ "cmpxchg b1", { 0x0f, 0xb1 }, 2, ANY_REG, MODRM, true, 0 },
	{ "xadd c0", { 0x0f, 0xc0 }, 2, ANY_REG, MODRM, true, 0 },
	{ "xadd c1", { 0x0f, 0xc1 }, 2, ANY_REG, MODRM, true, 0 },
#define BT_FLAGS (FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF)
	{ "bt a3", { 0x0f, 0xa3 }, 2, ANY_REG, MODRM, false, BT_FLAGS },
	{ "bts ab", { 0x0f, 0xab }, 2, ANY_REG, MODRM, true, BT_FLAGS },
	{ "btr b3", { 0x0f, 0xb3 }, 2, ANY_REG, MODRM, true, BT_FLAGS },
	{ "btc bb", { 0x0f, 0xbb }, 2, ANY_REG, MODRM, true, BT_FLAGS },
	{ "bt ba", { 0x0f, 0xba }, 2, 4, MODRM_IMM8, false, BT_FLAGS },
	{ "bts ba", { 0x0f, 0xba }, 2, 5, MODRM_IMM8, true, BT_FLAGS },
	{ "btr ba", { 0x0f, 0xba }, 2, 6, MODRM_IMM8, true, BT_FLAGS },
	{ "btc ba", { 0x0f, 0xba }, 2, 7, MODRM_IMM8, true, BT_FLAGS },
	{ "movs a4", { 0xa4 }, 1, 0, IMPLIED, false, 0 },
	{ "movs a5", { 0xa5 }, 1, 0, IMPLIED, false, 0 },
	{ "stos aa", { 0xaa }, 1, 0, IMPLIED, false, 0 },
	{ "stos ab", { 0xab }, 1, 0, IMPLIED, false, 0 },
	{ "lods ac", { 0xac }, 1, 0, IMPLIED, false, 0 },
	{ "lods ad", { 0xad }, 1, 0, IMPLIED, false, 0 },
};
/* clang-format on */

static const u64 seg_base[SEGMENT_COUNT] = {
	/* All but GS are there to be ignored. */
	0x1000, 0x2000, 0x3000, 0x4000, 0, GS_BASE,
};

static u64 rng_state = 0x9e3779b97f4a7c15;

/* xorshift64* */
static u64 rng(void)
{
	rng_state ^= rng_state >> 12;
	rng_state ^= rng_state << 25;
	rng_state ^= rng_state >> 27;
	return rng_state * 0x2545f4914f6cdd1d;
}

static bool one_in(u64 n)
{
	return (rng() >> 32) % n == 0;
}

/* Values at the edges more often than chance would have them. */
static u64 interesting(void)
{
	static const u64 edges[] = { 0,
				     1,
				     0x7f,
				     0x80,
				     0xff,
				     0x7fff,
				     0x8000,
				     0xffff,
				     0x7fffffff,
				     0x80000000,
				     0xffffffff,
				     0x7fffffffffffffff,
				     0x8000000000000000,
				     ~0UL };

	return one_in(2) ? rng() : edges[(rng() >> 32) % ARRAY_SIZE(edges)];
}

struct trial {
	const struct form *form;
	u8 bytes[32];
	size_t length;
	bool locked;
	struct insn insn;
	u64 gpr[GPR_COUNT];
	u64 rflags;
	u8 data[DATA_USED];
};

static void emit(struct trial *t, u8 byte)
{
	t->bytes[t->length++] = byte;
}

static void emit_random(struct trial *t, size_t n)
{
	while (n--)
		emit(t, (u8)(rng() >> 40));
}

/* Prefixes in any order; LOCK where allowed; REX last, or before and void. */
static void emit_prefixes(struct trial *t)
{
	if (one_in(8))
		emit(t, 0x48);
	if (one_in(4) && t->form->tail != MOFFS)
		emit(t, 0x65);
	if (one_in(8))
		emit(t, one_in(2) ? 0x2e : 0x36);
	if (one_in(4) && t->form->opcode[1] != 0xc3)
		emit(t, 0x66);
	if (one_in(4))
		emit(t, 0x67);
	t->locked = t->form->lockable && one_in(3);
	if (t->locked)
		emit(t, 0xf0);
	if (t->form->tail == IMPLIED && one_in(2))
		emit(t, one_in(4) ? 0xf2 : 0xf3);
	if (one_in(2))
		emit(t, 0x40 | ((rng() >> 40) & 15));
}

static void emit_modrm(struct trial *t)
{
	u8 mod = (u8)((rng() >> 40) % 3);
	u8 rm = (u8)(rng() >> 40) & 7;
	u8 reg = t->form->reg == ANY_REG ? (u8)(rng() >> 40) & 7 : t->form->reg;
	u8 sib = (u8)(rng() >> 40);

	emit(t, (u8)(mod << 6 | reg << 3 | rm));
	if (rm == 4)
		emit(t, sib);
	if (mod == 1)
		emit_random(t, 1);
	else if (mod == 2 || rm == 5 || (rm == 4 && (sib & 7) == 5))
		emit_random(t, 4);
}

static void emit_instruction(struct trial *t)
{
	u8 i;

	t->length = 0;
	emit_prefixes(t);
	for (i = 0; i < t->form->opcode_length; i++)
		emit(t, t->form->opcode[i]);
	if (t->form->tail <= MODRM_IMMZ)
		emit_modrm(t);
	/* Enough for an immediate or an address; the decoder says how much. */
	memset(t->bytes + t->length, 0, sizeof(t->bytes) - t->length);
	for (i = 0; i < 8; i++)
		t->bytes[t->length + i] = (u8)(rng() >> 40);
}

static u64 rip_next(const struct trial *t)
{
	return CODE + t->insn.length;
}

/* Bytes of the displacement stand before the immediate, at the end. */
static void patch_displacement(struct trial *t, u64 linear, u64 target)
{
	const struct form *f = t->form;
	size_t imm = 0;
	u32 disp;

	if (f->tail == MODRM_IMM8)
		imm = 1;
	else if (f->tail == MODRM_IMMZ)
		imm = t->insn.op_size == 2 ? 2 : 4;
	memcpy(&disp, t->bytes + t->insn.length - imm - 4, 4);
	disp += (u32)(target - linear);
	memcpy(t->bytes + t->insn.length - imm - 4, &disp, 4);
}

static void patch_moffs(struct trial *t, u64 target)
{
	u8 size = t->insn.addr_size;

	memcpy(t->bytes + t->insn.length - size, &target, size);
}

/* Changes a register or the displacement so that the operand is at target. */
static void aim(struct trial *t, u64 target)
{
	struct insn *insn = &t->insn;
	u64 linear = insn_address(insn, t->gpr, rip_next(t), seg_base);

	if (t->form->tail == MOFFS)
		patch_moffs(t, target);
	else if (insn->base != GPR_NONE)
		t->gpr[insn->base] += target - linear;
	else
		patch_displacement(t, linear, target);
}

static bool is_bit_string(const struct trial *t)
{
	return t->insn.op >= INSN_BT && t->insn.op <= INSN_BTC &&
	       !t->insn.src_is_imm;
}

static u64 pick_target(const struct trial *t)
{
	/* A locked access that crosses a cache line may be forbidden. */
	if (t->locked || t->insn.op == INSN_XCHG)
		return TARGET;
	return TARGET + ((rng() >> 40) & 15);
}

static void random_registers(struct trial *t)
{
	int i;

	for (i = 0; i < GPR_COUNT; i++)
		t->gpr[i] = interesting();
	if (is_bit_string(t))
		t->gpr[t->insn.reg] = rng() % 4096 - 2048;
	/* With no base the displacement must make up for the index. */
	if (t->insn.base == GPR_NONE && t->insn.index != GPR_NONE)
		t->gpr[t->insn.index] = rng() & 0xfff;
	t->rflags = FLAGS_FIXED | (rng() & (FLAGS_ARITH | FLAG_DF));
}

static void aim_string(struct trial *t)
{
	u64 upper = t->insn.addr_size == 4 ? rng() << 32 : 0;
	u64 gs = t->insn.segment == SEGMENT_GS ? GS_BASE : 0;

	t->gpr[GPR_RSI] = (TARGET + rng() % 64 - gs) | upper;
	t->gpr[GPR_RDI] = (TARGET + rng() % 64) | upper;
	/* Processors differ in RCX of 67h REP with a count of zero. */
	t->gpr[GPR_RCX] = (rng() % 9 + (upper ? 1 : 0)) | upper;
	if (!t->insn.is_rep)
		t->gpr[GPR_RCX] = rng();
}

/* False where the encoding can't be aimed, as with base and index the same. */
static bool prepare(struct trial *t)
{
	u64 target;

	emit_instruction(t);
	if (decode_insn(t->bytes, sizeof(t->bytes), DECODE_64, &t->insn)) {
		/* With every prefix and an 8-byte address it is too long. */
		assert_true(t->length + 8 > INSN_MAX_LENGTH);
		return false;
	}
	random_registers(t);
	if (t->form->tail == IMPLIED) {
		aim_string(t);
		return true;
	}
	target = pick_target(t);
	aim(t, target);
	assert_int_equal(
		decode_insn(t->bytes, sizeof(t->bytes), DECODE_64, &t->insn),
		0);
	return insn_address(&t->insn, t->gpr, rip_next(t), seg_base) == target;
}

static void run_oracle(const struct trial *t)
{
	static const u8 jump[] = { 0xff, 0x25, 0, 0, 0, 0 }; /* jmp *(%rip) */
	u8 *code = (u8 *)CODE;
	u64 back = (u64)oracle_return;

	memcpy(code, t->bytes, t->insn.length);
	memcpy(code + t->insn.length, jump, sizeof(jump));
	memcpy(code + t->insn.length + sizeof(jump), &back, sizeof(back));
	memcpy((void *)DATA, t->data, DATA_USED);
	memcpy(oracle.gpr, t->gpr, sizeof(t->gpr));
	oracle.rflags = t->rflags;
	oracle.code = CODE;
	oracle_run();
}

/* One element, as the header tells a caller to do it. */
static void emulate_once(struct trial *t)
{
	u64 from, to, mem = 0;

	from = insn_source_address(&t->insn, t->gpr, rip_next(t), seg_base);
	to = insn_address(&t->insn, t->gpr, rip_next(t), seg_base);
	if (insn_reads(&t->insn)) {
		assert_in_range(from, DATA, DATA + DATA_USED - 8);
		memcpy(&mem, t->data + (from - DATA), t->insn.mem_size);
		mem |= t->insn.mem_size < 8 ? rng() << (8 * t->insn.mem_size) :
					      0;
	}
	mem = insn_execute(&t->insn, t->gpr, &t->rflags, mem);
	if (!insn_writes(&t->insn))
		return;
	assert_in_range(to, DATA, DATA + DATA_USED - 8);
	memcpy(t->data + (to - DATA), &mem, t->insn.mem_size);
}

static void emulate(struct trial *t)
{
	if (!t->insn.is_rep) {
		emulate_once(t);
		return;
	}
	while (!insn_rep_done(&t->insn, t->gpr))
		emulate_once(t);
}

static void print_trial(const struct trial *t)
{
	size_t i;

	print_error("%s:", t->form->name);
	for (i = 0; i < t->insn.length; i++)
		print_error(" %02x", t->bytes[i]);
	print_error(" flags %lx, host %lx\n", t->rflags, oracle.rflags);
	for (i = 0; i < GPR_COUNT; i++) {
		if (t->gpr[i] != oracle.gpr[i])
			print_error("r%zu %lx, host %lx\n", i, t->gpr[i],
				    oracle.gpr[i]);
	}
}

static u64 undefined_flags(const struct trial *t)
{
	switch (t->insn.op) {
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
	case INSN_TEST:
		return FLAG_AF;
	default:
		return t->form->undefined;
	}
}

static void compare(const struct trial *t)
{
	u64 defined = ~undefined_flags(t);

	if (memcmp(t->gpr, oracle.gpr, sizeof(t->gpr)) ||
	    (t->rflags & defined) != (oracle.rflags & defined) ||
	    memcmp(t->data, (void *)DATA, DATA_USED)) {
		print_trial(t);
		fail();
	}
}

static void test_form(const struct form *form)
{
	static struct trial t;
	size_t done = 0;
	size_t i;
	int round;

	t.form = form;
	for (i = 0; i < DATA_USED; i++)
		t.data[i] = (u8)(rng() >> 40);
	for (round = 0; round < ROUNDS; round++) {
		/* Half of the comparisons shall find equal operands. */
		for (i = 0; i < 24; i++)
			t.data[1024 + i] = (u8)interesting();
		if (!prepare(&t))
			continue;
		run_oracle(&t);
		emulate(&t);
		compare(&t);
		done++;
	}
	/* Most encodings can be aimed. */
	assert_true(done > ROUNDS / 2);
}

static void test_listed_forms(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(forms); i++)
		test_form(&forms[i]);
}

/* ADD to CMP, each with its four ModRM forms. */
static void test_alu(void **state)
{
	struct form form = {
		.name = "alu", .opcode_length = 1, .reg = ANY_REG, .tail = MODRM
	};
	u8 opcode;

	(void)state;
	for (opcode = 0; opcode < 0x40; opcode++) {
		if ((opcode & 7) > 3)
			continue;
		form.opcode[0] = opcode;
		/* All but CMP, where memory is the destination. */
		form.lockable = opcode < 0x38 && !(opcode & 2);
		test_form(&form);
	}
}

/* CMPXCHG that matches: random values hardly ever do. */
static void test_cmpxchg_equal(void **state)
{
	static const u8 rexes[] = { 0x40, 0x48, 0x44, 0x4c };
	static struct trial t;
	size_t i;

	(void)state;
	for (i = 0; i < 4 * ARRAY_SIZE(rexes); i++) {
		const u8 bytes[] = { rexes[i / 4], 0x0f, 0xb0 | (i & 1), 0x17 };

		t.form = &forms[0];
		memset(t.bytes, 0, sizeof(t.bytes));
		memcpy(t.bytes, bytes, sizeof(bytes));
		assert_int_equal(
			decode_insn(t.bytes, sizeof(bytes), DECODE_64, &t.insn),
			0);
		assert_int_equal(t.insn.op, INSN_CMPXCHG);
		random_registers(&t);
		t.gpr[GPR_RDI] = TARGET;
		t.gpr[GPR_RAX] = rng();
		memcpy(t.data + 1024, &t.gpr[GPR_RAX], 8);
		/* Only the upper half differs. */
		if (i & 2)
			t.data[1024 + 7] ^= 1;
		run_oracle(&t);
		emulate(&t);
		compare(&t);
	}
}

static int map_arena(void **state)
{
	void *code = mmap(
		(void *)CODE, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	void *data = mmap((void *)DATA, PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			  0);

	(void)state;
	if (code != (void *)CODE || data != (void *)DATA)
		return -1;
	return syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed_forms),
		cmocka_unit_test(test_alu),
		cmocka_unit_test(test_cmpxchg_equal),
	};

	return cmocka_run_group_tests(tests, map_arena, NULL);
}
