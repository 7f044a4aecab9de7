// SPDX-License-Identifier: BSD-2-Clause
/*
 * The instruction decoder: prefixes, opcode, ModRM, SIB, displacement and
 * immediates (SDM vol. 2, 2.1 and 2.2), driven by one table of the memory
 * operations that execute.c knows.
 */
#include "exits/decode.h"
#include "core/lib.h"
#include "core/types.h"

#define REX_B BIT(0)
#define REX_X BIT(1)
#define REX_R BIT(2)
#define REX_W BIT(3)

#define SEGMENT_DEFAULT SEGMENT_COUNT

/* Width of the memory operand. */
enum {
	WIDTH_BIT0,   /* bytes where bit 0 of the opcode is clear, else as V */
	WIDTH_V,      /* the operand size */
	WIDTH_EXTEND, /* by bit 0 bytes or words */
	WIDTH_SXD,    /* MOVSXD: the operand size, at most 32 bits */
	WIDTH_DIRECT, /* MOVNTI: 32 bits, or 64 with REX.W */
};

/* Flags of a form. */
#define MEM_DEST BIT(0)
#define IMM_Z	 BIT(1) /* the source is an immediate of the operand's size */
#define IMM_8	 BIT(2) /* ... of 8 bits */
#define BY_REG	 BIT(3) /* the /r field is added to `op` */
#define BY_CODE	 BIT(4) /* bits 3-5 of the opcode are */
#define STRING	 BIT(5)
#define MOFFS	 BIT(6) /* the address itself follows */
#define ONLY_64	 BIT(7) /* in other modes it is ARPL */

#define ANY 0xff

/* clang-format off */

/* Opcodes: SDM vol. 2, tables; /r fields: table A-6. */
static const struct form {
	u16 opcode;	/* 0Fxx for those of two bytes */
	u8 vary;	/* bits of the opcode that may be set as well */
	u8 reg;		/* bit n: with n in the /r field */
	u8 op;
	u8 width;
	u8 flags;
} forms[] = {
	{ 0x00, 0x39, ANY, INSN_ADD, WIDTH_BIT0, MEM_DEST | BY_CODE },
	{ 0x02, 0x39, ANY, INSN_ADD, WIDTH_BIT0, BY_CODE },
	{ 0x63, 0, ANY, INSN_MOVSX, WIDTH_SXD, ONLY_64 },
	{ 0x80, 1, ANY, INSN_ADD, WIDTH_BIT0, MEM_DEST | IMM_Z | BY_REG },
	{ 0x83, 0, ANY, INSN_ADD, WIDTH_V, MEM_DEST | IMM_8 | BY_REG },
	{ 0x84, 1, ANY, INSN_TEST, WIDTH_BIT0, MEM_DEST },
	{ 0x86, 1, ANY, INSN_XCHG, WIDTH_BIT0, MEM_DEST },
	{ 0x88, 1, ANY, INSN_MOV, WIDTH_BIT0, MEM_DEST },
	{ 0x8a, 1, ANY, INSN_MOV, WIDTH_BIT0, 0 },
	{ 0xa0, 1, ANY, INSN_MOV, WIDTH_BIT0, MOFFS },
	{ 0xa2, 1, ANY, INSN_MOV, WIDTH_BIT0, MEM_DEST | MOFFS },
	{ 0xa4, 1, ANY, INSN_MOVS, WIDTH_BIT0, MEM_DEST | STRING },
	{ 0xaa, 1, ANY, INSN_STOS, WIDTH_BIT0, MEM_DEST | STRING },
	{ 0xac, 1, ANY, INSN_LODS, WIDTH_BIT0, STRING },
	{ 0xc6, 1, 0x01, INSN_MOV, WIDTH_BIT0, MEM_DEST | IMM_Z },
	{ 0xf6, 1, 0x03, INSN_TEST, WIDTH_BIT0, MEM_DEST | IMM_Z },
	{ 0xf6, 1, 0x0c, INSN_NOT - 2, WIDTH_BIT0, MEM_DEST | BY_REG },
	{ 0xfe, 1, 0x03, INSN_INC, WIDTH_BIT0, MEM_DEST | BY_REG },
	{ 0x0fa3, 0x18, ANY, INSN_BT - 4, WIDTH_V, MEM_DEST | BY_CODE },
	{ 0x0fb0, 1, ANY, INSN_CMPXCHG, WIDTH_BIT0, MEM_DEST },
	{ 0x0fb6, 1, ANY, INSN_MOVZX, WIDTH_EXTEND, 0 },
	{ 0x0fba, 0, 0xf0, INSN_BT - 4, WIDTH_V, MEM_DEST | IMM_8 | BY_REG },
	{ 0x0fbe, 1, ANY, INSN_MOVSX, WIDTH_EXTEND, 0 },
	{ 0x0fc0, 1, ANY, INSN_XADD, WIDTH_BIT0, MEM_DEST },
	{ 0x0fc3, 0, ANY, INSN_MOV, WIDTH_DIRECT, MEM_DEST },
};

/* clang-format on */

struct decoder {
	const u8 *bytes;
	size_t avail; /* at most INSN_MAX_LENGTH */
	size_t pos;
	bool truncated;
	bool lock, repeat, opsize, addrsize;
	struct insn *insn;
};

static struct decoder start(const u8 *bytes, size_t avail,
			    enum decode_mode mode, struct insn *insn)
{
	memset(insn, 0, sizeof(*insn));
	insn->mode = (u8)mode;
	insn->segment = SEGMENT_DEFAULT;
	insn->base = GPR_NONE;
	insn->index = GPR_NONE;
	return (struct decoder){ .bytes = bytes,
				 .avail = MIN(avail, (size_t)INSN_MAX_LENGTH),
				 .insn = insn };
}

/* The next n bytes, little-endian, sign-extended; 0 beyond the end. */
static u64 fetch(struct decoder *d, size_t n)
{
	u64 v = 0;
	size_t i;

	if (n > d->avail - d->pos) {
		d->truncated = true;
		return 0;
	}
	for (i = 0; i < n; i++)
		v |= (u64)d->bytes[d->pos + i] << (8 * i);
	d->pos += n;
	if (n && n < 8 && v & BIT(8 * n - 1))
		v |= ~0UL << (8 * n);
	return v;
}

static void set_segment(struct insn *insn, u8 segment)
{
	/* 64-bit mode ignores the others, even after FS or GS. */
	if (insn->mode != DECODE_64 || segment >= SEGMENT_FS)
		insn->segment = segment;
}

/* SDM vol. 2, 2.1.1. */
static bool legacy_prefix(struct decoder *d, u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		set_segment(d->insn, (byte >> 3) & 3);
		return true;
	case 0x64:
	case 0x65:
		set_segment(d->insn, byte == 0x64 ? SEGMENT_FS : SEGMENT_GS);
		return true;
	case 0x66:
		d->opsize = true;
		return true;
	case 0x67:
		d->addrsize = true;
		return true;
	case 0xf0:
		d->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		d->repeat = true;
		return true;
	default:
		return false;
	}
}

static void decode_prefixes(struct decoder *d)
{
	struct insn *insn = d->insn;
	u8 byte;

	for (; d->pos < d->avail; d->pos++) {
		byte = d->bytes[d->pos];
		/* REX counts only right before the opcode: 2.2.1. */
		if (insn->mode == DECODE_64 && (byte & 0xf0) == 0x40)
			insn->rex = byte;
		else if (legacy_prefix(d, byte))
			insn->rex = 0;
		else
			break;
	}
}

static void set_sizes(struct decoder *d)
{
	struct insn *insn = d->insn;
	bool wide = insn->mode != DECODE_16;

	insn->op_size = wide == d->opsize ? 2 : 4;
	if (insn->rex & REX_W)
		insn->op_size = 8;
	insn->addr_size = wide == d->addrsize ? 2 : 4;
	if (insn->mode == DECODE_64)
		insn->addr_size = d->addrsize ? 4 : 8;
}

static u8 reg_field(u8 modrm)
{
	return (modrm >> 3) & 7;
}

/* SDM vol. 2, table 2-1. */
static void decode_memory_16(struct decoder *d, u8 mod, u8 rm)
{
	static const u8 bases[8] = { GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
				     GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX };
	static const u8 indices[4] = { GPR_RSI, GPR_RDI, GPR_RSI, GPR_RDI };
	struct insn *insn = d->insn;
	size_t disp_size = mod; /* 0, 1 or 2 */

	insn->base = bases[rm];
	if (rm < 4)
		insn->index = indices[rm];
	if (mod == 0 && rm == 6) {
		insn->base = GPR_NONE;
		disp_size = 2;
	}
	insn->disp = (s64)fetch(d, disp_size);
}

/* SDM vol. 2, table 2-3. */
static void decode_sib(struct decoder *d)
{
	struct insn *insn = d->insn;
	u8 sib = (u8)fetch(d, 1);
	u8 index = (sib >> 3) & 7;

	insn->base = sib & 7;
	if (insn->rex & REX_X)
		index |= 8;
	if (index != GPR_RSP) {
		insn->index = index;
		insn->scale = sib >> 6;
	}
}

/* SDM vol. 2, table 2-2 and 2.2.1. */
static void decode_memory_32(struct decoder *d, u8 mod, u8 rm)
{
	struct insn *insn = d->insn;
	size_t disp_size = mod == 2 ? 4 : mod; /* 0, 1 or 4 */

	insn->base = rm;
	if (rm == 4)
		decode_sib(d);
	if (mod == 0 && insn->base == 5) {
		insn->base = GPR_NONE;
		disp_size = 4;
		insn->rip_relative = insn->mode == DECODE_64 && rm == 5;
	} else if (insn->rex & REX_B) {
		insn->base |= 8;
	}
	insn->disp = (s64)fetch(d, disp_size);
}

static void decode_memory(struct decoder *d, u8 modrm)
{
	struct insn *insn = d->insn;

	insn->reg = reg_field(modrm);
	if (insn->rex & REX_R)
		insn->reg |= 8;
	if (insn->addr_size == 2)
		decode_memory_16(d, modrm >> 6, modrm & 7);
	else
		decode_memory_32(d, modrm >> 6, modrm & 7);
}

static void set_string(struct decoder *d)
{
	struct insn *insn = d->insn;

	insn->is_string = true;
	insn->is_rep = d->repeat;
	insn->base = insn->op == INSN_STOS ? GPR_RDI : GPR_RSI;
}

static void set_widths(struct insn *insn, const struct form *form, u16 opcode)
{
	if (form->width == WIDTH_BIT0 && !(opcode & 1))
		insn->op_size = 1;
	if (form->width == WIDTH_DIRECT)
		insn->op_size = insn->rex & REX_W ? 8 : 4;
	insn->mem_size = insn->op_size;
	if (form->width == WIDTH_SXD)
		insn->mem_size = MIN(insn->op_size, 4);
	if (form->width == WIDTH_EXTEND)
		insn->mem_size = opcode & 1 ? 2 : 1;
}

static void set_operation(struct insn *insn, const struct form *form,
			  u16 opcode, u8 modrm)
{
	u8 add = 0;

	if (form->flags & BY_REG)
		add = reg_field(modrm);
	if (form->flags & BY_CODE)
		add = (opcode >> 3) & 7;
	insn->op = (u8)(form->op + add);
	insn->mem_is_dest = form->flags & MEM_DEST;
	insn->src_is_imm = form->flags & (IMM_Z | IMM_8);
	set_widths(insn, form, opcode);
}

static void decode_operands(struct decoder *d, const struct form *form)
{
	struct insn *insn = d->insn;

	if (form->flags & STRING)
		set_string(d);
	else if (form->flags & MOFFS)
		insn->disp = (s64)fetch(d, insn->addr_size);
	else
		decode_memory(d, (u8)fetch(d, 1));
	if (form->flags & IMM_Z)
		insn->imm = fetch(d, MIN(insn->op_size, 4));
	if (form->flags & IMM_8)
		insn->imm = fetch(d, 1);
}

/* NULL: not one of them, or a register where the memory operand should be. */
static const struct form *find_form(enum decode_mode mode, u16 opcode, u8 modrm)
{
	const struct form *f;

	for (f = forms; f < forms + ARRAY_SIZE(forms); f++) {
		if ((opcode & ~f->vary) != f->opcode ||
		    !(f->reg & BIT(reg_field(modrm))))
			continue;
		if (f->flags & ONLY_64 && mode != DECODE_64)
			return NULL;
		return modrm < 0xc0 || f->flags & (STRING | MOFFS) ? f : NULL;
	}
	return NULL;
}

/* SDM vol. 2, 2.1.2; the ModRM is looked at and taken later. */
static const struct form *decode_opcode(struct decoder *d)
{
	u16 opcode = (u8)fetch(d, 1);
	const struct form *form;
	u8 modrm = 0;

	if (opcode == 0x0f)
		opcode = 0x0f00 | (u8)fetch(d, 1);
	if (d->pos < d->avail)
		modrm = d->bytes[d->pos];
	form = find_form(d->insn->mode, opcode, modrm);
	if (form)
		set_operation(d->insn, form, opcode, modrm);
	return form;
}

/* SDM vol. 1, table 3-5; R12 and R13 go with DS. */
static void resolve_segment(struct insn *insn)
{
	if (insn->op == INSN_STOS)
		insn->segment = SEGMENT_ES;
	if (insn->segment != SEGMENT_DEFAULT)
		return;
	insn->segment = SEGMENT_DS;
	if (insn->base == GPR_RSP || insn->base == GPR_RBP)
		insn->segment = SEGMENT_SS;
}

/* What reads and writes memory: SDM vol. 2, LOCK. */
static bool lockable(const struct insn *insn)
{
	return insn_reads(insn) && insn_writes(insn) && !insn->is_string;
}

int decode_insn(const u8 *bytes, size_t avail, enum decode_mode mode,
		struct insn *out)
{
	struct decoder d = start(bytes, avail, mode, out);
	const struct form *form;

	decode_prefixes(&d);
	set_sizes(&d);
	form = decode_opcode(&d);
	if (!form)
		return -EINVAL;
	decode_operands(&d, form);
	resolve_segment(out);
	out->length = (u8)d.pos;
	return d.truncated || (d.lock && !lockable(out)) ? -EINVAL : 0;
}

size_t insn_prefixes(const u8 *bytes, size_t avail, enum decode_mode mode)
{
	struct insn insn;
	struct decoder d = start(bytes, avail, mode, &insn);

	decode_prefixes(&d);
	return d.pos;
}
