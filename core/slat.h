/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Second-level address translation: the tables by which guest-physical becomes
 * host-physical.  EPT (SDM vol. 3 section 29.3) and nested paging (APM2 section
 * 15.25) agree in all but the permission bits: four levels of 512 entries, bit
 * 7 for a large leaf.  Pure: memory for tables comes from the caller.  Boot.
 */
#ifndef CORE_SLAT_H
#define CORE_SLAT_H

#include "core/types.h"

#define SLAT_WRITE   BIT(1) /* of a leaf and of all tables above it */
#define SLAT_LARGE   BIT(7)
#define SLAT_ADDRESS 0x000ffffffffff000UL
#define SLAT_ENTRIES 512
#define SLAT_TOP     4 /* levels count down to 1 */

struct slat {
	/* A zeroed page and its physical address; NULL: no memory. */
	void *(*alloc)(void *ctx, u64 *phys);
	/* The page that alloc handed out at `phys`. */
	u64 *(*table)(void *ctx, u64 phys);
	void *ctx;
	u64 table_bits;	 /* of an entry that names a table */
	bool large_1g;	 /* 1 GiB leaves may be used */
	bool small_only; /* no large leaves at all */
	u64 root;	 /* physical address, set by slat_init */
};

/* Returns 0 or -ENOMEM. */
int __must_check slat_init(struct slat *t);

/*
 * Maps [gpa, gpa + size) to hpa with the largest leaves that alignment allows.
 * bits: permissions and memory type.  All multiples of 4 KiB.
 * Returns 0, -ENOMEM, -EINVAL (alignment, beyond 48 bits) or -EBUSY (some of it
 * is mapped already; what was mapped before the clash stays).
 */
int __must_check slat_map(struct slat *t, u64 gpa, u64 hpa, u64 size, u64 bits);

/* The size that one entry of a level maps. */
static inline u64 slat_size(u32 level)
{
	return 1UL << (PAGE_SHIFT + 9 * (level - 1));
}

/* The entry of a table of this level. */
static inline u64 *slat_entry(u64 *table, u32 level, u64 gpa)
{
	return &table[gpa / slat_size(level) % SLAT_ENTRIES];
}

/*
 * The entry for gpa at a level, or the leaf or the empty one above where the
 * tables do not go so deep; the level found is left in *level.  gpa is below
 * 2^48.
 */
u64 *slat_find(const struct slat *t, u64 gpa, u32 *level);

#endif
