// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any image, modules and memory size: either one line of refusal, or a load
 * into a flat memory that stays in RAM, off the ACPI area and off what was
 * written before.  The first 8 bytes of the input choose; with bit 0 of the
 * first set, a valid beginning is laid over the image so that most inputs get
 * past it.
 */
#include <stdlib.h>
#include <string.h>
#include "core/multiboot_format.h"
#include "guest/loader.h"
#include "guest/multiboot.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Guest memory below this is kept; what goes above is only looked at. */
#define FLAT (32UL << 20)

static u8 flat[FLAT];

struct check {
	struct guest_layout layout;
	u64 at[64];
	u64 end[64];
	u32 nr;
};

static void claim(struct check *c, u64 gpa, u64 n)
{
	if (gpa > c->layout.main_end || n > c->layout.main_end - gpa)
		abort();
	if (n && gpa < c->layout.main && gpa + n > GUEST_LOW_END)
		abort();
	for (u32 i = 0; n && i < c->nr; i++)
		if (gpa < c->end[i] && c->at[i] < gpa + n)
			abort();
	if (c->nr == ARRAY_SIZE(c->at))
		abort();
	c->at[c->nr] = gpa;
	c->end[c->nr++] = gpa + n;
}

static int on_zero(void *ctx, u64 gpa, size_t n)
{
	claim(ctx, gpa, n);
	if (gpa < FLAT)
		memset(flat + gpa, 0, MIN(n, FLAT - gpa));
	return 0;
}

static int on_write(void *ctx, u64 gpa, const void *src, size_t n)
{
	static volatile u8 sink;
	const u8 *p = src;

	for (size_t i = 0; i < n; i++)
		sink = (u8)(sink + p[i]);
	claim(ctx, gpa, n);
	if (gpa < FLAT)
		memcpy(flat + gpa, p, MIN(n, FLAT - gpa));
	return 0;
}

/* The information is in low memory, and all that it names is RAM. */
static void check_info(const struct multiboot_boot *b,
		       const struct multiboot_plan *p)
{
	struct multiboot_info info;
	struct multiboot_mod_list m;

	if (p->ebx >= GUEST_LOW_END)
		abort();
	memcpy(&info, flat + p->ebx, sizeof(info));
	if (info.mods_count != b->nr_modules)
		abort();
	if (strcmp((char *)flat + info.cmdline, b->cmdline))
		abort();
	for (u32 i = 0; i < info.mods_count; i++) {
		memcpy(&m, flat + info.mods_addr + i * sizeof(m), sizeof(m));
		if (m.mod_start % PAGE_SIZE || m.mod_end > p->layout.main_end ||
		    m.mod_end - m.mod_start != b->module[i].size)
			abort();
		if (strcmp((char *)flat + m.cmdline, b->module[i].name))
			abort();
	}
}

static void check_plan(const struct multiboot_boot *b,
		       const struct multiboot_plan *p)
{
	struct check c = { .layout = p->layout };
	struct guest_mem mem = { on_write, on_zero, &c, p->layout };
	bool in = false;

	if (multiboot_load(b, p, &mem))
		abort();
	for (u32 i = 0; i < p->nr_segments; i++)
		in |= p->eip >= p->segment[i].phys &&
		      p->eip - p->segment[i].phys < p->segment[i].file_size;
	if (!in)
		abort();
	check_info(b, p);
}

static void put32(u8 *p, u32 v)
{
	memcpy(p, &v, sizeof(v));
}

/* 0: ELF header, 52: program headers, 244: Multiboot header. */
static void lay_header(u8 *image, u64 size, u8 how)
{
	u32 flags;

	if (size < 256)
		return;
	memcpy(image, "\177ELF\1\1\1", 7);
	memcpy(image + 16, "\2\0\3\0\1\0\0\0", 8);
	put32(image + 28, 52);
	memcpy(image + 42, "\40\0", 2);
	image[44] &= 7;
	image[45] = 0;
	flags = how & 4 ? 3 : image[248];
	put32(image + 244, MULTIBOOT_HEADER_MAGIC);
	put32(image + 248, flags);
	put32(image + 252, -(MULTIBOOT_HEADER_MAGIC + flags));
	/* Keep addresses and sizes small now and then. */
	for (u32 at = 52; (how & 2) && at < 244; at += 32) {
		put32(image + at, 1);
		image[at + 5] &= 3;
		memset(image + at + 6, 0, 2);
		memset(image + at + 15, 0, 1);
		memset(image + at + 17, 0, 3);
		memset(image + at + 23, 0, 1);
	}
	if (how & 8)
		memcpy(image + 24, image + 52 + 8, 4);
}

static void fuzz(struct multiboot_boot *b, const u8 *data)
{
	struct multiboot_plan plan;
	char error[200] = "";

	b->layout.main = GUEST_HIGH + ((u64)data[7] << 21);
	b->layout.main_end = (u64)(data[3] | data[4] << 8) << 20;
	b->layout.high = (u64)data[5] << 28;
	if (!multiboot_plan(b, &plan, error, sizeof(error)))
		check_plan(b, &plan);
	else if (!error[0] || strchr(error, '\n'))
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct multiboot_boot b = { .kernel_name = "k", .cmdline = "quiet" };
	u64 left, part;
	u8 *image, *module;

	if (size < 8)
		return 0;
	left = size - 8;
	part = MIN((u64)(data[1] | data[2] << 8), left);
	b.kernel_size = left - part;
	b.nr_modules = data[6] % (MULTIBOOT_MODULES + 2);
	/* Copies of the exact size, so that ASan sees each overread. */
	module = malloc(part ? part : 1);
	image = malloc(b.kernel_size ? b.kernel_size : 1);
	memcpy(module, data + 8, part);
	memcpy(image, data + 8 + part, b.kernel_size);
	b.kernel = image;
	for (u32 i = 0; i < MULTIBOOT_MODULES; i++)
		b.module[i] = (struct multiboot_module){ "m", module,
							 part >> i };
	if (data[0] & 1)
		lay_header(image, b.kernel_size, data[0]);
	fuzz(&b, data);
	free(module);
	free(image);
	return 0;
}
