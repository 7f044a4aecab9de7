// SPDX-License-Identifier: BSD-2-Clause
/*
 * The instruction decoder: prefixes, opcode, ModRM, SIB, displacement and
 * immediates (SDM vol. 2, 2.1 and 2.2), driven by one table for each opcode
 * map (appendix A), and the list of the memory operations that execute.c
 * knows.
 */
#include "core/lib.h"
#include "core/types.h"
#include "exits/decode.h"

#define REX_B BIT(0)
#define REX_X BIT(1)
#define REX_R BIT(2)
#define REX_W BIT(3)

#define SEGMENT_DEFAULT SEGMENT_COUNT

/* What follows an opcode: in the low nibble the immediate ... */
enum {
	IMM_NONE,
	IMM_8,
	IMM_16,
	IMM_Z,	   /* 16 or 32 bits, by operand size */
	IMM_V,	   /* 16, 32 or 64 bits, by operand size */
	IMM_REL,   /* near branch: as Z, but see check_branch() */
	IMM_MOFFS, /* an address: 16, 32 or 64 bits, by address size */
	IMM_16_8,  /* ENTER */
	IMM_8_8,   /* EXTRQ, INSERTQ */
	IMM_FAR,   /* offset as Z, then a selector */
	IMM_MASK = 15,
	/* ... and above it flags. */
	HAS_MODRM = 0x10,
	NOT_IN_64 = 0x20,
	UNDEFINED = 0x80,
};

/* Short names, for the tables only. */
enum {
	N = IMM_NONE,
	B = IMM_8,
	W = IMM_16,
	Z = IMM_Z,
	V = IMM_V,
	J = IMM_REL,
	O = IMM_MOFFS,
	E = IMM_16_8,
	M = HAS_MODRM,
	MB = HAS_MODRM | IMM_8,
	MZ = HAS_MODRM | IMM_Z,
	N6 = NOT_IN_64,
	B6 = NOT_IN_64 | IMM_8,
	F6 = NOT_IN_64 | IMM_FAR,
	M6 = NOT_IN_64 | HAS_MODRM,
	MB6 = NOT_IN_64 | HAS_MODRM | IMM_8,
	X = UNDEFINED,
};

/* clang-format off */

/* SDM vol. 2, table A-2.  Prefixes and the escape 0F never get here. */
static const u8 one_byte_map[256] = {
/*	 0   1   2   3   4   5   6   7   8   9   A   B   C   D   E   F */
/* 0 */	 M,  M,  M,  M,  B,  Z, N6, N6,  M,  M,  M,  M,  B,  Z, N6,  X,
/* 1 */	 M,  M,  M,  M,  B,  Z, N6, N6,  M,  M,  M,  M,  B,  Z, N6, N6,
/* 2 */	 M,  M,  M,  M,  B,  Z,  X, N6,  M,  M,  M,  M,  B,  Z,  X, N6,
/* 3 */	 M,  M,  M,  M,  B,  Z,  X, N6,  M,  M,  M,  M,  B,  Z,  X, N6,
/* 4 */	 N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,
/* 5 */	 N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,  N,
/* 6 */	N6, N6, M6,  M,  X,  X,  X,  X,  Z, MZ,  B, MB,  N,  N,  N,  N,
/* 7 */	 B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,  B,
/* 8 */	MB, MZ, MB6, MB, M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
/* 9 */	 N,  N,  N,  N,  N,  N,  N,  N,  N,  N, F6,  N,  N,  N,  N,  N,
/* A */	 O,  O,  O,  O,  N,  N,  N,  N,  B,  Z,  N,  N,  N,  N,  N,  N,
/* B */	 B,  B,  B,  B,  B,  B,  B,  B,  V,  V,  V,  V,  V,  V,  V,  V,
/* C */	MB, MB,  W,  N, M6, M6, MB, MZ,  E,  N,  W,  N,  N,  B, N6,  N,
/* D */	 M,  M,  M,  M, B6, B6,  X,  N,  M,  M,  M,  M,  M,  M,  M,  M,
/* E */	 B,  B,  B,  B,  B,  B,  B,  B,  J,  J, F6,  B,  N,  N,  N,  N,
/* F */	 X,  N,  X,  X,  N,  N,  M,  M,  N,  N,  N,  N,  N,  N,  M,  M,
};

/* Table A-3; the SVM instructions are in 0F 01: AMD APM vol. 3, table A-9. */
static const u8 map_0f[256] = {
/*	 0   1   2   3   4   5   6   7   8   9   A   B   C   D   E   F */
/* 0 */	 M,  M,  M,  M,  X,  N,  N,  N,  N,  N,  X,  N,  X,  M,  X,  X,
/* 1 */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
/* 2 */	 M,  M,  M,  M,  X,  X,  X,  X,  M,  M,  M,  M,  M,  M,  M,  M,
/* 3 */	 N,  N,  N,  N,  N,  N,  X,  N,  X,  X,  X,  X,  X,  X,  X,  X,
/* 4 */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
/* 5 */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
/* 6 */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
/* 7 */	MB, MB, MB, MB,  M,  M,  M,  N,  M,  M,  X,  X,  M,  M,  M,  M,
/* 8 */	 J,  J,  J,  J,  J,  J,  J,  J,  J,  J,  J,  J,  J,  J,  J,  J,
/* 9 */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
/* A */	 N,  N,  N,  M, MB,  M,  X,  X,  N,  N,  N,  M, MB,  M,  M,  M,
/* B */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M, MB,  M,  M,  M,  M,  M,
/* C */	 M,  M, MB,  M, MB, MB, MB,  M,  N,  N,  N,  N,  N,  N,  N,  N,
/* D */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
/* E */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
/* F */	 M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,  M,
};

/* Tables: bit n of row r is opcode r*16+n; all have a ModRM. */
static const u16 map_0f38[16] = {
	0x0fff, 0x70b1, 0x0f3f, 0xffbf, 0x0003, 0, 0, 0,
	0x0c07, 0, 0, 0, 0xbf00, 0xf900, 0, 0x1f63,
};

/* ... and here an 8-bit immediate. */
static const u16 map_0f3a[16] = {
	0xff00, 0x00f0, 0x0007, 0, 0x0017, 0, 0x000f, 0,
	0, 0, 0, 0, 0xd000, 0x8000, 0, 0x0001,
};

/* Opcodes of which only some values of the /r field are assigned. */
static const struct {
	u8 map;
	u8 opcode;
	u8 extensions;
} groups[] = {
	{ MAP_ONE_BYTE, 0x8f, 0x01 },	/* the others are XOP */
	{ MAP_ONE_BYTE, 0xc6, 0x81 },	/* MOV, XABORT */
	{ MAP_ONE_BYTE, 0xc7, 0x81 },	/* MOV, XBEGIN */
	{ MAP_ONE_BYTE, 0xfe, 0x03 },
	{ MAP_ONE_BYTE, 0xff, 0x7f },
	{ MAP_0F, 0x00, 0x3f },
	{ MAP_0F, 0xba, 0xf0 },
};

/* Width of the memory operand, and which opcodes a row stands for. */
enum {
	WIDTH_BIT0,	/* two opcodes: bytes, and the operand size */
	WIDTH_V,	/* one opcode: the operand size */
	WIDTH_EXTEND,	/* two opcodes: bytes and words */
	WIDTH_DIRECT,	/* MOVNTI: 32 bits, or 64 with REX.W */
};

#define ANY_EXTENSION 8

/* Flags of a row. */
#define MEM_DEST	BIT(0)
#define SRC_IMM		BIT(1)
#define OP_FROM_REG	BIT(2)	/* /r selects among the first eight */
#define STRING		BIT(3)

/*
 * The memory operations with their operands.  Opcodes 00h-3Fh, which follow a
 * pattern, are in classify_alu().
 */
static const struct memory_form {
	u8 map;
	u8 opcode;
	u8 extension;
	u8 op;
	u8 width;
	u8 flags;
} memory_forms[] = {
	{ MAP_ONE_BYTE, 0x80, 8, INSN_ADD, WIDTH_BIT0,
	  MEM_DEST | SRC_IMM | OP_FROM_REG },
	{ MAP_ONE_BYTE, 0x82, 8, INSN_ADD, WIDTH_BIT0, /* 82 is 80; 83 */
	  MEM_DEST | SRC_IMM | OP_FROM_REG },
	{ MAP_ONE_BYTE, 0x84, 8, INSN_TEST, WIDTH_BIT0, MEM_DEST },
	{ MAP_ONE_BYTE, 0x86, 8, INSN_XCHG, WIDTH_BIT0, MEM_DEST },
	{ MAP_ONE_BYTE, 0x88, 8, INSN_MOV, WIDTH_BIT0, MEM_DEST },
	{ MAP_ONE_BYTE, 0x8a, 8, INSN_MOV, WIDTH_BIT0, 0 },
	{ MAP_ONE_BYTE, 0xa0, 8, INSN_MOV, WIDTH_BIT0, 0 },
	{ MAP_ONE_BYTE, 0xa2, 8, INSN_MOV, WIDTH_BIT0, MEM_DEST },
	{ MAP_ONE_BYTE, 0xa4, 8, INSN_MOVS, WIDTH_BIT0, MEM_DEST | STRING },
	{ MAP_ONE_BYTE, 0xaa, 8, INSN_STOS, WIDTH_BIT0, MEM_DEST | STRING },
	{ MAP_ONE_BYTE, 0xac, 8, INSN_LODS, WIDTH_BIT0, STRING },
	{ MAP_ONE_BYTE, 0xc6, 0, INSN_MOV, WIDTH_BIT0, MEM_DEST | SRC_IMM },
	{ MAP_ONE_BYTE, 0xf6, 0, INSN_TEST, WIDTH_BIT0, MEM_DEST | SRC_IMM },
	{ MAP_ONE_BYTE, 0xf6, 1, INSN_TEST, WIDTH_BIT0, MEM_DEST | SRC_IMM },
	{ MAP_ONE_BYTE, 0xf6, 2, INSN_NOT, WIDTH_BIT0, MEM_DEST },
	{ MAP_ONE_BYTE, 0xf6, 3, INSN_NEG, WIDTH_BIT0, MEM_DEST },
	{ MAP_ONE_BYTE, 0xfe, 0, INSN_INC, WIDTH_BIT0, MEM_DEST },
	{ MAP_ONE_BYTE, 0xfe, 1, INSN_DEC, WIDTH_BIT0, MEM_DEST },
	{ MAP_0F, 0xa3, 8, INSN_BT, WIDTH_V, MEM_DEST },
	{ MAP_0F, 0xab, 8, INSN_BTS, WIDTH_V, MEM_DEST },
	{ MAP_0F, 0xb3, 8, INSN_BTR, WIDTH_V, MEM_DEST },
	{ MAP_0F, 0xbb, 8, INSN_BTC, WIDTH_V, MEM_DEST },
	{ MAP_0F, 0xba, 4, INSN_BT, WIDTH_V, MEM_DEST | SRC_IMM },
	{ MAP_0F, 0xba, 5, INSN_BTS, WIDTH_V, MEM_DEST | SRC_IMM },
	{ MAP_0F, 0xba, 6, INSN_BTR, WIDTH_V, MEM_DEST | SRC_IMM },
	{ MAP_0F, 0xba, 7, INSN_BTC, WIDTH_V, MEM_DEST | SRC_IMM },
	{ MAP_0F, 0xb0, 8, INSN_CMPXCHG, WIDTH_BIT0, MEM_DEST },
	{ MAP_0F, 0xb6, 8, INSN_MOVZX, WIDTH_EXTEND, 0 },
	{ MAP_0F, 0xbe, 8, INSN_MOVSX, WIDTH_EXTEND, 0 },
	{ MAP_0F, 0xc0, 8, INSN_XADD, WIDTH_BIT0, MEM_DEST },
	{ MAP_0F, 0xc3, 8, INSN_MOV, WIDTH_DIRECT, MEM_DEST },
};

/* clang-format on */

struct decoder {
	const u8 *bytes;
	size_t avail;
	size_t pos;
	u8 attr; /* the opcode's entry in its map */
	struct insn *insn;
};

/* The next n bytes, little-endian, zero-extended. */
static int fetch(struct decoder *d, size_t n, u64 *value)
{
	u64 v = 0;
	size_t i;

	if (d->pos + n > INSN_MAX_LENGTH)
		return -EINVAL;
	if (d->pos + n > d->avail)
		return -ERANGE;
	for (i = 0; i < n; i++)
		v |= (u64)d->bytes[d->pos + i] << (8 * i);
	d->pos += n;
	*value = v;
	return 0;
}

static int fetch_byte(struct decoder *d, u8 *byte)
{
	u64 v = 0;
	int err = fetch(d, 1, &v);

	*byte = (u8)v;
	return err;
}

/* As fetch(), sign-extended. */
static int fetch_signed(struct decoder *d, size_t n, u64 *value)
{
	int err = fetch(d, n, value);

	if (!err && n < 8 && *value & BIT(8 * n - 1))
		*value |= ~0UL << (8 * n);
	return err;
}

static void set_segment(struct insn *insn, u8 segment)
{
	/* 64-bit mode ignores the others, even after FS or GS. */
	if (insn->mode != DECODE_64 || segment >= SEGMENT_FS)
		insn->segment = segment;
}

/* SDM vol. 2, 2.1.1. */
static bool legacy_prefix(struct insn *insn, u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		set_segment(insn, (byte >> 3) & 3);
		return true;
	case 0x64:
	case 0x65:
		set_segment(insn, byte == 0x64 ? SEGMENT_FS : SEGMENT_GS);
		return true;
	case 0x66:
		insn->opsize = true;
		return true;
	case 0x67:
		insn->addrsize = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		insn->repne = byte == 0xf2;
		insn->rep = byte == 0xf3;
		return true;
	default:
		return false;
	}
}

/* Takes the prefixes and the byte after them. */
static int decode_prefixes(struct decoder *d, u8 *opcode)
{
	struct insn *insn = d->insn;
	int err;

	for (;;) {
		err = fetch_byte(d, opcode);
		if (err)
			return err;
		if (insn->mode == DECODE_64 && (*opcode & 0xf0) == 0x40) {
			insn->rex = *opcode;
			continue;
		}
		if (!legacy_prefix(insn, *opcode))
			return 0;
		/* REX counts only right before the opcode: 2.2.1. */
		insn->rex = 0;
	}
}

static void set_sizes(struct insn *insn)
{
	switch (insn->mode) {
	case DECODE_16:
		insn->op_size = insn->opsize ? 4 : 2;
		insn->addr_size = insn->addrsize ? 4 : 2;
		break;
	case DECODE_32:
		insn->op_size = insn->opsize ? 2 : 4;
		insn->addr_size = insn->addrsize ? 2 : 4;
		break;
	default:
		insn->op_size = insn->opsize ? 2 : 4;
		if (insn->rex & REX_W)
			insn->op_size = 8;
		insn->addr_size = insn->addrsize ? 4 : 8;
		break;
	}
}

static u8 map_attributes(const struct insn *insn)
{
	u16 bit = (u16)BIT(insn->opcode & 15);

	switch (insn->map) {
	case MAP_ONE_BYTE:
		return one_byte_map[insn->opcode];
	case MAP_0F:
		return map_0f[insn->opcode];
	case MAP_0F38:
		return map_0f38[insn->opcode >> 4] & bit ? M : X;
	default:
		return map_0f3a[insn->opcode >> 4] & bit ? MB : X;
	}
}

/* SDM vol. 2, 2.1.2. */
static int decode_opcode(struct decoder *d, u8 byte)
{
	struct insn *insn = d->insn;
	int err = 0;

	insn->map = MAP_ONE_BYTE;
	if (byte == 0x0f) {
		insn->map = MAP_0F;
		err = fetch_byte(d, &byte);
	}
	if (!err && insn->map == MAP_0F && (byte == 0x38 || byte == 0x3a)) {
		insn->map = byte == 0x38 ? MAP_0F38 : MAP_0F3A;
		err = fetch_byte(d, &byte);
	}
	if (err)
		return err;
	insn->opcode = byte;
	d->attr = map_attributes(insn);
	if (d->attr & UNDEFINED)
		return -EINVAL;
	if (d->attr & NOT_IN_64 && insn->mode == DECODE_64)
		return -EINVAL;
	return 0;
}

static u8 mod_field(const struct insn *insn)
{
	return insn->modrm >> 6;
}

static u8 extension(const struct insn *insn)
{
	return (insn->modrm >> 3) & 7;
}

static bool is_opcode(const struct insn *insn, enum insn_map map, u8 opcode)
{
	return insn->map == map && insn->opcode == opcode;
}

/* SDM vol. 2, table 2-1. */
static int decode_memory_16(struct decoder *d)
{
	static const u8 bases[8] = { GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
				     GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX };
	static const u8 indices[4] = { GPR_RSI, GPR_RDI, GPR_RSI, GPR_RDI };
	struct insn *insn = d->insn;
	u8 rm = insn->modrm & 7;
	u8 mod = mod_field(insn);
	size_t disp_size = mod; /* 0, 1 or 2 */
	u64 disp = 0;
	int err;

	insn->base = bases[rm];
	if (rm < 4)
		insn->index = indices[rm];
	if (mod == 0 && rm == 6) {
		insn->base = GPR_NONE;
		disp_size = 2;
	}
	if (!disp_size)
		return 0;
	err = fetch_signed(d, disp_size, &disp);
	insn->disp = (s64)disp;
	return err;
}

/* SDM vol. 2, table 2-3. */
static int decode_sib(struct decoder *d)
{
	struct insn *insn = d->insn;
	int err = fetch_byte(d, &insn->sib);
	u8 index = (insn->sib >> 3) & 7;

	if (err)
		return err;
	insn->has_sib = true;
	insn->base = insn->sib & 7;
	if (insn->rex & REX_X)
		index |= 8;
	if (index != GPR_RSP) {
		insn->index = index;
		insn->scale = insn->sib >> 6;
	}
	return 0;
}

/* SDM vol. 2, table 2-2 and 2.2.1. */
static int decode_memory_32(struct decoder *d)
{
	struct insn *insn = d->insn;
	u8 mod = mod_field(insn);
	size_t disp_size = mod == 2 ? 4 : mod; /* 0, 1 or 4 */
	u64 disp = 0;
	int err = 0;

	insn->base = insn->modrm & 7;
	if (insn->base == 4)
		err = decode_sib(d);
	if (err)
		return err;
	if (mod == 0 && insn->base == 5) {
		insn->base = GPR_NONE;
		disp_size = 4;
		insn->rip_relative = insn->mode == DECODE_64 && !insn->has_sib;
	} else if (insn->rex & REX_B) {
		insn->base |= 8;
	}
	if (!disp_size)
		return 0;
	err = fetch_signed(d, disp_size, &disp);
	insn->disp = (s64)disp;
	return err;
}

static bool is_move_control(const struct insn *insn)
{
	return insn->map == MAP_0F && (insn->opcode & 0xfc) == 0x20;
}

static int decode_modrm(struct decoder *d)
{
	struct insn *insn = d->insn;
	int err;

	if (!(d->attr & HAS_MODRM))
		return 0;
	err = fetch_byte(d, &insn->modrm);
	if (err)
		return err;
	insn->has_modrm = true;
	insn->reg = extension(insn);
	if (insn->rex & REX_R)
		insn->reg |= 8;
	/* MOV to and from CRn and DRn takes any mod for 3. */
	if (mod_field(insn) == 3 || is_move_control(insn))
		return 0;
	insn->has_mem = true;
	return insn->addr_size == 2 ? decode_memory_16(d) : decode_memory_32(d);
}

static bool extension_assigned(const struct insn *insn)
{
	u8 mask = 0xff;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		if (is_opcode(insn, (enum insn_map)groups[i].map,
			      groups[i].opcode))
			mask = groups[i].extensions;
	}
	return mask & BIT(extension(insn));
}

/*
 * With 66 in 64-bit mode the length depends on who made the processor: Intel
 * ignores the prefix, AMD takes a 16-bit displacement.
 */
static int check_branch(const struct decoder *d)
{
	const struct insn *insn = d->insn;

	if ((d->attr & IMM_MASK) != IMM_REL || insn->mode != DECODE_64)
		return 0;
	return insn->op_size == 2 ? -EINVAL : 0;
}

/* Opcodes whose meaning or validity hangs on mod, /r or a prefix. */
static int check_special(struct decoder *d)
{
	struct insn *insn = d->insn;
	bool memory_only = is_opcode(insn, MAP_ONE_BYTE, 0x62) ||
			   is_opcode(insn, MAP_ONE_BYTE, 0xc4) ||
			   is_opcode(insn, MAP_ONE_BYTE, 0xc5) ||
			   is_opcode(insn, MAP_0F, 0xc3);

	/* BOUND, LES and LDS of a register are EVEX and VEX. */
	if (memory_only && !insn->has_mem)
		return -EINVAL;
	if (insn->has_modrm && !extension_assigned(insn))
		return -EINVAL;
	/* XABORT and XBEGIN: C6 F8 and C7 F8. */
	if (insn->map == MAP_ONE_BYTE && (insn->opcode & 0xfe) == 0xc6 &&
	    extension(insn) == 7 && insn->modrm != 0xf8)
		return -EINVAL;
	/* POPCNT; without F3 an Itanium instruction. */
	if (is_opcode(insn, MAP_0F, 0xb8) && !insn->rep)
		return -EINVAL;
	if (is_opcode(insn, MAP_0F, 0xc3) &&
	    (insn->opsize || insn->rep || insn->repne))
		return -EINVAL;
	/* EXTRQ and INSERTQ, but VMREAD without a prefix. */
	if (is_opcode(insn, MAP_0F, 0x78) && (insn->opsize || insn->repne))
		d->attr |= IMM_8_8;
	/* TEST is the only one of its group with an immediate. */
	if (insn->map == MAP_ONE_BYTE && (insn->opcode & 0xfe) == 0xf6 &&
	    extension(insn) < 2)
		d->attr |= insn->opcode & 1 ? IMM_Z : IMM_8;
	return check_branch(d);
}

static int decode_moffs(struct decoder *d)
{
	u64 offset = 0;
	int err = fetch(d, d->insn->addr_size, &offset);

	d->insn->disp = (s64)offset;
	d->insn->has_mem = true;
	return err;
}

static int decode_immediate(struct decoder *d)
{
	struct insn *insn = d->insn;
	size_t z = insn->op_size == 2 ? 2 : 4;
	size_t first = 0;
	size_t second = 0;
	int err = 0;

	switch (d->attr & IMM_MASK) {
	case IMM_MOFFS:
		return decode_moffs(d);
	case IMM_8_8:
		second = 1;
		/* fall through */
	case IMM_8:
		first = 1;
		break;
	case IMM_16_8:
		second = 1;
		/* fall through */
	case IMM_16:
		first = 2;
		break;
	case IMM_FAR:
		second = 2;
		/* fall through */
	case IMM_Z:
	case IMM_REL:
		first = z;
		break;
	case IMM_V:
		first = insn->op_size;
		break;
	default:
		break;
	}
	if (first)
		err = fetch_signed(d, first, &insn->imm);
	if (!err && second)
		err = fetch_signed(d, second, &insn->imm);
	return err;
}

/* ADD, OR, ADC, SBB, AND, SUB, XOR and CMP with a ModRM: 00h-3Bh. */
static bool classify_alu(struct insn *insn)
{
	if (insn->map != MAP_ONE_BYTE || insn->opcode >= 0x40 ||
	    (insn->opcode & 7) > 3)
		return false;
	insn->op = insn->opcode >> 3;
	insn->mem_is_dest = !(insn->opcode & 2);
	if (!(insn->opcode & 1))
		insn->op_size = 1;
	insn->mem_size = insn->op_size;
	return true;
}

static bool form_matches(const struct memory_form *form,
			 const struct insn *insn)
{
	bool pair = form->width == WIDTH_BIT0 || form->width == WIDTH_EXTEND;

	return form->map == insn->map &&
	       form->opcode == (pair ? insn->opcode & 0xfe : insn->opcode) &&
	       (form->extension == ANY_EXTENSION ||
		form->extension == extension(insn));
}

static void set_string(struct insn *insn)
{
	insn->has_mem = true;
	insn->is_string = true;
	insn->is_rep = insn->rep || insn->repne;
	insn->base = insn->op == INSN_STOS ? GPR_RDI : GPR_RSI;
}

static void apply_form(struct insn *insn, const struct memory_form *form)
{
	insn->op = form->op;
	if (form->flags & OP_FROM_REG)
		insn->op = extension(insn);
	if (form->width == WIDTH_BIT0 && !(insn->opcode & 1))
		insn->op_size = 1;
	if (form->width == WIDTH_DIRECT)
		insn->op_size = insn->rex & REX_W ? 8 : 4;
	insn->mem_size = insn->op_size;
	if (form->width == WIDTH_EXTEND)
		insn->mem_size = insn->opcode & 1 ? 2 : 1;
	insn->mem_is_dest = form->flags & MEM_DEST;
	insn->src_is_imm = form->flags & SRC_IMM;
	if (form->flags & STRING)
		set_string(insn);
}

/* MOVSXD, which is ARPL outside 64-bit mode. */
static bool classify_movsxd(struct insn *insn)
{
	if (insn->mode != DECODE_64 || !is_opcode(insn, MAP_ONE_BYTE, 0x63))
		return false;
	insn->op = INSN_MOVSX;
	insn->mem_size = insn->op_size == 8 ? 4 : insn->op_size;
	return true;
}

static void classify(struct insn *insn)
{
	bool string = insn->map == MAP_ONE_BYTE && !insn->has_modrm;
	size_t i;

	insn->op = INSN_OTHER;
	if (!insn->has_mem && !string)
		return;
	if (classify_alu(insn) || classify_movsxd(insn))
		return;
	for (i = 0; i < ARRAY_SIZE(memory_forms); i++) {
		if (form_matches(&memory_forms[i], insn)) {
			apply_form(insn, &memory_forms[i]);
			return;
		}
	}
}

/* LOCK is for operations that read and write memory: SDM vol. 2, LOCK. */
static int check_lock(const struct insn *insn)
{
	u64 lockable = BIT(INSN_ADD) | BIT(INSN_OR) | BIT(INSN_ADC) |
		       BIT(INSN_SBB) | BIT(INSN_AND) | BIT(INSN_SUB) |
		       BIT(INSN_XOR) | BIT(INSN_XCHG) | BIT(INSN_XADD) |
		       BIT(INSN_CMPXCHG) | BIT(INSN_INC) | BIT(INSN_DEC) |
		       BIT(INSN_NOT) | BIT(INSN_NEG) | BIT(INSN_BTS) |
		       BIT(INSN_BTR) | BIT(INSN_BTC);

	if (!insn->lock || (insn->mem_is_dest && lockable & BIT(insn->op)))
		return 0;
	/* CMPXCHG8B and CMPXCHG16B. */
	if (is_opcode(insn, MAP_0F, 0xc7) && insn->has_mem &&
	    extension(insn) == 1)
		return 0;
	/* MOV to and from CR8: AMD APM vol. 3, MOV CRn. */
	if (is_opcode(insn, MAP_0F, 0x20) || is_opcode(insn, MAP_0F, 0x22))
		return 0;
	return -EINVAL;
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

int decode_insn(const u8 *bytes, size_t avail, enum decode_mode mode,
		struct insn *out)
{
	struct decoder d = { .bytes = bytes, .avail = avail, .insn = out };
	u8 byte = 0;
	int err;

	memset(out, 0, sizeof(*out));
	out->mode = (u8)mode;
	out->segment = SEGMENT_DEFAULT;
	out->base = GPR_NONE;
	out->index = GPR_NONE;

	err = decode_prefixes(&d, &byte);
	set_sizes(out);
	if (!err)
		err = decode_opcode(&d, byte);
	if (!err)
		err = decode_modrm(&d);
	if (!err)
		err = check_special(&d);
	if (!err)
		err = decode_immediate(&d);
	if (err)
		return err;
	out->length = (u8)d.pos;
	classify(out);
	resolve_segment(out);
	return check_lock(out);
}

size_t insn_prefixes(const u8 *bytes, size_t avail, enum decode_mode mode)
{
	struct insn insn = { .mode = (u8)mode };
	struct decoder d = { .bytes = bytes, .avail = avail, .insn = &insn };
	u8 byte;

	return decode_prefixes(&d, &byte) ? d.pos : d.pos - 1;
}
