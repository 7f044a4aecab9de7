// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "apic/vapic.h"
#include "core/lib.h"

static struct vapic a;
static struct vapic_posted posted;

static int setup(void **state)
{
	(void)state;
	vapic_reset(&a);
	memset(&posted, 0, sizeof(posted));
	return 0;
}

static void test_empty(void **state)
{
	bool level = true;

	(void)state;
	assert_int_equal(vapic_next(&a), -1);
	assert_int_equal(vapic_next_above_isr(&a), -1);
	assert_int_equal(vectors_highest(a.irr), -1);
	assert_int_equal(vapic_ppr(&a), 0);
	assert_int_equal(vapic_eoi(&a, &level), -1);
	assert_false(level);
}

static void test_every_vector_once(void **state)
{
	bool level;
	u32 v;

	(void)state;
	for (v = 16; v < 256; v++) {
		assert_true(vapic_accept(&a, (u8)v, false, 7));
		assert_false(vapic_accept(&a, (u8)v, false, 7));
	}
	for (v = 255; v >= 16; v--) {
		assert_int_equal(vapic_next(&a), v);
		vapic_deliver(&a, (u8)v);
		assert_int_equal(vectors_highest(a.isr), v);
		assert_int_equal(vapic_eoi(&a, &level), v);
	}
	assert_int_equal(vapic_next(&a), -1);
}

/* SDM vol. 3 section 11.8.3: classes, not vectors, are compared. */
static void test_priority_classes(void **state)
{
	bool level;

	(void)state;
	vapic_accept(&a, 0x42, false, 7);
	vapic_deliver(&a, 0x42);
	vapic_accept(&a, 0x4f, false, 7);
	assert_int_equal(vapic_next(&a), -1);
	vapic_accept(&a, 0x50, false, 7);
	assert_int_equal(vapic_next(&a), 0x50);
	vapic_deliver(&a, 0x50);
	assert_int_equal(vapic_eoi(&a, &level), 0x50);
	assert_int_equal(vapic_next(&a), -1);
	assert_int_equal(vapic_eoi(&a, &level), 0x42);
	assert_int_equal(vapic_next(&a), 0x4f);
}

static void test_ppr(void **state)
{
	(void)state;
	a.tpr = 0x37;
	assert_int_equal(vapic_ppr(&a), 0x37);
	vapic_accept(&a, 0x42, false, 7);
	vapic_deliver(&a, 0x42);
	assert_int_equal(vapic_ppr(&a), 0x40);
	a.tpr = 0x45;
	assert_int_equal(vapic_ppr(&a), 0x45);
	a.tpr = 0xff;
	assert_int_equal(vapic_ppr(&a), 0xff);
}

static void test_tpr_holds_back(void **state)
{
	(void)state;
	a.tpr = 0x50;
	vapic_accept(&a, 0x5f, false, 7);
	assert_int_equal(vapic_next(&a), -1);
	assert_int_equal(vapic_next_above_isr(&a), 0x5f);
	a.tpr = 0x4f;
	assert_int_equal(vapic_next(&a), 0x5f);
}

/* What is in service in the core's own APIC holds back its class, too. */
static void test_floor(void **state)
{
	bool level;

	(void)state;
	vapic_accept(&a, 0x52, false, 7);
	a.floor = 0x50;
	assert_int_equal(vapic_next(&a), -1);
	assert_int_equal(vapic_next_above_isr(&a), -1);
	assert_int_equal(vapic_ppr(&a), 0x50);
	vapic_accept(&a, 0x61, false, 7);
	assert_int_equal(vapic_next(&a), 0x61);
	vapic_deliver(&a, 0x61);
	assert_int_equal(vapic_ppr(&a), 0x60);
	assert_int_equal(vapic_eoi(&a, &level), 0x61);
	a.floor = 0;
	assert_int_equal(vapic_next(&a), 0x52);
}

static void test_idle(void **state)
{
	bool level;

	(void)state;
	assert_true(vapic_idle(&a));
	a.tpr = 0x20;
	a.floor = 0x30;
	assert_true(vapic_idle(&a));
	vapic_accept(&a, 0x52, true, 7);
	assert_false(vapic_idle(&a));
	vapic_deliver(&a, 0x52);
	assert_false(vapic_idle(&a));
	vapic_eoi(&a, &level);
	assert_true(vapic_idle(&a));
}

static void test_trigger_mode(void **state)
{
	bool level;

	(void)state;
	vapic_accept(&a, 0x61, true, 7);
	vapic_deliver(&a, 0x61);
	vapic_eoi(&a, &level);
	assert_true(level);
	vapic_accept(&a, 0x61, false, 7);
	vapic_deliver(&a, 0x61);
	vapic_eoi(&a, &level);
	assert_false(level);
}

static void test_posted(void **state)
{
	(void)state;
	assert_false(vapic_take_posted(&a, &posted));
	assert_true(vapic_post(&posted, 0x31, false, 7));
	/* Told once is enough until it has looked. */
	assert_false(vapic_post(&posted, 0xf0, true, 7));
	assert_true(vapic_take_posted(&a, &posted));
	assert_false(vapic_take_posted(&a, &posted));
	assert_int_equal(vapic_next(&a), 0xf0);
	assert_int_equal(vectors_register(a.tmr, 7), 1U << 16);
	assert_int_equal(vectors_register(a.tmr, 1), 0);
	assert_int_equal(vectors_register(a.irr, 1), 1U << 17);
	assert_true(vapic_post(&posted, 0xf0, false, 7));
	assert_true(vapic_take_posted(&a, &posted));
	assert_int_equal(vectors_register(a.tmr, 7), 0);
}

static void test_posted_keeps_what_is_pending(void **state)
{
	(void)state;
	vapic_accept(&a, 0x21, true, 7);
	vapic_post(&posted, 0x22, false, 7);
	assert_true(vapic_take_posted(&a, &posted));
	assert_int_equal(vectors_register(a.irr, 1), 6);
	assert_int_equal(vectors_register(a.tmr, 1), 2);
}

static void test_forget(void **state)
{
	(void)state;
	vapic_post(&posted, 0x22, false, 7);
	vapic_take_posted(&a, &posted);
	vapic_reset(&a);
	assert_false(vapic_take_posted(&a, &posted));
	assert_int_equal(vapic_next(&a), -1);
}

/* The first time counts, and the last one that another core has left. */
static void test_since(void **state)
{
	(void)state;
	vapic_accept(&a, 0x31, false, 100);
	vapic_accept(&a, 0x31, false, 200);
	vapic_post(&posted, 0x31, false, 300);
	vapic_post(&posted, 0xff, true, 400);
	vapic_post(&posted, 0xff, true, 500);
	vapic_take_posted(&a, &posted);
	assert_int_equal(vapic_deliver(&a, 0xff), 500);
	assert_int_equal(vapic_deliver(&a, 0x31), 100);
	vapic_accept(&a, 0x31, false, 600);
	assert_int_equal(vapic_deliver(&a, 0x31), 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_every_vector_once, setup),
		cmocka_unit_test_setup(test_priority_classes, setup),
		cmocka_unit_test_setup(test_ppr, setup),
		cmocka_unit_test_setup(test_tpr_holds_back, setup),
		cmocka_unit_test_setup(test_floor, setup),
		cmocka_unit_test_setup(test_idle, setup),
		cmocka_unit_test_setup(test_trigger_mode, setup),
		cmocka_unit_test_setup(test_posted, setup),
		cmocka_unit_test_setup(test_posted_keeps_what_is_pending,
				       setup),
		cmocka_unit_test_setup(test_forget, setup),
		cmocka_unit_test_setup(test_since, setup),
	};

	return cmocka_run_group_tests_name("vapic", tests, NULL, NULL);
}
