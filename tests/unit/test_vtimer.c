// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "apic/vtimer.h"
#include "core/lib.h"

#define TSC_HZ	3000000000UL
#define APIC_HZ 1000000000UL
#define START	1000000UL

static struct vtimer t;

static int setup(void **state)
{
	(void)state;
	vtimer_init(&t, TSC_HZ, APIC_HZ);
	vtimer_set_divide(&t, 0xb, START); /* by 1 */
	return 0;
}

static void test_mul_div(void **state)
{
	(void)state;
	assert_int_equal(mul_div(10, 20, 30), 6);
	assert_int_equal(mul_div(~0UL, 7, 7), ~0UL);
	assert_int_equal(mul_div(~0UL, 2, 1), ~0UL);
	assert_int_equal(mul_div(1UL << 63, 2, 4), 1UL << 62);
	assert_int_equal(mul_div(0, 5, 9), 0);
}

static void test_reset(void **state)
{
	(void)state;
	assert_int_equal(vtimer_count(&t, START), 0);
	assert_int_equal(vtimer_deadline(&t), 0);
	assert_false(vtimer_expired(&t, ~0UL));
}

static void test_one_shot(void **state)
{
	(void)state;
	vtimer_set_count(&t, 1000, START);
	assert_int_equal(t.expiry, START + 3000);
	assert_int_equal(vtimer_count(&t, START), 1000);
	assert_int_equal(vtimer_count(&t, START + 1500), 500);
	assert_false(vtimer_expired(&t, START + 2999));
	assert_true(vtimer_expired(&t, START + 3000));
	assert_false(vtimer_expired(&t, START + 9000));
	assert_int_equal(vtimer_count(&t, START + 9000), 0);
	assert_int_equal(t.initial, 1000);
}

static void test_periodic(void **state)
{
	u64 now;

	(void)state;
	vtimer_set_mode(&t, VTIMER_PERIODIC);
	vtimer_set_count(&t, 1000, START);
	for (now = START + 3000; now < START + 300000; now += 3000) {
		assert_false(vtimer_expired(&t, now - 1));
		assert_true(vtimer_expired(&t, now));
	}
	/* Late by several periods: once, and the phase is kept. */
	assert_true(vtimer_expired(&t, now + 10 * 3000 + 5));
	assert_int_equal(t.expiry, now + 11 * 3000);
}

static void test_stop(void **state)
{
	(void)state;
	vtimer_set_mode(&t, VTIMER_PERIODIC);
	vtimer_set_count(&t, 5, START);
	vtimer_set_count(&t, 0, START + 1);
	assert_false(vtimer_expired(&t, ~0UL));
}

static void test_divide(void **state)
{
	static const struct {
		u32 tdcr, divisor;
	} codes[] = { { 0, 2 },	 { 1, 4 },  { 2, 8 },	 { 3, 16 },
		      { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		vtimer_set_divide(&t, codes[i].tdcr, START);
		assert_int_equal(t.divide, codes[i].tdcr);
		vtimer_set_count(&t, 100, START);
		assert_int_equal(t.expiry, START + 300 * codes[i].divisor);
		assert_int_equal(vtimer_count(&t, START), 100);
		vtimer_set_count(&t, 0, START);
	}
}

static void test_divide_while_counting(void **state)
{
	(void)state;
	vtimer_set_count(&t, 1000, START);
	vtimer_set_divide(&t, 0, START + 1500); /* 500 left, by 2 now */
	assert_int_equal(t.expiry, START + 1500 + 3000);
}

static void test_deadline(void **state)
{
	(void)state;
	vtimer_set_deadline(&t, 5000); /* not in this mode */
	assert_int_equal(vtimer_deadline(&t), 0);
	vtimer_set_mode(&t, VTIMER_DEADLINE);
	vtimer_set_count(&t, 7, START);
	assert_int_equal(t.initial, 0);
	vtimer_set_deadline(&t, 5000);
	assert_int_equal(vtimer_deadline(&t), 5000);
	assert_int_equal(vtimer_count(&t, 0), 0);
	assert_false(vtimer_expired(&t, 4999));
	assert_true(vtimer_expired(&t, 5000));
	assert_int_equal(vtimer_deadline(&t), 0);
	vtimer_set_deadline(&t, 6000);
	vtimer_set_deadline(&t, 0);
	assert_false(vtimer_expired(&t, ~0UL));
}

static void test_mode_changes(void **state)
{
	(void)state;
	vtimer_set_count(&t, 1000, START);
	vtimer_set_mode(&t, VTIMER_PERIODIC);
	assert_int_equal(t.expiry, START + 3000);
	vtimer_set_mode(&t, VTIMER_DEADLINE);
	assert_int_equal(t.expiry, 0);
	vtimer_set_deadline(&t, 9000);
	vtimer_set_mode(&t, VTIMER_ONE_SHOT);
	assert_int_equal(t.expiry, 0);
}

/* The extremes neither wrap round nor become "disarmed". */
/* As the core's own timer was. */
static void test_restore(void **state)
{
	(void)state;
	vtimer_restore(&t, VTIMER_ONE_SHOT, 1000, 0xb, 400, START);
	assert_int_equal(t.expiry, START + 1200);
	assert_int_equal(vtimer_count(&t, START), 400);
	assert_int_equal(t.initial, 1000);
	/* Stopped, or its end has been seen to. */
	vtimer_restore(&t, VTIMER_ONE_SHOT, 1000, 0xb, 0, START);
	assert_int_equal(t.expiry, 0);
	/* By 2; then whole periods. */
	vtimer_restore(&t, VTIMER_PERIODIC, 1000, 0, 400, START);
	assert_true(vtimer_expired(&t, START + 2400));
	assert_int_equal(t.expiry, START + 2400 + 6000);
	vtimer_restore(&t, VTIMER_PERIODIC, 1000, 0, 0, START);
	assert_int_equal(t.expiry, START + 6000);
	vtimer_restore(&t, VTIMER_PERIODIC, 0, 0, 0, START);
	assert_int_equal(t.expiry, 0);
	vtimer_restore(&t, VTIMER_DEADLINE, 7, 0, START + 5, START);
	assert_int_equal(vtimer_deadline(&t), START + 5);
	assert_int_equal(t.initial, 0);
	vtimer_restore(&t, VTIMER_DEADLINE, 7, 0, 0, START);
	assert_false(vtimer_expired(&t, ~0UL));
}

static void test_extremes(void **state)
{
	(void)state;
	vtimer_set_divide(&t, 10, START);
	vtimer_set_count(&t, ~0U, ~0UL - 5);
	assert_int_equal(t.expiry, ~0UL);
	vtimer_init(&t, 1, APIC_HZ);
	vtimer_set_mode(&t, VTIMER_PERIODIC);
	vtimer_set_divide(&t, 0xb, 0);
	vtimer_set_count(&t, 1, 7); /* a period of less than a tick */
	assert_int_equal(t.expiry, 8);
	assert_true(vtimer_expired(&t, 100));
	assert_int_equal(t.expiry, 101);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mul_div),
		cmocka_unit_test_setup(test_reset, setup),
		cmocka_unit_test_setup(test_one_shot, setup),
		cmocka_unit_test_setup(test_periodic, setup),
		cmocka_unit_test_setup(test_stop, setup),
		cmocka_unit_test_setup(test_divide, setup),
		cmocka_unit_test_setup(test_divide_while_counting, setup),
		cmocka_unit_test_setup(test_deadline, setup),
		cmocka_unit_test_setup(test_mode_changes, setup),
		cmocka_unit_test_setup(test_restore, setup),
		cmocka_unit_test_setup(test_extremes, setup),
	};

	return cmocka_run_group_tests_name("vtimer", tests, NULL, NULL);
}
