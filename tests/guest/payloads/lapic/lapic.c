// SPDX-License-Identifier: BSD-2-Clause
/*
 * The local APIC in each of its states, by what the manual says: SDM vol. 3
 * chapter 11.  CPU 0 is looked at; CPU 1, in x2APIC mode, sends to it.  A line
 * for each check; the result counts them.  `settle=N`, `patience=N`: ticks to
 * wait for what must not come, and for what must; `bare=1`: not on Ashlar.
 */
#include "lapic/lapic.h"

#define APIC_PAGE  0xfee00000UL
#define MODE_SHIFT 10
#define MODE_BITS  (3UL << MODE_SHIFT)
#define TSS_CPU_0  0x20
#define GAP	   500

bool bare;
volatile u32 taken, taken_1, nmis[2];
static u32 checks, failures;
static u64 settle_ticks, patience;

void check(bool ok, const char *what)
{
	checks++;
	failures += !ok;
	say("lapic: %s %s", ok ? "ok" : "FAIL", what);
}

struct access {
	u32 msr;
	u64 value;
};

static void do_write(void *arg)
{
	const struct access *a = arg;

	wrmsr(a->msr, a->value);
}

static void do_read(void *arg)
{
	struct access *a = arg;

	a->value = rdmsr(a->msr);
}

bool try_write(u32 msr, u64 value)
{
	struct access a = { msr, value };
	struct fault fault;

	return attempt(do_write, &a, &fault);
}

bool try_read(u32 msr, u64 *value)
{
	struct access a = { msr, 0 };
	struct fault fault;
	bool ok = attempt(do_read, &a, &fault);

	*value = a.value;
	return ok;
}

bool try_mode(enum apic_mode mode)
{
	u64 base = rdmsr(MSR_IA32_APIC_BASE) & ~MODE_BITS;

	return try_write(MSR_IA32_APIC_BASE, base | (u64)mode << MODE_SHIFT);
}

static enum apic_mode current(void)
{
	return rdmsr(MSR_IA32_APIC_BASE) >> MODE_SHIFT & 3;
}

void set_mode(enum apic_mode mode, u32 svr)
{
	if (current() > mode)
		try_mode(MODE_OFF);
	if (current() == MODE_OFF && mode != MODE_OFF)
		try_mode(MODE_XAPIC);
	if (mode == MODE_X2APIC)
		try_mode(MODE_X2APIC);
	if (mode != MODE_OFF && svr)
		apic_write(APIC_REG_SVR, svr);
	taken = taken_1 = 0;
}

u32 page_read(u32 reg)
{
	return *(volatile u32 *)(APIC_PAGE + reg * 16UL);
}

void page_write(u32 reg, u32 value)
{
	*(volatile u32 *)(APIC_PAGE + reg * 16UL) = value;
}

static void pass(u64 ticks)
{
	u64 start = rdtsc();

	while (rdtsc() - start < ticks)
		cpu_pause();
}

void settle(void)
{
	interrupts_on();
	pass(settle_ticks);
	interrupts_off();
}

bool reaches(const volatile u32 *count, u32 wanted)
{
	u64 start = rdtsc();

	interrupts_on();
	while (*count < wanted && rdtsc() - start < patience)
		cpu_pause();
	interrupts_off();
	return *count == wanted;
}

static bool bit_of(u32 reg, u8 vector)
{
	return apic_read(reg + vector / 32) >> vector % 32 & 1;
}

bool requested(u8 vector)
{
	return bit_of(APIC_REG_IRR, vector);
}

bool in_service(u8 vector)
{
	return bit_of(APIC_REG_ISR, vector);
}

static INTERRUPT void on_vector(struct interrupt_frame *frame)
{
	(void)frame;
	taken++;
	apic_write(APIC_REG_EOI, 0);
}

static INTERRUPT void on_vector_1(struct interrupt_frame *frame)
{
	(void)frame;
	taken_1++;
	x2apic_eoi();
}

static INTERRUPT void on_illegal(struct interrupt_frame *frame)
{
	(void)frame;
	apic_write(APIC_REG_EOI, 0);
}

static INTERRUPT void on_nmi(struct interrupt_frame *frame)
{
	u16 selector;

	(void)frame;
	asm volatile("str %0" : "=r"(selector));
	nmis[selector != TSS_CPU_0]++;
}

/* What CPU 1 is to send, and how many jobs it has been given and done. */
static volatile u64 job_icr;
static volatile u32 job_times, jobs, jobs_done;

static void other(u32 id)
{
	u32 i;

	(void)id;
	x2apic_enable();
	interrupts_on();
	for (;;) {
		while (jobs == jobs_done)
			cpu_pause();
		for (i = 0; i < job_times; i++) {
			wrmsr(X2APIC_ICR, job_icr);
			if (bare)
				pass(GAP);
		}
		jobs_done++;
	}
}

void other_begins(u64 icr, u32 times)
{
	job_icr = icr;
	job_times = times;
	jobs++;
}

bool other_is_done(void)
{
	return jobs == jobs_done;
}

void other_sends(u64 icr, u32 times)
{
	other_begins(icr, times);
	while (!other_is_done())
		cpu_pause();
}

/* INIT resets all but the mode: sections 11.4.7.3 and 11.12.5.1. */
static volatile u64 base_after_init;
static volatile u32 init_done;

static void after_init(u32 id)
{
	base_after_init = rdmsr(MSR_IA32_APIC_BASE);
	init_done = 1;
	other(id);
}

void check_init(void)
{
	check(cpu_start(1, after_init) && reaches(&init_done, 1) &&
		      (base_after_init & MODE_BITS) == MODE_BITS,
	      "11.12.5.1 INIT: keeps x2APIC mode");
}

PAYLOAD("lapic")
{
	settle_ticks = cmdline_number("settle", 100000);
	patience = cmdline_number("patience", 2000000000);
	bare = cmdline_number("bare", 0);
	idt_set(VECTOR, on_vector);
	idt_set(VECTOR_1, on_vector_1);
	idt_set(VEC_NMI, on_nmi);
	/* QEMU delivers vectors that are illegal. */
	idt_set(ILLEGAL, on_illegal);
	/* Single steps of the host may get through, on SVM. */
	idt_set_bare(VEC_DB);
	if (!cpu_start(1, other))
		payload_fail("the second CPU does not start");
	check_xapic();
	check_x2apic();
	check_software_disabled();
	check_nmis();
	check_init();
	check_off();
	if (failures)
		payload_fail("checks=%u failed=%u", checks, failures);
	payload_ok("checks=%u failed=0", checks);
}
