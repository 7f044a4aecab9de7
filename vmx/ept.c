// SPDX-License-Identifier: BSD-2-Clause
#include "vmx/ept.h"

#define EPT_ENTRIES 512
#define EPT_PRESENT (EPT_READ | EPT_WRITE | EPT_EXECUTE)
#define EPT_TOP 4
#define GPA_LIMIT BIT(48)

static u64 level_size(u32 level)
{
	return 1UL << (PAGE_SHIFT + 9 * (level - 1));
}

static u64 *entry_of(u64 *table, u32 level, u64 gpa)
{
	return &table[gpa / level_size(level) % EPT_ENTRIES];
}

int ept_init(struct ept *ept)
{
	return ept->alloc(ept->ctx, &ept->root) ? 0 : -ENOMEM;
}

/* The highest level at which one leaf may map the start of the range. */
static u32 leaf_level(const struct ept *ept, u64 gpa, u64 hpa, u64 size)
{
	u32 level = ept->large_1g ? 3 : 2;

	while (level > 1 && (((gpa | hpa) & (level_size(level) - 1)) ||
			     size < level_size(level)))
		level--;
	return level;
}

static int map_one(struct ept *ept, u64 gpa, u32 level, u64 leaf)
{
	u64 *table = ept->table(ept->ctx, ept->root);
	u64 *entry;
	u64 phys;
	u32 l;

	for (l = EPT_TOP; l > level; l--) {
		entry = entry_of(table, l, gpa);
		if (*entry & EPT_LARGE)
			return -EBUSY;
		if (!*entry) {
			if (!ept->alloc(ept->ctx, &phys))
				return -ENOMEM;
			*entry = phys | EPT_PRESENT;
		}
		table = ept->table(ept->ctx, *entry & EPT_ADDRESS);
	}
	entry = entry_of(table, level, gpa);
	if (*entry)
		return -EBUSY;
	*entry = leaf | (level > 1 ? EPT_LARGE : 0);
	return 0;
}

int ept_map(struct ept *ept, u64 gpa, u64 hpa, u64 size, u64 bits)
{
	u64 step;
	u32 level;
	int err;

	if ((gpa | hpa | size) & (PAGE_SIZE - 1) || gpa >= GPA_LIMIT ||
	    size > GPA_LIMIT - gpa)
		return -EINVAL;
	for (; size; gpa += step, hpa += step, size -= step) {
		level = leaf_level(ept, gpa, hpa, size);
		step = level_size(level);
		err = map_one(ept, gpa, level, hpa | bits);
		if (err)
			return err;
	}
	return 0;
}

u64 ept_lookup(const struct ept *ept, u64 gpa, u64 *leaf_size)
{
	const u64 *table = ept->table(ept->ctx, ept->root);
	u64 entry;
	u32 level;

	if (gpa >= GPA_LIMIT)
		return 0;
	for (level = EPT_TOP;; level--) {
		entry = table[gpa / level_size(level) % EPT_ENTRIES];
		if (!entry)
			return 0;
		if (level == 1 || (entry & EPT_LARGE))
			break;
		table = ept->table(ept->ctx, entry & EPT_ADDRESS);
	}
	*leaf_size = level_size(level);
	return entry;
}
