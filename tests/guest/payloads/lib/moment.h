/* SPDX-License-Identifier: BSD-2-Clause */
/* A moment of the TSC. */
#ifndef MOMENT_H
#define MOMENT_H

#include "core/types.h"
#include "core/x86.h"

/* Instructions, each a byte: more than a round of the loop before them. */
#define MOMENT_SLED 32

/*
 * Waits for it: to the tick where a tick is an instruction.  Inline, since
 * whoever sweeps ticks has to know how long a turn is.
 */
static inline void wait_until(u64 end)
{
	u64 left;

	do
		left = end - rdtsc();
	while ((s64)left > MOMENT_SLED);
	if ((s64)left <= 0)
		return;
	asm volatile("lea 1f(%%rip), %%rax\n\t"
		     "sub %0, %%rax\n\t"
		     "jmp *%%rax\n\t"
		     ".fill %c1, 1, 0x90\n\t"
		     "1:"
		     :
		     : "r"(left), "i"(MOMENT_SLED)
		     : "rax", "cc", "memory");
}

#endif
