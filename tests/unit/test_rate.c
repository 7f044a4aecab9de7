// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/rate.h"

#define STEP  1000
#define BURST 10

static u64 take(struct rate *r, u64 now)
{
	return rate_take(r, now, STEP, BURST);
}

/* How many of `tries` at one time may happen. */
static u32 take_many(struct rate *r, u64 now, u32 tries)
{
	u32 n = 0;

	while (tries--)
		n += !take(r, now);
	return n;
}

static void test_burst(void **state)
{
	struct rate r = { 0 };

	(void)state;
	/* Full from the start, however early that is. */
	assert_int_equal(take_many(&r, 5, 100), BURST);
	assert_int_equal(take(&r, 5), STEP);
	assert_int_equal(take(&r, 6), STEP - 1);
	assert_int_equal(take(&r, 5 + STEP - 1), 1);
	assert_int_equal(take(&r, 5 + STEP), 0);
	assert_int_equal(take(&r, 5 + STEP), STEP);
}

static void test_a_pause_fills_it(void **state)
{
	struct rate r = { 0 };
	u64 now = 1UL << 40;

	(void)state;
	assert_int_equal(take_many(&r, now, 100), BURST);
	assert_int_equal(take_many(&r, now + 3 * STEP, 100), 3);
	assert_int_equal(take_many(&r, now + 500 * STEP, 100), BURST);
}

/* Whatever the times of the tries: no more than the limit in any stretch. */
static void test_never_more(void **state)
{
	struct rate r = { 0 };
	u64 seed = 1, now = 0, count = 0;
	u32 i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		now += seed >> 54;
		count += !take(&r, now);
		assert_true(count <= BURST + now / STEP);
	}
	assert_true(count >= now / STEP);
}

static void test_refusals_cost_nothing(void **state)
{
	struct rate r = { 0 };

	(void)state;
	take_many(&r, 0, 100000);
	assert_int_equal(take(&r, STEP), 0);
}

static void test_a_clock_that_steps_back(void **state)
{
	struct rate r = { 0 };

	(void)state;
	assert_int_equal(take_many(&r, 10 * STEP, 100), BURST);
	assert_int_equal(take(&r, 9 * STEP), 2 * STEP);
	assert_int_equal(take(&r, 11 * STEP), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_a_pause_fills_it),
		cmocka_unit_test(test_never_more),
		cmocka_unit_test(test_refusals_cost_nothing),
		cmocka_unit_test(test_a_clock_that_steps_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
