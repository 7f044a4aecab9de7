// SPDX-License-Identifier: BSD-2-Clause
/* Work without interrupts: a hash over a small area, `count` times 1,024. */
#include "bench/bench.h"
#include "lib/random.h"

#define WORDS 1024

static u64 area[WORDS];

void bench_loop(u64 count)
{
	u64 i, word;

	window_begin();
	for (i = 0; i < count; i++)
		for (word = 0; word < WORDS; word++)
			area[word] = mix(area[word] + word);
	window_end();
	/* The work can't be left out. */
	asm volatile("" : : "m"(area));
}
