// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "guest/loader.h"
#include "guest/multiboot.h"

#define RAM    (64UL << 20)
#define HEADER 0x400 /* of Multiboot, in the image */
#define CODE   0x1000
#define SIZE   0x3000

struct fixture {
	u8 *image;
	struct multiboot_boot boot;
	struct multiboot_plan plan;
	char error[160];
	u8 *ram;
	u8 *dirty; /* one byte a byte of RAM: times written */
	struct guest_mem mem;
	int fail_after; /* calls that succeed; -1: all */
};

static void put16(u8 *p, u32 v)
{
	p[0] = (u8)v;
	p[1] = (u8)(v >> 8);
}

static void put32(u8 *p, u32 v)
{
	put16(p, v);
	put16(p + 2, v >> 16);
}

static u32 get32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

static void header(u8 *p, u32 flags)
{
	put32(p, 0x1badb002);
	put32(p + 4, flags);
	put32(p + 8, 0u - 0x1badb002 - flags);
}

/* Program header n; virtual and physical addresses are equal. */
static void segment(struct fixture *f, u32 n, u32 offset, u32 addr, u32 filesz,
		    u32 memsz)
{
	u8 *p = f->image + 52 + 32 * n;

	put32(p, 1);
	put32(p + 4, offset);
	put32(p + 8, addr);
	put32(p + 12, addr);
	put32(p + 16, filesz);
	put32(p + 20, memsz);
	if (f->image[44] <= n)
		f->image[44] = (u8)(n + 1);
}

/* Allocated to its exact size, so that ASan sees overreads. */
static void make_image(struct fixture *f)
{
	u8 *p = f->image = calloc(1, SIZE);

	memcpy(p, "\177ELF\1\1\1", 7);
	put16(p + 16, 2);
	put16(p + 18, 3);
	put32(p + 20, 1);
	put32(p + 24, 0x100010);
	put32(p + 28, 52);
	put16(p + 42, 32);
	header(p + HEADER, 3);
	for (u32 i = CODE; i < SIZE; i++)
		p[i] = (u8)(i * 7 + 1);
	segment(f, 0, CODE, 0x100000, 0x1000, 0x2345);
	f->boot.kernel = p;
	f->boot.kernel_size = SIZE;
}

static int touch(struct fixture *f, u64 gpa, const void *src, size_t n)
{
	if (f->fail_after >= 0 && f->fail_after-- == 0)
		return -EFAULT;
	if (gpa > f->mem.layout.main_end || n > f->mem.layout.main_end - gpa)
		return -EFAULT;
	if (src)
		memcpy(f->ram + gpa, src, n);
	else
		memset(f->ram + gpa, 0, n);
	for (size_t i = 0; i < n; i++)
		f->dirty[gpa + i]++;
	return 0;
}

static int mem_write(void *ctx, u64 gpa, const void *src, size_t n)
{
	return touch(ctx, gpa, src, n);
}

static int mem_zero(void *ctx, u64 gpa, size_t n)
{
	return touch(ctx, gpa, NULL, n);
}

static u8 *map(void)
{
	u8 *p = mmap(NULL, RAM, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ram = map();
	f->dirty = map();
	f->fail_after = -1;
	f->boot.kernel_name = "mb.elf";
	f->boot.cmdline = "one two=3";
	f->boot.layout = (struct guest_layout){ GUEST_HIGH, RAM, 0 };
	f->mem = (struct guest_mem){ .write = mem_write,
				     .zero = mem_zero,
				     .ctx = f,
				     .layout = { GUEST_HIGH, RAM, 0 } };
	make_image(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	munmap(f->ram, RAM);
	munmap(f->dirty, RAM);
	free(f->image);
	free(f);
	return 0;
}

static int plan(struct fixture *f)
{
	f->error[0] = 0;
	return multiboot_plan(&f->boot, &f->plan, f->error, sizeof(f->error));
}

static void accepted(struct fixture *f)
{
	if (plan(f))
		fail_msg("%s", f->error);
}

static void refused(struct fixture *f, const char *text)
{
	if (plan(f) != -EINVAL)
		fail_msg("accepted, '%s' expected", text);
	if (!strstr(f->error, text) || !strchr(f->error, ';') ||
	    strchr(f->error, '\n') || strlen(f->error) == sizeof(f->error) - 1)
		fail_msg("'%s' does not say '%s'", f->error, text);
}

static void load(struct fixture *f)
{
	accepted(f);
	assert_int_equal(multiboot_load(&f->boot, &f->plan, &f->mem), 0);
}

static void module(struct fixture *f, const char *name, const void *data,
		   u64 size)
{
	f->boot.module[f->boot.nr_modules++] =
		(struct multiboot_module){ name, data, size };
}

static const u8 *info(const struct fixture *f)
{
	return f->ram + f->plan.ebx;
}

static void assert_clean(const struct fixture *f, u64 from, u64 to)
{
	for (u64 a = from; a < to; a++)
		if (f->dirty[a])
			fail_msg("%x is written", (u32)a);
}

static void test_entry_state(void **state)
{
	struct fixture *f = *state;
	const u8 *gdt;

	load(f);
	assert_int_equal(f->plan.eip, 0x100010);
	assert_int_equal(f->plan.eax, 0x2badb002);
	assert_int_equal(f->plan.ebx % 4, 0);
	assert_int_equal(f->plan.gdt_limit, 31);
	gdt = f->ram + f->plan.gdt_base;
	assert_int_equal(get64(gdt), 0);
	/* Present, ring 0, code, readable, D=1 L=0; data, writable; flat. */
	assert_int_equal(get64(gdt + LOADER_CS), 0x00cf9b000000ffffUL);
	assert_int_equal(get64(gdt + LOADER_DS), 0x00cf93000000ffffUL);
}

static void test_segments_are_copied_and_zeroed(void **state)
{
	struct fixture *f = *state;

	segment(f, 1, CODE + 0x1000, 0x300000, 0x10, 0x10);
	segment(f, 2, 0xffffff00, 0x400000, 0, 0x100); /* .bss alone */
	segment(f, 3, 0xffffffff, 0xffffffff, 0, 0);   /* nothing: ignored */
	memset(f->ram + 0x100000, 0xee, 0x400000);
	load(f);
	assert_int_equal(f->plan.nr_segments, 3);
	assert_memory_equal(f->ram + 0x100000, f->image + CODE, 0x1000);
	for (u32 a = 0x101000; a < 0x102345; a++)
		assert_int_equal(f->ram[a], 0);
	assert_int_equal(f->ram[0x102345], 0xee);
	assert_memory_equal(f->ram + 0x300000, f->image + CODE + 0x1000, 0x10);
	assert_int_equal(f->ram[0x300010], 0xee);
	for (u32 a = 0x400000; a < 0x400100; a++)
		assert_int_equal(f->ram[a], 0);
	for (u32 a = 0; a < RAM; a++)
		if (f->dirty[a] > 1)
			fail_msg("%x is written twice", a);
}

static void test_other_program_headers_are_ignored(void **state)
{
	struct fixture *f = *state;

	segment(f, 1, 0xffffffff, 0x100000, 5, 1);
	put32(f->image + 52 + 32, 4); /* PT_NOTE */
	accepted(f);
	assert_int_equal(f->plan.nr_segments, 1);
}

static void test_info(void **state)
{
	struct fixture *f = *state;
	const u8 *i;

	load(f);
	i = info(f);
	assert_int_equal(get32(i), 1 | 4 | 8 | 0x40 | 0x200);
	assert_int_equal(get32(i + 4), 0x9f000 / 1024);
	assert_int_equal(get32(i + 8), (RAM - 0x100000) / 1024);
	assert_string_equal((char *)f->ram + get32(i + 16), "one two=3");
	assert_int_equal(get32(i + 20), 0);
	assert_string_equal((char *)f->ram + get32(i + 64), "Ashlar");
	for (u32 n = 68; n < 116; n++)
		assert_int_equal(i[n], 0);
	assert_clean(f, 0, 0x10000);
	assert_clean(f, 0x14000, 0x100000);
	assert_clean(f, 0x102345, RAM);
}

static void check_range(const struct fixture *f, u32 n, u64 addr, u64 end,
			u32 type)
{
	const u8 *e = f->ram + get32(info(f) + 48) + 24 * n;

	assert_int_equal(get32(e), 20);
	assert_int_equal(get64(e + 4), addr);
	assert_int_equal(get64(e + 12), end - addr);
	assert_int_equal(get32(e + 20), type);
}

static void test_memory_map(void **state)
{
	struct fixture *f = *state;

	load(f);
	assert_int_equal(get32(info(f) + 44), 4 * 24);
	check_range(f, 0, 0, 0x9f000, 1);
	check_range(f, 1, 0xe0000, 0x100000, 2);
	check_range(f, 2, 0x100000, RAM, 1);
	check_range(f, 3, GUEST_ECAM, GUEST_ECAM_END, 2);
	f->boot.layout.high = f->mem.layout.high = 0x40000000;
	load(f);
	assert_int_equal(get32(info(f) + 44), 5 * 24);
	check_range(f, 4, 0x100000000, 0x140000000, 1);
}

static void test_modules(void **state)
{
	struct fixture *f = *state;
	static u8 data[5000] = { 1, 2, 3 };
	static const u32 at[] = { 0x103000, 0x105000, 0x105000 };
	static const u32 size[] = { 5000, 0, 1 };
	static const char *const name[] = { "first", "empty", "third" };
	const u8 *m;

	for (u32 i = 0; i < 3; i++)
		module(f, name[i], size[i] ? data : NULL, size[i]);
	load(f);
	assert_int_equal(get32(info(f) + 20), 3);
	for (u32 i = 0; i < 3; i++) {
		m = f->ram + get32(info(f) + 24) + 16 * i;
		assert_int_equal(get32(m), at[i]);
		assert_int_equal(get32(m + 4), at[i] + size[i]);
		assert_string_equal((char *)f->ram + get32(m + 8), name[i]);
		assert_int_equal(get32(m + 12), 0);
	}
	assert_memory_equal(f->ram + at[0], data, sizeof(data));
	assert_int_equal(f->ram[0x105000], 1);
	assert_clean(f, 0x103000 + 5000, 0x105000);
	assert_clean(f, 0x105001, RAM);
}

/* Modules go behind the highest segment, in whichever order they come. */
static void test_modules_above_the_kernel(void **state)
{
	struct fixture *f = *state;

	segment(f, 0, CODE, 0x600000, 0x1000, 0x1000);
	segment(f, 1, CODE, 0x200000, 0x1000, 0x1000);
	put32(f->image + 24, 0x200000);
	module(f, "m", "x", 1);
	accepted(f);
	assert_int_equal(f->plan.module[0], 0x601000);
	segment(f, 0, CODE, 0x8000, 0x1000, 0x1000);
	segment(f, 1, CODE, 0x9000, 0x1000, 0x1000);
	put32(f->image + 24, 0x8000);
	accepted(f);
	assert_int_equal(f->plan.module[0], 0x100000);
}

static void test_modules_do_not_fit(void **state)
{
	struct fixture *f = *state;
	u64 room = RAM - 0x103000;
	u8 *data = calloc(1, room);

	module(f, "big", data, room);
	load(f);
	f->boot.module[0].size++;
	refused(f, "module big: 63 MiB do not fit between 103000 and 4000000");
	f->boot.module[0].size = ~0UL;
	refused(f, "module big: ");
	f->boot.module[0].size = room;
	module(f, "small", data, 1);
	refused(f, "module small: 1 MiB do not fit");
	f->boot.module[1].size = 0;
	accepted(f);
	f->boot.nr_modules = MULTIBOOT_MODULES + 1;
	refused(f, "kernel mb.elf: 9 modules, at most 8");
	f->boot.nr_modules = 1;
	f->boot.module[0].size = 1;
	f->boot.layout.main_end =
		0x102800; /* ends within the kernel's last page */
	refused(f, "module big: 1 MiB do not fit between 103000 and 102800");
	free(data);
}

/* The last page below the hole, where 32 bits still hold the end. */
static void test_modules_stay_below_the_hole(void **state)
{
	struct fixture *f = *state;

	f->boot.layout.main_end = ~0UL;
	segment(f, 1, CODE, 0xbffff000, 0x1000, 0x1000);
	accepted(f);
	assert_int_equal(f->plan.layout.main_end, GUEST_HOLE);
	module(f, "m", "x", 1);
	refused(f, "between c0000000 and c0000000");
	segment(f, 1, CODE, 0xbffff001, 0x1000, 0x1000);
	refused(f, "segment bffff001-c0000001 is not in RAM");
}

static void test_strings_have_bounds(void **state)
{
	struct fixture *f = *state;
	char *text = calloc(1, 0x5000);
	u32 n = 0x4000;

	f->boot.cmdline = text;
	memset(text, 'a', n);
	for (; n && plan(f); n--)
		text[n - 1] = 0;
	assert_in_range(n, 4096, 0x4000);
	load(f);
	assert_int_equal(strlen((char *)f->ram + get32(info(f) + 16)), n);
	assert_clean(f, 0x14000, 0x100000);
	module(f, "m", "x", 1);
	refused(f, "command line and module names of");
	f->boot.nr_modules = 0;
	text[n] = 'a';
	refused(f, "shorten cmdline");
	f->boot.cmdline = NULL;
	load(f);
	assert_string_equal((char *)f->ram + get32(info(f) + 16), "");
	free(text);
}

static void test_no_header(void **state)
{
	struct fixture *f = *state;

	put32(f->image + HEADER + 8, 0);
	refused(f, "kernel mb.elf: no Multiboot 1 header");
	header(f->image + HEADER, 3);
	f->image[HEADER] ^= 1;
	refused(f, "no Multiboot 1 header");
	memset(f->image + HEADER, 0, 12);
	header(f->image + HEADER + 2, 3);
	refused(f, "no Multiboot 1 header");
	f->boot.kernel = NULL;
	f->boot.kernel_size = 0;
	refused(f, "no Multiboot 1 header");
}

/* It must be in the first 8 KiB, all of it. */
static void test_header_place(void **state)
{
	struct fixture *f = *state;

	memset(f->image + HEADER, 0, 12);
	header(f->image + 8192 - 12, 3);
	accepted(f);
	memset(f->image + 8192 - 12, 0, 12);
	header(f->image + 8192 - 8, 3);
	refused(f, "no Multiboot 1 header");
	/* One with a wrong checksum does not hide the next. */
	header(f->image + HEADER, 3);
	put32(f->image + HEADER + 8, 1);
	header(f->image + HEADER + 4, 3);
	put32(f->image + HEADER, 0x1badb002);
	accepted(f);
}

static void test_header_flags(void **state)
{
	struct fixture *f = *state;
	char text[40];

	for (u32 bit = 0; bit < 32; bit++) {
		header(f->image + HEADER, 1u << bit);
		if (bit < 2 || bit > 16) {
			accepted(f);
			continue;
		}
		snprintf(text, sizeof(text), "(flags %x)", 1u << bit);
		refused(f, bit == 2 ? "video mode" :
			   bit < 16 ? text :
				      "load addresses");
	}
}

static void test_not_elf(void **state)
{
	static const struct {
		u32 at;
		u8 value;
	} bad[] = { { 0, 0 },  { 3, 'f' }, { 4, 2 },  { 5, 2 },	  { 6, 0 },
		    { 16, 3 }, { 16, 1 },  { 17, 1 }, { 18, 62 }, { 20, 2 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		u8 old = f->image[bad[i].at];

		f->image[bad[i].at] = bad[i].value;
		refused(f, "no ELF32 executable for i386");
		f->image[bad[i].at] = old;
	}
	accepted(f);
}

static void test_program_header_table(void **state)
{
	struct fixture *f = *state;

	put16(f->image + 42, 31);
	refused(f, "1 program headers of 31 bytes");
	put16(f->image + 42, 32);
	put16(f->image + 44, 65);
	refused(f, "65 program headers");
	put16(f->image + 44, 0xffff);
	refused(f, "65535 program headers");
	put16(f->image + 44, 0);
	refused(f, "entry point 100010 is in no segment");
	put16(f->image + 44, 1);
	put32(f->image + 28, SIZE - 31);
	refused(f, "truncated: program headers end at byte 12289 of 12288");
	put32(f->image + 28, 0xffffffff);
	refused(f, "truncated: program headers");
	memcpy(f->image + SIZE - 32, f->image + 52, 32);
	put32(f->image + 28, SIZE - 32);
	accepted(f);
}

static void test_truncated_file(void **state)
{
	struct fixture *f = *state;

	for (u64 n = 0; n < CODE + 0x1000; n++) {
		u8 *cut = malloc(n + 1);

		memcpy(cut, f->image, n);
		f->boot.kernel = cut;
		f->boot.kernel_size = n;
		refused(f, n < HEADER + 12 ? "no Multiboot 1 header" :
					     "truncated: segment at 100000 "
					     "ends at byte 8192");
		free(cut);
	}
	f->boot.kernel = f->image;
	f->boot.kernel_size = CODE + 0x1000;
	load(f);
}

static void test_segment_in_the_file(void **state)
{
	struct fixture *f = *state;

	segment(f, 0, CODE, 0x100000, 0x1000, 0xfff);
	refused(f, "4096 bytes in the file and 4095 in memory");
	segment(f, 0, 0xfffff000, 0x100000, 0x1000, 0x1000);
	refused(f, "ends at byte 4294967296 of 12288");
	segment(f, 0, 0xffffffff, 0x100000, 0xffffffff, 0xffffffff);
	refused(f, "truncated");
}

static void test_segment_in_memory(void **state)
{
	static const struct {
		u32 at, size;
	} bad[] = {
		{ 0x9ef00, 0x101 },
		{ 0x9f000, 1 },
		{ 0xa0000, 0x1000 },
		{ 0xfffff, 1 },
		{ 0xe0000, 0x100000 },
		{ RAM - 0xff, 0x100 },
		{ RAM, 1 },
		{ 0xc0000000, 0x1000 },
		{ 0xfffff000, 0x1000 },
		{ 0xffffffff, 0xffffffff },
		{ 0x100000, 0xffffffff },
		{ 0x200000, RAM - 0x1fffff },
	};
	static const u32 good[] = { 0, 0x9ef00, 0x100000, RAM - 0x100 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		segment(f, 0, CODE, bad[i].at, 1, bad[i].size);
		put32(f->image + 24, bad[i].at);
		refused(f, "is not in RAM (0-9f000 and 100000-4000000)");
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		segment(f, 0, CODE, good[i], 0x80, 0x100);
		put32(f->image + 24, good[i]);
		load(f);
	}
	f->boot.layout.main_end = GUEST_HIGH;
	refused(f, "no RAM above 1 MiB; raise memory");
}

/* RAM that begins where it is in the host's memory. */
static void test_main_ram_elsewhere(void **state)
{
	struct fixture *f = *state;
	u32 upper;

	f->boot.layout.main = f->mem.layout.main = 0x2000000;
	refused(f, "is not in RAM (0-9f000 and 2000000-4000000)");
	segment(f, 0, CODE, 0x2000000, 0x80, 0x100);
	put32(f->image + 24, 0x2000000);
	module(f, "m", "x", 1);
	load(f);
	assert_int_equal(f->plan.module[0], 0x2001000);
	/* mem_upper, which counts from 1 MiB */
	memcpy(&upper, f->ram + f->plan.ebx + 8, sizeof(upper));
	assert_int_equal(upper, 0);
}

static void test_segment_over_the_tables(void **state)
{
	static const u32 at[] = { 0xffff, 0x10000, 0x12345, 0x13fff };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		segment(f, 0, CODE, at[i], 2, 2);
		put32(f->image + 24, at[i]);
		refused(f, "lies over 10000-14000");
	}
	segment(f, 0, CODE, 0x8000, 0x8000 - 0x6000, 0x8000);
	segment(f, 1, CODE, 0x14000, 0x10, 0x10);
	put32(f->image + 24, 0x8000);
	load(f);
}

static void test_segments_overlap(void **state)
{
	struct fixture *f = *state;

	segment(f, 1, CODE, 0x102344, 1, 1);
	refused(f, "segments at 100000 and 102344 overlap");
	segment(f, 1, CODE, 0x102345, 1, 1);
	accepted(f);
	segment(f, 2, CODE, 0x100800, 1, 1);
	refused(f, "segments at 100000 and 100800 overlap");
	segment(f, 2, CODE, 0x102346, 0, 0);
	accepted(f);
}

static void test_many_segments(void **state)
{
	struct fixture *f = *state;
	u32 i;

	for (i = 1; i < MULTIBOOT_SEGMENTS; i++)
		segment(f, i, CODE, 0x200000 + i * 16, 1, 16);
	accepted(f);
	segment(f, i, CODE, 0x300000, 0, 0);
	accepted(f);
	segment(f, i, CODE, 0x300000, 1, 1);
	refused(f, "more than 16 segments");
}

static void entry(struct fixture *f, u32 at, u32 lands)
{
	put32(f->image + 24, at);
	accepted(f);
	assert_int_equal(f->plan.eip, lands);
}

static void test_entry_point(void **state)
{
	struct fixture *f = *state;

	entry(f, 0x100000, 0x100000);
	entry(f, 0x100fff, 0x100fff);
	put32(f->image + 24, 0x101000); /* in .bss */
	refused(f, "entry point 101000 is in no segment");
	put32(f->image + 24, 0xfffff);
	refused(f, "entry point fffff is in no segment");
	put32(f->image + 24, 0);
	refused(f, "entry point 0 is in no segment");
}

/* A kernel linked high gives either address. */
static void test_entry_point_linked_high(void **state)
{
	struct fixture *f = *state;

	put32(f->image + 52 + 8, 0xc0100000);
	entry(f, 0xc0100020, 0x100020);
	entry(f, 0x100020, 0x100020);
	put32(f->image + 24, 0xc0101000);
	refused(f, "in no segment");
	put32(f->image + 52 + 8, 0xfffffff0); /* wraps: still its own bytes */
	entry(f, 8, 0x100018);
}

static void test_load_passes_errors_on(void **state)
{
	struct fixture *f = *state;
	int i, err;

	module(f, "m", "x", 1);
	accepted(f);
	for (i = 0; i < 100; i++) {
		f->fail_after = i;
		err = multiboot_load(&f->boot, &f->plan, &f->mem);
		if (!err)
			break;
		assert_int_equal(err, -EFAULT);
	}
	assert_in_range(i, 5, 99);
	f->fail_after = -1;
	f->mem.layout.high = SIZE_2M;
	assert_int_equal(multiboot_load(&f->boot, &f->plan, &f->mem), -EINVAL);
	f->mem.layout.high = 0;
	f->mem.layout.main_end -= SIZE_2M;
	assert_int_equal(multiboot_load(&f->boot, &f->plan, &f->mem), -EINVAL);
}

static void test_tiny_error_buffer(void **state)
{
	struct fixture *f = *state;
	char error[8] = "abcdefg";

	f->image[0] = 0;
	assert_int_equal(multiboot_plan(&f->boot, &f->plan, error, 4), -EINVAL);
	assert_int_equal(error[3], 0);
	assert_int_equal(error[4], 'e');
	assert_int_equal(multiboot_plan(&f->boot, &f->plan, NULL, 0), -EINVAL);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_entry_state),
		TEST(test_segments_are_copied_and_zeroed),
		TEST(test_other_program_headers_are_ignored),
		TEST(test_info),
		TEST(test_memory_map),
		TEST(test_modules),
		TEST(test_modules_above_the_kernel),
		TEST(test_modules_do_not_fit),
		TEST(test_modules_stay_below_the_hole),
		TEST(test_strings_have_bounds),
		TEST(test_no_header),
		TEST(test_header_place),
		TEST(test_header_flags),
		TEST(test_not_elf),
		TEST(test_program_header_table),
		TEST(test_truncated_file),
		TEST(test_segment_in_the_file),
		TEST(test_segment_in_memory),
		TEST(test_main_ram_elsewhere),
		TEST(test_segment_over_the_tables),
		TEST(test_segments_overlap),
		TEST(test_many_segments),
		TEST(test_entry_point),
		TEST(test_entry_point_linked_high),
		TEST(test_load_passes_errors_on),
		TEST(test_tiny_error_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
