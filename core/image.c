// SPDX-License-Identifier: BSD-2-Clause
/* What the sections of Ashlar's image may do. */
#include "core/mem.h"

extern const u8 text_start[], text_end[], rodata_end[], image_end[];

const struct image_region image_regions[] = {
	{ text_start, text_end, MAP_X },
	{ text_end, rodata_end, MAP_RO },
	{ rodata_end, image_end, MAP_RW },
	{ NULL, NULL, 0 },
};
