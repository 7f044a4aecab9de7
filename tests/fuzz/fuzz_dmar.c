// SPDX-License-Identifier: BSD-2-Clause
/*
 * dmar_check over arbitrary tables, and then everything that walks them, with a
 * configuration space made from the last bytes.
 */
#include <stdlib.h>
#include "core/lib.h"
#include "vtd/dmar.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define CONFIG	  64u
#define MAX_STEPS 100000u

static u8 space[CONFIG];
static u32 steps;

static u32 config(u16 address, u32 reg)
{
	u32 value;

	memcpy(&value, space + (address * 8 + reg) % (CONFIG - 4), 4);
	return value;
}

static void count(void)
{
	if (++steps > MAX_STEPS)
		abort();
}

static void walk_scopes(const struct dmar *d, struct dmar_scopes scopes)
{
	struct dmar_scope s;

	while (dmar_next_scope(d, &scopes, &s)) {
		count();
		if (dmar_address(d, &s, config) > 0xffff)
			abort();
	}
}

static void walk(const struct dmar *d, bool whole)
{
	struct dmar_reserved r;
	struct dmar_unit u;
	u32 at, n = 0;
	u16 sid;

	for (at = 0; dmar_next_unit(d, &at, &u); n++) {
		count();
		if (whole && (!u.base || u.base % PAGE_SIZE))
			abort();
		walk_scopes(d, u.scopes);
	}
	if (whole && (!n || n > DMAR_UNITS))
		abort();
	for (at = 0; dmar_next_reserved(d, &at, &r);) {
		count();
		if (r.base >= r.limit)
			abort();
		walk_scopes(d, r.scopes);
	}
	if (dmar_unit_of(d, 0x18, config) >= (s32)n ||
	    dmar_ioapic(d, 0, &sid, config) >= (s32)n)
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char error[160] = "";
	struct dmar d;
	u8 *table;
	int err;

	if (size < CONFIG)
		return 0;
	memcpy(space, data + size - CONFIG, CONFIG);
	size -= CONFIG;
	table = malloc(size + 1);
	memcpy(table, data, size);
	steps = 0;
	err = dmar_check(&d, table, (u32)size, error, sizeof(error));
	if (!err == !!error[0] || d.length > size)
		abort();
	walk(&d, !err);
	free(table);
	return 0;
}
