// SPDX-License-Identifier: BSD-2-Clause
/* Descriptor and page tables in places where none should be. */
#include "hostile/hostile.h"

#define HOLE	 0xd0000000UL
#define UNMAPPED 0x0000008000000000UL /* canonical, not present */
#define NONCANON 0x0000800000000000UL

struct table_register {
	u16 limit;
	u64 base;
} __packed;

static u64 wild_base(struct random *rnd)
{
	static const u64 bases[] = { HOLE, 0xfee00000, 0xfec00000, UNMAPPED,
				     0,	   0xfffff000, 0xbffff000, 0x8000 };

	return bases[random_below(rnd, ARRAY_SIZE(bases))] +
	       random_below(rnd, 2) * 8;
}

static void do_lidt(void *arg)
{
	asm volatile("lidt %0" : : "m"(*(struct table_register *)arg));
}

static void do_lgdt(void *arg)
{
	asm volatile("lgdt %0" : : "m"(*(struct table_register *)arg));
}

static void cause_event(struct random *rnd)
{
	switch (random_below(rnd, 4)) {
	case 0:
		asm volatile("int3");
		break;
	case 1:
		asm volatile("ud2");
		break;
	case 2:
		asm volatile("int $0x80");
		break;
	default:
		wrmsr(X2APIC_MSR(0x3f), 0x80);
		interrupts_on();
	}
}

static u64 wild_idt(struct random *rnd, u64 count)
{
	struct table_register noncanonical = { 0xfff, NONCANON };
	struct table_register idtr = { (u16)random_value(rnd), wild_base(rnd) };
	struct fault fault;

	(void)count;
	attempt(do_lidt, &noncanonical, &fault);
	asm volatile("lidt %0" : : "m"(idtr));
	cause_event(rnd);
	for (;;)
		cpu_pause();
	return 0;
}

static u64 wild_gdt(struct random *rnd, u64 count)
{
	struct table_register noncanonical = { 0xfff, NONCANON };
	struct table_register gdtr = { 0xffff, wild_base(rnd) };
	struct fault fault;

	(void)count;
	attempt(do_lgdt, &noncanonical, &fault);
	asm volatile("lgdt %0" : : "m"(gdtr));
	switch (random_below(rnd, 3)) {
	case 0:
		asm volatile("mov %0, %%es" : : "r"(0x18));
		break;
	case 1:
		asm volatile("ltr %w0" : : "r"(0x20));
		break;
	default:
		cause_event(rnd);
	}
	for (;;)
		cpu_pause();
	return 0;
}

/* The stack of an exception, or of ring 0, is nowhere. */
static u64 wild_tss(struct random *rnd, u64 count)
{
	static u64 gdt[6];
	static u8 tss[104] __aligned(16);
	u64 base = (u64)tss, stack = wild_base(rnd);
	const struct table_register gdtr = { sizeof(gdt) - 1, (u64)gdt };

	(void)count;
	if (random_below(rnd, 4) == 0)
		stack = NONCANON;
	memcpy(tss + 4 + 8 * 4, &stack, sizeof(stack)); /* IST1 */
	if (random_below(rnd, 4) == 0)
		base = wild_base(rnd);
	gdt[2] = 0x00af9b000000ffff;
	gdt[3] = 0x00cf93000000ffff;
	gdt[4] = 103 | (base & 0xffffff) << 16 | 0x89UL << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[5] = base >> 32;
	asm volatile("lgdt %0; ltr %w1" : : "m"(gdtr), "r"(0x20));
	asm volatile("ud2");
	return 0;
}

static u64 wild_cr3(struct random *rnd, u64 count)
{
	u64 base = random_below(rnd, 3) ? wild_base(rnd) :
					  random_value(rnd) >> 12;

	(void)count;
	say("hostile: cr3 %lx", base & ~0xfffUL);
	write_cr3(base & ~0xfffUL);
	asm volatile("ud2");
	return 0;
}

/* Page tables of this guest that name what is not its own. */
static u64 wild_page_tables(struct random *rnd, u64 count)
{
	u64 *pml4 = (u64 *)(read_cr3() & ~0xfffUL);
	u64 i;

	(void)count;
	for (i = 1; i < 512; i++)
		pml4[i] = random_next(rnd);
	for (i = 1; i < 512; i++)
		if (pml4[i] & 1)
			*(volatile u8 *)((i << 39) |
					 (i & 256 ? 0xffffUL << 48 : 0));
	return 0;
}

static u64 triple_fault(struct random *rnd, u64 count)
{
	struct table_register none = { 0, 0 };

	(void)rnd;
	(void)count;
	asm volatile("lidt %0; ud2" : : "m"(none));
	return 0;
}

const struct attack table_attacks[] = {
	{ "idt", wild_idt, 0 },
	{ "gdt", wild_gdt, 0 },
	{ "tss", wild_tss, 0 },
	{ "cr3", wild_cr3, 0 },
	{ "pagetables", wild_page_tables, 0 },
	{ "triple", triple_fault, 0 },
	{ NULL, NULL, 0 },
};
