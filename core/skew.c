// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TSCs of two cores, compared.
 *
 * docs/decisions.md: A CPU whose TSC differs.
 */
#include "core/skew.h"
#include "core/x86.h"

#define ROUNDS 16
#define TRIES  3

static s64 magnitude(s64 n)
{
	return n < 0 ? -n : n;
}

static s64 compare(struct skew *s)
{
	u64 before, after;
	s64 worst = 0;
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		before = rdtsc_ordered();
		s->turn = 1;
		while (s->turn)
			cpu_pause();
		after = rdtsc_ordered();
		if (s->other < before)
			worst = MIN(worst, -(s64)(before - s->other));
		else if (s->other > after)
			worst = MAX(worst, (s64)(s->other - after));
	}
	return worst;
}

s64 skew_measure(struct skew *s)
{
	s64 best = compare(s), next;
	u32 i;

	for (i = 1; i < TRIES; i++) {
		next = compare(s);
		if (magnitude(next) < magnitude(best))
			best = next;
	}
	return best;
}

void skew_answer(struct skew *s)
{
	u32 i;

	for (i = 0; i < TRIES * ROUNDS; i++) {
		while (!s->turn)
			cpu_pause();
		s->other = rdtsc_ordered();
		s->turn = 0;
	}
}
