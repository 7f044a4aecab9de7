/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86 instructions of a guest: length, operands, effective address, and the
 * effect of those that kernels use on device memory and on descriptor tables.
 *
 * Pure; any context; nothing is kept between calls.  References are to the
 * Intel SDM, volume 2, chapter 2 (format) and appendix A (opcode maps).
 *
 * Lengths: the one-byte, 0F, 0F38 and 0F3A maps.  VEX, EVEX, XOP and 3DNow!
 * are refused.  The decoder refuses unassigned opcodes, but it is not an
 * oracle for #UD: it looks neither at CPUID nor at the privilege level, and
 * not at every combination of prefix, mod and opcode extension.
 *
 * How a caller emulates one memory access:
 *
 *	if (insn_rep_done(insn, gpr))
 *		go on at rip_next;
 *	if (insn_needs_read(insn))
 *		read mem_size bytes at insn_source_address() into mem_in;
 *	insn_execute();
 *	if (writes)
 *		write mem_size bytes of mem_out at insn_address();
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

enum insn_map {
	MAP_ONE_BYTE,
	MAP_0F,
	MAP_0F38,
	MAP_0F3A
};

/*
 * What insn_execute() can do.  The first eight are in the order of the /r
 * field of opcodes 80h-83h.  INSN_OTHER: only the length is known.
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
	INSN_OTHER,
};

struct insn {
	u8 length; /* bytes, 1-15 */
	u8 mode;   /* enum decode_mode */
	u8 map;	   /* enum insn_map */
	u8 opcode; /* last byte of the opcode */
	u8 op;	   /* enum insn_op; not INSN_OTHER only if has_mem */

	/* Prefixes.  rex is 40h-4Fh, or 0 where there is none in effect. */
	u8 rex;
	bool lock;
	bool rep;   /* F3 */
	bool repne; /* F2; of F2 and F3 the later one counts */
	bool opsize;
	bool addrsize;

	/* Bytes as they stand in the instruction; 0 where absent. */
	bool has_modrm;
	bool has_sib;
	u8 modrm;
	u8 sib;

	u8 op_size;   /* of the register or implied operand: 1, 2, 4, 8 */
	u8 addr_size; /* 2, 4, 8 */
	u8 reg;	      /* register operand, 0-15; AH-BH are 4-7 without REX */
	bool src_is_imm;

	/*
	 * The memory operand.  has_mem is set for every ModRM that names one,
	 * accessed (MOV) or not (LEA), and for the offset and string forms in
	 * enum insn_op.
	 */
	bool has_mem;
	bool mem_is_dest; /* written, or first operand of CMP, TEST and BT */
	bool rip_relative;
	u8 mem_size; /* width of the access: 1, 2, 4, 8; 0 if INSN_OTHER */
	u8 segment;  /* enum segment; the override or the default */
	u8 base;     /* 0-15 or GPR_NONE */
	u8 index;    /* 0-15 or GPR_NONE */
	u8 scale;    /* shift of the index: 0-3 */

	bool is_string;
	bool is_rep; /* is_string with F2 or F3 */

	s64 disp; /* sign-extended; the offset of A0h-A3h */
	/* Sign-extended.  Of far pointers and two immediates: the last one. */
	u64 imm;
};

/*
 * Decodes the instruction that starts at bytes[0].  Returns 0; -EINVAL if it
 * is undefined, not supported, or longer than 15 bytes; -ERANGE if it does not
 * end within avail bytes (avail < 15).  *out is meaningful only after 0.
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
 * canonical form are not checked.  Returns 0, or -EINVAL without one.
 */
int __must_check insn_address(const struct insn *insn, const u64 gpr[GPR_COUNT],
			      u64 rip_next, const u64 seg_base[SEGMENT_COUNT],
			      u64 *linear);

/*
 * Where mem_in comes from: differs from insn_address() for MOVS only, which
 * reads at the segment and rSI.
 */
int __must_check insn_source_address(const struct insn *insn,
				     const u64 gpr[GPR_COUNT], u64 rip_next,
				     const u64 seg_base[SEGMENT_COUNT],
				     u64 *linear);

/* Whether insn_execute() wants the operand in mem_in. */
bool insn_needs_read(const struct insn *insn);

/* Whether this is a repeated string instruction with no iteration left. */
bool insn_rep_done(const struct insn *insn, const u64 gpr[GPR_COUNT]);

/*
 * Applies the instruction to registers, flags and the operand read from
 * memory; of a repeated string instruction one element.  Bits of mem_in above
 * mem_size are ignored.  *writes tells whether mem_size bytes of *mem_out are
 * to be written; CMPXCHG always writes, as the processor does.  Flags that the
 * SDM leaves undefined: AF of logical operations becomes 0, those of BT, BTS,
 * BTR and BTC stay.  Returns 0, or -EINVAL for INSN_OTHER.
 */
int __must_check insn_execute(const struct insn *insn, u64 gpr[GPR_COUNT],
			      u64 *rflags, u64 mem_in, u64 *mem_out,
			      bool *writes);

#endif
