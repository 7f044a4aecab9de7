// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/dmar.h"

#define HEADER 48
#define UNITS  3

static u8 table[256];
static u32 used;
static u64 base[UNITS];

static int setup(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	used = HEADER;
	return 0;
}

static void put(u16 type, u16 length, u64 address)
{
	memcpy(table + used, &type, 2);
	memcpy(table + used + 2, &length, 2);
	memcpy(table + used + 8, &address, 8);
	used += length;
}

/* From memory without a byte to spare. */
static u32 units_of(u32 length)
{
	u8 *exact = malloc(length);
	u32 n;

	memcpy(exact, table, length);
	n = dmar_units(exact, length, base, UNITS);
	free(exact);
	return n;
}

static void test_units(void **state)
{
	(void)state;
	assert_int_equal(units_of(HEADER), 0);
	put(0, 24, 0xfed90000);
	put(1, 32, 0x1234);
	put(0, 16, 0xfed91000);
	assert_int_equal(units_of(used), 2);
	assert_int_equal(base[0], 0xfed90000);
	assert_int_equal(base[1], 0xfed91000);
}

static void test_too_many(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < UNITS + 2; i++)
		put(0, 16, i);
	assert_int_equal(units_of(used), UNITS);
	assert_int_equal(base[2], 2);
}

/* Cut anywhere, nothing behind the table is read. */
static void test_malformed(void **state)
{
	u32 length;

	(void)state;
	put(0, 16, 1);
	put(0, 16, 2);
	for (length = HEADER; length < used; length++)
		assert_int_equal(units_of(length), length >= HEADER + 16);
	assert_int_equal(units_of(used), 2);
	table[HEADER + 16 + 2] = 3;
	assert_int_equal(units_of(used), 1);
	table[HEADER + 16 + 2] = 0;
	assert_int_equal(units_of(used), 1);
	/* Too short for an address. */
	table[HEADER + 2] = 8;
	assert_int_equal(units_of(HEADER + 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_units, setup),
		cmocka_unit_test_setup(test_too_many, setup),
		cmocka_unit_test_setup(test_malformed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
