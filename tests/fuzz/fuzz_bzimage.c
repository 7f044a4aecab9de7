// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any image, initrd and memory size: either one line of refusal, or a load
 * that writes RAM only, keeps off the ACPI area, and whose big pieces do not
 * overlap.  The first 8 bytes of the input choose; with bit 0 of the first
 * set, a valid header is laid over the image so that most inputs get past it.
 */
#include <stdlib.h>
#include <string.h>
#include "guest/linux.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct check {
	const struct linux_plan *plan;
	struct guest_layout layout;
};

static bool overlap(u64 a, u64 a_end, u64 b, u64 b_end)
{
	return a < b_end && b < a_end;
}

static int on_zero(void *ctx, u64 gpa, size_t n)
{
	const struct check *c = ctx;

	if (gpa > c->layout.main_end || n > c->layout.main_end - gpa)
		abort();
	if (overlap(gpa, gpa + n, GUEST_LOW_END, c->layout.main))
		abort();
	if (gpa < GUEST_HIGH)
		return 0;
	if (gpa != c->plan->kernel && gpa != c->plan->initrd)
		abort();
	return 0;
}

static int on_write(void *ctx, u64 gpa, const void *src, size_t n)
{
	static volatile u8 sink;
	const u8 *p = src;

	for (size_t i = 0; i < n; i++)
		sink = (u8)(sink + p[i]);
	return on_zero(ctx, gpa, n);
}

static void check_plan(const struct linux_boot *b, const struct linux_plan *p)
{
	struct check c = { .plan = p, .layout = p->layout };
	struct guest_mem mem = { on_write, on_zero, &c, p->layout };

	if (p->kernel < p->layout.main || p->kernel_end > p->layout.main_end ||
	    p->payload_size > p->kernel_end - p->kernel)
		abort();
	if (overlap(p->kernel, p->kernel_end, p->initrd,
		    p->initrd + p->initrd_size))
		abort();
	if (p->rip <= p->kernel || p->rip >= p->kernel_end)
		abort();
	if (linux_load(b, p, &mem, GUEST_ACPI))
		abort();
}

static void lay_header(u8 *image, u64 size)
{
	if (size < 0x264)
		return;
	image[0x201] |= 0x62;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x207] = 2;
	image[0x206] |= 0xc;
	image[0x236] |= 1;
	/* Keep the rarer fields sane now and then. */
	if (image[0] & 1) {
		memset(image + 0x1f4, 0, 4);
		image[0x1f1] &= 3;
		image[0x1f4] = 0x41;
	}
	if (image[0] & 2)
		memcpy(image + 0x230, "\0\0\x20\0", 4);
	if (image[0] & 4)
		memcpy(image + 0x258, "\0\0\0\1\0\0\0\0", 8);
	if (image[0] & 8)
		image[0x263] = 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct linux_boot b = { .kernel_name = "k", .cmdline = "quiet" };
	struct linux_plan plan;
	char error[200] = "";
	u64 left;
	u8 *image, *initrd;

	if (size < 8)
		return 0;
	left = size - 8;
	b.initrd_size = MIN((u64)(data[1] | data[2] << 8), left);
	b.kernel_size = left - b.initrd_size;
	b.layout.main = GUEST_HIGH + ((u64)data[7] << 21);
	b.layout.main_end = (u64)(data[3] | data[4] << 8) << 20;
	b.layout.high = (u64)data[5] << 28;
	/* Copies of the exact size, so that ASan sees each overread. */
	initrd = malloc(b.initrd_size ? b.initrd_size : 1);
	image = malloc(b.kernel_size ? b.kernel_size : 1);
	memcpy(initrd, data + 8, b.initrd_size);
	memcpy(image, data + 8 + b.initrd_size, b.kernel_size);
	b.initrd_name = data[0] & 2 ? "i" : NULL;
	b.initrd = initrd;
	b.kernel = image;
	if (data[0] & 1)
		lay_header(image, b.kernel_size);
	if (!linux_plan(&b, &plan, error, sizeof(error)))
		check_plan(&b, &plan);
	else if (!error[0] || strchr(error, '\n'))
		abort();
	free(initrd);
	free(image);
	return 0;
}
