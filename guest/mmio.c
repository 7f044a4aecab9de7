// SPDX-License-Identifier: BSD-2-Clause
/* Regions of registers in guest-physical memory. */
#include "guest/mmio.h"

int mmio_register(struct mmio_space *s, const struct mmio_region *r)
{
	const struct mmio_region *o;

	if (s->nr == MMIO_REGIONS)
		return -ENOSPC;
	for (o = s->region; o < s->region + s->nr; o++)
		if (r->gpa < o->gpa + o->size && o->gpa < r->gpa + r->size)
			return -EBUSY;
	s->region[s->nr++] = *r;
	return 0;
}

const struct mmio_region *mmio_find(const struct mmio_space *s, u64 gpa)
{
	const struct mmio_region *r;

	for (r = s->region; r < s->region + s->nr; r++)
		if (gpa - r->gpa < r->size)
			return r;
	return NULL;
}
