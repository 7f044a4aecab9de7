/* SPDX-License-Identifier: BSD-2-Clause */
/* Where second-level tables lead: for the tests of what builds them. */
#ifndef TESTS_UNIT_SLAT_LOOKUP_H
#define TESTS_UNIT_SLAT_LOOKUP_H

#include "core/slat.h"

/* The leaf entry for gpa and the size it maps; 0 when not mapped. */
static inline u64 slat_lookup(const struct slat *t, u64 gpa, u64 *leaf_size)
{
	u32 level = 1;
	u64 entry;

	if (gpa >> 48)
		return 0;
	entry = *slat_find(t, gpa, &level);
	if (entry)
		*leaf_size = slat_size(level);
	return entry;
}

#endif
