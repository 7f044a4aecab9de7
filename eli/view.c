// SPDX-License-Identifier: BSD-2-Clause
/* Second-level tables with a shadow in them. */
#include "eli/view.h"
#include "core/lib.h"

void views_init(struct views *w, const struct slat *t, u32 vcpus, u64 tables)
{
	u32 i;

	memset(w, 0, sizeof(*w));
	w->slat = *t;
	w->vcpus = vcpus;
	w->tables = tables;
	for (i = 0; i < MAX_VCPUS; i++)
		w->page[i] = VIEW_NO_PAGE;
	for (i = 0; i < VIEW_SPLIT_TABLES * vcpus; i++)
		w->split[i].table = tables +
				    (VIEW_PATH_TABLES * vcpus + i) * PAGE_SIZE;
}

static u64 *table_at(const struct views *w, u64 phys)
{
	return w->slat.table(w->slat.ctx, phys);
}

static struct view_split *split_end(struct views *w)
{
	return w->split + VIEW_SPLIT_TABLES * w->vcpus;
}

static u32 free_splits(const struct views *w)
{
	u32 i, n = 0;

	for (i = 0; i < VIEW_SPLIT_TABLES * w->vcpus; i++)
		n += w->split[i].state == SPLIT_FREE;
	return n;
}

/* A table that maps what the leaf maps takes its place; one is free. */
static void split_leaf(struct views *w, u64 gpa, u32 level, u64 *entry)
{
	u64 step = slat_size(level - 1);
	struct view_split *s = w->split;
	u64 leaf = *entry;
	u64 *table;
	u32 i;

	while (s->state != SPLIT_FREE)
		s++;
	s->state = SPLIT_USED;
	s->level = level;
	s->gpa = ALIGN_DOWN(gpa, slat_size(level));
	s->leaf = leaf;
	/* Bit 7 means something else in the lowest level. */
	if (level == 2)
		leaf &= ~SLAT_LARGE;
	table = table_at(w, s->table);
	for (i = 0; i < SLAT_ENTRIES; i++)
		table[i] = leaf + i * step;
	__atomic_store_n(entry, s->table | w->slat.table_bits,
			 __ATOMIC_RELEASE);
}

/* Are there pages in the range that must not share its leaf? */
static bool in_use(const struct views *w, u64 gpa, u64 size)
{
	u32 i;

	for (i = 0; i < w->vcpus; i++)
		if (w->page[i] != VIEW_NO_PAGE && w->page[i] >= gpa &&
		    w->page[i] - gpa < size)
			return true;
	return false;
}

/* Puts back large leaves that need not be split any more, small ones first. */
static void merge(struct views *w)
{
	struct view_split *s;
	u32 level, at;

	for (level = 2; level <= 3; level++)
		for (s = w->split; s < split_end(w); s++) {
			if (s->state != SPLIT_USED || s->level != level ||
			    in_use(w, s->gpa, slat_size(level)))
				continue;
			at = level;
			__atomic_store_n(slat_find(&w->slat, s->gpa, &at),
					 s->leaf, __ATOMIC_RELEASE);
			s->state = SPLIT_STALE;
		}
}

int views_protect(struct views *w, u32 vcpu, u64 gpa)
{
	u32 level = 1;
	u64 *entry;

	if (views_protected(w, gpa)) {
		w->page[vcpu] = gpa;
		return 0;
	}
	entry = slat_find(&w->slat, gpa, &level);
	if (!*entry)
		return -EFAULT;
	if (free_splits(w) < level - 1)
		return -EBUSY;
	for (; level > 1; level--) {
		split_leaf(w, gpa, level, entry);
		entry = slat_entry(table_at(w, *entry & SLAT_ADDRESS),
				   level - 1, gpa);
	}
	__atomic_fetch_and(entry, ~SLAT_WRITE, __ATOMIC_RELEASE);
	w->page[vcpu] = gpa;
	return 1;
}

bool views_release(struct views *w, u32 vcpu)
{
	u64 gpa = w->page[vcpu];
	u32 level = 1;

	w->page[vcpu] = VIEW_NO_PAGE;
	if (gpa == VIEW_NO_PAGE || views_protected(w, gpa))
		return false;
	__atomic_fetch_or(slat_find(&w->slat, gpa, &level), SLAT_WRITE,
			  __ATOMIC_RELEASE);
	merge(w);
	return true;
}

bool views_protected(const struct views *w, u64 gpa)
{
	return in_use(w, ALIGN_DOWN(gpa, PAGE_SIZE), PAGE_SIZE);
}

void views_flushed(struct views *w)
{
	struct view_split *s;

	for (s = w->split; s < split_end(w); s++)
		if (s->state == SPLIT_STALE)
			s->state = SPLIT_FREE;
}

u64 views_build(struct views *w, u32 vcpu, u64 shadow)
{
	u64 root = w->tables + VIEW_PATH_TABLES * vcpu * PAGE_SIZE;
	u64 own = root, theirs = w->slat.root, gpa = w->page[vcpu];
	u64 *entry;
	u32 level;

	for (level = SLAT_TOP;; level--) {
		memcpy(table_at(w, own), table_at(w, theirs), PAGE_SIZE);
		entry = slat_entry(table_at(w, own), level, gpa);
		if (level == 1)
			break;
		theirs = *entry & SLAT_ADDRESS;
		own += PAGE_SIZE;
		*entry = (*entry & ~SLAT_ADDRESS) | own;
	}
	*entry = (*entry & ~SLAT_ADDRESS) | shadow;
	return root;
}
