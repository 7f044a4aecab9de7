// SPDX-License-Identifier: BSD-2-Clause
/*
 * Effective addresses (SDM vol. 1, 3.7.5) and the effect of the instructions
 * in enum insn_op on registers, flags and their memory operand (SDM vol. 2).
 */
#include "core/types.h"
#include "exits/decode.h"

#define FLAG_CF BIT(0)
#define FLAG_PF BIT(2)
#define FLAG_AF BIT(4)
#define FLAG_ZF BIT(6)
#define FLAG_SF BIT(7)
#define FLAG_DF BIT(10)
#define FLAG_OF BIT(11)

/* One operation on values; the results have bits above the width. */
struct alu {
	u8 size;    /* bytes */
	u64 dest;   /* first operand, zero-extended */
	u64 src;    /* second operand, zero-extended */
	u64 result; /* for the first operand */
	u64 flags;
};

static u64 size_mask(u8 size)
{
	return size >= 8 ? ~0UL : BIT(8 * size) - 1;
}

static u64 sign_extend(u64 value, u8 size)
{
	u64 sign = BIT(8 * size - 1);

	value &= size_mask(size);
	return (value ^ sign) - sign;
}

/* Without REX the byte registers 4-7 are AH, CH, DH and BH. */
static bool is_high_byte(const struct insn *insn, u8 reg, u8 size)
{
	return size == 1 && !insn->rex && reg >= 4 && reg < 8;
}

static u64 read_reg(const struct insn *insn, const u64 *gpr, u8 reg, u8 size)
{
	if (is_high_byte(insn, reg, size))
		return (gpr[reg - 4] >> 8) & 0xff;
	return gpr[reg & 15] & size_mask(size);
}

/* SDM vol. 1, 3.4.1.1: a 32-bit result clears the upper half. */
static void write_reg(const struct insn *insn, u64 *gpr, u8 reg, u8 size,
		      u64 value)
{
	u64 mask = size == 4 ? ~0UL : size_mask(size);

	value &= size_mask(size);
	if (is_high_byte(insn, reg, size)) {
		gpr[reg - 4] &= ~0xff00UL;
		gpr[reg - 4] |= value << 8;
		return;
	}
	gpr[reg & 15] = (gpr[reg & 15] & ~mask) | value;
}

/* Adds to rSI, rDI or rCX, in the address size. */
static void advance_reg(const struct insn *insn, u64 *gpr, u8 reg, u64 delta)
{
	u8 size = insn->addr_size;

	write_reg(insn, gpr, reg, size, read_reg(insn, gpr, reg, size) + delta);
}

static u64 to_linear(const struct insn *insn, u64 offset, u8 segment,
		     const u64 *seg_base)
{
	offset &= size_mask(insn->addr_size);
	if (insn->mode == DECODE_64)
		return segment >= SEGMENT_FS ? offset + seg_base[segment] :
					       offset;
	return (offset + seg_base[segment]) & 0xffffffff;
}

/*
 * A bit offset in a register reaches beyond the operand, in both directions
 * and by whole operands: SDM vol. 2, BT.
 */
static u64 bit_string_offset(const struct insn *insn, const u64 *gpr)
{
	u64 bit;

	if (insn->op < INSN_BT || insn->op > INSN_BTC || insn->src_is_imm)
		return 0;
	bit = sign_extend(gpr[insn->reg & 15], insn->op_size);
	return (u64)((s64)bit >> 3) & ~((u64)insn->op_size - 1);
}

u64 insn_address(const struct insn *insn, const u64 gpr[GPR_COUNT],
		 u64 rip_next, const u64 seg_base[SEGMENT_COUNT])
{
	u64 offset = (u64)insn->disp;

	if (insn->op == INSN_MOVS)
		return to_linear(insn, gpr[GPR_RDI], SEGMENT_ES, seg_base);
	if (insn->rip_relative)
		offset += rip_next;
	if (insn->base != GPR_NONE)
		offset += gpr[insn->base & 15];
	if (insn->index != GPR_NONE)
		offset += gpr[insn->index & 15] << (insn->scale & 3);
	offset += bit_string_offset(insn, gpr);
	return to_linear(insn, offset, insn->segment, seg_base);
}

u64 insn_source_address(const struct insn *insn, const u64 gpr[GPR_COUNT],
			u64 rip_next, const u64 seg_base[SEGMENT_COUNT])
{
	if (insn->op != INSN_MOVS)
		return insn_address(insn, gpr, rip_next, seg_base);
	return to_linear(insn, gpr[GPR_RSI], insn->segment, seg_base);
}

bool insn_reads(const struct insn *insn)
{
	switch (insn->op) {
	case INSN_STOS:
		return false;
	case INSN_MOV:
		return !insn->mem_is_dest;
	default:
		return true;
	}
}

bool insn_writes(const struct insn *insn)
{
	return insn->mem_is_dest && insn->op != INSN_CMP &&
	       insn->op != INSN_TEST && insn->op != INSN_BT;
}

bool insn_rep_done(const struct insn *insn, const u64 gpr[GPR_COUNT])
{
	return insn->is_rep && !read_reg(insn, gpr, GPR_RCX, insn->addr_size);
}

static bool even_parity(u64 value)
{
	value ^= value >> 4;
	value ^= value >> 2;
	value ^= value >> 1;
	return !(value & 1);
}

static void set_flag(u64 *flags, u64 flag, bool on)
{
	*flags = on ? *flags | flag : *flags & ~flag;
}

/* SF, ZF and PF (of the low byte). */
static void result_flags(struct alu *a)
{
	u64 r = a->result & size_mask(a->size);

	set_flag(&a->flags, FLAG_ZF, !r);
	set_flag(&a->flags, FLAG_SF, r >> (8 * a->size - 1));
	set_flag(&a->flags, FLAG_PF, even_parity(r & 0xff));
}

/*
 * The carries out of each bit of a sum, or the borrows of a difference, give
 * AF (bit 3), CF (the top bit), and with the one below it OF.
 */
static void carry_flags(struct alu *a, u64 carries)
{
	u8 top = (u8)(8 * a->size - 1);
	bool last = carries & BIT(top);
	bool before = carries & BIT(top - 1);

	set_flag(&a->flags, FLAG_AF, carries & BIT(3));
	set_flag(&a->flags, FLAG_CF, last);
	set_flag(&a->flags, FLAG_OF, last != before);
	result_flags(a);
}

static void alu_add(struct alu *a, u64 carry_in)
{
	u64 x = a->dest;
	u64 y = a->src;

	a->result = x + y + carry_in;
	carry_flags(a, (x & y) | ((x | y) & ~a->result));
}

static void alu_sub(struct alu *a, u64 borrow_in)
{
	u64 x = a->dest;
	u64 y = a->src;

	a->result = x - y - borrow_in;
	carry_flags(a, (~x & y) | ((~x | y) & a->result));
}

static void alu_logic(struct alu *a, u64 result)
{
	a->result = result;
	carry_flags(a, 0);
}

/* INC and DEC leave CF alone. */
static void alu_step(struct alu *a, bool up)
{
	u64 carry = a->flags & FLAG_CF;

	a->src = 1;
	if (up)
		alu_add(a, 0);
	else
		alu_sub(a, 0);
	a->flags = (a->flags & ~FLAG_CF) | carry;
}

static void alu_neg(struct alu *a)
{
	a->src = a->dest;
	a->dest = 0;
	alu_sub(a, 0);
}

static void alu_bit(struct alu *a, u8 op)
{
	u64 bit = BIT(a->src & (8 * (u64)a->size - 1));

	set_flag(&a->flags, FLAG_CF, a->dest & bit);
	a->result = a->dest;
	if (op == INSN_BTS)
		a->result |= bit;
	else if (op == INSN_BTR)
		a->result &= ~bit;
	else if (op == INSN_BTC)
		a->result ^= bit;
}

/* The operations with at most two operands and one result. */
static void alu_execute(struct alu *a, u8 op)
{
	switch (op) {
	case INSN_ADD:
	case INSN_ADC:
	case INSN_XADD:
		alu_add(a, op == INSN_ADC ? a->flags & FLAG_CF : 0);
		break;
	case INSN_SUB:
	case INSN_SBB:
	case INSN_CMP:
		alu_sub(a, op == INSN_SBB ? a->flags & FLAG_CF : 0);
		break;
	case INSN_OR:
		alu_logic(a, a->dest | a->src);
		break;
	case INSN_AND:
	case INSN_TEST:
		alu_logic(a, a->dest & a->src);
		break;
	case INSN_XOR:
		alu_logic(a, a->dest ^ a->src);
		break;
	case INSN_INC:
	case INSN_DEC:
		alu_step(a, op == INSN_INC);
		break;
	case INSN_NEG:
		alu_neg(a);
		break;
	case INSN_NOT:
		a->result = ~a->dest;
		break;
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
	case INSN_BTC:
		alu_bit(a, op);
		break;
	default: /* MOV and its kin, XCHG */
		a->result = a->src;
		break;
	}
}

/*
 * Compares with the accumulator, which takes the old value on a mismatch; the
 * memory operand is written in any case (SDM vol. 2, CMPXCHG).
 */
static void execute_cmpxchg(const struct insn *insn, u64 *gpr, struct alu *a)
{
	struct alu compare = *a;
	u64 src = a->src;

	compare.dest = read_reg(insn, gpr, GPR_RAX, a->size);
	compare.src = a->dest;
	alu_sub(&compare, 0);
	a->flags = compare.flags;
	a->result = src;
	if (compare.dest != compare.src) {
		a->result = a->dest;
		write_reg(insn, gpr, GPR_RAX, a->size, a->dest);
	}
}

static void execute_string(const struct insn *insn, u64 *gpr, u64 flags)
{
	u64 step = flags & FLAG_DF ? -(u64)insn->mem_size : insn->mem_size;

	if (insn->op != INSN_STOS)
		advance_reg(insn, gpr, GPR_RSI, step);
	if (insn->op != INSN_LODS)
		advance_reg(insn, gpr, GPR_RDI, step);
	if (insn->is_rep)
		advance_reg(insn, gpr, GPR_RCX, ~0UL);
}

/* Both operands as the operation takes them. */
static void load_operands(const struct insn *insn, const u64 *gpr, u64 mem,
			  struct alu *a)
{
	u64 other = insn->src_is_imm ?
			    insn->imm & size_mask(insn->op_size) :
			    read_reg(insn, gpr, insn->reg, insn->op_size);

	if (insn->op == INSN_MOVSX)
		mem = sign_extend(mem, insn->mem_size);
	mem &= size_mask(insn->op == INSN_MOVZX ? insn->mem_size :
						  insn->op_size);
	a->size = insn->op_size;
	a->dest = insn->mem_is_dest ? mem : other;
	a->src = insn->mem_is_dest ? other : mem;
	if (insn->op == INSN_MOVS)
		a->src = mem;
}

/* Registers that change besides the flags. */
static void store_registers(const struct insn *insn, u64 *gpr,
			    const struct alu *a)
{
	u8 size = insn->op_size;

	if (insn->op == INSN_XCHG || insn->op == INSN_XADD)
		write_reg(insn, gpr, insn->reg, size, a->dest);
	else if (!insn->mem_is_dest && insn->op != INSN_CMP)
		write_reg(insn, gpr, insn->reg, size, a->result);
}

u64 insn_execute(const struct insn *insn, u64 gpr[GPR_COUNT], u64 *rflags,
		 u64 mem)
{
	struct alu a = { .flags = *rflags };

	load_operands(insn, gpr, mem, &a);
	if (insn->op == INSN_CMPXCHG)
		execute_cmpxchg(insn, gpr, &a);
	else
		alu_execute(&a, insn->op);
	store_registers(insn, gpr, &a);
	if (insn->is_string)
		execute_string(insn, gpr, *rflags);
	*rflags = a.flags;
	return a.result & size_mask(insn->mem_size);
}
