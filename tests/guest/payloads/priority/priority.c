// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts of several sources in the order of the local APIC's priorities:
 * SDM vol. 3 section 11.8.3.  Three sources raise vectors of different classes
 * with interrupts off, in every order, each source with every class; once
 * interrupts are on they come by class, the highest first.  Then handlers that
 * let interrupts in: only a higher class comes before their EOI.
 *
 * The sources: the timer; an IPI; and the device's pin of the IO-APIC with
 * `device=1` on the command line, else the self-IPI register.
 */
#include "lib/e1000.h"
#include "lib/ioapic.h"
#include "lib/payload.h"

#define SOURCES	   3
#define ORDERS	   6
#define LOW	   0x52
#define MIDDLE	   0x91
#define HIGH	   0xd3
#define CLASS(v)   ((v) >> 4)
#define SHORT	   100U /* of the timer, in its ticks */
#define WAIT_TICKS 20000000000UL

static const u8 vectors[SOURCES] = { LOW, MIDDLE, HIGH };
static const u8 orders[ORDERS][SOURCES] = {
	{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
	{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
};
static u32 apic_id;
static bool device;
static volatile u32 seen;
static u8 order_seen[SOURCES];
static u64 taken;

static void raise_timer(u8 vector)
{
	apic_write(APIC_REG_TIMER, vector);
	apic_write(APIC_REG_TMICT, SHORT);
}

static void raise_ipi(u8 vector)
{
	apic_send(apic_id, vector);
}

static void raise_other(u8 vector)
{
	if (!device) {
		wrmsr(X2APIC_SELF_IPI, vector);
		return;
	}
	ioapic_route(e1000_pin(), vector, apic_id);
	e1000_write(E1000_ICS, E1000_ICR_RXT0);
}

static void (*const raise[SOURCES])(u8 vector) = { raise_timer, raise_ipi,
						   raise_other };

/* Whose vector is the device's now. */
static u8 device_vector;

static void end(u8 vector)
{
	if (device && vector == device_vector)
		e1000_read(E1000_ICR);
	x2apic_eoi();
}

static bool requested(u8 vector)
{
	return apic_read(APIC_REG_IRR + vector / 32) & BIT(vector % 32);
}

static void wait_requested(u8 vector)
{
	u64 start = rdtsc();

	while (!requested(vector))
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("vector %x never in IRR", vector);
}

static void wait_seen(u32 number)
{
	u64 start = rdtsc();

	while (seen < number)
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("%u of %u vectors", seen, number);
}

static void record(u8 vector)
{
	if (seen >= SOURCES)
		payload_fail("vector %x again", vector);
	order_seen[seen++] = vector;
	taken++;
}

static void note(u8 vector)
{
	record(vector);
	end(vector);
}

/*
 * In the handler of the middle class, with interrupts on: the higher class
 * comes at once, the lower one not before EOI.
 */
static void nest(u8 vector)
{
	record(vector);
	if (vector == MIDDLE) {
		raise_ipi(LOW);
		raise_ipi(HIGH);
		interrupts_on();
		wait_seen(2);
		interrupts_off();
		wait_requested(LOW);
		if (seen != 2)
			payload_fail("a lower class came before EOI");
	}
	end(vector);
}

static void (*handle)(u8 vector);

static INTERRUPT void on_low(struct interrupt_frame *frame)
{
	(void)frame;
	handle(LOW);
}

static INTERRUPT void on_middle(struct interrupt_frame *frame)
{
	(void)frame;
	handle(MIDDLE);
}

static INTERRUPT void on_high(struct interrupt_frame *frame)
{
	(void)frame;
	handle(HIGH);
}

static void check(u8 first, u8 second, u8 third, const char *what)
{
	if (order_seen[0] != first || order_seen[1] != second ||
	    order_seen[2] != third)
		payload_fail("%s: %x %x %x", what, order_seen[0], order_seen[1],
			     order_seen[2]);
}

/* Source s raises the class given[s]; `order` says who comes first. */
static void one_round(const u8 *order, const u8 *given)
{
	u32 i;
	u8 vector;

	seen = 0;
	device_vector = vectors[given[SOURCES - 1]];
	for (i = 0; i < SOURCES; i++) {
		vector = vectors[given[order[i]]];
		raise[order[i]](vector);
		wait_requested(vector);
	}
	interrupts_on();
	wait_seen(SOURCES);
	interrupts_off();
	check(HIGH, MIDDLE, LOW, "classes");
}

/* TPR holds back its own class and those below. */
static void one_threshold(void)
{
	seen = 0;
	apic_write(APIC_REG_TPR, CLASS(MIDDLE) << 4);
	raise_ipi(LOW);
	raise_ipi(MIDDLE);
	raise_ipi(HIGH);
	interrupts_on();
	wait_seen(1);
	interrupts_off();
	wait_requested(MIDDLE);
	if (seen != 1)
		payload_fail("%u vectors over the TPR", seen);
	apic_write(APIC_REG_TPR, 0);
	interrupts_on();
	wait_seen(SOURCES);
	interrupts_off();
	check(HIGH, MIDDLE, LOW, "TPR");
}

static void one_nesting(u32 source)
{
	seen = 0;
	device_vector = source == SOURCES - 1 ? MIDDLE : 0;
	raise[source](MIDDLE);
	interrupts_on();
	wait_seen(SOURCES);
	interrupts_off();
	check(MIDDLE, HIGH, LOW, "nesting");
}

static void prepare(void)
{
	apic_id = x2apic_enable();
	device = cmdline_number("device", 0);
	if (device)
		e1000_init(E1000_ICR_RXT0);
	apic_write(APIC_REG_TDCR, 0xb);
	idt_set(LOW, on_low);
	idt_set(MIDDLE, on_middle);
	idt_set(HIGH, on_high);
}

PAYLOAD("priority")
{
	u32 i, k;

	prepare();
	handle = note;
	for (i = 0; i < ORDERS; i++)
		for (k = 0; k < ORDERS; k++)
			one_round(orders[i], orders[k]);
	device_vector = 0;
	one_threshold();
	handle = nest;
	for (i = 0; i < SOURCES; i++)
		one_nesting(i);
	payload_ok("device=%u taken=%lu", (u32)device, taken);
}
