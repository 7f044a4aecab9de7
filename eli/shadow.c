// SPDX-License-Identifier: BSD-2-Clause
/* Shadows of IDTs: which can be, and gate by gate. */
#include "eli/shadow.h"
#include "core/lib.h"
#include "core/x86.h"

/* The low eight bytes of a gate, SDM vol. 3 figures 6-2 and 6-8. */
#define GATE_TYPE_SHIFT 40
#define GATE_TYPE	(0x1fUL << GATE_TYPE_SHIFT) /* with the S bit */
#define GATE_P		BIT(47)
#define GATE_INTERRUPT	(0xeUL << GATE_TYPE_SHIFT)

/* Types that a gate of an IDT may have, SDM vol. 3 table 3-2. */
#define TYPES_LEGACY (BIT(5) | BIT(6) | BIT(7) | BIT(14) | BIT(15))
#define TYPES_LONG   (BIT(14) | BIT(15))

enum cause shadow_refusal(const struct idt_register *r, u32 *gate_size)
{
	if (!(r->cr0 & CR0_PE))
		return CAUSE_INJECT_REAL;
	*gate_size = r->efer & EFER_LMA ? GATE_SIZE_LONG : GATE_SIZE_LEGACY;
	if (r->base % PAGE_SIZE)
		return CAUSE_INJECT_UNALIGNED;
	if (r->limit + 1UL < (u64)IDT_VECTORS * *gate_size)
		return CAUSE_INJECT_SHORT;
	return INJECT_NONE;
}

/*
 * Not present, but sure to end in #NP: a wrong type would be #GP, since the
 * type is looked at first, and so is the DPL where INT n comes by.
 */
static u64 bounce(u64 gate, u32 gate_size)
{
	u64 types = gate_size == GATE_SIZE_LONG ? TYPES_LONG : TYPES_LEGACY;
	u64 type = (gate & GATE_TYPE) >> GATE_TYPE_SHIFT;

	if (!(types >> type & 1))
		gate = (gate & ~GATE_TYPE) | GATE_INTERRUPT;
	return gate & ~GATE_P;
}

static u64 shadow_word(u64 word, u32 offset, u32 gate_size, const u64 *owned)
{
	u32 vector = offset / gate_size;

	/* The upper half of a long gate; what is behind a legacy table. */
	if (offset % gate_size || vector >= IDT_VECTORS)
		return word;
	if (vector < FIRST_INTERRUPT || vectors_test(owned, vector))
		return word;
	return bounce(word, gate_size);
}

void shadow_update(u64 *shadow, const u64 *guest, u32 gate_size,
		   const u64 *owned, u32 offset, u32 size)
{
	u32 i, end = (offset + size + 7) / 8;

	for (i = offset / 8; i < end; i++)
		__atomic_store_n(&shadow[i],
				 shadow_word(guest[i], 8 * i, gate_size, owned),
				 __ATOMIC_RELAXED);
}

bool shadow_page_shared(const u64 *guest, u32 gate_size)
{
	u32 i;

	for (i = IDT_VECTORS * gate_size / 8; i < PAGE_SIZE / 8; i++)
		if (guest[i])
			return true;
	return false;
}
