/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86 instructions of a guest that touch memory which Ashlar emulates: their
 * operands, effective address, and effect.  The list is enum insn_op, with a
 * memory operand; nothing else can be decoded.
 *
 * Pure; any context; nothing is kept between calls.  References are to the
 * Intel SDM, volume 2, chapter 2 (format) and appendix A (opcode maps).
 *
 * What is decoded here has begun on the processor, which has found it valid.
 * So the decoder is no oracle for #UD: it looks neither at CPUID nor at the
 * privilege level, and not at every prefix.
 *
 * How a caller emulates one memory access:
 *
 *	if (insn_rep_done(insn, gpr))
 *		go on at rip_next;
 *	if (insn_reads(insn))
 *		read mem_size bytes at insn_source_address();
 *	insn_execute();
 *	if (insn_writes(insn))
 *		write mem_size bytes at insn_address();
 *	if (!insn->is_rep || insn_rep_done(insn, gpr))
 *		go on at rip_next;
 *
 * Take both addresses before insn_execute(), which moves rSI and rDI.  It
 * changes registers, so where the write can fault, hand it copies of gpr and
 * rflags and keep them when the write is done.  Clearing RFLAGS.RF, the
 * single-step trap and atomicity of a locked access are the caller's.
 */
#ifndef EXITS_DECODE_H
#define EXITS_DECODE_H

#include "core/types.h"
#include "core/x86.h"

/* Longest instruction: SDM vol. 2, 2.3.11. */
#define INSN_MAX_LENGTH 15

/* No base, or no index. */
#define GPR_NONE 0xff

/* Default operand and address size: CS.L and CS.D, or real mode (16). */
enum decode_mode {
	DECODE_16,
	DECODE_32,
	DECODE_64
};

/*
 * The order matters to decode.c: the first eight are those of the /r field of
 * opcodes 80h-83h, and others whose opcodes count up stand side by side.
 */
enum insn_op {
	INSN_ADD,
	INSN_OR,
	INSN_ADC,
	INSN_SBB,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_CMP,
	INSN_TEST,
	INSN_MOV,
	INSN_MOVZX,
	INSN_MOVSX, /* and MOVSXD */
	INSN_XCHG,
	INSN_XADD,
	INSN_CMPXCHG,
	INSN_INC,
	INSN_DEC,
	INSN_NOT,
	INSN_NEG,
	INSN_BT,
	INSN_BTS,
	INSN_BTR,
	INSN_BTC,
	INSN_MOVS,
	INSN_STOS,
	INSN_LODS,
};

struct insn {
	u8 length; /* bytes, 1-15 */
	u8 mode;   /* enum decode_mode */
	u8 op;	   /* enum insn_op */
	u8 rex;	   /* 40h-4Fh, or 0 where there is none in effect */

	u8 op_size;   /* of the register or implied operand: 1, 2, 4, 8 */
	u8 addr_size; /* 2, 4, 8 */
	u8 reg;	      /* register operand, 0-15; AH-BH are 4-7 without REX */
	bool src_is_imm;

	/* The memory operand. */
	bool mem_is_dest; /* written, or first operand of CMP, TEST and BT */
	bool rip_relative;
	u8 mem_size; /* width of the access: 1, 2, 4, 8 */
	u8 segment;  /* enum segment; the override or the default */
	u8 base;     /* 0-15 or GPR_NONE */
	u8 index;    /* 0-15 or GPR_NONE */
	u8 scale;    /* shift of the index: 0-3 */

	bool is_string;
	bool is_rep; /* is_string with F2 or F3 */

	s64 disp; /* sign-extended; the offset of A0h-A3h */
	u64 imm;  /* sign-extended */
};

/*
 * Decodes the instruction that starts at bytes[0].  Returns 0, or -EINVAL if it
 * is not one of those above, is longer than 15 bytes or does not end within
 * avail bytes.  *out is meaningful only after 0.
 */
int __must_check decode_insn(const u8 *bytes, size_t avail,
			     enum decode_mode mode, struct insn *out);

/*
 * The number of prefixes that any instruction at bytes[0] begins with: not more
 * than avail and 15.
 */
size_t insn_prefixes(const u8 *bytes, size_t avail, enum decode_mode mode);

/*
 * Linear address of the memory operand: for MOVS and STOS ES:rDI, for LODS
 * the segment and rSI.  seg_base is indexed by enum segment; in 64-bit
 * mode only those of FS and GS are used.  Segment limits, segment rights and
 * canonical form are not checked.
 */
u64 insn_address(const struct insn *insn, const u64 gpr[GPR_COUNT],
		 u64 rip_next, const u64 seg_base[SEGMENT_COUNT]);

/*
 * Where the operand is read: differs from insn_address() for MOVS only, which
 * reads at the segment and rSI.
 */
u64 insn_source_address(const struct insn *insn, const u64 gpr[GPR_COUNT],
			u64 rip_next, const u64 seg_base[SEGMENT_COUNT]);

/*
 * Whether the operand is read, and whether it is written.  CMPXCHG always
 * writes, as the processor does.
 */
bool insn_reads(const struct insn *insn);
bool insn_writes(const struct insn *insn);

/* Whether this is a repeated string instruction with no iteration left. */
bool insn_rep_done(const struct insn *insn, const u64 gpr[GPR_COUNT]);

/*
 * Applies the instruction to registers, flags and the operand as read; of a
 * repeated string instruction one element.  Bits of mem above mem_size are
 * ignored.  Returns the operand to write.  Flags that the SDM leaves undefined:
 * AF of logical operations becomes 0, those of BT, BTS, BTR and BTC stay.
 */
u64 insn_execute(const struct insn *insn, u64 gpr[GPR_COUNT], u64 *rflags,
		 u64 mem);

#endif
