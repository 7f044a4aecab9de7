// SPDX-License-Identifier: BSD-2-Clause
/*
 * Intel's specification updates of Haswell to Kaby Lake: interrupts of the TSC
 * deadline timer may get lost.  The first microcode without that is as Linux
 * and Xen have it.
 */
#include "core/errata.h"

#define ALL_STEPPINGS 0xffff
#define NO_MICROCODE  UINT32_MAX

/* A model of family 6 and those of its steppings. */
struct fault {
	u8 model;
	u16 steppings;
	u32 cured_in;
};

/* Of a model that is listed, what no line names has no cure. */
static const struct fault deadline[] = {
	{ 0x3c, ALL_STEPPINGS, 0x22 },
	{ 0x3d, ALL_STEPPINGS, 0x25 },
	{ 0x3f, BIT(2), 0x3a },
	{ 0x3f, BIT(4), 0x0f },
	{ 0x3f, ALL_STEPPINGS, NO_MICROCODE },
	{ 0x45, ALL_STEPPINGS, 0x20 },
	{ 0x46, ALL_STEPPINGS, 0x17 },
	{ 0x47, ALL_STEPPINGS, 0x17 },
	{ 0x4e, ALL_STEPPINGS, 0xb2 },
	{ 0x4f, ALL_STEPPINGS, 0x0b000020 },
	{ 0x55, BIT(0) | BIT(1) | BIT(2), NO_MICROCODE },
	{ 0x55, BIT(3), 0x01000136 },
	{ 0x55, BIT(4), 0x02000014 },
	{ 0x56, BIT(2), 0x11 },
	{ 0x56, BIT(3), 0x0700000e },
	{ 0x56, BIT(4), 0x0f00000c },
	{ 0x56, BIT(5), 0x0e000003 },
	{ 0x56, ALL_STEPPINGS, NO_MICROCODE },
	{ 0x5e, ALL_STEPPINGS, 0xb2 },
	{ 0x8e, ALL_STEPPINGS, 0x52 },
	{ 0x9e, ALL_STEPPINGS, 0x52 },
};

bool errata_deadline_works(u32 signature, u32 revision, u32 *needed)
{
	u32 model = (signature >> 4 & 0xf) | (signature >> 12 & 0xf0);
	u32 stepping = signature & 0xf, i;

	*needed = 0;
	if ((signature >> 8 & 0xf) != 6 || !revision)
		return true;
	for (i = 0; i < ARRAY_SIZE(deadline) && !*needed; i++)
		if (deadline[i].model == model &&
		    (deadline[i].steppings & BIT(stepping)))
			*needed = deadline[i].cured_in;
	return revision >= *needed;
}
