/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory of unit tests and fuzzers: a few segments.  Each map hands
 * out a fresh copy of exactly the bytes asked for and frees the one before, so
 * that ASan sees reads past the length and uses of a stale pointer.
 */
#ifndef TESTS_UNIT_FAKE_PHYS_H
#define TESTS_UNIT_FAKE_PHYS_H

#include <stdlib.h>
#include "core/phys.h"

struct fake_segment {
	u64 base;
	size_t size;
	const void *data;
};

struct fake_phys {
	u32 nr;
	struct fake_segment segment[16];
	u8 *last;
	u64 nr_maps;
};

static inline const void *fake_phys_map(void *ctx, u64 phys, size_t len)
{
	struct fake_phys *f = ctx;
	const struct fake_segment *s;

	f->nr_maps++;
	free(f->last);
	f->last = NULL;
	for (s = f->segment; s < f->segment + f->nr; s++) {
		if (phys < s->base || phys - s->base > s->size ||
		    len > s->size - (phys - s->base))
			continue;
		f->last = malloc(len);
		if (f->last)
			memcpy(f->last, (const u8 *)s->data + (phys - s->base),
			       len);
		return f->last;
	}
	return NULL;
}

static inline void fake_phys_add(struct fake_phys *f, u64 base,
				 const void *data, size_t size)
{
	if (f->nr < ARRAY_SIZE(f->segment))
		f->segment[f->nr++] = (struct fake_segment){ base, size, data };
}

static inline void fake_phys_free(struct fake_phys *f)
{
	free(f->last);
	*f = (struct fake_phys){ 0 };
}

#endif
