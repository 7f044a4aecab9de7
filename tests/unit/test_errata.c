// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/errata.h"

/* EAX of leaf 1: family 6. */
static u32 part(u32 model, u32 stepping)
{
	return (model >> 4) << 16 | 6 << 8 | (model & 0xf) << 4 | stepping;
}

static bool works(u32 model, u32 stepping, u32 revision, u32 needed)
{
	u32 found;
	bool yes = errata_deadline_works(part(model, stepping), revision,
					 &found);

	assert_int_equal(found, needed);
	return yes;
}

static void test_deadline(void **state)
{
	(void)state;
	/* Skylake, by model. */
	assert_false(works(0x5e, 3, 0xb1, 0xb2));
	assert_true(works(0x5e, 3, 0xb2, 0xb2));
	assert_true(works(0x5e, 3, 0xf0, 0xb2));
	/* Haswell and Broadwell servers, by stepping. */
	assert_false(works(0x3f, 2, 0x39, 0x3a));
	assert_true(works(0x3f, 4, 0x10, 0x0f));
	assert_false(works(0x3f, 1, 0x7fffffff, UINT32_MAX));
	assert_false(works(0x56, 3, 0x0700000d, 0x0700000e));
	/* Revisions have 32 bits, and are compared without a sign. */
	assert_true(works(0x55, 4, 0x82000001, 0x02000014));
	/* Later steppings and other models have it not. */
	assert_true(works(0x55, 7, 1, 0));
	assert_true(works(0x6a, 6, 1, 0));
	assert_true(works(0x2d, 7, 1, 0));
}

static void test_not_there(void **state)
{
	u32 needed;

	(void)state;
	/* An emulator has no microcode; family 15, and 17h, have other models.
	 */
	assert_true(works(0x5e, 3, 0, 0));
	assert_true(errata_deadline_works(0x00050f5e, 1, &needed));
	assert_true(errata_deadline_works(0x00800f12, 1, &needed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
