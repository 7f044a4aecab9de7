// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts of a device, a level pin of the IO-APIC: from the write that
 * raises the line to the handler.
 */
#include "bench/bench.h"
#include "lib/e1000.h"
#include "lib/ioapic.h"

static INTERRUPT void on_device(struct interrupt_frame *frame)
{
	(void)frame;
	interrupt_taken();
	if (!(e1000_read(E1000_ICR) & E1000_ICR_RXT0))
		payload_fail("interrupt %lu without a cause", taken);
	interrupt_end();
}

void bench_device(u64 count)
{
	u32 id = x2apic_enable();
	u64 i, start;

	idt_set(BENCH_VECTOR, on_device);
	e1000_init(E1000_ICR_RXT0);
	ioapic_route(e1000_pin(), BENCH_VECTOR, id);
	interrupts_on();
	window_begin();
	for (i = 1; i <= count; i++) {
		start = rdtsc();
		e1000_write(E1000_ICS, E1000_ICR_RXT0);
		wait_taken(i);
		samples_add(&figures[LATENCY], entered - start);
	}
	window_end();
	interrupts_off();
}
