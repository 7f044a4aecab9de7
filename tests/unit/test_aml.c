// SPDX-License-Identifier: BSD-2-Clause
/* Host bridges in definition blocks: core/aml.c.  \_S5: test_acpi.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/aml.h"
#include "core/types.h"

#define HEADER 36
#define BBN    '_', 'B', 'B', 'N'

static struct pci_buses roots;

/* In a block of its own, for ASan to see what is read behind it. */
static bool scan(const u8 *aml, u32 size)
{
	u8 *table = calloc(1, HEADER + size);
	bool all;

	assert_non_null(table);
	memcpy(table + HEADER, aml, size);
	memset(&roots, 0, sizeof(roots));
	all = aml_root_buses(table, HEADER + size, &roots);
	free(table);
	return all;
}

#define SCAN(...)                         \
	scan((const u8[]){ __VA_ARGS__ }, \
	     (u32)sizeof((const u8[]){ __VA_ARGS__ }))

static void test_none(void **state)
{
	(void)state;
	assert_true(SCAN(0));
	assert_true(SCAN(8, '_', 'B', 'B', 'M', 1));
	assert_true(SCAN(8, '_', 'B', 'B'));
	assert_false(pci_bus_in(&roots, 1));
}

static void test_literals(void **state)
{
	(void)state;
	assert_true(SCAN(8, BBN, 0x0a, 0x80, 8, BBN, 1, 8, BBN, 0x0b, 0xff, 0));
	assert_true(pci_bus_in(&roots, 0x80));
	assert_true(pci_bus_in(&roots, 1));
	assert_true(pci_bus_in(&roots, 0xff));
	assert_false(pci_bus_in(&roots, 0));
	assert_false(pci_bus_in(&roots, 2));
}

static void test_unknown(void **state)
{
	(void)state;
	/* a method */
	assert_false(SCAN(0x14, 9, BBN, 0, 0xa4, 0x0a, 2));
	/* no bus */
	assert_false(SCAN(8, BBN, 0x0b, 0, 1));
	/* the table ends */
	assert_false(SCAN(8, BBN));
	assert_false(SCAN(8, BBN, 0x0a));
	assert_false(SCAN(8, BBN, 0x0c, 0, 0, 0));
	/* another object's name, beside a good one */
	assert_false(SCAN(8, BBN, 0x0a, 7, 'P', 'C', 'I', '1', BBN));
	assert_true(pci_bus_in(&roots, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
