// SPDX-License-Identifier: BSD-2-Clause
/*
 * mptable_read over arbitrary memory, which is at F0000h, with the pointer and
 * the checksums made right first.
 */
#include <stdlib.h>
#include "drivers/mptable.h"
#include "tests/unit/fake_phys.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define ROM	 0xf0000u
#define TABLE	 16
#define HEADER	 44
#define MAX_SIZE 8192u

static u8 image[MAX_SIZE];

static void fix(u8 *p, size_t n, size_t at)
{
	u8 sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum = (u8)(sum + p[i]);
	p[at] = (u8)(p[at] - sum);
}

static void repair(size_t size)
{
	size_t length = image[TABLE + 4] | (size_t)image[TABLE + 5] << 8;
	u32 at = ROM + TABLE;

	memcpy(image, "_MP_", 4);
	memcpy(image + 4, &at, sizeof(at));
	image[8] = 1;
	fix(image, TABLE, 10);
	memcpy(image + TABLE, "PCMP", 4);
	if (length <= size - TABLE)
		fix(image + TABLE, length, 7);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const struct acpi_info acpi = {
		.nr_ioapics = 2,
		.ioapics = { { .id = 0 }, { .id = 1, .gsi_base = 24 } },
	};
	static struct mptable t;
	struct fake_phys phys = { 0 };
	const struct phys_reader r = { fake_phys_map, &phys };
	u32 i;

	if (size < TABLE + HEADER || size > MAX_SIZE)
		return 0;
	memcpy(image, data, size);
	repair(size);
	fake_phys_add(&phys, ROM, image, size);
	mptable_read(&r, &acpi, &t);
	fake_phys_free(&phys);
	if (t.nr > MP_ROUTES)
		abort();
	for (i = 0; i < t.nr; i++)
		if (t.route[i].device > 31 || !t.route[i].pin ||
		    t.route[i].pin > 4 || t.route[i].gsi > 24 + 255)
			abort();
	return 0;
}
