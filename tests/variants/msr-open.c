// SPDX-License-Identifier: BSD-2-Clause
/* exits/msr.c with its limit out: what is not listed is the processor's. */
#define msr_policy_bitmap listed_bitmap
#define msr_policy_msrpm  listed_msrpm
#include "exits/msr.c"
#undef msr_policy_bitmap
#undef msr_policy_msrpm

void msr_policy_bitmap(u8 *bitmap, u32 features, enum msr_set set);
void msr_policy_msrpm(u8 *map, u32 features, enum msr_set set);

static void open_unlisted(u8 *map, u32 features,
			  void (*clear)(u8 *map, u32 index, bool write))
{
	u32 index, msr;

	for (index = 0; index < 0x4000; index++) {
		msr = index < 0x2000 ? index : 0xc0000000 + index - 0x2000;
		if (msr_lookup(msr, features))
			continue;
		clear(map, index, false);
		clear(map, index, true);
	}
}

void msr_policy_bitmap(u8 *bitmap, u32 features, enum msr_set set)
{
	listed_bitmap(bitmap, features, set);
	open_unlisted(bitmap, features, clear_bitmap);
}

void msr_policy_msrpm(u8 *map, u32 features, enum msr_set set)
{
	listed_msrpm(map, features, set);
	open_unlisted(map, features, clear_msrpm);
}
