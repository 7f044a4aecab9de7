// SPDX-License-Identifier: BSD-2-Clause
/* IPIs: to oneself by either register, and to another CPU and back. */
#include "bench/bench.h"

#define ICR_TO(id) ((u64)(id) << 32)
#define OTHER	   1

/*
 * Half of them with interrupts on, which times the way to the handler; the
 * others with interrupts off, which times the way back behind the WRMSR.
 */
static void to_self(u32 msr, u64 value, u64 count)
{
	u64 i, start;

	idt_set(BENCH_VECTOR, on_interrupt);
	window_begin();
	interrupts_on();
	for (i = 1; i <= count / 2; i++) {
		start = rdtsc();
		wrmsr(msr, value);
		wait_taken(i);
		samples_add(&figures[LATENCY], entered - start);
	}
	for (; i <= count; i++) {
		interrupts_off();
		start = rdtsc();
		wrmsr(msr, value);
		samples_add(&figures[ACT], rdtsc() - start);
		interrupts_on();
		wait_taken(i);
	}
	interrupts_off();
	window_end();
}

void bench_self(u64 count)
{
	x2apic_enable();
	to_self(X2APIC_SELF_IPI, BENCH_VECTOR, count);
}

void bench_icr(u64 count)
{
	u32 id = x2apic_enable();

	to_self(X2APIC_ICR, ICR_TO(id) | BENCH_VECTOR, count);
}

static volatile u64 pings;
static u64 self;

static INTERRUPT void on_ping(struct interrupt_frame *frame)
{
	(void)frame;
	pings++;
	x2apic_eoi();
	wrmsr(X2APIC_ICR, ICR_TO(self) | PONG_VECTOR);
}

static void other_cpu(u32 id)
{
	(void)id;
	x2apic_enable();
	interrupts_on();
	for (;;)
		cpu_pause();
}

void bench_pingpong(u64 count)
{
	u64 i, start;

	idt_set(BENCH_VECTOR, on_ping);
	idt_set(PONG_VECTOR, on_interrupt);
	self = x2apic_enable();
	if (!cpu_start(OTHER, other_cpu))
		payload_fail("the second CPU does not start");
	interrupts_on();
	window_begin();
	for (i = 1; i <= count; i++) {
		start = rdtsc();
		wrmsr(X2APIC_ICR, ICR_TO(OTHER) | BENCH_VECTOR);
		wait_taken(i);
		samples_add(&figures[LATENCY], entered - start);
	}
	window_end();
	interrupts_off();
	if (pings != count)
		payload_fail("%lu pings, %lu pongs", pings, count);
	taken += pings;
}
