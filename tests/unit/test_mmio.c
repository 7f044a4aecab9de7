// SPDX-License-Identifier: BSD-2-Clause
/* Regions of registers: guest/mmio.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/types.h"
#include "guest/mmio.h"

static struct mmio_space space;

static int setup(void **state)
{
	(void)state;
	space = (struct mmio_space){ 0 };
	return 0;
}

static int add(u64 gpa, u64 size)
{
	const struct mmio_region r = { .gpa = gpa, .size = size };

	return mmio_register(&space, &r);
}

static void test_find(void **state)
{
	(void)state;
	assert_null(mmio_find(&space, 0));
	assert_int_equal(add(0xfee00000, 0x1000), 0);
	assert_int_equal(add(0xfec00000, 0x2000), 0);
	assert_null(mmio_find(&space, 0xfedfffff));
	assert_ptr_equal(mmio_find(&space, 0xfee00000), &space.region[0]);
	assert_ptr_equal(mmio_find(&space, 0xfee00fff), &space.region[0]);
	assert_null(mmio_find(&space, 0xfee01000));
	assert_ptr_equal(mmio_find(&space, 0xfec01fff), &space.region[1]);
	assert_null(mmio_find(&space, ~0UL));
}

static void test_overlap(void **state)
{
	(void)state;
	assert_int_equal(add(0x10000, 0x2000), 0);
	assert_int_equal(add(0x11000, 0x1000), -EBUSY);
	assert_int_equal(add(0xf000, 0x2000), -EBUSY);
	assert_int_equal(add(0xf000, 0x4000), -EBUSY);
	assert_int_equal(add(0xf000, 0x1000), 0);
	assert_int_equal(add(0x12000, 0x1000), 0);
	assert_int_equal(space.nr, 3);
}

static void test_full(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < MMIO_REGIONS; i++)
		assert_int_equal(add(i * PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(add(i * PAGE_SIZE, PAGE_SIZE), -ENOSPC);
	assert_int_equal(space.nr, MMIO_REGIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_find, setup),
		cmocka_unit_test_setup(test_overlap, setup),
		cmocka_unit_test_setup(test_full, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
