// SPDX-License-Identifier: BSD-2-Clause
#include "lib/moment.h"
#include "core/x86.h"

/* Instructions, each a byte: more than a round of the loop before them. */
#define SLED 32

void wait_until(u64 end)
{
	u64 left;

	do
		left = end - rdtsc();
	while ((s64)left > SLED);
	if ((s64)left <= 0)
		return;
	asm volatile("lea 1f(%%rip), %%rax\n\t"
		     "sub %0, %%rax\n\t"
		     "jmp *%%rax\n\t"
		     ".fill %c1, 1, 0x90\n\t"
		     "1:"
		     :
		     : "r"(left), "i"(SLED)
		     : "rax", "cc", "memory");
}
