// SPDX-License-Identifier: BSD-2-Clause
/* The DMAR table: made-up ones of every kind, whole and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/lib.h"
#include "drivers/pci_regs.h"
#include "vtd/dmar.h"

#define HEADER 48
#define UNIT   0xfed90000UL

enum {
	DRHD,
	RMRR,
	ATSR,
	RHSA,
	ANDD,
	SATC
};

/* Scopes that nobody looks for */
#define HPET 4
#define ACPI 5

static u8 table[8192];
static u32 used;
static struct dmar d;
static char error[160];

static int setup(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	table[36] = 45;
	table[37] = DMAR_INTR_REMAP;
	used = HEADER;
	return 0;
}

/* A structure without scopes yet; where it is. */
static u32 begin(u16 type, u16 length)
{
	u32 at = used;

	memcpy(table + at, &type, 2);
	memcpy(table + at + 2, &length, 2);
	used += length;
	return at;
}

static u32 drhd(u64 base, u8 flags, u16 segment)
{
	u32 at = begin(DRHD, 16);

	table[at + 4] = flags;
	memcpy(table + at + 6, &segment, 2);
	memcpy(table + at + 8, &base, 8);
	return at;
}

static u32 rmrr(u64 base, u64 limit)
{
	u32 at = begin(RMRR, 24);

	memcpy(table + at + 8, &base, 8);
	memcpy(table + at + 16, &limit, 8);
	return at;
}

/* Adds a scope to the structure at `at`, the last one; hops in two digits. */
static void scope(u32 at, u8 type, u8 id, u8 bus, const char *path)
{
	u8 *p = table + used;
	u8 hops = (u8)(strlen(path) / 2);
	u16 length;
	u32 n;

	p[0] = type;
	p[1] = (u8)(6 + 2 * hops);
	p[4] = id;
	p[5] = bus;
	for (n = 0; n < 2U * hops; n++)
		p[6 + n] = (u8)(path[n] <= '9' ? path[n] - '0' :
						 path[n] - 'a' + 10);
	used += p[1];
	length = (u16)(used - at);
	memcpy(table + at + 2, &length, 2);
}

/* From memory without a byte to spare. */
static int check(u32 length)
{
	static u8 *exact;
	int err;

	free(exact);
	exact = malloc(length ? length : 1);
	memcpy(exact, table, length);
	error[0] = '\0';
	err = dmar_check(&d, exact, length, error, sizeof(error));
	assert_int_equal(!err, !error[0]);
	assert_true(d.length <= length);
	return err;
}

static void refused(const char *why)
{
	assert_int_equal(check(used), -EINVAL);
	assert_string_equal(error, why);
}

/*
 * Bridges 00:01.0, to buses 1 to 3, and 01:02.0, to bus 2 and 3; a function at
 * 00:03.0.
 */
static u32 config(u16 address, u32 reg)
{
	if (reg == PCI_CACHE_LINE)
		return address == 0x08 || address == 0x110 ? 0x00010000 :
		       address == 0x18			   ? 0 :
							     ~0U;
	assert_int_equal(reg, PCI_BUS_NUMBERS);
	return address == 0x08	? 0x00030100 :
	       address == 0x110 ? 0x00030201 :
				  0x12345678;
}

static void test_units(void **state)
{
	struct dmar_unit u;
	u32 at;

	(void)state;
	drhd(UNIT, 0, 0);
	begin(RHSA, 20);
	begin(99, 4);
	drhd(UNIT + 0x1000, 1, 2);
	at = 0;
	assert_int_equal(check(used), 0);
	assert_int_equal(d.width, 46);
	assert_int_equal(d.flags, DMAR_INTR_REMAP);
	assert_true(dmar_next_unit(&d, &at, &u));
	assert_int_equal(u.base, UNIT);
	assert_int_equal(u.segment, 0);
	assert_false(u.all);
	assert_true(dmar_next_unit(&d, &at, &u));
	assert_int_equal(u.base, UNIT + 0x1000);
	assert_int_equal(u.segment, 2);
	assert_true(u.all);
	assert_false(dmar_next_unit(&d, &at, &u));
}

static void test_scopes(void **state)
{
	struct dmar_unit u;
	struct dmar_scope s;
	u32 at = drhd(UNIT, 0, 0);

	(void)state;
	scope(at, DMAR_ENDPOINT, 0, 0, "30");
	scope(at, DMAR_BRIDGE, 0, 0, "10");
	scope(at, DMAR_IOAPIC, 8, 0xf0, "f7");
	scope(at, HPET, 0, 0, "f0");
	scope(at, ACPI, 3, 0, "21");
	scope(at, 77, 0, 0, "1020");
	assert_int_equal(check(used), 0);
	at = 0;
	assert_true(dmar_next_unit(&d, &at, &u));
	assert_true(dmar_next_scope(&d, &u.scopes, &s));
	assert_int_equal(s.type, DMAR_ENDPOINT);
	assert_int_equal(dmar_address(&d, &s, config), 0x18);
	assert_true(dmar_next_scope(&d, &u.scopes, &s));
	assert_true(dmar_next_scope(&d, &u.scopes, &s));
	assert_int_equal(s.id, 8);
	assert_int_equal(s.hops, 1);
	assert_int_equal(dmar_address(&d, &s, config), 0xf07f);
	assert_true(dmar_next_scope(&d, &u.scopes, &s));
	assert_true(dmar_next_scope(&d, &u.scopes, &s));
	assert_int_equal(s.id, 3);
	assert_true(dmar_next_scope(&d, &u.scopes, &s));
	assert_int_equal(s.hops, 2);
	assert_false(dmar_next_scope(&d, &u.scopes, &s));
}

static void test_whose(void **state)
{
	u16 sid = 0;
	u32 at;

	(void)state;
	at = drhd(UNIT, 0, 0);
	scope(at, DMAR_ENDPOINT, 0, 0, "30");
	at = drhd(UNIT + 0x1000, 0, 0);
	/* Over two bridges, to one that is not there, and into one's buses. */
	scope(at, DMAR_ENDPOINT, 0, 0, "102051");
	scope(at, DMAR_ENDPOINT, 0, 0, "402050");
	scope(at, DMAR_BRIDGE, 0, 0, "1020");
	scope(at, DMAR_IOAPIC, 9, 0, "1060");
	drhd(UNIT + 0x2000, 1, 1);
	at = drhd(UNIT + 0x3000, 1, 0);
	scope(at, DMAR_IOAPIC, 8, 0xf0, "f7");
	assert_int_equal(check(used), 0);
	assert_int_equal(dmar_unit_of(&d, 0x18, config), 0);
	assert_int_equal(dmar_unit_of(&d, 0x229, config), 1);
	assert_int_equal(dmar_unit_of(&d, 0x110, config), 1);
	assert_int_equal(dmar_unit_of(&d, 0x300, config), 1);
	assert_int_equal(dmar_unit_of(&d, 0x400, config), 3);
	assert_int_equal(dmar_unit_of(&d, 0x19, config), 3);
	assert_int_equal(dmar_ioapic(&d, 8, &sid, config), 3);
	assert_int_equal(sid, 0xf07f);
	assert_int_equal(dmar_ioapic(&d, 9, &sid, config), 1);
	assert_int_equal(sid, 0x130);
	assert_int_equal(dmar_ioapic(&d, 1, &sid, config), -1);
	/* Nobody has what is left. */
	table[at + 4] = 0;
	assert_int_equal(check(used), 0);
	assert_int_equal(dmar_unit_of(&d, 0x19, config), -1);
}

static void test_reserved(void **state)
{
	struct dmar_reserved r;
	u32 at = 0;

	(void)state;
	drhd(UNIT, 1, 0);
	rmrr(0, 0);
	rmrr(0x5000, 0x4fff);
	scope(rmrr(0x100000, 0x1fffff), DMAR_ENDPOINT, 0, 0, "30");
	rmrr(0x1000, 1UL << 52);
	assert_int_equal(check(used), 0);
	assert_true(dmar_next_reserved(&d, &at, &r));
	assert_int_equal(r.base, 0x100000);
	assert_int_equal(r.limit, 0x1fffff);
	assert_true(dmar_holds(&d, r.scopes, 0x18, config));
	assert_false(dmar_holds(&d, r.scopes, 0x10, config));
	assert_false(dmar_next_reserved(&d, &at, &r));
}

/* The other kinds: passed over, and their scopes checked. */
static void test_others(void **state)
{
	struct dmar_unit u;
	u32 at = 0;

	(void)state;
	scope(begin(ATSR, 8), DMAR_BRIDGE, 0, 0, "10");
	begin(ANDD, 8);
	begin(ANDD, 20);
	scope(begin(SATC, 8), DMAR_ENDPOINT, 0, 0, "30");
	drhd(UNIT, 1, 0);
	assert_int_equal(check(used), 0);
	assert_true(dmar_next_unit(&d, &at, &u));
	table[HEADER + 8 + 1] = 7;
	refused("a scope at offset 56 is 7 bytes long");
}

/* Cut anywhere, nothing behind the table is read. */
static void test_cut(void **state)
{
	u32 length, first;

	(void)state;
	scope(drhd(UNIT, 0, 0), DMAR_ENDPOINT, 0, 0, "30");
	first = used;
	scope(drhd(UNIT + 0x1000, 1, 0), DMAR_ENDPOINT, 0, 0, "102030");
	for (length = 0; length <= used; length++)
		assert_int_equal(check(length) == 0,
				 length == used || (length >= first &&
						    length < first + 4));
}

static void test_zero_length(void **state)
{
	struct dmar_unit u;
	u32 at = 0;

	(void)state;
	drhd(UNIT, 1, 0);
	used += 16;
	assert_int_equal(check(used), 0);
	assert_true(dmar_next_unit(&d, &at, &u));
	assert_false(dmar_next_unit(&d, &at, &u));
}

static void test_refused(void **state)
{
	struct dmar_unit u;
	u32 at;

	(void)state;
	refused("it names no IOMMU");
	drhd(0, 1, 0);
	refused("an IOMMU is at 0h");
	/* It is shown all the same. */
	at = 0;
	assert_true(dmar_next_unit(&d, &at, &u));
	assert_int_equal(u.base, 0);
	setup(NULL);
	drhd(UNIT + 8, 1, 0);
	refused("an IOMMU is at fed90008h");
	setup(NULL);
	drhd(UNIT, 0, 0);
	drhd(UNIT, 1, 0);
	refused("two IOMMUs are at fed90000h");
	setup(NULL);
	drhd(UNIT, 0, 0);
	begin(RMRR, 20);
	refused("a RMRR at offset 64 is 20 bytes long");
	setup(NULL);
	drhd(UNIT, 0, 0);
	begin(77, 3);
	used = HEADER + 16 + 8;
	refused("a structure at offset 64 is 3 bytes long");
	setup(NULL);
	drhd(UNIT, 0, 0);
	scope(rmrr(1, 2), DMAR_ENDPOINT, 0, 0, "");
	refused("a scope at offset 88 is 6 bytes long");
	setup(NULL);
	drhd(UNIT, 0, 0);
	table[36] = 0;
	refused("host addresses have 1 bits");
	table[36] = 255;
	refused("host addresses have 0 bits");
	used = 47;
	refused("it is 47 bytes long");
}

static void test_too_many(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < DMAR_UNITS; i++)
		drhd(UNIT + i * 0x1000, 0, 0);
	assert_int_equal(check(used), 0);
	drhd(UNIT + i * 0x1000, 0, 0);
	refused("there are more than 64 IOMMUs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_units, setup),
		cmocka_unit_test_setup(test_scopes, setup),
		cmocka_unit_test_setup(test_whose, setup),
		cmocka_unit_test_setup(test_reserved, setup),
		cmocka_unit_test_setup(test_others, setup),
		cmocka_unit_test_setup(test_cut, setup),
		cmocka_unit_test_setup(test_zero_length, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_too_many, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
