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
#include "guest/linux.h"
#include "guest/loader.h"

#define RAM	(64UL << 20)
#define PAYLOAD 0x3000UL

struct fixture {
	u8 *image;
	u64 image_size;
	struct linux_boot boot;
	struct linux_plan plan;
	char error[160];
	u8 *ram;   /* 0.. */
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

static void put64(u8 *p, u64 v)
{
	put32(p, (u32)v);
	put32(p + 4, (u32)(v >> 32));
}

static u32 get32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

/* A small bzImage, allocated to its exact size so that ASan sees overreads. */
static void make_image(struct fixture *f, u8 sects, u64 payload)
{
	u64 setup = ((u64)(sects ? sects : 4) + 1) * 512;

	free(f->image);
	f->image_size = setup + payload;
	f->image = calloc(1, f->image_size);
	for (u64 i = 0; i < payload; i++)
		f->image[setup + i] = (u8)(i * 7 + 1);
	f->image[0x1f1] = sects;
	put32(f->image + 0x1f4, (u32)(payload / 16));
	put16(f->image + 0x1fe, 0xaa55);
	f->image[0x200] = 0xeb;
	f->image[0x201] = 0x6a;
	memcpy(f->image + 0x202, "HdrS", 4);
	put16(f->image + 0x206, 0x20f);
	f->image[0x211] = 1;
	put32(f->image + 0x22c, 0x7fffffff);
	put32(f->image + 0x230, 0x200000);
	f->image[0x234] = 1;
	put16(f->image + 0x236, 0x7f);
	put32(f->image + 0x238, 2047);
	put64(f->image + 0x250, 0x1234);
	put64(f->image + 0x258, 0x1000000);
	put32(f->image + 0x260, 0x800000);
	put32(f->image + 0x268, 0xabcdef01); /* kernel_info_offset, 2.15 */
	f->boot.kernel = f->image;
	f->boot.kernel_size = f->image_size;
}

static bool in_ram(const struct fixture *f, u64 gpa, size_t n)
{
	return gpa <= f->mem.layout.main_end &&
	       n <= f->mem.layout.main_end - gpa;
}

static int mem_write(void *ctx, u64 gpa, const void *src, size_t n)
{
	struct fixture *f = ctx;

	if (f->fail_after >= 0 && f->fail_after-- == 0)
		return -EFAULT;
	if (!in_ram(f, gpa, n))
		return -EFAULT;
	memcpy(f->ram + gpa, src, n);
	memset(f->dirty + gpa, 1, n);
	return 0;
}

static int mem_zero(void *ctx, u64 gpa, size_t n)
{
	struct fixture *f = ctx;

	if (f->fail_after >= 0 && f->fail_after-- == 0)
		return -EFAULT;
	if (!in_ram(f, gpa, n))
		return -EFAULT;
	memset(f->ram + gpa, 0, n);
	memset(f->dirty + gpa, 1, n);
	return 0;
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
	f->boot.kernel_name = "vmlinuz";
	f->boot.cmdline = "console=ttyS0 quiet";
	f->boot.layout = (struct guest_layout){ GUEST_HIGH, RAM, 0 };
	f->mem = (struct guest_mem){ .write = mem_write,
				     .zero = mem_zero,
				     .ctx = f,
				     .layout = { GUEST_HIGH, RAM, 0 } };
	make_image(f, 4, PAYLOAD);
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
	return linux_plan(&f->boot, &f->plan, f->error, sizeof(f->error));
}

static void refused(struct fixture *f, const char *text)
{
	f->error[0] = 0;
	assert_int_equal(plan(f), -EINVAL);
	if (!strstr(f->error, text) || strchr(f->error, '\n'))
		fail_msg("'%s' does not say '%s'", f->error, text);
}

static void initrd(struct fixture *f, const void *data, u64 size)
{
	f->boot.initrd_name = "initrd.img";
	f->boot.initrd = data;
	f->boot.initrd_size = size;
}

static void test_plan(void **state)
{
	struct fixture *f = *state;
	static u8 rd[5000] = { 0x1f, 0x8b };

	initrd(f, rd, sizeof(rd));
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.kernel, 0x1000000);
	assert_int_equal(f->plan.kernel_end, 0x1800000);
	assert_int_equal(f->plan.rip, 0x1000200);
	assert_int_equal(f->plan.setup_size, 2560);
	assert_int_equal(f->plan.payload_size, PAYLOAD);
	assert_int_equal(f->plan.initrd, RAM - 8192);
	assert_int_equal(f->plan.initrd_size, 5000);
	assert_int_equal(f->plan.cmdline_size, 19);
	assert_int_equal(f->plan.gdt_limit, 31);
}

static void check_low_memory_only(const struct fixture *f)
{
	for (u64 a = 0; a < 0x10000; a++)
		assert_int_equal(f->dirty[a], 0);
	for (u64 a = 0x28000; a < 0x1000000; a++)
		assert_int_equal(f->dirty[a], 0);
}

static void test_load_payload_and_initrd(void **state)
{
	struct fixture *f = *state;
	u8 rd[5000] = { 0x1f, 0x8b, 8, 9 };
	const struct linux_plan *p = &f->plan;

	initrd(f, rd, sizeof(rd));
	assert_int_equal(plan(f), 0);
	assert_int_equal(linux_load(&f->boot, p, &f->mem, 0xe0000), 0);
	assert_memory_equal(f->ram + p->kernel, f->image + 2560, PAYLOAD);
	assert_int_equal(f->dirty[p->kernel + PAYLOAD], 0);
	assert_memory_equal(f->ram + p->initrd, rd, sizeof(rd));
	assert_string_equal((char *)f->ram + p->cmdline, "console=ttyS0 quiet");
	check_low_memory_only(f);
}

static void test_load_boot_params(void **state)
{
	struct fixture *f = *state;
	u8 rd[16] = { 0x1f, 0x8b };
	const u8 *bp;

	initrd(f, rd, sizeof(rd));
	assert_int_equal(plan(f), 0);
	memset(f->ram + f->plan.rsi, 0xee, 4096);
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0xe0010), 0);
	bp = f->ram + f->plan.rsi;
	assert_int_equal(get64(bp + 0x70), 0xe0010);
	assert_int_equal(bp[0x1ef], 0); /* sentinel */
	assert_memory_equal(bp + 0x202, "HdrS", 4);
	assert_int_equal(bp[0x1fa] | bp[0x1fb] << 8, 0xffff);
	assert_int_equal(bp[0x210], 0xff);
	assert_int_equal(bp[0x211], 1);
	assert_int_equal(get32(bp + 0x214), f->plan.kernel);
	assert_int_equal(get32(bp + 0x218), f->plan.initrd);
	assert_int_equal(get32(bp + 0x21c), 16);
	assert_int_equal(get32(bp + 0x228), f->plan.cmdline);
	assert_int_equal(get64(bp + 0x250), 0);
	assert_int_equal(get64(bp + 0x258), 0x1000000);
	assert_int_equal(get32(bp + 0x260), 0x800000);
	assert_int_equal(get32(bp + 0x268), 0xabcdef01);
	assert_int_equal(get32(bp + 0xc0), 0);
	for (u32 i = 0x26c; i < 0x2d0; i++)
		assert_int_equal(bp[i], 0);
}

static void check_e820(const u8 *bp, u32 i, u64 addr, u64 end, u32 type)
{
	const u8 *e = bp + 0x2d0 + 20 * i;

	assert_int_equal(get64(e), addr);
	assert_int_equal(get64(e + 8), end - addr);
	assert_int_equal(get32(e + 16), type);
}

static void test_load_e820(void **state)
{
	struct fixture *f = *state;
	const u8 *bp;

	assert_int_equal(plan(f), 0);
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0), 0);
	bp = f->ram + f->plan.rsi;
	assert_int_equal(bp[0x1e8], 4);
	check_e820(bp, 0, 0, 0x9f000, 1);
	check_e820(bp, 1, 0xe0000, 0x100000, 2);
	check_e820(bp, 2, 0x100000, RAM, 1);
	check_e820(bp, 3, GUEST_ECAM, GUEST_ECAM_END, 2);
	f->boot.layout.high = f->mem.layout.high = 0x40000000;
	assert_int_equal(plan(f), 0);
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0), 0);
	assert_int_equal(bp[0x1e8], 5);
	check_e820(bp, 4, 0x100000000, 0x140000000, 1);
}

/* Walk the tables as the MMU would; 0 stands for a fault. */
static u64 walk(const struct fixture *f, u64 va)
{
	u64 e = get64(f->ram + f->plan.cr3 + (va >> 39 & 511) * 8);

	if ((e & 3) != 3)
		return 0;
	e = get64(f->ram + (e & ~0xfffUL) + (va >> 30 & 511) * 8);
	if ((e & 0x83) != 3)
		return 0;
	e = get64(f->ram + (e & ~0xfffUL) + (va >> 21 & 511) * 8);
	if ((e & 0x83) != 0x83)
		return 0;
	return (e & ~0x1fffffUL) | (va & 0x1fffff);
}

static void test_load_page_tables(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(plan(f), 0);
	memset(f->ram + 0x10000, 0xff, 0x10000);
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0), 0);
	for (u64 va = 0x1234; va < 1UL << 32; va += SIZE_2M)
		assert_int_equal(walk(f, va), va);
	assert_int_equal(walk(f, 1UL << 32), 0);
	assert_int_equal(walk(f, 1UL << 39), 0);
}

static void test_load_gdt(void **state)
{
	struct fixture *f = *state;
	const u8 *gdt;

	assert_int_equal(plan(f), 0);
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0), 0);
	gdt = f->ram + f->plan.gdt_base;
	assert_int_equal(get64(gdt), 0);
	/* Present, ring 0, code, readable, L=1 D=0; data, writable. */
	assert_int_equal(get64(gdt + LOADER_CS) >> 40 & 0xff, 0x9b);
	assert_int_equal(get64(gdt + LOADER_CS) >> 52 & 0xf, 0xa);
	assert_int_equal(get64(gdt + LOADER_DS) >> 40 & 0xff, 0x93);
	assert_int_equal(get64(gdt + LOADER_DS) & 0xffff, 0xffff);
}

static void test_load_passes_errors_on(void **state)
{
	struct fixture *f = *state;
	u8 rd[16] = { 0x1f, 0x8b };
	int i, err;

	initrd(f, rd, sizeof(rd));
	assert_int_equal(plan(f), 0);
	for (i = 0; i < 1000; i++) {
		f->fail_after = i;
		err = linux_load(&f->boot, &f->plan, &f->mem, 0);
		if (!err)
			break;
		assert_int_equal(err, -EFAULT);
	}
	assert_in_range(i, 10, 999);
	f->fail_after = -1;
	f->mem.layout.main_end -= SIZE_2M;
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0), -EINVAL);
}

static void test_not_a_kernel(void **state)
{
	struct fixture *f = *state;

	f->image[0x205] = 'X';
	f->error[0] = 0;
	assert_int_equal(plan(f), -EINVAL);
	assert_string_equal(f->error, "kernel vmlinuz: no bzImage (no HdrS at "
				      "202h); give a Linux kernel image");
	f->boot.kernel_size = 0;
	f->boot.kernel = NULL;
	refused(f, "no HdrS");
}

static void test_compressed_kernel(void **state)
{
	static const struct {
		const char *magic, *tool;
	} form[] = {
		{ "\x1f\x8b", "gunzip" },
		{ "\xfd"
		  "7zXZ",
		  "unxz" },
		{ "\x28\xb5\x2f\xfd", "unzstd" },
	};
	struct fixture *f = *state;
	char expected[80];

	for (size_t i = 0; i < ARRAY_SIZE(form); i++) {
		size_t n = strlen(form[i].magic);
		u8 *file = malloc(n);

		memcpy(file, form[i].magic, n);
		f->boot.kernel = file;
		f->boot.kernel_size = n;
		snprintf(expected, sizeof(expected),
			 "kernel vmlinuz: compressed, no bzImage; unpack it "
			 "with %s",
			 form[i].tool);
		refused(f, expected);
		f->boot.kernel_size = n - 1;
		refused(f, "no HdrS");
		free(file);
	}
	/* A bzImage is one whatever it begins with. */
	memcpy(f->image, "\x1f\x8b", 2);
	f->boot.kernel = f->image;
	f->boot.kernel_size = f->image_size;
	assert_int_equal(plan(f), 0);
}

static void test_old_or_32_bit(void **state)
{
	struct fixture *f = *state;

	put16(f->image + 0x206, 0x20b);
	refused(f, "boot protocol 2.11 is older than 2.12");
	put16(f->image + 0x206, 0x20c);
	assert_int_equal(plan(f), 0);
	put16(f->image + 0x236, 0x7e);
	refused(f, "no 64-bit entry");
	put16(f->image + 0x236, 1);
	f->image[0x201] = 0x61;
	refused(f, "setup header ends");
}

static void test_truncated_kernel(void **state)
{
	struct fixture *f = *state;
	u64 whole = f->image_size;

	for (u64 n = 0; n < whole - 15; n++) {
		u8 *cut = malloc(n + 1);

		memcpy(cut, f->image, n);
		f->boot.kernel = cut;
		f->boot.kernel_size = n;
		refused(f, n < 0x264 ? "no HdrS" : "truncated");
		free(cut);
	}
	f->boot.kernel = f->image;
	f->boot.kernel_size = whole - 15; /* within the last paragraph */
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.payload_size, PAYLOAD - 15);
}

static void test_signed_kernel_has_a_tail(void **state)
{
	struct fixture *f = *state;

	put32(f->image + 0x1f4, (u32)(PAYLOAD - 0x1000) / 16);
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.payload_size, PAYLOAD - 0x1000);
	put32(f->image + 0x1f4, 0xffffffff);
	refused(f, "truncated");
}

static void test_small_payloads(void **state)
{
	struct fixture *f = *state;

	make_image(f, 1, 0x210);
	put32(f->image + 0x260, 0);
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.setup_size, 1024);
	assert_int_equal(f->plan.kernel_end - f->plan.kernel, 0x210);
	make_image(f, 1, 0x200);
	refused(f, "no code at the 64-bit entry");
	make_image(f, 0, 0x400); /* 0 means 4 */
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.setup_size, 2560);
}

static void test_kernel_placement(void **state)
{
	struct fixture *f = *state;

	put64(f->image + 0x258, 0x1100000); /* not a multiple of 2 MiB */
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.kernel, 0x1200000);
	f->image[0x234] = 0;
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.kernel, 0x1100000);
	put64(f->image + 0x258, 0xe0000);
	refused(f, "below 1 MiB");
	f->image[0x234] = 1;
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.kernel, 0x1000000);
	put64(f->image + 0x258, 0x100000);
	put32(f->image + 0x230, 0x1000);
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.kernel, 0x100000);
}

static void test_kernel_does_not_fit(void **state)
{
	static const u64 odd[] = { RAM, RAM - 0x1000, 0xfffffffffffff000UL,
				   ~0UL };
	struct fixture *f = *state;

	f->boot.layout.main_end = 24UL << 20; /* ends where the kernel does */
	assert_int_equal(plan(f), 0);
	f->boot.layout.main_end -= SIZE_2M;
	refused(f, "needs 8 MiB from 1000000 up, RAM there ends at 22 MiB");
	f->boot.layout.main_end = 0;
	refused(f, "needs 8 MiB");
	f->boot.layout.main_end = RAM;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		put64(f->image + 0x258, odd[i]);
		refused(f, "raise memory");
	}
	put64(f->image + 0x258, 0x1000000);
	put32(f->image + 0x260, 0xffffffff);
	refused(f, "needs 4096 MiB");
}

static void test_bad_alignment(void **state)
{
	static const u32 bad[] = { 0, 3, 0x300000, 0x80000000 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put32(f->image + 0x230, bad[i]);
		refused(f, "kernel_alignment");
	}
	put32(f->image + 0x230, 0x40000000);
	refused(f, "from 40000000 up");
}

static void test_ram_above_the_hole_is_not_low(void **state)
{
	struct fixture *f = *state;

	f->boot.layout.main_end = ~0UL;
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.layout.main_end, GUEST_HOLE);
}

static void test_cmdline_limits(void **state)
{
	struct fixture *f = *state;
	char *text = calloc(1, 0x20000);

	memset(text, 'a', 2047);
	f->boot.cmdline = text;
	assert_int_equal(plan(f), 0);
	text[2047] = 'a';
	refused(f, "command line of 2048 bytes, the kernel takes 2047");
	put32(f->image + 0x238, 0xffffffff);
	memset(text, 'a', 0xffff);
	assert_int_equal(plan(f), 0);
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0), 0);
	check_low_memory_only(f);
	text[0xffff] = 'a';
	refused(f, "command line");
	f->boot.cmdline = NULL;
	assert_int_equal(plan(f), 0);
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0), 0);
	assert_int_equal(f->ram[f->plan.cmdline], 0);
	free(text);
}

static void test_initrd_placement(void **state)
{
	struct fixture *f = *state;
	u64 gap = RAM - 0x1800000;
	u8 *rd = calloc(1, gap + 1);

	rd[0] = 0x1f;
	rd[1] = 0x8b;
	initrd(f, rd, gap); /* exactly between the kernel and the end */
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.initrd, 0x1800000);
	initrd(f, rd, gap + 1);
	refused(f, "initrd initrd.img: 41 MiB do not fit");
	initrd(f, rd, ~0UL);
	refused(f, "do not fit");
	put32(f->image + 0x22c, 0x1ffffff);
	initrd(f, rd, 0x1001);
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.initrd, 0x1ffe000);
	put32(f->image + 0x22c, 0xffffff);
	refused(f, "do not fit");
	put32(f->image + 0x22c, 0xffffffff);
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.initrd, RAM - 0x2000);
	free(rd);
}

static void test_initrd_empty(void **state)
{
	struct fixture *f = *state;

	initrd(f, NULL, 0);
	refused(f, "initrd initrd.img: empty");
	initrd(f, (const u8 *)"x", 0);
	refused(f, "empty");
}

/* Whatever it is: what cannot be unpacked is Linux's to report. */
static void test_any_initrd_passes(void **state)
{
	static const char *const magic[] = { "\x1f\x8b\x08", "070701",
					     "\x28\xb5\x2f\xfd", "x" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(magic); i++) {
		initrd(f, magic[i], strlen(magic[i]));
		assert_int_equal(plan(f), 0);
	}
}

static void test_tiny_error_buffer(void **state)
{
	struct fixture *f = *state;
	char error[8] = "abcdefg";

	f->image[0x205] = 'X';
	assert_int_equal(linux_plan(&f->boot, &f->plan, error, 4), -EINVAL);
	assert_int_equal(error[3], 0);
	assert_int_equal(error[4], 'e');
	assert_int_equal(linux_plan(&f->boot, &f->plan, NULL, 0), -EINVAL);
}

/* RAM that begins where it is in the host's memory. */
static void test_main_ram_elsewhere(void **state)
{
	struct fixture *f = *state;

	f->boot.layout.main = f->mem.layout.main = 0x2200000;
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.kernel, 0x2200000);
	assert_int_equal(linux_load(&f->boot, &f->plan, &f->mem, 0), 0);
	f->boot.layout.main = 0x1000000 - SIZE_2M;
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.kernel, 0x1000000);
	f->boot.layout.main = 0x1000000 + SIZE_2M;
	f->image[0x234] = 0;
	refused(f, "wants to run at 1000000, below 18 MiB, where RAM begins");
}

static void test_layout(void **state)
{
	static const struct {
		u64 memory;
		struct guest_layout layout;
	} cases[] = {
		{ SIZE_1G, { GUEST_HIGH, SIZE_1G, 0 } },
		{ 3 * SIZE_1G, { GUEST_HIGH, GUEST_HOLE, 0 } },
		{ 8 * SIZE_1G, { GUEST_HIGH, GUEST_HOLE, 5 * SIZE_1G } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct guest_layout l = layout_of(cases[i].memory);

		assert_true(layout_equal(&l, &cases[i].layout));
	}
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plan),
		TEST(test_load_payload_and_initrd),
		TEST(test_load_boot_params),
		TEST(test_load_e820),
		TEST(test_load_page_tables),
		TEST(test_load_gdt),
		TEST(test_load_passes_errors_on),
		TEST(test_not_a_kernel),
		TEST(test_compressed_kernel),
		TEST(test_old_or_32_bit),
		TEST(test_truncated_kernel),
		TEST(test_signed_kernel_has_a_tail),
		TEST(test_small_payloads),
		TEST(test_kernel_placement),
		TEST(test_kernel_does_not_fit),
		TEST(test_bad_alignment),
		TEST(test_ram_above_the_hole_is_not_low),
		TEST(test_cmdline_limits),
		TEST(test_initrd_placement),
		TEST(test_initrd_empty),
		TEST(test_any_initrd_passes),
		TEST(test_tiny_error_buffer),
		TEST(test_main_ram_elsewhere),
		cmocka_unit_test(test_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
