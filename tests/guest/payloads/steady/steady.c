// SPDX-License-Identifier: BSD-2-Clause
/*
 * The same exits at each start, of several causes; then it says so and waits,
 * with its only CPU busy, to be stopped or restarted.
 */
#include "lib/payload.h"

#define ROUNDS 100

PAYLOAD("steady")
{
	u32 a, b, c, d, i;

	x2apic_enable();
	for (i = 0; i < ROUNDS; i++) {
		cpuid(1, 0, &a, &b, &c, &d);
		wrmsr(X2APIC_ICR, ICR_SELF | 0x51);
		rdmsr(MSR_IA32_APIC_BASE);
	}
	say("steady: ready");
	for (;;)
		cpu_pause();
}
