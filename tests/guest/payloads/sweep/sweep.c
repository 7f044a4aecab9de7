// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPIs and NMIs at every moment of what a CPU does between two instructions
 * that belong together: STI and HLT, STI or MOV SS and a fault, an NMI's
 * handler and its IRET.  CPU 1 begins a turn, CPU 0 sends `delay` ticks after
 * it began; every delay from 0 to `last` ticks.
 *
 * Counted are, by what CPU 1 does: turns that end only once CPU 0 has sent one
 * more NMI (late), those that not even then (lost, and the end), interrupts in
 * a shadow (early), frames with a TF that the guest has not set, and #DBs
 * (borrowed).
 *
 * Command line: late=N, ticks until a turn is late.  fault=1: faults in the
 * shadow, too; Bochs with two CPUs loses RIP when an NMI exits at the first
 * instruction of an exception's handler.  step=1: HLT with TF, too; emulators
 * themselves put off the #DB until something else ends the HLT.  alone=1: what
 * one CPU can do.
 */
#include "lib/descriptors.h"
#include "lib/moment.h"
#include "lib/payload.h"

#define LOW	     0x51
#define HIGH	     0x61
#define SPURIOUS     0xff
#define LEAD	     40
#define HANDLER_SIZE 200UL
/* Late turns that are enough. */
#define ENOUGH 10
#define ALONE  20

static volatile u64 turn, ready, done;
/* By CPU 1, of this turn. */
static volatile u32 ipis, in_service, nmis;
static volatile u64 borrowed, early, steps;
static bool bad_return;
static u64 patience;

static void see_frame(const struct interrupt_frame *frame)
{
	borrowed += !!(frame->rflags & RFLAGS_TF);
}

static INTERRUPT void on_ipi(struct interrupt_frame *frame)
{
	see_frame(frame);
	ipis++;
	in_service++;
}

/* By TPR, in the core's own APIC. */
static INTERRUPT void on_spurious(struct interrupt_frame *frame)
{
	see_frame(frame);
}

/* With bad_return it can't return before on_absent() has put that right. */
static INTERRUPT void on_nmi(struct interrupt_frame *frame)
{
	see_frame(frame);
	nmis++;
	if (bad_return)
		*(volatile u64 *)&frame->cs = ABSENT_CODE;
}

/* #NP at the IRET of on_nmi(); RSP is its frame's. */
static INTERRUPT void on_absent(struct interrupt_frame *frame, u64 error)
{
	struct interrupt_frame *outer = (struct interrupt_frame *)frame->rsp;

	see_frame(frame);
	if (!bad_return || error != ABSENT_CODE || outer->cs != ABSENT_CODE)
		payload_fail("#NP(%lx) at %lx", error, frame->rip);
	*(volatile u64 *)&outer->cs = CODE_SELECTOR;
}

static void send_self(u32 low)
{
	wrmsr(X2APIC_ICR, rdmsr(X2APIC_ID) << 32 | low);
}

/*
 * The first can't return and sends another, which waits for that return: it
 * comes at the fault's handler.
 */
static INTERRUPT void on_two_nmis(struct interrupt_frame *frame)
{
	if (nmis++) {
		if (frame->rip - (u64)on_absent > HANDLER_SIZE)
			payload_fail("an NMI at %lx, not at the fault",
				     frame->rip);
		return;
	}
	send_self(ICR_NMI);
	*(volatile u64 *)&frame->cs = ABSENT_CODE;
}

/* UD2, and an exit in its handler. */
static INTERRUPT void on_undefined(struct interrupt_frame *frame)
{
	u32 a, b, c, d;

	see_frame(frame);
	cpuid(0, 0, &a, &b, &c, &d);
	*(volatile u64 *)&frame->rip += 2;
}

static INTERRUPT void on_debug(struct interrupt_frame *frame)
{
	if (steps) {
		steps--;
		*(volatile u64 *)&frame->rflags &= ~RFLAGS_TF;
	} else {
		borrowed++;
	}
}

/* --- what CPU 1 does in a turn --- */

static void end_all(void)
{
	for (; in_service; in_service--)
		x2apic_eoi();
}

static void sleep_until(u32 wanted)
{
	while (ipis < wanted) {
		asm volatile("sti; hlt; cli" : : : "memory");
		end_all();
	}
}

static void be_woken(void)
{
	sleep_until(1);
}

/* The second only after the first one's EOI. */
static void be_woken_twice(void)
{
	sleep_until(2);
}

static void wake_self(void)
{
	send_self(LOW);
	send_self(HIGH);
	sleep_until(2);
}

static void wait_nmi(void)
{
	while (!nmis)
		cpu_pause();
}

static void be_woken_and_hit(void)
{
	sleep_until(1);
	wait_nmi();
}

/* Interrupts are never let in: POPF and CLI are in the shadow of an STI. */
static void stay_in_shadow(void)
{
	send_self(LOW);
	while (!nmis)
		asm volatile("pushf; sti; popf; sti; cli; mov %0, %%ss; nop"
			     :
			     : "r"(DATA_SELECTOR)
			     : "memory");
	early += ipis;
	end_all();
	sleep_until(1);
}

/* UD2 behind STI and behind MOV SS. */
static void fault_in_shadow(void)
{
	while (!nmis)
		asm volatile("sti; ud2; cli; nop\n\t"
			     "mov %0, %%ss; ud2; nop"
			     :
			     : "r"(DATA_SELECTOR)
			     : "memory");
}

/* POPF sets TF, HLT is stepped over. */
static void step_halt(void)
{
	steps = 1;
	asm volatile("pushf; orl $0x100, (%%rsp); popf; hlt" : : : "memory");
	wait_nmi();
}

static void send_ipi(u8 vector)
{
	wrmsr(X2APIC_ICR, 1UL << 32 | vector);
}

static void send_nmi(void)
{
	wrmsr(X2APIC_ICR, 1UL << 32 | ICR_NMI);
}

static void send_one(void)
{
	send_ipi(LOW);
}

static void send_two(void)
{
	send_ipi(LOW);
	send_ipi(HIGH);
}

static void send_none(void)
{
}

static void send_both(void)
{
	if (turn & 1)
		send_nmi();
	send_ipi(LOW);
	if (!(turn & 1))
		send_nmi();
}

static const struct part {
	const char *name;
	void (*act)(void);
	void (*send)(void);
	u64 last; /* delay */
	bool bad_return;
	const char *key; /* that asks for it */
} parts[] = {
	{ "self", wake_self, send_none, 20, false, NULL },
	{ "wake", be_woken, send_one, 1600, false, NULL },
	{ "two", be_woken_twice, send_two, 400, false, NULL },
	{ "both", be_woken_and_hit, send_both, 800, false, NULL },
	{ "shadow", stay_in_shadow, send_nmi, 400, false, NULL },
	{ "return", wait_nmi, send_nmi, 100, true, NULL },
	{ "fault", fault_in_shadow, send_nmi, 800, false, "fault" },
	{ "step", step_halt, send_nmi, 20, false, "step" },
};
static const struct part *volatile part;

static void target(u32 id)
{
	u64 number, i;

	(void)id;
	x2apic_enable();
	for (number = 1;; number++) {
		ipis = nmis = 0;
		ready = number;
		while (turn < number)
			cpu_pause();
		for (i = 0; i < LEAD; i++)
			asm volatile("");
		part->act();
		done = number;
	}
}

/* --- CPU 0 --- */

static bool reaches(const volatile u64 *what, u64 number)
{
	u64 start = rdtsc();

	while (*what < number)
		if (rdtsc() - start > patience)
			return false;
	return true;
}

static u64 late;

static void one_turn(u64 delay)
{
	if (!reaches(&ready, turn + 1))
		payload_fail("%s: CPU 1 is stuck in turn %lu", part->name,
			     ready);
	turn++;
	wait_until(rdtsc() + delay);
	part->send();
	if (reaches(&done, turn))
		return;
	late++;
	send_nmi();
	if (!reaches(&done, turn))
		payload_fail("%s: lost, delay=%lu late=%lu ipis=%u nmis=%u",
			     part->name, delay, late, ipis, nmis);
}

static u64 total_late;

static void sweep(const struct part *p)
{
	u64 delay, borrowed_before = borrowed, early_before = early;

	part = p;
	bad_return = p->bad_return;
	late = 0;
	for (delay = 0; delay <= p->last && late < ENOUGH; delay++)
		one_turn(delay);
	say("sweep %s: turns=%lu late=%lu early=%lu borrowed=%lu", p->name,
	    delay, late, early - early_before, borrowed - borrowed_before);
	total_late += late;
}

/* TPR by CR8 while something waits for it: from any register. */
static void priorities(void)
{
	u64 read;

	x2apic_enable();
	interrupts_off();
	ipis = 0;
	send_self(LOW);
	asm volatile("mov %1, %%r9; mov %%r9, %%cr8; mov %%cr8, %0\n\t"
		     "sti; nop; cli"
		     : "=r"(read)
		     : "r"(5UL)
		     : "r9", "memory");
	if (ipis || read != 5)
		payload_fail("CR8 is %lu, and %u came", read, ipis);
	asm volatile("mov %0, %%cr8; sti; mov %1, %%cr8; nop; cli"
		     :
		     : "r"(15UL), "r"(4UL)
		     : "memory");
	if (ipis != 1)
		payload_fail("%u came with CR8", ipis);
	end_all();
	asm volatile("mov %0, %%cr8" : : "r"(0UL));
}

static void alone(void)
{
	u32 i;

	for (i = 0; i < ALONE; i++) {
		ipis = 0;
		wake_self();
	}
	idt_set(VEC_NMI, on_two_nmis);
	bad_return = true;
	for (i = 0; i < ALONE; i++) {
		nmis = 0;
		send_self(ICR_NMI);
		while (nmis < 2)
			cpu_pause();
	}
	payload_ok("alone borrowed=%lu", borrowed);
}

static void set_handlers(void)
{
	idt_set(VEC_NMI, on_nmi);
	idt_set(VEC_DB, on_debug);
	idt_set(VEC_UD, on_undefined);
	idt_set(VEC_NP, (interrupt_handler *)(void *)on_absent);
	idt_set(LOW, on_ipi);
	idt_set(HIGH, on_ipi);
	idt_set(SPURIOUS, on_spurious);
}

PAYLOAD("sweep")
{
	u32 i;

	patience = cmdline_number("late", 1000000);
	set_handlers();
	priorities();
	if (cmdline_number("alone", 0))
		alone();
	if (!cpu_start(1, target))
		payload_fail("the second CPU does not start");
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (!parts[i].key || cmdline_number(parts[i].key, 0))
			sweep(&parts[i]);
	if (total_late || early || borrowed)
		payload_fail("late=%lu early=%lu borrowed=%lu", total_late,
			     early, borrowed);
	payload_ok("turns=%lu", turn);
}
