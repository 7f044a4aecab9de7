// SPDX-License-Identifier: BSD-2-Clause
/* Where partitions get their memory. */
#include "partition/place.h"

/* Firmware, real mode code and the AP trampoline live below. */
#define PLACE_FLOOR BIT(20)
/* Video memory and ROMs lie from here to 1 MiB, whatever a map says. */
#define LOW_LIMIT 0xa0000UL

static u64 range_end(const struct place_range *r)
{
	return r->base + r->size;
}

static u64 end_of(u64 base, u64 size)
{
	return size > PHYS_LIMIT - base ? PHYS_LIMIT : base + size;
}

/* Replaces ranges [i, j) by n others. */
static int splice(struct place_map *m, u32 i, u32 j,
		  const struct place_range *with, u32 n)
{
	u32 nr = m->nr - (j - i) + n;

	if (nr > PLACE_RANGES)
		return -ENOSPC;
	memmove(&m->range[i + n], &m->range[j],
		(m->nr - j) * sizeof(m->range[0]));
	memcpy(&m->range[i], with, n * sizeof(m->range[0]));
	m->nr = nr;
	return 0;
}

int place_add(struct place_map *m, u64 base, u64 size)
{
	struct place_range r;
	u64 end;
	u32 i, j;

	if (base >= PHYS_LIMIT)
		return 0;
	end = ALIGN_DOWN(end_of(base, size), PAGE_SIZE);
	base = ALIGN_UP(base, PAGE_SIZE);
	if (end <= base)
		return 0;
	for (i = 0; i < m->nr && range_end(&m->range[i]) < base; i++)
		;
	for (j = i; j < m->nr && m->range[j].base <= end; j++)
		;
	if (i < j) {
		base = MIN(base, m->range[i].base);
		end = MAX(end, range_end(&m->range[j - 1]));
	}
	r = (struct place_range){ base, end - base };
	return splice(m, i, j, &r, 1);
}

int place_subtract(struct place_map *m, u64 base, u64 size)
{
	struct place_range rest[2];
	u64 end, last;
	u32 i, j, n = 0;

	if (base >= PHYS_LIMIT || !size)
		return 0;
	end = ALIGN_UP(end_of(base, size), PAGE_SIZE);
	base = ALIGN_DOWN(base, PAGE_SIZE);
	for (i = 0; i < m->nr && range_end(&m->range[i]) <= base; i++)
		;
	for (j = i; j < m->nr && m->range[j].base < end; j++)
		;
	if (i == j)
		return 0;
	last = range_end(&m->range[j - 1]);
	if (m->range[i].base < base)
		rest[n++] = (struct place_range){ m->range[i].base,
						  base - m->range[i].base };
	if (last > end)
		rest[n++] = (struct place_range){ end, last - end };
	return splice(m, i, j, rest, n);
}

/* The aligned part of a range above the floor; its size may be 0. */
static struct place_range extent(const struct place_range *r, u64 align)
{
	u64 base = ALIGN_UP(MAX(r->base, PLACE_FLOOR), align);
	u64 end = ALIGN_DOWN(range_end(r), align);

	return (struct place_range){ base, end > base ? end - base : 0 };
}

u64 place_low_page(const struct place_map *m)
{
	u64 page = 0;
	u32 i;

	for (i = 0; i < m->nr && m->range[i].base < LOW_LIMIT; i++)
		page = MIN(range_end(&m->range[i]), LOW_LIMIT) - PAGE_SIZE;
	return page;
}

u64 place_usable(const struct place_map *m)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < m->nr; i++)
		sum += extent(&m->range[i], SIZE_2M).size;
	return sum;
}

int place_take(struct place_map *m, u64 size, u64 align, u64 limit, u64 *hpa)
{
	u64 base, end;
	u32 i;
	int err;

	if (!size || size % PAGE_SIZE || size > PHYS_LIMIT ||
	    align < PAGE_SIZE || align > PHYS_LIMIT || (align & (align - 1)))
		return -EINVAL;
	for (i = 0; i < m->nr; i++) {
		base = ALIGN_UP(MAX(m->range[i].base, PLACE_FLOOR), align);
		end = MIN(range_end(&m->range[i]), limit);
		if (base >= end || size > end - base)
			continue;
		err = place_subtract(m, base, size);
		if (!err)
			*hpa = base;
		return err;
	}
	return -ENOMEM;
}

/* The smallest aligned extent of at least `want` bytes, else the largest. */
static struct place_range best_extent(const struct place_map *m, u64 align,
				      u64 want)
{
	struct place_range best = { 0, 0 }, e;
	u32 i;

	for (i = 0; i < m->nr; i++) {
		e = extent(&m->range[i], align);
		if (best.size < want ? e.size > best.size :
				       e.size >= want && e.size < best.size)
			best = e;
	}
	return best;
}

static void append(struct place_memory *out, const struct place_range *r)
{
	struct place_chunk *last = &out->chunk[out->nr];

	if (out->nr && last[-1].hpa + last[-1].size == r->base) {
		last[-1].size += r->size;
		return;
	}
	*last = (struct place_chunk){ r->base, r->size };
	out->nr++;
}

/*
 * Adds chunks of whole multiples of align until less than align is missing,
 * nothing suitable is left, or the partition has all the chunks it may have.
 */
static int fill(struct place_map *m, struct place_memory *out, u64 align,
		u64 *missing)
{
	struct place_range e;
	u64 want;
	int err;

	while (out->nr < PLACE_CHUNKS) {
		want = ALIGN_DOWN(*missing, align);
		if (!want)
			return 0;
		e = best_extent(m, align, want);
		e.size = MIN(e.size, want);
		if (!e.size)
			return 0;
		err = place_subtract(m, e.base, e.size);
		if (err)
			return err;
		append(out, &e);
		*missing -= e.size;
	}
	return 0;
}

/* Can't fail: the ranges merge again into those that were there before. */
static void give_back(struct place_map *m, struct place_memory *out)
{
	while (out->nr) {
		out->nr--;
		(void)!place_add(m, out->chunk[out->nr].hpa,
				 out->chunk[out->nr].size);
	}
}

/* Taking the largest extents needs the fewest chunks: the second attempt. */
static int place_one(struct place_map *m, u64 size, struct place_memory *out,
		     u64 *missing)
{
	int err;

	out->nr = 0;
	*missing = size;
	err = fill(m, out, SIZE_1G, missing);
	if (!err)
		err = fill(m, out, SIZE_2M, missing);
	if (!err && !*missing)
		return 0;
	give_back(m, out);
	*missing = size;
	err = fill(m, out, SIZE_2M, missing);
	if (!err && !*missing)
		return 0;
	give_back(m, out);
	return -ENOSPC;
}

int place_identity(struct place_map *m, u64 size, u64 limit,
		   struct place_memory *out)
{
	u64 first, main;
	int err;

	if (!size || size % SIZE_2M)
		return -EINVAL;
	err = place_take(m, size, SIZE_2M, limit, &main);
	if (err)
		return err;
	err = place_take(m, SIZE_1M, SIZE_2M, PLACE_ANYWHERE, &first);
	if (err) {
		(void)!place_add(m, main, size);
		return err;
	}
	*out = (struct place_memory){ 2,
				      { { first, SIZE_1M }, { main, size } } };
	return 0;
}

static int check_requests(const struct place_map *m, const u64 *size, u32 nr,
			  struct place_shortage *shortage)
{
	u64 usable = place_usable(m), sum = 0;
	u32 i;

	*shortage = (struct place_shortage){ nr, 0 };
	for (i = 0; i < nr; i++) {
		if (!size[i] || size[i] % SIZE_2M ||
		    size[i] > PHYS_LIMIT - sum) {
			shortage->request = i;
			return -EINVAL;
		}
		sum += size[i];
		if (sum > usable)
			shortage->request = MIN(shortage->request, i);
	}
	if (sum <= usable)
		return 0;
	shortage->missing = sum - usable;
	return -ENOMEM;
}

int place_memory(struct place_map *m, const u64 *size, u32 nr,
		 struct place_memory *out, struct place_shortage *shortage)
{
	int err = check_requests(m, size, nr, shortage);
	u32 i;

	if (err)
		return err;
	for (i = 0; i < nr; i++) {
		err = place_one(m, size[i], &out[i], &shortage->missing);
		if (err)
			break;
	}
	if (!err)
		return 0;
	shortage->request = i;
	while (i--)
		give_back(m, &out[i]);
	return err;
}
