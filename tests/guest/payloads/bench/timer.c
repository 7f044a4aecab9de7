// SPDX-License-Identifier: BSD-2-Clause
/* Wake-ups from HLT by the TSC deadline. */
#include "bench/bench.h"

/* From arming to the deadline: more than arming costs in any mode. */
#define DELAY 5000

static void wake_up(u64 number)
{
	u64 start = rdtsc(), deadline = start + DELAY;

	wrmsr(MSR_IA32_TSC_DEADLINE, deadline);
	samples_add(&figures[ACT], rdtsc() - start);
	while (taken < number) {
		asm volatile("sti; hlt; cli" : : : "memory");
		if (rdtsc() - start > 1000 * DELAY)
			payload_fail("wake-up %lu late", number);
	}
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
