/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples of a figure, all kept, for quantiles at the end.  Pure. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "core/types.h"

struct samples {
	u64 *value;
	u64 room;
	u64 count; /* those beyond room are counted, but lost */
};

static inline void samples_add(struct samples *s, u64 value)
{
	if (s->count < s->room)
		s->value[s->count] = value;
	s->count++;
}

static inline void samples_sift(u64 *value, u64 root, u64 count)
{
	u64 moved = value[root], child;

	for (; (child = 2 * root + 1) < count; root = child) {
		if (child + 1 < count && value[child] < value[child + 1])
			child++;
		if (moved >= value[child])
			break;
		value[root] = value[child];
	}
	value[root] = moved;
}

/* Ascending; a heap sort, so without more memory. */
static inline void samples_sort(struct samples *s)
{
	u64 i, n = MIN(s->count, s->room), greatest;

	for (i = n / 2; i > 0; i--)
		samples_sift(s->value, i - 1, n);
	for (i = n; i > 1; i--) {
		greatest = s->value[0];
		s->value[0] = s->value[i - 1];
		s->value[i - 1] = greatest;
		samples_sift(s->value, 0, i - 1);
	}
}

/*
 * The smallest value that at least so many of a thousand samples do not
 * exceed: 0 the least, 500 the median, 1000 the greatest.  Sorted, not empty.
 */
static inline u64 samples_quantile(const struct samples *s, u64 permille)
{
	u64 n = MIN(s->count, s->room), rank = (n * permille + 999) / 1000;

	return s->value[MAX(rank, 1UL) - 1];
}

#endif
