// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/guest/payloads/lib/random.h"
#include "tests/guest/payloads/lib/samples.h"

#define ROOM 200

static u64 room[ROOM];

static struct samples filled(u64 count, u64 (*value)(u64 i))
{
	struct samples s = { room, ROOM, 0 };
	u64 i;

	for (i = 0; i < count; i++)
		samples_add(&s, value(i));
	return s;
}

static u64 descending(u64 i)
{
	return 1000 - i;
}

static u64 same(u64 i)
{
	(void)i;
	return 7;
}

static u64 scattered(u64 i)
{
	return mix(i) % 50;
}

static void sorts(void **state)
{
	u64 (*const orders[])(u64 i) = { descending, same, scattered };
	u64 count, i, k;
	struct samples s;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(orders); k++)
		for (count = 0; count <= ROOM; count++) {
			u64 before = 0, after = 0;

			s = filled(count, orders[k]);
			for (i = 0; i < count; i++)
				before += mix(room[i]);
			samples_sort(&s);
			for (i = 0; i < count; i++)
				after += mix(room[i]);
			assert_int_equal(before, after);
			for (i = 1; i < count; i++)
				assert_true(room[i - 1] <= room[i]);
		}
}

/* Of 1 to 100 the q-th percentile is q. */
static u64 from_one(u64 i)
{
	return i + 1;
}

static void quantiles(void **state)
{
	struct samples s = filled(100, from_one);

	(void)state;
	assert_int_equal(samples_quantile(&s, 0), 1);
	assert_int_equal(samples_quantile(&s, 10), 1);
	assert_int_equal(samples_quantile(&s, 11), 2);
	assert_int_equal(samples_quantile(&s, 500), 50);
	assert_int_equal(samples_quantile(&s, 501), 51);
	assert_int_equal(samples_quantile(&s, 990), 99);
	assert_int_equal(samples_quantile(&s, 1000), 100);
}

static void one_sample(void **state)
{
	struct samples s = filled(1, same);

	(void)state;
	assert_int_equal(samples_quantile(&s, 0), 7);
	assert_int_equal(samples_quantile(&s, 500), 7);
	assert_int_equal(samples_quantile(&s, 1000), 7);
}

static void no_room(void **state)
{
	struct samples s = filled(ROOM + 3, from_one);

	(void)state;
	assert_int_equal(s.count, ROOM + 3);
	samples_sort(&s);
	assert_int_equal(samples_quantile(&s, 1000), ROOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(one_sample),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
