// SPDX-License-Identifier: BSD-2-Clause
/*
 * The echo device: rings its doorbell, waits for the interrupt, `count` times,
 * between marks a and b.  Says how many interrupts came and what the ways cost
 * in ticks: from the ring to the sidecore, and from there to the handler.
 */
#include "drivers/echo.h"
#include "guest/layout.h"
#include "lib/ioapic.h"
#include "lib/payload.h"

#define VECTOR	   0x61
#define WAIT_TICKS 20000000000UL

static volatile struct echo_page *const echo = (void *)GUEST_ECHO;
static volatile u64 taken, entered;

static INTERRUPT void on_echo(struct interrupt_frame *frame)
{
	(void)frame;
	entered = rdtsc();
	taken++;
	x2apic_eoi();
}

static void await(u32 number)
{
	u64 start = rdtsc();

	while (taken < number)
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("ring %u: done %u, no interrupt", number,
				     echo->done);
}

/* The TSCs of two CPUs: an emulator's may be a little apart. */
static u64 ticks(u64 from, u64 to)
{
	return to > from ? to - from : 0;
}

PAYLOAD("echo")
{
	u32 count = (u32)cmdline_number("count", 1000);
	struct stat there = { 0 }, back = { 0 };
	u32 id = x2apic_enable(), i;
	u64 rung;

	if (echo->magic != ECHO_MAGIC)
		payload_fail("no echo device");
	idt_set(VECTOR, on_echo);
	ioapic_route_edge(echo->gsi, VECTOR, id);
	interrupts_on();
	mark('a');
	for (i = 1; i <= count; i++) {
		rung = rdtsc();
		echo->doorbell = i;
		await(i);
		stat_add(&there, ticks(rung, echo->tsc));
		stat_add(&back, ticks(echo->tsc, entered));
	}
	mark('b');
	interrupts_off();
	if (taken != count || echo->done != count)
		payload_fail("%u rings, %lu interrupts, done %u", count, taken,
			     echo->done);
	payload_ok("taken=%lu there=%lu/%lu/%lu back=%lu/%lu/%lu", taken,
		   there.min, stat_average(&there), there.max, back.min,
		   stat_average(&back), back.max);
}
