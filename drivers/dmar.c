// SPDX-License-Identifier: BSD-2-Clause
/* Chapter 8 of the VT-d specification 4.1: the DMAR table. */
#include "drivers/dmar.h"
#include "core/lib.h"

/* 8.1: host address width, flags and reserved bytes follow the header. */
#define STRUCTURES 48

#define DMAR_DRHD 0

/* 8.3; every structure begins with type and length. */
struct drhd {
	u16 type;
	u16 length;
	u8 flags;
	u8 size;
	u16 segment;
	u64 register_base;
} __packed;
_Static_assert(sizeof(struct drhd) == 16, "8.3");

#define HEAD_SIZE 4

u32 dmar_units(const u8 *dmar, u32 length, u64 *base, u32 max)
{
	struct drhd d = { 0 };
	u32 off, n = 0;

	for (off = STRUCTURES; length - off >= HEAD_SIZE && off < length;
	     off += d.length) {
		memcpy(&d, dmar + off, MIN(length - off, sizeof(d)));
		if (d.length < HEAD_SIZE || d.length > length - off)
			break;
		if (d.type != DMAR_DRHD || d.length < sizeof(d))
			continue;
		if (n == max)
			break;
		base[n++] = d.register_base;
	}
	return n;
}
