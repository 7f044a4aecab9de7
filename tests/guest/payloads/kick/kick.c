// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kicks at every moment of an exit.  CPU 1 makes one exit, a CPUID, then spins
 * with interrupts off and without an exit of its own; CPU 0 sends it an NMI
 * `delay` ticks after it began.  The guest's NMI comes by a kick of its core:
 * if that is lost it stays lost, because nothing else ends the guest's run.
 * Every delay from 0 to `last` ticks, `passes` times over.
 *
 * A kick is lost when CPU 1 has spun SPINS times since without its NMI.  The
 * histogram says where CPU 1 was: before the exit, in it (the NMI came right
 * behind CPUID), or behind it.
 */
#include "lib/moment.h"
#include "lib/payload.h"

#define BUCKETS 20
#define SPINS	100000UL
/* In ticks of the TSC; a CPU that takes longer is stuck. */
#define PATIENCE 60000000000UL

enum place {
	BEFORE,
	WITHIN,
	BEHIND,
	PLACES
};

/* The turn that CPU 0 began, and that CPU 1 waits behind. */
static volatile u64 turn, finished;
/* By CPU 1: NMIs, where the last one came, and rounds of its last loop. */
static volatile u64 taken, spins;
static volatile enum place place;

static u64 last, lead;
static u64 histogram[BUCKETS + 1][PLACES];

/* CPU 1's turn: `lead` rounds, the exit, then a loop until CPU 0 ends it. */
extern const u8 turn_exit[], turn_behind[];

static void one_turn(u64 rounds, u64 number)
{
	asm volatile("1: sub $1, %%rsi\n\t"
		     "jnz 1b\n\t"
		     "xor %%eax, %%eax\n\t"
		     "turn_exit: cpuid\n\t"
		     "turn_behind: nop\n\t"
		     "2: incq %1\n\t"
		     "cmp %2, %%rdi\n\t"
		     "ja 2b"
		     : "+S"(rounds), "+m"(spins)
		     : "m"(finished), "D"(number)
		     : "rax", "rbx", "rcx", "rdx", "cc", "memory");
}

static volatile u64 ready;

static void target(u32 id)
{
	u64 number;

	(void)id;
	for (number = 1;; number++) {
		ready = number;
		while (turn < number)
			cpu_pause();
		one_turn(lead, number);
	}
}

static INTERRUPT void on_nmi(struct interrupt_frame *frame)
{
	place = frame->rip <= (u64)turn_exit   ? BEFORE :
		frame->rip == (u64)turn_behind ? WITHIN :
						 BEHIND;
	taken++;
}

static void wait_ready(u64 number)
{
	u64 start = rdtsc();

	while (ready < number)
		if (rdtsc() - start > PATIENCE)
			payload_fail("CPU 1 is stuck in turn %lu", ready);
}

static bool sent_arrives(void)
{
	u64 before, spun, start = rdtsc();

	wrmsr(X2APIC_ICR, 1UL << 32 | ICR_NMI);
	before = spins;
	do {
		/* First this one: a host may put either CPU aside. */
		spun = spins - before;
		if (taken == turn)
			return true;
		if (rdtsc() - start > PATIENCE)
			payload_fail("CPU 1 is stuck in turn %lu", turn);
	} while (spun < SPINS);
	return false;
}

static void kick(u64 delay)
{
	wait_ready(turn + 1);
	turn++;
	wait_until(rdtsc() + delay);
	/* The next kick would bring both: there is nothing more to learn. */
	if (!sent_arrives())
		payload_fail("kicks=%lu lost=1 delay=%lu taken=%lu", turn,
			     delay, taken);
	histogram[delay * BUCKETS / last][place]++;
	finished = turn;
}

static void print_histogram(u64 *totals)
{
	u32 i, p;

	for (i = 0; i <= BUCKETS; i++) {
		say("kick: delay %lu: before=%lu within=%lu behind=%lu",
		    i * last / BUCKETS, histogram[i][BEFORE],
		    histogram[i][WITHIN], histogram[i][BEHIND]);
		for (p = 0; p < PLACES; p++)
			totals[p] += histogram[i][p];
	}
}

PAYLOAD("kick")
{
	u64 passes = cmdline_number("passes", 3);
	u64 pass, delay, totals[PLACES] = { 0 };

	last = cmdline_number("last", 2000);
	lead = cmdline_number("lead", 300);
	if (!cpu_start(1, target))
		payload_fail("the second CPU does not start");
	x2apic_enable();
	idt_set(VEC_NMI, on_nmi);
	/* Bochs' SVM has no DR6 at a #DB: Ashlar's single steps get through. */
	idt_set_bare(VEC_DB);
	mark('B');
	for (pass = 0; pass < passes; pass++)
		for (delay = 0; delay <= last; delay++)
			kick(delay);
	mark('E');
	print_histogram(totals);
	if (taken != turn)
		payload_fail("kicks=%lu taken=%lu", turn, taken);
	payload_ok("kicks=%lu before=%lu within=%lu behind=%lu", turn,
		   totals[BEFORE], totals[WITHIN], totals[BEHIND]);
}
