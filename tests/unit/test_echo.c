// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "drivers/echo.h"

static struct echo_page page;

static void test_none(void **state)
{
	struct echo e = { 0 };

	(void)state;
	echo_reset(&e);
	assert_true(echo_ready(&e));
	assert_false(echo_poll(&e, 22, 1));
}

static void test_reset(void **state)
{
	struct echo e = { .page = &page, .last = 5 };

	(void)state;
	page.doorbell = 7;
	echo_reset(&e);
	assert_false(echo_ready(&e));
	assert_false(echo_poll(&e, 22, 1));
	assert_true(echo_ready(&e));
	assert_int_equal(page.magic, ECHO_MAGIC);
	assert_int_equal(page.doorbell, 0);
	assert_int_equal(page.gsi, 22);
}

static void test_each_ring_once(void **state)
{
	struct echo e = { .page = &page };
	u32 i;

	(void)state;
	echo_reset(&e);
	for (i = 1; i < 10; i++) {
		assert_false(echo_poll(&e, 22, i));
		page.doorbell = i;
		assert_true(echo_poll(&e, 22, 100 + i));
		assert_int_equal(page.done, i);
		assert_int_equal(page.tsc, 100 + i);
	}
}

/* Only the doorbell is read: the rest is the guest's to spoil. */
static void test_spoiled(void **state)
{
	struct echo e = { .page = &page };

	(void)state;
	echo_reset(&e);
	page.done = page.magic = page.gsi = ~0U;
	assert_false(echo_poll(&e, 22, 1));
	page.doorbell = ~0U;
	assert_true(echo_poll(&e, 22, 2));
	page.doorbell = 0;
	assert_true(echo_poll(&e, 22, 3));
	assert_false(echo_poll(&e, 22, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_each_ring_once),
		cmocka_unit_test(test_spoiled),
	};

	return cmocka_run_group_tests_name("echo", tests, NULL, NULL);
}
