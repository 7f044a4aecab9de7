// SPDX-License-Identifier: BSD-2-Clause
/* Interrupts: held off, in storms, of every kind. */
#include "hostile/hostile.h"
#include "lib/ap.h"

#define SELF_IPI     X2APIC_MSR(0x3f)
#define TIMER_VECTOR 0x45
#define SHORT_PERIOD 20000

static u64 interrupts_off_for_ever(struct random *rnd, u64 count)
{
	(void)rnd;
	(void)count;
	on_its_way();
	interrupts_off();
	for (;;)
		;
	return 0;
}

static u64 halted_for_ever(struct random *rnd, u64 count)
{
	(void)rnd;
	(void)count;
	on_its_way();
	for (;;)
		asm volatile("cli; hlt");
	return 0;
}

static u64 tpr_high(struct random *rnd, u64 count)
{
	(void)rnd;
	(void)count;
	on_its_way();
	wrmsr(X2APIC_TPR, 0xff);
	interrupts_on();
	for (;;)
		wrmsr(SELF_IPI, 0xff);
	return 0;
}

static u64 eoi_storm(struct random *rnd, u64 count)
{
	(void)rnd;
	(void)count;
	on_its_way();
	interrupts_on();
	for (;;)
		x2apic_eoi();
	return 0;
}

static void do_self_ipi(void *arg)
{
	wrmsr(SELF_IPI, (u64)arg);
}

/* By MSR 83Fh and by the ICR, into handlers that EOI or do not. */
static u64 self_ipi_storm(struct random *rnd, u64 count)
{
	struct fault fault;
	u64 vector;

	(void)count;
	for (vector = 0; vector < 256; vector++) {
		attempt(do_self_ipi, (void *)vector, &fault);
		try_wrmsr(X2APIC_ICR, ICR_SELF | vector);
	}
	on_its_way();
	idt_set_from(0);
	for (;;) {
		vector = random_below(rnd, 256);
		interrupts_off();
		wrmsr(SELF_IPI, vector);
		if (random_below(rnd, 8) == 0)
			wrmsr(X2APIC_ICR, ICR_SELF | vector);
		interrupts_on();
	}
	return 0;
}

/*
 * A timer that fires again before its handler has begun; `count` is its period.
 * QEMU does nothing else any more when that is too short.
 */
static u64 timer_storm(struct random *rnd, u64 count)
{
	(void)rnd;
	on_its_way();
	wrmsr(X2APIC_MSR(APIC_REG_TDCR), 0xb);
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), TIMER_PERIODIC | TIMER_VECTOR);
	wrmsr(X2APIC_MSR(APIC_REG_TMICT), count);
	interrupts_on();
	for (;;)
		;
	return 0;
}

/* Every LVT with every delivery mode, and a timer that runs meanwhile. */
static u64 lvt_modes(struct random *rnd, u64 count)
{
	u64 i, value, done = 0;
	u32 reg;

	wrmsr(X2APIC_MSR(APIC_REG_TDCR), 0xb);
	for (i = 0; i < count; i++) {
		reg = X2APIC_MSR(APIC_REG_LVT +
				 (u32)random_below(rnd, LVT_COUNT));
		value = (i & 7) << 8 | random_below(rnd, 256) |
			random_below(rnd, 4) << 17 |
			random_below(rnd, 16) << 12;
		done += try_wrmsr(reg, value);
		try_wrmsr(X2APIC_MSR(APIC_REG_TMICT), SHORT_PERIOD);
		if (random_below(rnd, 16) == 0)
			done += try_wrmsr(reg, random_value(rnd));
		/* A vector below 32 may come in as an exception. */
		if (random_below(rnd, 64) == 0)
			try_wrmsr(X2APIC_SVR, random_below(rnd, 0x200));
	}
	wrmsr(X2APIC_MSR(APIC_REG_TMICT), 0);
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), LVT_MASKED);
	wrmsr(X2APIC_SVR, 0x1ff);
	return done;
}

/* An INIT that hits this CPU would end the test: `suicide` does that. */
static bool kills_self(u64 low)
{
	return (low >> 8 & 7) == 5 && (low >> 18 & 3) == 0;
}

static u64 destination(struct random *rnd)
{
	switch (random_below(rnd, 6)) {
	case 0:
		return 0xffffffff;
	case 1:
		return 0xff;
	case 2:
		return random_next(rnd) >> 32;
	default:
		return random_below(rnd, 8);
	}
}

static void put_start_page(void)
{
	static const u8 code[] = { 0xfa, 0xf4, 0xeb, 0xfc }; /* 1: cli; hlt */

	memcpy((u8 *)AP_START, code, sizeof(code));
}

/* Bits 8-15 and 18-19, all of them in a row, and in between wild values. */
static u64 icr_value(struct random *rnd, u64 i)
{
	u64 low = (i & 0xff) << 8 | (i >> 8 & 3) << 18 | random_below(rnd, 256);

	if (random_below(rnd, 16) == 0)
		low |= random_value(rnd) & 0xffffffff;
	/* Whoever starts, starts where it halts. */
	if ((low >> 8 & 7) == 6)
		low = (low & ~0xffUL) | AP_START >> 12;
	return destination(rnd) << 32 | low;
}

static u64 icr_modes(struct random *rnd, u64 count)
{
	u64 i, value, done = 0;

	put_start_page();
	for (i = 0; i < count; i++) {
		value = icr_value(rnd, i);
		if (!kills_self(value))
			done += try_wrmsr(X2APIC_ICR, value);
	}
	return done;
}

/* To xAPIC mode by way of off: SDM vol. 3 figure 11-27. */
static void to_xapic(void)
{
	u64 base = rdmsr(MSR_IA32_APIC_BASE);

	wrmsr(MSR_IA32_APIC_BASE,
	      base & ~(u64)(APIC_BASE_ENABLE | APIC_BASE_X2APIC));
	wrmsr(MSR_IA32_APIC_BASE,
	      (base & ~(u64)APIC_BASE_X2APIC) | APIC_BASE_ENABLE);
	apic_enable();
}

static u64 xapic_icr_modes(struct random *rnd, u64 count)
{
	volatile u32 *icr = (volatile u32 *)0xfee00300;
	volatile u32 *icr2 = (volatile u32 *)0xfee00310;
	u64 i, value;

	put_start_page();
	to_xapic();
	for (i = 0; i < count; i++) {
		value = icr_value(rnd, i);
		*icr2 = (u32)(destination(rnd) << 24);
		if (!kills_self(value))
			*icr = (u32)value;
	}
	x2apic_enable();
	return count;
}

/* The whole page, but for the ICR. */
static u64 xapic_page(struct random *rnd, u64 count)
{
	u64 i, offset;

	to_xapic();
	for (i = 0; i < count; i++) {
		offset = random_below(rnd, 0x400) * 4;
		if ((offset & ~0xfUL) == 0x300)
			continue;
		if (random_below(rnd, 2))
			*(volatile u32 *)(0xfee00000 + offset) =
				(u32)random_value(rnd);
		else
			(void)*(volatile u32 *)(0xfee00000 + offset);
	}
	x2apic_enable();
	return count;
}

static u64 apic_base_modes(struct random *rnd, u64 count)
{
	u64 i, value, done = 0;

	for (i = 0; i < count; i++) {
		value = rdmsr(MSR_IA32_APIC_BASE) & ~0xc00UL;
		value |= random_below(rnd, 4) << 10;
		if (random_below(rnd, 4) == 0)
			value ^= random_value(rnd);
		done += try_wrmsr(MSR_IA32_APIC_BASE, value);
	}
	to_xapic();
	x2apic_enable();
	return done;
}

static void send_nmi(void)
{
	wrmsr(X2APIC_ICR, ICR_NMI);
}

static u64 nmi_storm(struct random *rnd, u64 count)
{
	(void)rnd;
	(void)count;
	on_its_way();
	helper_do(send_nmi);
	for (;;)
		wrmsr(X2APIC_ICR, 1UL << 32 | ICR_NMI);
	return 0;
}

static u64 init_storm(struct random *rnd, u64 count)
{
	(void)count;
	put_start_page();
	on_its_way();
	for (;;) {
		wrmsr(X2APIC_ICR, 1UL << 32 | ICR_INIT);
		if (random_below(rnd, 2))
			wrmsr(X2APIC_ICR,
			      1UL << 32 | ICR_SIPI | AP_START >> 12);
	}
	return 0;
}

/* Both CPUs wait for a SIPI that nobody is left to send. */
static u64 suicide(struct random *rnd, u64 count)
{
	(void)rnd;
	(void)count;
	on_its_way();
	wrmsr(X2APIC_ICR, 1UL << 32 | ICR_INIT);
	for (;;)
		wrmsr(X2APIC_ICR, ICR_INIT);
	return 0;
}

static void storm_job(void)
{
	u64 vector;

	for (vector = 0x20; vector < 0x100; vector++)
		wrmsr(X2APIC_ICR, vector);
}

/* One CPU drowns the other. */
static u64 ipi_storm(struct random *rnd, u64 count)
{
	(void)rnd;
	(void)count;
	on_its_way();
	helper_do(storm_job);
	interrupts_on();
	for (;;)
		;
	return 0;
}

/* Both CPUs are somewhere in the storm when it ends. */
static void some_time(struct random *rnd)
{
	u64 ticks = random_below(rnd, 0x40000), start = rdtsc();

	while (rdtsc() - start < ticks)
		wrmsr(SELF_IPI, 0x20 + random_below(rnd, 0xe0));
}

/*
 * Ends in the middle of a storm, with all pending that can be: by a reset,
 * `count` 0 to 2, a triple fault, 3, or the ACPI power-off.
 */
static u64 reset_in_storm(struct random *rnd, u64 count)
{
	const struct __packed {
		u16 limit;
		u64 base;
	} none = { 0, 0 };

	helper_do(storm_job);
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), TIMER_PERIODIC | TIMER_VECTOR);
	wrmsr(X2APIC_MSR(APIC_REG_TMICT), SHORT_PERIOD);
	some_time(rnd);
	switch (count) {
	case 0:
		outb(0xcf9, 6); /* the FADT's reset register */
		break;
	case 1:
		outb(0x64, 0xfe);
		break;
	case 2:
		outb(0x92, 1);
		break;
	case 3:
		asm volatile("lidt %0; ud2" : : "m"(none));
		break;
	default:
		outb(0x600, 5 << 2 | 0x20); /* its sleep control register */
	}
	for (;;)
		;
	return 0;
}

const struct attack apic_attacks[] = {
	{ "cli", interrupts_off_for_ever, 0 },
	{ "hlt", halted_for_ever, 0 },
	{ "tpr", tpr_high, 0 },
	{ "eoi", eoi_storm, 0 },
	{ "self", self_ipi_storm, 0 },
	{ "timer", timer_storm, SHORT_PERIOD },
	{ "lvt", lvt_modes, 2000 },
	{ "icr", icr_modes, 0x10000 },
	{ "xicr", xapic_icr_modes, 0x1000 },
	{ "xapic", xapic_page, 4000 },
	{ "base", apic_base_modes, 1000 },
	{ "nmis", nmi_storm, 0 },
	{ "inits", init_storm, 0 },
	{ "suicide", suicide, 0 },
	{ "ipis", ipi_storm, 0 },
	{ "reset", reset_in_storm, 0 },
	{ NULL, NULL, 0 },
};
