// SPDX-License-Identifier: BSD-2-Clause
/* Guest-physical memory that is not this guest's RAM. */
#include "hostile/hostile.h"

#define PRESENT_WRITABLE_LARGE 0x83UL
/* The window's PDPT entry, behind the identity map. */
#define WINDOW_GIB 4UL
#define WINDOW	   (WINDOW_GIB << 30)

/* A 1 GiB page where the loader's PDPT has nothing; 2 MiB pages do not need
 * the feature. */
static u64 window_pd[512] __aligned(4096);

/* Maps the 2 MiB around a guest-physical address; where it is now. */
static volatile u32 *window(u64 gpa)
{
	u64 *pml4 = (u64 *)(read_cr3() & ~0xfffUL);
	u64 *pdpt = (u64 *)(pml4[0] & 0x000ffffffffff000UL);

	pdpt[WINDOW_GIB] = (u64)window_pd | 3;
	window_pd[0] = (gpa & ~0x1fffffUL) | PRESENT_WRITABLE_LARGE;
	invlpg(WINDOW);
	return (volatile u32 *)(WINDOW + (gpa & 0x1ffffc));
}

static u64 ram_end(void)
{
	const struct ram *r;
	u64 end = 0;
	u32 i;

	for (i = 0; (r = ram_entry(i)); i++)
		if (r->type == 1)
			end = MAX(end, r->base + r->size);
	return end;
}

struct access {
	u64 gpa;
	u32 value;
	bool write;
};

static void touch(void *arg)
{
	struct access *a = arg;
	volatile u32 *p = window(a->gpa);

	if (a->write)
		*p = a->value;
	else
		a->value = *p;
}

/* The local APIC's ICR could end the test. */
static bool leave_alone(u64 gpa)
{
	return gpa >> 12 == 0xfee00;
}

/* An address of 2 to 52 bits behind RAM: near it, in the hole, far away. */
static u64 outside(struct random *rnd)
{
	u64 end = ram_end(), gpa;

	switch (random_below(rnd, 4)) {
	case 0:
		return end + random_below(rnd, 64) * 4096;
	case 1:
		return 0xc0000000 + random_below(rnd, 0x40000000);
	case 2:
		return end + random_below(rnd, 0x100000000UL - end);
	default:
		gpa = random_next(rnd) >> (12 + random_below(rnd, 30));
		return gpa < end ? gpa + end : gpa;
	}
}

/* Reads must be all ones: the IO-APIC's page apart, nothing is there. */
static u64 outside_pages(struct random *rnd, u64 count)
{
	struct fault fault;
	struct access a;
	u64 i, seen = 0;

	for (i = 0; i < count; i++) {
		a.gpa = outside(rnd) & ~3UL;
		a.write = random_below(rnd, 2);
		a.value = (u32)random_value(rnd);
		if (leave_alone(a.gpa) || !attempt(touch, &a, &fault))
			continue;
		if (!a.write && a.value != 0xffffffff &&
		    a.gpa >> 12 != 0xfec00 && seen++ < 4)
			say("hostile: SEEN %x at %lx", a.value, a.gpa);
	}
	return count - seen;
}

/* A word of each page of the 2 MiB at a guest-physical address. */
struct touch_pages {
	u64 gpa;
	struct random *rnd;
	u64 seen, seen_at;
	u32 value;
};

static void touch_pages(void *arg)
{
	struct touch_pages *t = arg;
	volatile u32 *base = window(t->gpa), *p;
	u64 page;

	for (page = 0; page < 0x200000; page += 0x1000) {
		p = base + page / 4 + random_below(t->rnd, 0x400);
		if (*p != 0xffffffff && !t->seen++) {
			t->seen_at = t->gpa + page;
			t->value = *p;
		}
		*p = (u32)random_next(t->rnd);
	}
}

/*
 * Every page from the end of RAM on, as many as make `count` MiB: where the
 * machine's own memory would be, if guest addresses were physical ones.
 */
static u64 all_pages(struct random *rnd, u64 count)
{
	struct touch_pages t = { .rnd = rnd };
	u64 end = ram_end() + (count << 20);
	struct fault fault;

	for (t.gpa = ram_end(); t.gpa < end; t.gpa += 0x200000)
		if (!attempt(touch_pages, &t, &fault))
			say("hostile: vector %lu at %lx", fault.vector, t.gpa);
	if (t.seen)
		say("hostile: SEEN %x at %lx", t.value, t.seen_at);
	return count * 256 - t.seen;
}

static u64 ioapic(struct random *rnd, u64 count)
{
	volatile u32 *select = (volatile u32 *)0xfec00000;
	u64 i;

	for (i = 0; i < count; i++) {
		*select = (u32)random_below(rnd, 0x50);
		select[4] = (u32)random_value(rnd);
		*(volatile u32 *)(0xfec00000 + random_below(rnd, 0x400) * 4) =
			(u32)random_value(rnd);
	}
	return count;
}

static u64 fetch_outside(struct random *rnd, u64 count)
{
	(void)count;
	((void (*)(void))(0xc0000000 + random_below(rnd, 0x3e000000)))();
	return 0;
}

static u64 stack_outside(struct random *rnd, u64 count)
{
	(void)count;
	asm volatile("mov %0, %%rsp; push %%rax; call *%%rax"
		     :
		     : "r"(0xd0000000 + random_below(rnd, 0x1000000) * 8));
	return 0;
}

/* Operations that no driver would use on a device. */
static u64 odd_accesses(struct random *rnd, u64 count)
{
	volatile u64 *p =
		(volatile u64 *)(0xd0000000 + random_below(rnd, 0x1000) * 8);

	(void)count;
	switch (random_below(rnd, 6)) {
	case 0:
		asm volatile("lock cmpxchg16b %0"
			     : "+m"(*p)
			     :
			     : "rax", "rdx", "cc");
		break;
	case 1:
		asm volatile("fxsave64 %0" : "+m"(*p));
		break;
	case 2:
		asm volatile("movaps %0, %%xmm0" : : "m"(*p));
		break;
	case 3:
		asm volatile("movq 4091(%0), %%rax" : : "r"(p) : "rax");
		break;
	case 4:
		asm volatile("lgdt %0" : : "m"(*p));
		break;
	case 5:
		asm volatile("pushq %0; popq %0" : "+m"(*p));
		break;
	}
	return 1;
}

const struct attack memory_attacks[] = {
	{ "outside", outside_pages, 4000 },
	{ "pages", all_pages, 256 },
	{ "ioapic", ioapic, 2000 },
	{ "fetch", fetch_outside, 0 },
	{ "stack", stack_outside, 0 },
	{ "odd", odd_accesses, 0 },
	{ NULL, NULL, 0 },
};
