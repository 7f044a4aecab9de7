// SPDX-License-Identifier: BSD-2-Clause
/* A guest's RAM through this core's window. */
#include "guest/memory.h"
#include "core/cpu.h"
#include "core/lib.h"
#include "core/mem.h"

u64 guest_hpa(const struct guest_ram *ram, u64 gpa, u64 *left)
{
	const struct guest_region *r;
	u64 off;

	for (r = ram->region; r < ram->region + ram->nr; r++) {
		if (gpa < r->gpa || gpa - r->gpa >= r->size)
			continue;
		off = gpa - r->gpa;
		/* Regions begin on 2 MiB, as the window does. */
		*left = MIN(SIZE_2M - (off & (SIZE_2M - 1)), r->size - off);
		return r->hpa + off;
	}
	return 0;
}

void *guest_map(const struct guest_ram *ram, u64 gpa, u64 *left)
{
	u64 hpa = guest_hpa(ram, gpa, left);

	return hpa ? window_map(hpa) : NULL;
}

/* From the guest to `to`, to the guest from `from`, or zeroes. */
static int copy(const struct guest_ram *ram, u64 gpa, void *to,
		const void *from, size_t n)
{
	u64 left, step;
	u8 *bytes;

	for (; n; n -= step, gpa += step) {
		bytes = guest_map(ram, gpa, &left);
		if (!bytes)
			return -EFAULT;
		step = MIN(left, n);
		if (to) {
			memcpy(to, bytes, step);
			to = (u8 *)to + step;
		} else if (from) {
			memcpy(bytes, from, step);
			from = (const u8 *)from + step;
		} else {
			memset(bytes, 0, step);
		}
	}
	return 0;
}

int guest_read(const struct guest_ram *ram, u64 gpa, void *buf, size_t n)
{
	return copy(ram, gpa, buf, NULL, n);
}

int guest_write(const struct guest_ram *ram, u64 gpa, const void *buf, size_t n)
{
	return copy(ram, gpa, NULL, buf, n);
}

static u64 frames_of(const struct guest_region *r)
{
	return ALIGN_UP(r->size, SIZE_2M) / SIZE_2M;
}

u64 guest_frames(const struct guest_ram *ram)
{
	const struct guest_region *r;
	u64 frames = 0;

	for (r = ram->region; r < ram->region + ram->nr; r++)
		frames += frames_of(r);
	return frames;
}

void guest_zero(const struct guest_ram *ram, u64 frame)
{
	const struct guest_region *r = ram->region;

	for (; frame >= frames_of(r); r++)
		frame -= frames_of(r);
	frame *= SIZE_2M;
	memset(window_map(r->hpa + frame), 0, MIN(SIZE_2M, r->size - frame));
}

static int mem_write(void *ctx, u64 gpa, const void *src, size_t n)
{
	return copy(ctx, gpa, NULL, src, n);
}

static int mem_zero(void *ctx, u64 gpa, size_t n)
{
	return copy(ctx, gpa, NULL, NULL, n);
}

void guest_memory_access(const struct guest_ram *ram,
			 const struct guest_layout *layout,
			 struct guest_mem *mem)
{
	*mem = (struct guest_mem){
		.write = mem_write,
		.zero = mem_zero,
		.ctx = (void *)ram,
		.layout = *layout,
	};
}

static int read_entry(void *ctx, u64 gpa, void *buf, size_t len)
{
	return guest_read(ctx, gpa, buf, len);
}

int guest_translate(const struct vcpu *v, const struct vcpu_state *s,
		    u64 linear, u32 access, struct walk_result *out)
{
	const struct walk_state state = {
		.cr0 = s->cr0,
		.cr3 = s->cr3,
		.cr4 = s->cr4,
		.efer = s->efer,
		.rflags = s->rflags,
		.cpl = s->cpl,
		.phys_bits = host_phys_bits,
	};

	return guest_walk(&state, linear, access, read_entry, (void *)v->ram,
			  out);
}
