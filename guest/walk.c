// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest page-table walk: SDM vol. 3, 4.3 (32-bit), 4.4 (PAE), 4.5
 * (4-level), access rights in 4.6, the error code in 4.7.
 */
#include "guest/walk.h"
#include "core/types.h"

#define CR0_WP	   BIT(16)
#define CR0_PG	   BIT(31)
#define CR4_PSE	   BIT(4)
#define CR4_PAE	   BIT(5)
#define CR4_LA57   BIT(12)
#define CR4_SMEP   BIT(20)
#define CR4_SMAP   BIT(21)
#define EFER_LMA   BIT(10)
#define EFER_NXE   BIT(11)
#define RFLAGS_AC  BIT(18)
#define ENTRY_P	   BIT(0)
#define ENTRY_RW   BIT(1)
#define ENTRY_US   BIT(2)
#define ENTRY_PS   BIT(7)
#define ENTRY_XD   BIT(63)
#define ENTRY_ADDR 0x000ffffffffff000UL

/* PSE-36 gives a 4 MiB page at most 40 address bits: table 4-4. */
#define PSE36_BITS 40

enum paging_mode {
	PAGING_NONE,
	PAGING_32,
	PAGING_PAE,
	PAGING_4_LEVEL
};

struct walk {
	const struct walk_state *state;
	enum paging_mode mode;
	u32 access;
	bool user; /* user-mode access: SDM vol. 3, 4.6.1 */
	u64 linear;
	u64 phys_mask; /* bits below MAXPHYADDR */

	/* Along the way: the entry at hand, and all of them ANDed or ORed. */
	u64 entry;
	bool writable;
	bool user_page;
	bool no_execute;
};

static enum paging_mode paging_mode(const struct walk_state *s)
{
	if (!(s->cr0 & CR0_PG))
		return PAGING_NONE;
	if (s->efer & EFER_LMA)
		return PAGING_4_LEVEL;
	return s->cr4 & CR4_PAE ? PAGING_PAE : PAGING_32;
}

static bool nx_enabled(const struct walk *w)
{
	return w->mode != PAGING_32 && w->state->efer & EFER_NXE;
}

/* The root table; reserved bits were checked when CR3 was loaded. */
static u64 root_table(const struct walk *w)
{
	switch (w->mode) {
	case PAGING_32:
		return w->state->cr3 & 0xfffff000;
	case PAGING_PAE:
		return w->state->cr3 & 0xffffffe0;
	default: /* PCIDs or PWT and PCD are below */
		return w->state->cr3 & ENTRY_ADDR & w->phys_mask;
	}
}

static unsigned int root_level(const struct walk *w)
{
	switch (w->mode) {
	case PAGING_32:
		return 2;
	case PAGING_PAE:
		return 3;
	default:
		return 4;
	}
}

/* Lowest bit of the linear address that a table of this level looks at. */
static unsigned int level_shift(const struct walk *w, unsigned int level)
{
	return PAGE_SHIFT + (level - 1) * (w->mode == PAGING_32 ? 10 : 9);
}

static u64 entry_address(const struct walk *w, u64 table, unsigned int level)
{
	u64 index = w->linear >> level_shift(w, level);

	if (w->mode == PAGING_32)
		return table + (index & 1023) * 4;
	return table + (index & 511) * 8;
}

static bool is_pae_pdpte(const struct walk *w, unsigned int level)
{
	return w->mode == PAGING_PAE && level == 3;
}

static bool is_leaf(const struct walk *w, unsigned int level)
{
	if (level == 1)
		return true;
	if (!(w->entry & ENTRY_PS) || level == 4 || is_pae_pdpte(w, level))
		return false;
	return w->mode != PAGING_32 || w->state->cr4 & CR4_PSE;
}

/* Tables 4-4 to 4-6: of 32-bit entries only a 4 MiB page has any. */
static u64 reserved_bits_32(const struct walk *w, unsigned int level)
{
	u64 address_bits;

	if (level == 1 || !is_leaf(w, level))
		return 0;
	/* Bits 20:13 hold address bits 39:32, as far as they exist. */
	address_bits = (w->phys_mask & (BIT(PSE36_BITS) - 1)) >> 32;
	return 0x003fe000 & ~(address_bits << 13);
}

/* Tables 4-8 to 4-11 (PAE) and 4-15 to 4-20 (4-level). */
static u64 reserved_bits_64(const struct walk *w, unsigned int level)
{
	u64 reserved = ENTRY_ADDR & ~w->phys_mask;

	if (w->mode == PAGING_PAE)
		reserved |= 0x7ff0000000000000;
	if (!nx_enabled(w))
		reserved |= ENTRY_XD;
	/*
	 * MOV CR3 has looked at these already.  Bit 5 is left out: QEMU's TCG
	 * takes it for the accessed bit and sets it.
	 */
	if (is_pae_pdpte(w, level))
		return reserved | ENTRY_XD | 0x1c6;
	if (level == 4)
		return reserved | ENTRY_PS;
	/* A large page: all address bits but PAT (12) below its size. */
	if (level > 1 && is_leaf(w, level))
		reserved |= (BIT(level_shift(w, level)) - 1) & ~0x1fffUL;
	return reserved;
}

static u64 reserved_bits(const struct walk *w, unsigned int level)
{
	return w->mode == PAGING_32 ? reserved_bits_32(w, level) :
				      reserved_bits_64(w, level);
}

/* SDM vol. 3, 4.7.  cause: PF_PRESENT and PF_RESERVED. */
static u32 error_code(const struct walk *w, u64 cause)
{
	if (w->access & WALK_WRITE)
		cause |= PF_WRITE;
	if (w->user)
		cause |= PF_USER;
	if (w->access & WALK_FETCH &&
	    (nx_enabled(w) || w->state->cr4 & CR4_SMEP))
		cause |= PF_FETCH;
	return (u32)cause;
}

/* SMAP excuses explicit accesses while AC is set. */
static bool smap_denies(const struct walk *w)
{
	if (!(w->state->cr4 & CR4_SMAP) || !w->user_page)
		return false;
	return w->access & WALK_IMPLICIT || !(w->state->rflags & RFLAGS_AC);
}

/* SDM vol. 3, 4.6.1. */
static bool allowed(const struct walk *w)
{
	if (w->user && !w->user_page)
		return false;
	if (w->access & WALK_FETCH) {
		if (w->no_execute)
			return false;
		return w->user || !w->user_page || !(w->state->cr4 & CR4_SMEP);
	}
	if (!w->user && smap_denies(w))
		return false;
	if (!(w->access & WALK_WRITE) || w->writable)
		return true;
	return !w->user && !(w->state->cr0 & CR0_WP);
}

/* Rights count at every level, but a PDPTE of PAE paging has none. */
static void collect_rights(struct walk *w, unsigned int level)
{
	if (is_pae_pdpte(w, level))
		return;
	w->writable &= !!(w->entry & ENTRY_RW);
	w->user_page &= !!(w->entry & ENTRY_US);
	w->no_execute |= nx_enabled(w) && w->entry & ENTRY_XD;
}

static void set_address(const struct walk *w, unsigned int level,
			struct walk_result *out)
{
	u64 size = BIT(level_shift(w, level));
	u64 frame = w->entry & ENTRY_ADDR & ~(size - 1);

	if (w->mode == PAGING_32) {
		frame &= 0xffffffff;
		if (level == 2)
			frame |= ((w->entry >> 13) & 0xff) << 32;
	}
	out->page_size = size;
	out->gpa = frame | (w->linear & (size - 1));
}

static int read_one(struct walk *w, u64 gpa, walk_read_fn read_entry, void *ctx)
{
	u32 entry_32 = 0;
	int err;

	if (w->mode != PAGING_32)
		return read_entry(ctx, gpa, &w->entry, 8) ? -EIO : 0;
	err = read_entry(ctx, gpa, &entry_32, 4);
	w->entry = entry_32;
	return err ? -EIO : 0;
}

static int walk_tables(struct walk *w, walk_read_fn read_entry, void *ctx,
		       struct walk_result *out)
{
	u64 table = root_table(w);
	unsigned int level;

	for (level = root_level(w);; level--) {
		if (read_one(w, entry_address(w, table, level), read_entry,
			     ctx))
			return -EIO;
		if (!(w->entry & ENTRY_P)) {
			out->pf_error = error_code(w, 0);
			return -EFAULT;
		}
		if (w->entry & reserved_bits(w, level)) {
			out->pf_error = error_code(w, PF_PRESENT | PF_RESERVED);
			return -EFAULT;
		}
		collect_rights(w, level);
		if (is_leaf(w, level))
			break;
		table = w->entry & ENTRY_ADDR;
	}
	if (!allowed(w)) {
		out->pf_error = error_code(w, PF_PRESENT);
		return -EFAULT;
	}
	set_address(w, level, out);
	return 0;
}

/* Bits 63:47 are all alike: SDM vol. 1, 3.3.7.1. */
static bool is_canonical(u64 linear)
{
	return linear + BIT(47) < BIT(48);
}

static u64 phys_mask(const struct walk_state *state)
{
	u8 bits = MIN(MAX(state->phys_bits, 32), 52);

	return BIT(bits) - 1;
}

int guest_walk(const struct walk_state *state, u64 linear, u32 access,
	       walk_read_fn read_entry, void *ctx, struct walk_result *out)
{
	struct walk w = {
		.state = state,
		.mode = paging_mode(state),
		.access = access,
		.user = state->cpl == 3 && !(access & WALK_IMPLICIT),
		.linear = linear,
		.phys_mask = phys_mask(state),
		.writable = true,
		.user_page = true,
	};

	*out = (struct walk_result){ .page_size = PAGE_SIZE };
	if (w.mode != PAGING_4_LEVEL)
		w.linear &= 0xffffffff;
	if (w.mode == PAGING_NONE) {
		out->gpa = w.linear;
		return 0;
	}
	if (w.mode == PAGING_4_LEVEL) {
		if (state->cr4 & CR4_LA57)
			return -ENOSYS;
		if (!is_canonical(linear))
			return -EINVAL;
	}
	return walk_tables(&w, read_entry, ctx, out);
}
