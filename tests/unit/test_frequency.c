// SPDX-License-Identifier: BSD-2-Clause
/* Trials of a clock of 3 GHz and a timer of 25 MHz against a PM timer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/frequency.h"

#define TSC_HZ	 3000000000UL
#define TIMER_HZ 25000000UL
#define PM_HZ	 3579545UL
#define PM_MASK	 0xffffffU
#define TRIAL_US 20000
/* What a look at the counters takes. */
#define LOOK_US 2

static struct frequency_trials trials;
static struct frequency f;
static u64 clock_us;

static int setup(void **state)
{
	(void)state;
	trials = (struct frequency_trials){ .reference_hz = PM_HZ,
					    .reference_mask = PM_MASK };
	f = (struct frequency){ 0, 0 };
	/* The PM timer wraps within the first trial. */
	clock_us = 4676990;
	return 0;
}

/*
 * A reading that begins now, with a pause between the first look at the TSC
 * and the counters, and one behind them.
 */
static struct frequency_reading look(u64 pause, u64 pause_behind)
{
	struct frequency_reading r = { .before = clock_us * TSC_HZ / 1000000 };

	clock_us += pause + LOOK_US / 2;
	r.reference = (u32)(clock_us * PM_HZ / 1000000) & PM_MASK;
	r.timer = (u32)(0xffffffff - clock_us * TIMER_HZ / 1000000);
	clock_us += pause_behind + LOOK_US / 2;
	r.after = clock_us * TSC_HZ / 1000000;
	return r;
}

/* A trial whose second reading is pulled apart by `pause` us. */
static bool add_paused(u64 pause)
{
	struct frequency_trial x = { .from = look(0, 0) };

	clock_us += TRIAL_US;
	x.to = look(0, pause);
	return frequency_add(&trials, &x);
}

static bool add(void)
{
	return add_paused(0);
}

/* One that is off by so many ticks of the TSC and looks sharp. */
static bool add_off(s64 ticks)
{
	struct frequency_trial x = { .from = look(0, 0) };

	clock_us += TRIAL_US;
	x.to = look(0, 0);
	x.to.before += (u64)ticks;
	x.to.after += (u64)ticks;
	return frequency_add(&trials, &x);
}

static void assert_right(void)
{
	assert_true(frequency_ppm(f.tsc_hz, TSC_HZ) < 100);
	assert_true(frequency_ppm(f.timer_hz, TIMER_HZ) < 100);
}

static void test_quiet(void **state)
{
	(void)state;
	assert_true(add());
	assert_true(add());
	assert_false(add());
	assert_true(frequency_take(&trials, &f));
	assert_right();
}

/* An SMI between the looks of a reading: 300 us. */
static void test_smi(void **state)
{
	(void)state;
	add();
	assert_true(add_paused(300));
	assert_int_equal(trials.nr_sharp, 1);
	assert_false(add());
	assert_true(frequency_take(&trials, &f));
	assert_right();
}

/* All but two are pulled apart. */
static void test_many_smis(void **state)
{
	u32 i;

	(void)state;
	add();
	for (i = 0; i < 10; i++)
		assert_true(add_paused(100 + i));
	assert_false(add());
	assert_true(frequency_take(&trials, &f));
	assert_right();
}

/* 5 % off, and nothing shows it but the others. */
static void test_one_disagrees(void **state)
{
	(void)state;
	assert_true(add_off(TSC_HZ / 1000));
	assert_true(add());
	assert_false(add());
	assert_true(frequency_take(&trials, &f));
	assert_right();
}

/* The first two disagree, so the third isn't enough where it is off too. */
static void test_more_trials(void **state)
{
	(void)state;
	add_off(TSC_HZ / 1000);
	add_off(-(s64)TSC_HZ / 2000);
	assert_true(add());
	assert_true(add_off(TSC_HZ / 3000));
	assert_false(add());
	assert_int_equal(trials.nr, 5);
	assert_true(frequency_take(&trials, &f));
	assert_right();
}

/* None agree: an end, the middle, and that it is said. */
static void test_none_agree(void **state)
{
	bool more = true;
	s64 i;

	(void)state;
	for (i = -7; more; i++)
		more = add_off(i * (s64)TSC_HZ / 10000);
	assert_int_equal(trials.nr, FREQUENCY_MAX_TRIALS);
	assert_false(frequency_take(&trials, &f));
	assert_right();
}

/* No reading is sharp: the least bad one. */
static void test_all_blurred(void **state)
{
	bool more = true;
	u64 pause = 100;

	(void)state;
	while (more) {
		more = add_paused(pause == 103 ? 12 : pause);
		pause++;
	}
	assert_int_equal(trials.nr, FREQUENCY_MAX_TRIALS);
	assert_int_equal(trials.nr_sharp, 0);
	assert_false(frequency_take(&trials, &f));
	assert_true(frequency_ppm(f.tsc_hz, TSC_HZ) < 500);
}

/* The TSC agrees, the timer does not. */
static void test_timer_disagrees(void **state)
{
	struct frequency_trial x;
	u32 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		x.from = look(0, 0);
		clock_us += TRIAL_US;
		x.to = look(0, 0);
		x.to.timer -= 400 * i;
		assert_true(frequency_add(&trials, &x));
	}
	assert_false(frequency_take(&trials, &f));
	assert_false(add());
	assert_true(frequency_take(&trials, &f));
	assert_right();
}

/* What a counter at rest gives is no frequency, and no division by 0. */
static void test_dead(void **state)
{
	struct frequency_trial x = { .from = { .before = 10, .after = 10 },
				     .to = { .before = 10, .after = 10 } };
	bool more = true;

	(void)state;
	while (more)
		more = frequency_add(&trials, &x);
	assert_int_equal(trials.nr, FREQUENCY_MAX_TRIALS);
	assert_false(frequency_take(&trials, &f));
	assert_int_equal(f.tsc_hz, 0);
	assert_int_equal(f.timer_hz, 0);
}

static void test_ppm(void **state)
{
	(void)state;
	assert_int_equal(frequency_ppm(1000000, 1000000), 0);
	assert_int_equal(frequency_ppm(1000000, 1000200), 200);
	assert_int_equal(frequency_ppm(1000200, 1000000), 200);
	assert_int_equal(frequency_ppm(0, 0), 0);
	assert_int_equal(frequency_ppm(0, 1), ~0UL);
	assert_int_equal(frequency_ppm(1, ~0UL), ~0UL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_quiet, setup),
		cmocka_unit_test_setup(test_smi, setup),
		cmocka_unit_test_setup(test_many_smis, setup),
		cmocka_unit_test_setup(test_one_disagrees, setup),
		cmocka_unit_test_setup(test_more_trials, setup),
		cmocka_unit_test_setup(test_none_agree, setup),
		cmocka_unit_test_setup(test_all_blurred, setup),
		cmocka_unit_test_setup(test_timer_disagrees, setup),
		cmocka_unit_test_setup(test_dead, setup),
		cmocka_unit_test_setup(test_ppm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
