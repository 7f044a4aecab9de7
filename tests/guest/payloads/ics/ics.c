// SPDX-License-Identifier: BSD-2-Clause
/*
 * Exactness: `count` interrupts of the network card by its cause-set register,
 * each with its number in memory.  The handler sees every number once, in
 * order, and nothing else: no entry without a cause, none too many, none left
 * in the local APIC at the end.  It begins after `delay` ticks and keeps its
 * pin for `hold` ticks more.
 *
 * With cpus=2 the pin goes to the other CPU after each `turn` interrupts,
 * masked while it is changed.  The next one is raised meanwhile.  That CPU is
 * now busy, now halted.
 *
 * Then `late` edge interrupts, each of which is pending in the local APIC when
 * its vector is taken off the pin.
 */
#include "lib/descriptors.h"
#include "lib/e1000.h"
#include "lib/ioapic.h"
#include "lib/payload.h"

#define VECTOR	    0x41
#define END_VECTOR  0x42
#define LATE_VECTOR 0x43
#define OTHER	    1 /* the second CPU's id */
#define WAIT_TICKS  100000000UL
/* For an interrupt too many to show up. */
#define REST_TICKS 100000UL
/* For one to get from the card to the local APIC. */
#define WAY_TICKS 1000UL

static volatile u64 number, seen, wrong, causeless, elsewhere, late_seen;
/* Of each CPU: how many it saw. */
static volatile u64 shares[OTHER + 1];
/* Where the pin goes. */
static volatile u32 target;
static volatile bool ready, ended, other_left;

/* By a register that never exits: FS of the second is not null. */
static u32 this_cpu_number(void)
{
	u16 selector;

	asm volatile("mov %%fs, %0" : "=r"(selector));
	return selector ? OTHER : 0;
}

static INTERRUPT void on_card(struct interrupt_frame *frame)
{
	/*
	 * First of all: Bochs has no remote IRR, and while the line is high it
	 * sends again at each write of any entry, by any partition.
	 */
	u32 causes = e1000_read(E1000_ICR), cpu = this_cpu_number();

	(void)frame;
	if (cpu != target)
		elsewhere++;
	shares[cpu]++;
	if (!(causes & E1000_ICR_RXT0))
		causeless++;
	else if (number != seen + 1)
		wrong++;
	else
		seen = number;
	x2apic_eoi();
}

static INTERRUPT void on_late(struct interrupt_frame *frame)
{
	(void)frame;
	e1000_read(E1000_ICR);
	late_seen++;
	x2apic_eoi();
}

static void raise_number(u64 n)
{
	number = n;
	e1000_write(E1000_ICS, E1000_ICR_RXT0);
}

static void await(u64 n)
{
	u64 start = rdtsc();

	while (seen != n)
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("%lu raised, %lu seen, wrong %lu", n, seen,
				     wrong);
}

static bool pending(u32 reg)
{
	return apic_read(reg + VECTOR / 32) >> VECTOR % 32 & 1;
}

static bool left(void)
{
	return pending(APIC_REG_IRR) || pending(APIC_REG_ISR);
}

static INTERRUPT void on_end(struct interrupt_frame *frame)
{
	(void)frame;
	other_left = left();
	x2apic_eoi();
	ended = true;
}

static void other_cpu(u32 id)
{
	u64 had;

	(void)id;
	x2apic_enable();
	asm volatile("mov %0, %%fs" : : "r"(DATA_SELECTOR));
	interrupts_on();
	ready = true;
	for (;;) {
		had = shares[OTHER];
		while (shares[OTHER] == had)
			cpu_pause();
		asm volatile("hlt");
	}
}

static void await_other(volatile bool *what)
{
	u64 start = rdtsc();

	while (!*what)
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("the second CPU does not answer");
}

static void start_other(void)
{
	idt_set(END_VECTOR, on_end);
	if (!cpu_start(OTHER, other_cpu))
		payload_fail("the second CPU does not start");
	await_other(&ready);
}

/* The pin changes CPUs with interrupt n at its door. */
static void move(u64 n)
{
	u32 pin = e1000_pin();

	ioapic_mask(pin, VECTOR);
	target ^= OTHER;
	raise_number(n);
	ioapic_route(pin, VECTOR, target);
}

static void pass(u64 ticks)
{
	u64 start = rdtsc();

	while (rdtsc() - start < ticks)
		;
}

static void run(u64 count, u64 turn)
{
	u64 i;

	for (i = 1; i <= count; i++) {
		if (turn && i > turn && i % turn == 1)
			move(i);
		else
			raise_number(i);
		await(i);
	}
	pass(REST_TICKS);
}

/* It is the CPU's since it was sent, whatever becomes of the pin. */
static void run_late(u64 count, u32 id)
{
	u32 pin = e1000_pin();
	u64 i;

	idt_set(LATE_VECTOR, on_late);
	for (i = 1; i <= count; i++) {
		interrupts_off();
		ioapic_route_edge(pin, LATE_VECTOR, id);
		e1000_write(E1000_ICS, E1000_ICR_RXT0);
		pass(WAY_TICKS);
		ioapic_mask(pin, VECTOR);
		interrupts_on();
		pass(WAY_TICKS);
		if (late_seen != i)
			payload_fail("late: %lu raised, %lu seen", i,
				     late_seen);
	}
}

static void check(u64 count, bool two)
{
	if (seen != count || wrong || causeless || elsewhere)
		payload_fail("%lu raised, %lu seen, wrong %lu, without a cause "
			     "%lu, on the other CPU %lu",
			     count, seen, wrong, causeless, elsewhere);
	if (two) {
		apic_send(OTHER, END_VECTOR);
		await_other(&ended);
	}
	if (left() || other_left)
		payload_fail("vector %x is still pending or in service",
			     VECTOR);
	if (two)
		say("ics: shares %lu %lu", shares[0], shares[OTHER]);
}

PAYLOAD("ics")
{
	u64 count = cmdline_number("count", 1000);
	bool two = cmdline_number("cpus", 1) == 2;
	u32 id = x2apic_enable();

	pass(cmdline_number("delay", 0));
	idt_set(VECTOR, on_card);
	if (two)
		start_other();
	e1000_init(E1000_ICR_RXT0);
	ioapic_route(e1000_pin(), VECTOR, id);
	interrupts_on();
	mark('B');
	run(count, two ? cmdline_number("turn", 10) : 0);
	mark('E');
	run_late(cmdline_number("late", 0), id);
	pass(cmdline_number("hold", 0));
	interrupts_off();
	check(count, two);
	payload_ok("raised=%lu seen=%lu", count, seen);
}
