// SPDX-License-Identifier: BSD-2-Clause
/* The bits that units read, against words put together by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vtd/entry.h"

static void assert_entry(struct vtd_entry e, u64 lo, u64 hi)
{
	assert_int_equal(e.lo, lo);
	assert_int_equal(e.hi, hi);
}

static void test_tables(void **state)
{
	struct vtd_entry e = context_entry(0x345678000, 4, 0xabcd);

	(void)state;
	assert_entry(root_entry(0x123456000), 0x123456001, 0);
	assert_entry(e, 0x345678001, 0xabcd02);
	assert_int_equal(context_domain(&e), 0xabcd);
	assert_entry(context_entry(0x345678000, 3, 1), 0x345678001, 0x101);
}

static void test_irte(void **state)
{
	(void)state;
	assert_int_equal(irte_source(0xf0f8), 0x4f0f8);
	assert_int_equal(
		irte_remapped(irte_dest(0x12345, true), 0x31, 0, false),
		0x0001234500310001);
	assert_int_equal(irte_remapped(irte_dest(0x45, false), 0x31, 0, true),
			 0x0000450000310011);
	assert_entry(irte_posted(0x123456789c0, 0x41, 0x100),
		     0x456789c000418001, 0x0000012300040100);
	/* An NMI */
	assert_int_equal(irte_remapped(irte_dest(0, true), 0, 4, false), 0x81);
}

static void test_messages(void **state)
{
	(void)state;
	assert_int_equal(msi_address(0), 0xfee00018);
	assert_int_equal(msi_address(0x7fff), 0xfeeffff8);
	assert_int_equal(msi_address(0x8001), 0xfee0003c);
	assert_int_equal(rte_upper(0x7fff), 0xffff0000);
	assert_int_equal(rte_upper(0x8001), 0x30000);
	assert_int_equal(rte_lower(0x8001), 0x800);
	assert_int_equal(rte_lower(0x7fff), 0);
}

static void test_descriptors(void **state)
{
	(void)state;
	assert_entry(desc_context_all(), 0x11, 0);
	assert_entry(desc_context(0xabcd, 0x1234), 0x1234abcd0031, 0);
	assert_entry(desc_iotlb_all(0), 0x12, 0);
	assert_entry(desc_iotlb_all(CAP_DWD), 0x52, 0);
	assert_entry(desc_iotlb(CAP_DWD | CAP_DRD, 7), 0x700e2, 0);
	assert_entry(desc_iec_all(), 4, 0);
	assert_entry(desc_iec(0xfff), 0xfff00000014, 0);
	assert_entry(desc_wait(0x1000, 0x89abcdef), 0x89abcdef00000025, 0x1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_irte),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
