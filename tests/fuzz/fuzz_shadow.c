// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest's page and its stores into it: the shadow that follows them is the
 * one made anew, and never has a gate that lets a host vector through.
 */
#include <string.h>
#include "eli/shadow.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define WORDS (PAGE_SIZE / 8)
#define CHECK(cond)                       \
	do {                              \
		if (!(cond))              \
			__builtin_trap(); \
	} while (0)

struct store {
	u16 at;
	u8 size;
	u8 value[8];
} __packed;

static u64 guest[WORDS], shadow[WORDS], anew[WORDS];

static void check_gates(u32 gate_size, const u64 *owned)
{
	u64 types = gate_size == GATE_SIZE_LONG ? 0xc000 : 0xc0e0;
	u64 mine, theirs;
	u32 v;

	for (v = 0; v < IDT_VECTORS; v++) {
		theirs = guest[v * gate_size / 8];
		mine = shadow[v * gate_size / 8];
		if (v < FIRST_INTERRUPT || vectors_test(owned, v)) {
			CHECK(mine == theirs);
			continue;
		}
		/* P clear, a valid type, all but the type the guest's. */
		CHECK(!(mine >> 47 & 1));
		CHECK(types >> (mine >> 40 & 0x1f) & 1);
		CHECK(!((mine ^ theirs) & ~(0x9fUL << 40)));
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u64 owned[VECTOR_WORDS];
	struct store s;
	u32 gate_size, at;

	if (size < sizeof(owned) + 1)
		return 0;
	memcpy(owned, data, sizeof(owned));
	gate_size = data[sizeof(owned)] & 1 ? GATE_SIZE_LONG : GATE_SIZE_LEGACY;
	data += sizeof(owned) + 1;
	size -= sizeof(owned) + 1;
	memset(guest, 0, sizeof(guest));
	shadow_update(shadow, guest, gate_size, owned, 0, PAGE_SIZE);
	for (; size >= sizeof(s); data += sizeof(s), size -= sizeof(s)) {
		memcpy(&s, data, sizeof(s));
		s.size = (u8)(1 << (s.size & 3));
		at = s.at % (PAGE_SIZE - s.size + 1);
		memcpy((u8 *)guest + at, s.value, s.size);
		shadow_update(shadow, guest, gate_size, owned, at, s.size);
	}
	shadow_update(anew, guest, gate_size, owned, 0, PAGE_SIZE);
	CHECK(!memcmp(shadow, anew, PAGE_SIZE));
	check_gates(gate_size, owned);
	return 0;
}
