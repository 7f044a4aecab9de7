// SPDX-License-Identifier: BSD-2-Clause
/*
 * boot_info_parse over arbitrary memory.  Input: one byte (bit 0 chooses the
 * format), then the image of physical memory from 0 on; the information is at
 * address 0.
 */
#include <stdlib.h>
#include "core/boot_info.h"
#include "tests/unit/fake_phys.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static void check_line(const char *s, size_t size)
{
	size_t n = 0;

	while (n < size && s[n]) {
		CHECK(s[n] != '\n');
		n++;
	}
	CHECK(n > 0 && n < size);
}

static void check_regions(const struct boot_info *bi)
{
	const struct boot_region *r = bi->regions;
	u32 i;

	CHECK(bi->nr_regions <= BOOT_REGIONS);
	for (i = 0; i < bi->nr_regions; i++) {
		CHECK(r[i].type >= BOOT_RAM && r[i].type <= BOOT_NVS);
		CHECK(r[i].size && r[i].base < PHYS_LIMIT);
		CHECK(r[i].size <= PHYS_LIMIT - r[i].base);
		if (!i)
			continue;
		CHECK(r[i - 1].base + r[i - 1].size <= r[i].base);
		CHECK(r[i - 1].base + r[i - 1].size < r[i].base ||
		      r[i - 1].type != r[i].type);
	}
}

static bool in_ram(const struct boot_info *bi, const struct boot_module *m)
{
	u32 i;

	for (i = 0; i < bi->nr_regions; i++)
		if (bi->regions[i].type == BOOT_RAM &&
		    bi->regions[i].base <= m->base &&
		    m->base + m->size <=
			    bi->regions[i].base + bi->regions[i].size)
			return true;
	return false;
}

static void check_modules(const struct boot_info *bi)
{
	const struct boot_module *m;
	char names[200];
	const char *c;

	CHECK(bi->nr_modules <= BOOT_MODULES);
	boot_module_names(bi, names, sizeof(names));
	check_line(names, sizeof(names));
	for (m = bi->modules; m < bi->modules + bi->nr_modules; m++) {
		CHECK(!m->size || in_ram(bi, m));
		for (c = m->name; *c; c++)
			CHECK(c < m->name + sizeof(m->name) - 1 &&
			      (u8)*c > ' ' && *c != '/');
		for (c = m->words; *c; c++)
			CHECK(c < m->words + sizeof(m->words) - 1 &&
			      (u8)*c >= ' ');
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct boot_info bi;
	struct fake_phys phys = { 0 };
	const struct phys_reader r = { fake_phys_map, &phys };
	const char *error;
	int err;

	if (!size)
		return 0;
	fake_phys_add(&phys, 0, data + 1, size - 1);
	err = boot_info_parse(data[0] & 1 ? MULTIBOOT_BOOTLOADER_MAGIC :
					    MULTIBOOT2_BOOTLOADER_MAGIC,
			      0, &r, &bi, &error);
	fake_phys_free(&phys);
	CHECK(!err == !error);
	if (err) {
		check_line(error, sizeof(bi.error));
		return 0;
	}
	check_regions(&bi);
	check_modules(&bi);
	CHECK(!bi.cmdline[sizeof(bi.cmdline) - 1]);
	return 0;
}
