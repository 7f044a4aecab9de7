// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/mptable.h"
#include "fake_phys.h"

#define EBDA  0x9fc00
#define TABLE 0xf1000

static u8 low[0x1000], ebda[1024], rom[0x10000];
static struct fake_phys machine;
static const struct phys_reader reader = { fake_phys_map, &machine };
static const struct acpi_info acpi = {
	.nr_ioapics = 2,
	.ioapics = { { .id = 2, .gsi_base = 0 }, { .id = 5, .gsi_base = 24 } },
};
static struct mptable t;
static u32 length;

static void put32(u8 *p, u32 v)
{
	memcpy(p, &v, sizeof(v));
}

static void fix(u8 *p, size_t n, size_t at)
{
	u8 sum = 0;

	p[at] = 0;
	for (size_t i = 0; i < n; i++)
		sum = (u8)(sum + p[i]);
	p[at] = (u8)-sum;
}

static void put_pointer(u8 *p, u32 table)
{
	memcpy(p, "_MP_", 4);
	put32(p + 4, table);
	p[8] = 1;
	p[9] = 4;
	fix(p, 16, 10);
}

static void finish(void)
{
	u8 *p = rom + (TABLE - 0xf0000);

	p[4] = (u8)length;
	p[5] = (u8)(length >> 8);
	fix(p, MIN(length, sizeof(rom) - (TABLE - 0xf0000)), 7);
}

static void entry(const void *bytes, size_t n)
{
	memcpy(rom + (TABLE - 0xf0000) + length, bytes, n);
	length += (u32)n;
}

static void interrupt(u8 kind, u8 bus, u8 irq, u8 ioapic, u8 pin)
{
	const u8 e[8] = { 3, kind, 0, 0, bus, irq, ioapic, pin };

	entry(e, sizeof(e));
}

/* A processor, PCI bus 0, ISA bus 1, and what comes by them. */
static int setup(void **state)
{
	static const u8 cpu[20];

	(void)state;
	memset(low, 0, sizeof(low));
	memset(ebda, 0, sizeof(ebda));
	memset(rom, 0, sizeof(rom));
	low[0x40e] = (u8)(EBDA >> 4);
	low[0x40f] = (u8)(EBDA >> 12);
	memcpy(rom + (TABLE - 0xf0000), "PCMP", 4);
	length = 44;
	entry(cpu, sizeof(cpu));
	entry("\1\0PCI   ", 8);
	entry("\1\1ISA   ", 8);
	interrupt(0, 1, 4, 2, 4);
	interrupt(0, 0, 2 << 2, 2, 17);
	interrupt(0, 0, 2 << 2 | 3, 5, 1);
	interrupt(3, 0, 3 << 2, 2, 18);
	interrupt(0, 0, 4 << 2, 9, 18);
	finish();
	put_pointer(rom + 0x400, TABLE);
	fake_phys_add(&machine, 0, low, sizeof(low));
	fake_phys_add(&machine, EBDA, ebda, sizeof(ebda));
	fake_phys_add(&machine, 0xf0000, rom, sizeof(rom));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_phys_free(&machine);
	return 0;
}

static void read_table(void)
{
	memset(&t, 0xee, sizeof(t));
	mptable_read(&reader, &acpi, &t);
}

static void test_routes(void **state)
{
	(void)state;
	read_table();
	assert_int_equal(t.nr, 2);
	assert_int_equal(mptable_gsi(&t, 0, 2, 1), 17);
	assert_int_equal(mptable_gsi(&t, 0, 2, 4), 25);
	assert_int_equal(mptable_gsi(&t, 0, 2, 2), -1);
	assert_int_equal(mptable_gsi(&t, 0, 3, 1), -1);
	assert_int_equal(mptable_gsi(&t, 0, 4, 1), -1);
	assert_int_equal(mptable_gsi(&t, 1, 2, 1), -1);
}

static void test_in_the_ebda(void **state)
{
	(void)state;
	memset(rom + 0x400, 0, 16);
	read_table();
	assert_int_equal(t.nr, 0);
	put_pointer(ebda + 1024 - 16, TABLE);
	read_table();
	assert_int_equal(t.nr, 2);
}

static void test_damaged(void **state)
{
	u8 *p = rom + (TABLE - 0xf0000);

	(void)state;
	rom[0x40a]++;
	read_table();
	assert_int_equal(t.nr, 0);
	put_pointer(rom + 0x400, TABLE);
	p[7]++;
	read_table();
	assert_int_equal(t.nr, 0);
	/* longer than memory goes, and shorter than its header */
	length = 0xf001;
	finish();
	read_table();
	assert_int_equal(t.nr, 0);
	length = 43;
	finish();
	read_table();
	assert_int_equal(t.nr, 0);
	put_pointer(rom + 0x400, 0xfffffff0);
	read_table();
	assert_int_equal(t.nr, 0);
}

static void test_cut_short(void **state)
{
	u32 whole = length;

	(void)state;
	for (length = 44; length < whole; length++) {
		finish();
		read_table();
		assert_in_range(t.nr, 0, 2);
	}
}

static void test_too_many(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2 * MP_ROUTES; i++)
		interrupt(0, 0, (u8)i, 2, 3);
	finish();
	read_table();
	assert_int_equal(t.nr, MP_ROUTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_routes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_the_ebda, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_short, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
