// SPDX-License-Identifier: BSD-2-Clause
/* Second-level page tables of either vendor. */
#include "core/slat.h"

#define GPA_LIMIT BIT(48)

int slat_init(struct slat *t)
{
	return t->alloc(t->ctx, &t->root) ? 0 : -ENOMEM;
}

/* The highest level at which one leaf may map the start of the range. */
static u32 leaf_level(const struct slat *t, u64 gpa, u64 hpa, u64 size)
{
	u32 level = t->small_only ? 1 : t->large_1g ? 3 : 2;

	while (level > 1 && (((gpa | hpa) & (slat_size(level) - 1)) ||
			     size < slat_size(level)))
		level--;
	return level;
}

static int map_one(struct slat *t, u64 gpa, u32 level, u64 leaf)
{
	u64 *table = t->table(t->ctx, t->root);
	u64 *entry;
	u64 phys;
	u32 l;

	for (l = SLAT_TOP; l > level; l--) {
		entry = slat_entry(table, l, gpa);
		if (*entry & SLAT_LARGE)
			return -EBUSY;
		if (!*entry) {
			if (!t->alloc(t->ctx, &phys))
				return -ENOMEM;
			*entry = phys | t->table_bits;
		}
		table = t->table(t->ctx, *entry & SLAT_ADDRESS);
	}
	entry = slat_entry(table, level, gpa);
	if (*entry)
		return -EBUSY;
	*entry = leaf | (level > 1 ? SLAT_LARGE : 0);
	return 0;
}

int slat_map(struct slat *t, u64 gpa, u64 hpa, u64 size, u64 bits)
{
	u64 step;
	u32 level;
	int err;

	if ((gpa | hpa | size) & (PAGE_SIZE - 1) || gpa >= GPA_LIMIT ||
	    size > GPA_LIMIT - gpa)
		return -EINVAL;
	for (; size; gpa += step, hpa += step, size -= step) {
		level = leaf_level(t, gpa, hpa, size);
		step = slat_size(level);
		err = map_one(t, gpa, level, hpa | bits);
		if (err)
			return err;
	}
	return 0;
}

u64 *slat_find(const struct slat *t, u64 gpa, u32 *level)
{
	u64 *table = t->table(t->ctx, t->root);
	u64 *entry;
	u32 l;

	for (l = SLAT_TOP;; l--) {
		entry = slat_entry(table, l, gpa);
		if (l == *level || !*entry || (*entry & SLAT_LARGE))
			break;
		table = t->table(t->ctx, *entry & SLAT_ADDRESS);
	}
	*level = l;
	return entry;
}
