// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPIs to oneself through the ICR: each costs one exit under Ashlar.  The
 * first `count` are sent with interrupts on, which times the way to the
 * handler; the others with interrupts off, which times the way back behind
 * the WRMSR.
 */
#include "lib/payload.h"

#define VECTOR	   0x40
#define WAIT_TICKS 10000000UL

static volatile u64 taken, entered;

static INTERRUPT void on_ipi(struct interrupt_frame *frame)
{
	(void)frame;
	entered = rdtsc();
	taken++;
	x2apic_eoi();
}

static void wait_taken(u64 number)
{
	u64 start = rdtsc();

	while (taken < number)
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("IPI %lu lost", number);
}

static void to_handler(u64 icr, u64 count, struct stat *s)
{
	u64 i, start, first = taken;

	interrupts_on();
	for (i = 1; i <= count; i++) {
		start = rdtsc();
		wrmsr(X2APIC_ICR, icr);
		wait_taken(first + i);
		stat_add(s, entered - start);
	}
	interrupts_off();
}

static void to_return(u64 icr, u64 count, struct stat *s)
{
	u64 i, start, end, first = taken;

	for (i = 1; i <= count; i++) {
		start = rdtsc();
		wrmsr(X2APIC_ICR, icr);
		end = rdtsc();
		interrupts_on();
		wait_taken(first + i);
		interrupts_off();
		stat_add(s, end - start);
	}
}

PAYLOAD("icr")
{
	u64 count = cmdline_number("count", 1000);
	u64 icr = (u64)x2apic_enable() << 32 | VECTOR;
	struct stat handler = { 0 }, back = { 0 };

	idt_set(VECTOR, on_ipi);
	mark('a');
	to_handler(icr, count, &handler);
	to_return(icr, count, &back);
	mark('b');
	if (taken != 2 * count)
		payload_fail("sent %lu, taken %lu", 2 * count, taken);
	payload_ok("taken=%lu return=%lu/%lu/%lu handler=%lu/%lu/%lu", taken,
		   back.min, stat_average(&back), back.max, handler.min,
		   stat_average(&handler), handler.max);
}
