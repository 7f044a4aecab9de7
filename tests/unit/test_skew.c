// SPDX-License-Identifier: BSD-2-Clause
/*
 * TSCs compared, on the processor that runs this: threads on two of its CPUs,
 * whose TSCs are one, must never look further apart than is let pass.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "core/skew.h"
#include "core/x86.h"

#define TRIALS 2000

static struct skew pair;
static volatile u32 asked, done;
static volatile u64 ahead;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void *answer(void *unused)
{
	u32 seen = 0;

	(void)unused;
	pin(1);
	while (!done) {
		if (asked == seen) {
			cpu_pause();
			continue;
		}
		seen = asked;
		skew_answer(&pair);
	}
	return NULL;
}

static void test_equal(void **state)
{
	s64 worst = 0, skew;
	pthread_t other;
	u32 i;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("one CPU: nothing to compare\n");
		skip();
	}
	pin(0);
	assert_int_equal(pthread_create(&other, NULL, answer, NULL), 0);
	for (i = 0; i < TRIALS; i++) {
		asked = i + 1;
		skew = skew_measure(&pair);
		if (skew < 0)
			skew = -skew;
		worst = MAX(worst, skew);
	}
	done = 1;
	pthread_join(other, NULL);
	assert_true(worst <= SKEW_TOLERANCE);
}

/* The other side in C: a TSC that is `ahead` of this one's. */
static void *pretend(void *unused)
{
	u32 i;

	(void)unused;
	for (i = 0; i < 48; i++) {
		while (!pair.turn)
			cpu_pause();
		pair.other = rdtsc_ordered() + ahead;
		pair.turn = 0;
	}
	return NULL;
}

static s64 measure_ahead(s64 ticks)
{
	pthread_t other;
	s64 skew;

	ahead = (u64)ticks;
	assert_int_equal(pthread_create(&other, NULL, pretend, NULL), 0);
	skew = skew_measure(&pair);
	pthread_join(other, NULL);
	return skew;
}

static void test_apart(void **state)
{
	const s64 far = 1L << 40;
	s64 skew;

	(void)state;
	/* At least by how much; less what a round takes. */
	skew = measure_ahead(far);
	assert_true(skew > far / 2 && skew <= far);
	skew = measure_ahead(-far);
	assert_true(skew < -far / 2 && skew >= -far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
