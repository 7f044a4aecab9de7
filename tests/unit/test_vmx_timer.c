// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vmx/timer.h"

/* The field of IA32_VMX_MISC has five bits; KVM says 5, Bochs 0. */
#define MAX_RATE 31
#define KVM_RATE 5

static void test_each_tick(void **state)
{
	(void)state;
	assert_int_equal(preemption_timer_value(1, 0), 1);
	assert_int_equal(preemption_timer_value(1000000, 0), 1000000);
}

static void test_as_kvm_has_it(void **state)
{
	(void)state;
	assert_int_equal(preemption_timer_value(1000000, KVM_RATE), 31250);
	assert_int_equal(preemption_timer_value(32, KVM_RATE), 1);
}

/* TSC when a timer that was started at `now` has counted down. */
static u64 end_of(u64 now, u64 value, u32 rate)
{
	return ((now >> rate) + value) << rate;
}

/* Whatever the low bits of the TSC: never late, and early by two units. */
static void test_at_the_latest(void **state)
{
	u64 seed = 1;

	(void)state;
	for (u32 rate = 0; rate <= MAX_RATE; rate++)
		for (u32 i = 0; i < 1000; i++) {
			u64 now = seed >> 16, ticks = (seed >> 40) + 1, end;

			seed = seed * 6364136223846793005UL +
			       1442695040888963407UL;
			end = end_of(now, preemption_timer_value(ticks, rate),
				     rate);
			assert_true(end <= now + ticks);
			assert_true(end + (2UL << rate) > now + ticks);
		}
}

static void test_as_long_as_it_can_be(void **state)
{
	(void)state;
	for (u32 rate = 0; rate <= MAX_RATE; rate++) {
		u64 most = (u64)PREEMPTION_TIMER_MAX << rate;

		assert_int_equal(preemption_timer_value(0, rate),
				 PREEMPTION_TIMER_MAX);
		assert_int_equal(preemption_timer_value(most, rate),
				 PREEMPTION_TIMER_MAX);
		assert_int_equal(preemption_timer_value(~0UL, rate),
				 PREEMPTION_TIMER_MAX);
		assert_int_equal(preemption_timer_value(most - 1, rate),
				 PREEMPTION_TIMER_MAX - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_tick),
		cmocka_unit_test(test_as_kvm_has_it),
		cmocka_unit_test(test_at_the_latest),
		cmocka_unit_test(test_as_long_as_it_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
