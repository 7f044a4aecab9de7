// SPDX-License-Identifier: BSD-2-Clause
/* Wake-ups from HLT by the APIC timer: a TSC deadline, or a count. */
#include "bench/bench.h"

/* From arming to the deadline: more than arming costs in any mode. */
#define DELAY	    5000
#define DIVIDE_BY_1 0xb

static void sleep(u64 number, u64 start)
{
	while (taken < number) {
		asm volatile("sti; hlt; cli" : : : "memory");
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("wake-up %lu late", number);
	}
}

static void wake_up(u64 number)
{
	u64 start = rdtsc(), deadline = start + DELAY;

	wrmsr(MSR_IA32_TSC_DEADLINE, deadline);
	samples_add(&figures[ACT], rdtsc() - start);
	sleep(number, start);
	samples_add(&figures[LATENCY], entered - deadline);
}

void bench_timer(u64 count)
{
	u64 i;

	x2apic_enable();
	idt_set(BENCH_VECTOR, on_interrupt);
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), BENCH_VECTOR | TIMER_DEADLINE);
	window_begin();
	for (i = 1; i <= count; i++)
		wake_up(i);
	window_end();
}

/* How long a count takes is not known here: no latency. */
void bench_oneshot(u64 count)
{
	u64 i, start;

	x2apic_enable();
	idt_set(BENCH_VECTOR, on_interrupt);
	wrmsr(X2APIC_MSR(APIC_REG_TDCR), DIVIDE_BY_1);
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), BENCH_VECTOR);
	window_begin();
	for (i = 1; i <= count; i++) {
		start = rdtsc();
		wrmsr(X2APIC_MSR(APIC_REG_TMICT), DELAY);
		samples_add(&figures[ACT], rdtsc() - start);
		sleep(i, start);
	}
	window_end();
}
