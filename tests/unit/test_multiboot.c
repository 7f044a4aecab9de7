// SPDX-License-Identifier: BSD-2-Clause
/*
 * Both Multiboot formats, built byte by byte here.  The reader hands out exact
 * copies (fake_phys.h), so a read past a structure is an ASan report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/boot_info.h"
#include "tests/unit/fake_phys.h"

#define INFO 0x9000u

/* Memory at INFO, written in order. */
static u8 image[1 << 17];
static u32 used;
static struct fake_phys phys;
static struct boot_info bi;
static const char *error;

static int setup(void **state)
{
	(void)state;
	memset(image, 0, sizeof(image));
	used = 0;
	return 0;
}

static u32 put(const void *data, u32 size)
{
	u32 at = used;

	assert_true(size <= sizeof(image) - used);
	memcpy(image + used, data, size);
	used += size;
	return at;
}

static u32 put32(u32 v)
{
	return put(&v, 4);
}

static u32 put64(u64 v)
{
	return put(&v, 8);
}

static void set32(u32 at, u32 v)
{
	memcpy(image + at, &v, 4);
}

static int parse(u32 magic, u64 info)
{
	const struct phys_reader r = { fake_phys_map, &phys };
	int err;

	fake_phys_add(&phys, INFO, image, used);
	err = boot_info_parse(magic, info, &r, &bi, &error);
	fake_phys_free(&phys);
	if (!err) {
		assert_null(error);
	} else {
		assert_non_null(error);
		assert_null(strchr(error, '\n'));
		assert_true(strlen(error) < sizeof(bi.error) - 1);
	}
	return err;
}

static int mb1(void)
{
	return parse(MULTIBOOT_BOOTLOADER_MAGIC, INFO);
}

static int mb2(void)
{
	set32(0, used);
	return parse(MULTIBOOT2_BOOTLOADER_MAGIC, INFO);
}

static void assert_error(int err, int want, const char *text)
{
	assert_int_equal(err, want);
	if (!strstr(error, text))
		fail_msg("\"%s\" lacks \"%s\"", error, text);
}

static void assert_region(u32 i, u64 base, u64 size, u32 type)
{
	assert_true(i < bi.nr_regions);
	assert_int_equal(bi.regions[i].base, base);
	assert_int_equal(bi.regions[i].size, size);
	assert_int_equal(bi.regions[i].type, type);
}

/* --- Multiboot 1 --- */

enum {
	FLAGS = 0,
	CMDLINE = 16,
	MODS = 20,
	MMAP = 44
};

static void mb1_begin(void)
{
	used = 88;
}

static void mb1_string(u32 field, u32 flag, const char *s)
{
	set32(FLAGS, image[FLAGS] | flag);
	set32(field, INFO + put(s, (u32)strlen(s) + 1));
}

/* The map counts whatever was put since `at`. */
static void mb1_mmap(u32 at)
{
	set32(FLAGS, image[FLAGS] | 0x40);
	set32(MMAP, used - at);
	set32(MMAP + 4, INFO + at);
}

static void mb1_entry(u64 base, u64 size, u32 type)
{
	put32(20);
	put64(base);
	put64(size);
	put32(type);
}

static void mb1_plain_mmap(void)
{
	u32 at = used;

	mb1_entry(0, 0xa0000, 1);
	mb1_entry(0x100000, 0x7f00000, 1);
	mb1_mmap(at);
}

/* The first has this command line, the others have none. */
static void mb1_modules(u32 n, u32 start, u32 end, const char *cmdline)
{
	u32 string = INFO + put(cmdline, (u32)strlen(cmdline) + 1);
	u32 at = used, i;

	for (i = 0; i < n; i++) {
		put32(start);
		put32(end);
		put32(i ? 0 : string);
		put32(0);
	}
	set32(FLAGS, image[FLAGS] | 8);
	set32(MODS, n);
	set32(MODS + 4, INFO + at);
}

static void test_mb1(void **state)
{
	(void)state;
	mb1_begin();
	mb1_string(CMDLINE, 4, "ashlar log=com1");
	mb1_plain_mmap();
	mb1_modules(2, 0x200000, 0x201234, "/boot/a/table first second");
	assert_int_equal(mb1(), 0);
	assert_int_equal(bi.nr_regions, 2);
	assert_region(0, 0, 0xa0000, BOOT_RAM);
	assert_region(1, 0x100000, 0x7f00000, BOOT_RAM);
	assert_int_equal(bi.nr_modules, 2);
	assert_int_equal(bi.modules[0].base, 0x200000);
	assert_int_equal(bi.modules[0].size, 0x1234);
	assert_string_equal(bi.modules[0].name, "table");
	assert_string_equal(bi.modules[0].words, "first second");
	assert_string_equal(bi.modules[1].name, "");
	assert_string_equal(bi.cmdline, "ashlar log=com1");
	assert_false(bi.has_rsdp);
}

/* Fields whose flag is clear hold garbage. */
static void test_mb1_flags(void **state)
{
	(void)state;
	mb1_begin();
	mb1_plain_mmap();
	set32(CMDLINE, 0xfffffff0);
	set32(MODS, 0xffffffff);
	set32(MODS + 4, 0xfffffff0);
	assert_int_equal(mb1(), 0);
	assert_int_equal(bi.nr_modules, 0);
	assert_string_equal(bi.cmdline, "");
	set32(FLAGS, 0);
	assert_error(mb1(), -EINVAL, "no memory map");
}

static void test_mb1_entry_size(void **state)
{
	u32 at;

	(void)state;
	mb1_begin();
	at = used;
	put32(28);
	put64(0x100000);
	put64(0x100000);
	put32(1);
	put64(0xffffffffffffffff);
	mb1_entry(0x400000, 0x1000, 3);
	mb1_mmap(at);
	assert_int_equal(mb1(), 0);
	assert_int_equal(bi.nr_regions, 2);
	assert_region(0, 0x100000, 0x100000, BOOT_RAM);
	assert_region(1, 0x400000, 0x1000, BOOT_ACPI);
}

static void test_mb1_bad_entry_size(void **state)
{
	static const u32 bad[] = { 0,	       19,	   21,	      44,
				   0x7fffffff, 0xffffffff, 0xfffffffc };
	u32 at, i;

	(void)state;
	mb1_begin();
	at = used;
	mb1_entry(0x100000, 0x1000, 1);
	mb1_entry(0x200000, 0x1000, 1);
	mb1_mmap(at);
	assert_int_equal(mb1(), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		set32(at + 24, bad[i]);
		assert_error(mb1(), -EINVAL, "entry at offset 24");
	}
}

static void test_mb1_bad_mmap_length(void **state)
{
	u32 at, len;

	(void)state;
	mb1_begin();
	at = used;
	mb1_entry(0x100000, 0x1000, 1);
	mb1_entry(0x200000, 0x1000, 1);
	mb1_mmap(at);
	for (len = 25; len < 48; len++) {
		set32(MMAP, len);
		assert_error(mb1(), -EINVAL, "entry at offset 24");
	}
	set32(MMAP, 0xffffffff);
	assert_error(mb1(), -EINVAL, "length 4294967295");
	set32(MMAP, 72);
	assert_error(mb1(), -EFAULT, "memory map at");
}

static void test_mb1_unreadable(void **state)
{
	(void)state;
	mb1_begin();
	mb1_plain_mmap();
	mb1_modules(1, 0x200000, 0x201000, "a");
	mb1_string(CMDLINE, 4, "x");
	assert_int_equal(mb1(), 0);
	assert_error(parse(MULTIBOOT_BOOTLOADER_MAGIC, 0x100), -EFAULT, "100");
	assert_error(parse(MULTIBOOT_BOOTLOADER_MAGIC, UINT64_MAX - 4), -EFAULT,
		     "information");
	set32(CMDLINE, 0xffffffff);
	assert_error(mb1(), -EFAULT, "command line at ffffffff");
	set32(CMDLINE, 0);
	set32(MODS + 4, 0xfffffff8);
	assert_error(mb1(), -EFAULT, "module list");
}

static void test_mb1_truncated_info(void **state)
{
	u32 size;

	(void)state;
	for (size = 0; size < 52; size++) {
		used = size;
		assert_error(mb1(), -EFAULT, "information at 9000");
	}
}

static void test_mb1_too_many_modules(void **state)
{
	(void)state;
	mb1_begin();
	mb1_plain_mmap();
	mb1_modules(BOOT_MODULES, 0x200000, 0x201000, "a");
	assert_int_equal(mb1(), 0);
	assert_int_equal(bi.nr_modules, BOOT_MODULES);
	set32(MODS, BOOT_MODULES + 1);
	assert_error(mb1(), -ENOSPC, "33 modules");
	set32(MODS, 0xffffffff);
	assert_error(mb1(), -ENOSPC, "4294967295 modules");
}

static void test_mb1_module_without_string(void **state)
{
	(void)state;
	mb1_begin();
	mb1_plain_mmap();
	mb1_modules(1, 0x200000, 0x201000, "a");
	set32(used - 8, 0);
	assert_int_equal(mb1(), 0);
	assert_string_equal(bi.modules[0].name, "");
}

static void check_name(const char *cmdline, const char *name)
{
	setup(NULL);
	mb1_begin();
	mb1_plain_mmap();
	mb1_modules(1, 0x200000, 0x201000, cmdline);
	assert_int_equal(mb1(), 0);
	assert_string_equal(bi.modules[0].name, name);
}

static void test_names(void **state)
{
	char long_name[80];

	(void)state;
	check_name("", "");
	check_name("   ", "");
	check_name("table", "table");
	check_name("  table  x/y", "table");
	check_name("/a/b/c", "c");
	check_name("a/", "");
	check_name("a\tb", "a");
	check_name("a\nb", "a");
	check_name("//x", "x");
	memset(long_name, 'n', sizeof(long_name));
	long_name[63] = '\0';
	check_name(long_name, long_name);
	memset(long_name, 'n', sizeof(long_name));
	memcpy(long_name + 70, "/short", 7);
	check_name(long_name, "short");
	memset(long_name, 'n', sizeof(long_name));
	long_name[64] = '\0';
	setup(NULL);
	mb1_begin();
	mb1_plain_mmap();
	mb1_modules(1, 0x200000, 0x201000, long_name);
	assert_error(mb1(), -ENOSPC, "longer than 63");
}

static void check_words(const char *cmdline, const char *words)
{
	check_name(cmdline, "k");
	assert_string_equal(bi.modules[0].words, words);
}

static void test_words(void **state)
{
	char line[100] = "k ";

	(void)state;
	check_words("k", "");
	check_words(" k \t ", "");
	check_words("/boot/k console=ttyS0  root=/dev/sda\tquiet ",
		    "console=ttyS0 root=/dev/sda quiet");
	check_words("k \x1b[2J", "[2J");
	memset(line + 2, 'w', 80);
	line[82] = '\0';
	check_name(line, "k");
	assert_int_equal(strlen(bi.modules[0].words), BOOT_NAME_SIZE - 1);
}

static void test_mb1_endless_strings(void **state)
{
	u32 at;

	(void)state;
	mb1_begin();
	mb1_plain_mmap();
	mb1_modules(1, 0x200000, 0x201000, "a");
	at = used - 8;
	set32(at, INFO + used);
	memset(image + used, '/', 8192);
	used += 8192;
	assert_error(mb1(), -EINVAL, "has no end");
	set32(at, 0);
	set32(FLAGS, image[FLAGS] | 4);
	set32(CMDLINE, INFO + used - 8192);
	assert_error(mb1(), -ENOSPC, "longer than 255");
}

static void test_cmdline_limit(void **state)
{
	char line[257];

	(void)state;
	memset(line, 'c', sizeof(line));
	line[255] = '\0';
	mb1_begin();
	mb1_plain_mmap();
	mb1_string(CMDLINE, 4, line);
	assert_int_equal(mb1(), 0);
	assert_string_equal(bi.cmdline, line);
	memset(line, 'c', sizeof(line));
	line[256] = '\0';
	mb1_string(CMDLINE, 4, line);
	assert_error(mb1(), -ENOSPC, "longer than 255");
}

/* --- modules against RAM --- */

static int module_at(u32 start, u32 end)
{
	setup(NULL);
	mb1_begin();
	mb1_plain_mmap();
	mb1_modules(1, start, end, "/boot/guest x");
	return mb1();
}

static void test_module_bounds(void **state)
{
	(void)state;
	assert_error(module_at(0x200000, 0x1fffff), -EINVAL,
		     "\"guest\" ends at 1fffff, below its start");
	assert_error(module_at(0xffffffff, 0), -EINVAL, "below its start");
	assert_error(module_at(0x9f000, 0xa0001), -EINVAL, "\"guest\"");
	assert_error(module_at(0x9f000, 0x200000), -EINVAL, "not in RAM");
	assert_error(module_at(0xfffff, 0x100010), -EINVAL, "not in RAM");
	assert_error(module_at(0x7ffffff, 0x8000001), -EINVAL, "not in RAM");
	assert_error(module_at(0x9000000, 0x9000001), -EINVAL, "not in RAM");
	assert_int_equal(module_at(0x100000, 0x8000000), 0);
	assert_int_equal(module_at(0x9f000, 0xa0000), 0);
	assert_int_equal(module_at(0x9000000, 0x9000000), 0);
	assert_int_equal(bi.modules[0].size, 0);
}

/* --- the memory map --- */

static void map_begin(void)
{
	setup(NULL);
	mb1_begin();
}

static void test_regions_sorted(void **state)
{
	u32 at;

	(void)state;
	map_begin();
	at = used;
	mb1_entry(0x300000, 0x1000, 4);
	mb1_entry(0x100000, 0x1000, 1);
	mb1_entry(0x101000, 0x1000, 1);
	mb1_entry(0x200000, 0x1000, 77);
	mb1_entry(0x500000, 0, 1);
	mb1_mmap(at);
	assert_int_equal(mb1(), 0);
	assert_int_equal(bi.nr_regions, 3);
	assert_region(0, 0x100000, 0x2000, BOOT_RAM);
	assert_region(1, 0x200000, 0x1000, BOOT_RESERVED);
	assert_region(2, 0x300000, 0x1000, BOOT_NVS);
}

static void test_regions_overlap(void **state)
{
	u32 at;

	(void)state;
	map_begin();
	at = used;
	mb1_entry(0x1000, 0xf000, 1);
	mb1_entry(0x4000, 0x4000, 3);
	mb1_entry(0x6000, 0x4000, 4);
	mb1_entry(0x7000, 0x1000, 2);
	mb1_entry(0xf000, 0x2000, 2);
	mb1_entry(0x2000, 0x1000, 1);
	mb1_mmap(at);
	assert_int_equal(mb1(), 0);
	assert_int_equal(bi.nr_regions, 7);
	assert_region(0, 0x1000, 0x3000, BOOT_RAM);
	assert_region(1, 0x4000, 0x2000, BOOT_ACPI);
	assert_region(2, 0x6000, 0x1000, BOOT_NVS);
	assert_region(3, 0x7000, 0x1000, BOOT_RESERVED);
	assert_region(4, 0x8000, 0x2000, BOOT_NVS);
	assert_region(5, 0xa000, 0x5000, BOOT_RAM);
	assert_region(6, 0xf000, 0x2000, BOOT_RESERVED);
}

static void test_regions_clipped(void **state)
{
	u32 at;

	(void)state;
	map_begin();
	at = used;
	mb1_entry(0x100000, UINT64_MAX, 1);
	mb1_entry(PHYS_LIMIT, 0x1000, 2);
	mb1_entry(UINT64_MAX, UINT64_MAX, 2);
	mb1_entry(PHYS_LIMIT - 0x1000, UINT64_MAX, 2);
	mb1_mmap(at);
	assert_int_equal(mb1(), 0);
	assert_int_equal(bi.nr_regions, 2);
	assert_region(0, 0x100000, PHYS_LIMIT - 0x101000, BOOT_RAM);
	assert_region(1, PHYS_LIMIT - 0x1000, 0x1000, BOOT_RESERVED);
}

static void test_too_many_regions(void **state)
{
	u32 at, i;

	(void)state;
	map_begin();
	at = used;
	for (i = 0; i < BOOT_REGIONS; i++)
		mb1_entry(0x100000 + i * 0x2000, 0x1000, 1);
	mb1_mmap(at);
	assert_int_equal(mb1(), 0);
	assert_int_equal(bi.nr_regions, BOOT_REGIONS);
	mb1_entry(0x100000, 0x1000, 1);
	mb1_mmap(at);
	assert_error(mb1(), -ENOSPC, "more than 1024");
}

/* Few entries can cut memory into more pieces than there is room for. */
static void test_too_many_pieces(void **state)
{
	u32 at, i;

	(void)state;
	map_begin();
	at = used;
	mb1_entry(0, 0x1000000, 1);
	for (i = 0; i < 600; i++)
		mb1_entry(0x100000 + i * 0x2000, 0x1000, 2);
	mb1_mmap(at);
	assert_error(mb1(), -ENOSPC, "regions");
}

/* --- Multiboot 2 --- */

static void mb2_begin(void)
{
	setup(NULL);
	put32(0);
	put32(0);
}

/* Where the tag starts; size counts the 8 bytes of type and size. */
static u32 mb2_tag(u32 type, u32 size)
{
	used = ALIGN_UP(used, 8u);
	put32(type);
	put32(size);
	return used - 8;
}

static void mb2_end(void)
{
	mb2_tag(0, 8);
}

static u32 mb2_cmdline(const char *s)
{
	u32 at = mb2_tag(1, 8 + (u32)strlen(s) + 1);

	put(s, (u32)strlen(s) + 1);
	return at;
}

static u32 mb2_module(u32 start, u32 end, const char *s)
{
	u32 at = mb2_tag(3, 16 + (u32)strlen(s) + 1);

	put32(start);
	put32(end);
	put(s, (u32)strlen(s) + 1);
	return at;
}

static void mb2_entry(u64 base, u64 size, u32 type)
{
	put64(base);
	put64(size);
	put32(type);
	put32(0);
}

static u32 mb2_mmap(void)
{
	u32 at = mb2_tag(6, 16 + 2 * 24);

	put32(24);
	put32(0);
	mb2_entry(0x100000, 0x7f00000, 1);
	mb2_entry(0, 0xa0000, 1);
	return at;
}

static u32 mb2_rsdp(u32 type, u32 len, u8 fill)
{
	u32 at = mb2_tag(type, 8 + len);
	u8 bytes[64];

	memset(bytes, fill, sizeof(bytes));
	put(bytes, len);
	return at;
}

static void test_mb2(void **state)
{
	u8 rsdp[36];

	(void)state;
	mb2_begin();
	mb2_cmdline("log=com2");
	mb2_tag(17, 16);
	put64(UINT64_MAX);
	mb2_module(0x200000, 0x300000, "dir/table");
	mb2_module(0x300000, 0x300001, "vmlinuz quiet");
	mb2_mmap();
	mb2_rsdp(14, 20, 'o');
	mb2_tag(0x12345678, 8);
	mb2_end();
	assert_int_equal(mb2(), 0);
	assert_string_equal(bi.cmdline, "log=com2");
	assert_int_equal(bi.nr_modules, 2);
	assert_string_equal(bi.modules[0].name, "table");
	assert_string_equal(bi.modules[0].words, "");
	assert_string_equal(bi.modules[1].name, "vmlinuz");
	assert_string_equal(bi.modules[1].words, "quiet");
	assert_int_equal(bi.modules[1].size, 1);
	assert_int_equal(bi.nr_regions, 2);
	assert_region(0, 0, 0xa0000, BOOT_RAM);
	assert_true(bi.has_rsdp);
	memset(rsdp, 0, sizeof(rsdp));
	memset(rsdp, 'o', 20);
	assert_memory_equal(bi.rsdp, rsdp, sizeof(rsdp));
}

static int two_names(const char *first, const char *second)
{
	setup(NULL);
	mb2_begin();
	mb2_mmap();
	mb2_module(0x200000, 0x200001, "table");
	mb2_module(0x200000, 0x200001, first);
	mb2_module(0x200000, 0x200001, second);
	mb2_end();
	return mb2();
}

static void test_one_name_twice(void **state)
{
	(void)state;
	assert_error(two_names("a/k x", "/k"), -EINVAL,
		     "multiboot2: modules 1 and 2 are both named \"k\"; give "
		     "each a name of its own");
	assert_error(two_names("k", "table"), -EINVAL, "modules 0 and 2");
	assert_int_equal(two_names("k", "K"), 0);
	assert_int_equal(two_names("", ""), 0);
}

static void test_names_that_came(void **state)
{
	char buf[16];

	(void)state;
	bi.nr_modules = 0;
	boot_module_names(&bi, buf, sizeof(buf));
	assert_string_equal(buf, "none");
	assert_int_equal(two_names("k", ""), 0);
	boot_module_names(&bi, buf, sizeof(buf));
	assert_string_equal(buf, "\"table\", \"k\"...");
	assert_int_equal(two_names("", "k.i"), 0);
	bi.modules[0].name[1] = '\0';
	boot_module_names(&bi, buf, sizeof(buf));
	assert_string_equal(buf, "\"t\", \"\", \"k.i\"");
}

static void test_mb2_new_rsdp_wins(void **state)
{
	u8 rsdp[36];
	u32 i;

	(void)state;
	memset(rsdp, 'n', sizeof(rsdp));
	for (i = 0; i < 2; i++) {
		mb2_begin();
		mb2_rsdp(i ? 14 : 15, i ? 20 : 40, i ? 'o' : 'n');
		mb2_rsdp(i ? 15 : 14, i ? 36 : 20, i ? 'n' : 'o');
		mb2_mmap();
		mb2_end();
		assert_int_equal(mb2(), 0);
		assert_true(bi.has_rsdp);
		assert_memory_equal(bi.rsdp, rsdp, sizeof(rsdp));
	}
}

static void test_mb2_short_tags(void **state)
{
	static const struct {
		u32 type;
		u32 min;
	} tags[] = { { 0, 8 },	 { 1, 8 },   { 3, 16 }, { 6, 16 },
		     { 14, 28 }, { 15, 44 }, { 999, 8 } };
	u32 at = 0, i, size;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(tags); i++) {
		for (size = 0; size < tags[i].min; size++) {
			mb2_begin();
			at = mb2_tag(tags[i].type, size);
			used += 56;
			mb2_mmap();
			mb2_end();
			assert_error(mb2(), -EINVAL, "at offset 8: size");
		}
		set32(at + 4, 0xffffffff);
		assert_error(mb2(), -EINVAL, "size 4294967295");
		set32(at + 4, 0xfffffff9);
		assert_error(mb2(), -EINVAL, "at offset 8");
	}
}

static void test_mb2_total_size(void **state)
{
	u32 size, all;

	(void)state;
	mb2_begin();
	mb2_mmap();
	mb2_end();
	all = used;
	assert_int_equal(mb2(), 0);
	for (size = 0; size < all; size++) {
		set32(0, size);
		assert_int_equal(parse(MULTIBOOT2_BOOTLOADER_MAGIC, INFO),
				 -EINVAL);
	}
	set32(0, 0xffffffff);
	assert_error(parse(MULTIBOOT2_BOOTLOADER_MAGIC, INFO), -EINVAL,
		     "size 4294967295");
	set32(0, (1u << 20) + 1);
	assert_error(parse(MULTIBOOT2_BOOTLOADER_MAGIC, INFO), -EINVAL,
		     "size 1048577");
}

static void test_mb2_no_end(void **state)
{
	(void)state;
	mb2_begin();
	mb2_mmap();
	assert_error(mb2(), -EINVAL, "no end tag");
	set32(0, used + 64);
	assert_error(parse(MULTIBOOT2_BOOTLOADER_MAGIC, INFO), -EFAULT, "tag");
}

/* Less than total_size, but more than is left of it. */
static void test_mb2_tag_past_end(void **state)
{
	u32 at;

	(void)state;
	mb2_begin();
	mb2_mmap();
	at = mb2_tag(99, 24);
	put64(0);
	mb2_end();
	set32(at + 4, 24);
	assert_int_equal(mb2(), -EINVAL);
	set32(at + 4, 25);
	assert_error(mb2(), -EINVAL, "size 25, needs 8, 24 bytes left");
}

static void test_mb2_mmap_sizes(void **state)
{
	static const u32 bad[] = { 0, 1, 23, 25, 47, 49, 0xffffffff, 65 };
	u32 at, i;

	(void)state;
	mb2_begin();
	at = mb2_mmap();
	mb2_end();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		set32(at + 8, bad[i]);
		assert_error(mb2(), -EINVAL, "entry size");
	}
	set32(at + 8, 48);
	assert_int_equal(mb2(), 0);
	assert_int_equal(bi.nr_regions, 1);
	set32(at + 8, 24);
	set32(at + 4, 16 + 47);
	assert_error(mb2(), -EINVAL, "tag size 63");
}

static void test_mb2_two_mmaps(void **state)
{
	(void)state;
	mb2_begin();
	mb2_mmap();
	mb2_mmap();
	mb2_end();
	assert_error(mb2(), -EINVAL, "second memory map");
}

static void test_mb2_no_mmap(void **state)
{
	(void)state;
	mb2_begin();
	mb2_end();
	assert_error(mb2(), -EINVAL, "no memory map");
}

/* The string must end within its own tag, not in the next. */
static void test_mb2_unterminated(void **state)
{
	u32 at;

	(void)state;
	mb2_begin();
	at = mb2_cmdline("1234567");
	mb2_mmap();
	mb2_end();
	set32(at + 4, 15);
	assert_error(mb2(), -EINVAL, "has no end");
	set32(at + 4, 8);
	assert_int_equal(mb2(), -EINVAL);
	mb2_begin();
	at = mb2_module(0x200000, 0x200001, "1234567");
	mb2_mmap();
	mb2_end();
	set32(at + 4, 23);
	assert_error(mb2(), -EINVAL, "module command line");
	set32(at + 4, 16);
	assert_error(mb2(), -EINVAL, "has no end");
}

static void test_mb2_too_many_modules(void **state)
{
	u32 i;

	(void)state;
	mb2_begin();
	mb2_mmap();
	for (i = 0; i <= BOOT_MODULES; i++)
		mb2_module(0x200000, 0x200001, "m");
	mb2_end();
	assert_error(mb2(), -ENOSPC, "more than 32 modules");
}

static void test_mb2_misaligned(void **state)
{
	(void)state;
	mb2_begin();
	mb2_mmap();
	mb2_end();
	set32(0, used);
	assert_error(parse(MULTIBOOT2_BOOTLOADER_MAGIC, INFO + 4), -EINVAL,
		     "not aligned");
}

static void test_unknown_magic(void **state)
{
	(void)state;
	assert_error(parse(0x1badb002, INFO), -EINVAL, "1badb002");
}

/* The largest structure that is allowed takes few reads. */
static void test_bounded_work(void **state)
{
	static u8 big[1 << 20];
	struct phys_reader r = { fake_phys_map, &phys };
	u32 total = sizeof(big), off;
	const u32 tag[2] = { 99, 8 };

	(void)state;
	for (off = 8; off < total; off += 8)
		memcpy(big + off, tag, sizeof(tag));
	memcpy(big, &total, 4);
	fake_phys_add(&phys, INFO, big, sizeof(big));
	assert_int_equal(boot_info_parse(MULTIBOOT2_BOOTLOADER_MAGIC, INFO, &r,
					 &bi, &error),
			 -EINVAL);
	assert_true(phys.nr_maps <= sizeof(big) / 8);
	fake_phys_free(&phys);
}

#define T(name) cmocka_unit_test_setup(test_##name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(mb1),
		T(mb1_flags),
		T(mb1_entry_size),
		T(mb1_bad_entry_size),
		T(mb1_bad_mmap_length),
		T(mb1_unreadable),
		T(mb1_truncated_info),
		T(mb1_too_many_modules),
		T(mb1_module_without_string),
		T(names),
		T(words),
		T(mb1_endless_strings),
		T(cmdline_limit),
		T(module_bounds),
		T(regions_sorted),
		T(regions_overlap),
		T(regions_clipped),
		T(too_many_regions),
		T(too_many_pieces),
		T(mb2),
		T(one_name_twice),
		T(names_that_came),
		T(mb2_new_rsdp_wins),
		T(mb2_short_tags),
		T(mb2_total_size),
		T(mb2_no_end),
		T(mb2_tag_past_end),
		T(mb2_mmap_sizes),
		T(mb2_two_mmaps),
		T(mb2_no_mmap),
		T(mb2_unterminated),
		T(mb2_too_many_modules),
		T(mb2_misaligned),
		T(unknown_magic),
		T(bounded_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
