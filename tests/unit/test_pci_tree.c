// SPDX-License-Identifier: BSD-2-Clause
/* What stands above functions, and what keeps them apart: drivers/pci_tree.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/types.h"
#include "drivers/pci_regs.h"
#include "drivers/pci_tree.h"

#define AT(bus, device, function) ((bus) << 8 | (device) << 3 | (function))

#define ENDPOINT    0
#define TO_PCI	    7
#define PLAIN	    16 /* no express capability */
#define EXPRESS	    0x40
#define ACS	    0x140
#define ACS_CONTROL (PCI_ACS_WANTED << PCI_ACS_CONTROL_SHIFT)

static u32 *space[0x10000];
static struct pci_tree tree;
static u32 reads;

static u32 read_config(u16 address, u32 reg)
{
	assert_int_equal(reg & 3, 0);
	assert_true(reg < PCI_EXTENDED_END);
	reads++;
	return space[address] ? space[address][reg / 4] : ~0U;
}

static int setup(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(space); i++) {
		free(space[i]);
		space[i] = NULL;
	}
	reads = 0;
	return 0;
}

static u32 *add(u32 address, u32 type)
{
	u32 *s = calloc(PCI_EXTENDED_END / 4, sizeof(*s));

	assert_non_null(s);
	s[0] = 0x12348086;
	if (type != PLAIN) {
		s[1] = PCI_STATUS_CAPABILITIES;
		s[PCI_CAPABILITIES / 4] = EXPRESS;
		s[EXPRESS / 4] = PCI_CAP_EXPRESS |
				 type << PCI_EXPRESS_TYPE_SHIFT;
	}
	space[address] = s;
	return s;
}

static void add_bridge(u32 address, u32 type, u32 secondary)
{
	u32 *s = add(address, type);

	s[PCI_CACHE_LINE / 4] = PCI_HEADER_BRIDGE;
	s[PCI_BUS_NUMBERS / 4] = 0xff << 16 | secondary << 8;
}

/* Function 0 says it for all. */
static void make_multi(u32 address)
{
	space[address][PCI_CACHE_LINE / 4] |= PCI_HEADER_MULTI;
}

static void add_acs(u32 address, u32 value)
{
	u32 *s = space[address];

	s[0x100 / 4] = ACS << 20 | 1 << 16 | 1;
	s[ACS / 4] = 1 << 16 | PCI_EXTENDED_ACS;
	s[(ACS + PCI_ACS_CONTROL) / 4] = value;
}

/* Below a root port a switch with two lower ports, 03:00.0 and 03:01.0 */
static void add_switch(void)
{
	add_bridge(AT(0, 2, 0), PCI_EXPRESS_ROOT, 2);
	add_bridge(AT(2, 0, 0), PCI_EXPRESS_UPSTREAM, 3);
	add_bridge(AT(3, 0, 0), PCI_EXPRESS_DOWNSTREAM, 4);
	add_bridge(AT(3, 1, 0), PCI_EXPRESS_DOWNSTREAM, 5);
	add(AT(4, 0, 0), ENDPOINT);
	add(AT(5, 0, 0), ENDPOINT);
}

static void see(void)
{
	struct pci_buses roots = { { 1 } };

	pci_tree_read(&tree, read_config, &roots);
}

static void expect_joint(u32 a, u32 b, s32 at_a, s32 at_b)
{
	see();
	assert_int_equal(pci_joint(&tree, (u16)a, (u16)b), at_a);
	assert_int_equal(pci_joint(&tree, (u16)b, (u16)a), at_b);
}

static void expect_apart(u32 a, u32 b)
{
	expect_joint(a, b, -1, -1);
}

static void test_above(void **state)
{
	(void)state;
	add_bridge(AT(0, 1, 0), PCI_EXPRESS_ROOT, 1);
	add_bridge(AT(1, 0, 0), PCI_EXPRESS_UPSTREAM, 2);
	add_bridge(AT(2, 3, 0), PCI_EXPRESS_DOWNSTREAM, 5);
	add(AT(5, 0, 0), ENDPOINT);
	see();
	assert_int_equal(pci_above(&tree, AT(5, 0, 0)), AT(2, 3, 0));
	assert_int_equal(pci_above(&tree, AT(2, 3, 0)), AT(1, 0, 0));
	assert_int_equal(pci_above(&tree, AT(1, 0, 0)), AT(0, 1, 0));
	assert_int_equal(pci_above(&tree, AT(0, 1, 0)), -1);
	assert_int_equal(pci_alias(&tree, AT(5, 0, 0)), -1);
}

/* Nothing is behind a bridge that was not set up, or leads back. */
static void test_no_way_down(void **state)
{
	(void)state;
	add_bridge(AT(0, 1, 0), PLAIN, 0);
	add_bridge(AT(0, 2, 0), PCI_EXPRESS_ROOT, 3);
	add_bridge(AT(3, 0, 0), PLAIN, 0);
	add_bridge(AT(3, 1, 0), PLAIN, 3);
	add_bridge(AT(3, 2, 0), PLAIN, 2);
	see();
	assert_int_equal(pci_above(&tree, AT(0, 4, 0)), -1);
	assert_int_equal(pci_above(&tree, AT(2, 0, 0)), -1);
	assert_int_equal(pci_above(&tree, AT(3, 1, 0)), AT(0, 2, 0));
}

/* The one that the IOMMU hears. */
static void test_alias(void **state)
{
	(void)state;
	add_bridge(AT(0, 1, 0), PCI_EXPRESS_ROOT, 1);
	add_bridge(AT(1, 0, 0), TO_PCI, 2);
	add_bridge(AT(2, 1, 0), PLAIN, 3);
	add(AT(3, 0, 0), PLAIN);
	/* of the chipset */
	add_bridge(AT(0, 30, 0), PLAIN, 9);
	add(AT(9, 0, 0), PLAIN);
	add_bridge(AT(0, 31, 0), PLAIN, 10);
	space[AT(0, 31, 0)][PCI_CACHE_LINE / 4] = PCI_HEADER_CARDBUS;
	see();
	assert_int_equal(pci_alias(&tree, AT(3, 0, 0)), AT(1, 0, 0));
	assert_int_equal(pci_alias(&tree, AT(2, 1, 0)), AT(1, 0, 0));
	assert_int_equal(pci_alias(&tree, AT(1, 0, 0)), -1);
	assert_int_equal(pci_alias(&tree, AT(9, 0, 0)), AT(0, 30, 0));
	assert_int_equal(pci_alias(&tree, AT(10, 0, 0)), AT(0, 31, 0));
	assert_int_equal(pci_reset_bridge(&tree, AT(10, 0, 0)), -1);
	assert_int_equal(pci_reset_bridge(&tree, AT(9, 0, 0)), AT(0, 30, 0));
}

static void test_functions_of_a_device(void **state)
{
	(void)state;
	add(AT(0, 2, 0), ENDPOINT);
	add(AT(0, 3, 0), PLAIN);
	add(AT(0, 3, 1), PLAIN);
	make_multi(AT(0, 3, 0));
	expect_apart(AT(0, 2, 0), AT(0, 3, 0));
	expect_joint(AT(0, 3, 0), AT(0, 3, 1), AT(0, 3, 0), AT(0, 3, 1));
	/* a network card with two ports */
	add_bridge(AT(0, 1, 0), PCI_EXPRESS_ROOT, 1);
	add_acs(AT(0, 1, 0), PCI_ACS_WANTED | ACS_CONTROL);
	add(AT(1, 0, 0), ENDPOINT);
	add(AT(1, 0, 1), ENDPOINT);
	make_multi(AT(1, 0, 0));
	expect_joint(AT(1, 0, 0), AT(1, 0, 1), AT(1, 0, 0), AT(1, 0, 1));
	add_acs(AT(1, 0, 0), ACS_CONTROL);
	/* One can reach the other. */
	expect_joint(AT(1, 0, 0), AT(1, 0, 1), AT(1, 0, 0), AT(1, 0, 1));
	add_acs(AT(1, 0, 1), ACS_CONTROL);
	expect_apart(AT(1, 0, 0), AT(1, 0, 1));
}

/* What can be switched on must be. */
static void test_acs_is_on(void **state)
{
	(void)state;
	assert_int_equal(pci_acs_on(0), 0);
	assert_int_equal(pci_acs_on(0x7f), 0x1d007f);
	assert_int_equal(pci_acs_on(0x5), 0x50005);
	assert_int_equal(pci_acs_on(0x2001d), 0x1f001d);
	add_bridge(AT(0, 1, 0), PCI_EXPRESS_ROOT, 1);
	add_bridge(AT(0, 1, 1), PCI_EXPRESS_ROOT, 2);
	make_multi(AT(0, 1, 0));
	add(AT(1, 0, 0), ENDPOINT);
	add(AT(2, 0, 0), ENDPOINT);
	add_acs(AT(0, 1, 0), 0x7f);
	add_acs(AT(0, 1, 1), 0x7f | ACS_CONTROL);
	expect_joint(AT(1, 0, 0), AT(2, 0, 0), AT(0, 1, 0), AT(0, 1, 1));
	add_acs(AT(0, 1, 0), 0x1d007f & ~(4U << PCI_ACS_CONTROL_SHIFT));
	expect_joint(AT(1, 0, 0), AT(2, 0, 0), AT(0, 1, 0), AT(0, 1, 1));
	add_acs(AT(0, 1, 0), pci_acs_on(0x7f));
	expect_apart(AT(1, 0, 0), AT(2, 0, 0));
}

/* One root port apiece: what is below each is together, no more. */
static void test_root_ports(void **state)
{
	(void)state;
	add_bridge(AT(0, 1, 0), PCI_EXPRESS_ROOT, 1);
	add(AT(1, 0, 0), ENDPOINT);
	add_switch();
	add_acs(AT(3, 0, 0), ACS_CONTROL);
	add_acs(AT(3, 1, 0), ACS_CONTROL);
	expect_apart(AT(1, 0, 0), AT(4, 0, 0));
	expect_joint(AT(4, 0, 0), AT(5, 0, 0), AT(0, 2, 0), AT(0, 2, 0));
	add_acs(AT(0, 2, 0), ACS_CONTROL);
	expect_apart(AT(4, 0, 0), AT(5, 0, 0));
}

/* A lower port without ACS reaches all that is below the switch. */
static void test_switch(void **state)
{
	(void)state;
	add_switch();
	add_acs(AT(0, 2, 0), ACS_CONTROL);
	add_acs(AT(3, 1, 0), ACS_CONTROL);
	add(AT(0, 3, 0), ENDPOINT);
	expect_joint(AT(4, 0, 0), AT(5, 0, 0), AT(3, 0, 0), AT(3, 1, 0));
	expect_apart(AT(4, 0, 0), AT(0, 3, 0));
	add_acs(AT(3, 0, 0), ACS_CONTROL);
	expect_apart(AT(4, 0, 0), AT(5, 0, 0));
}

static void test_where_acs_is(void **state)
{
	u32 *s = add(AT(0, 1, 0), ENDPOINT);

	(void)state;
	assert_int_equal(pci_acs(read_config, AT(0, 1, 0)), 0);
	add_acs(AT(0, 1, 0), 0);
	assert_int_equal(pci_acs(read_config, AT(0, 1, 0)), ACS);
	/* It would go on behind the end. */
	s[0x100 / 4] = 0xffc00001;
	s[0xffc / 4] = PCI_EXTENDED_ACS;
	assert_int_equal(pci_acs(read_config, AT(0, 1, 0)), 0);
	/* in circles, into the header, not there at all */
	s[0x100 / 4] = 0x10000001;
	reads = 0;
	assert_int_equal(pci_acs(read_config, AT(0, 1, 0)), 0);
	assert_true(reads < 600);
	s[0x100 / 4] = 0x08000001;
	s[0x80 / 4] = PCI_EXTENDED_ACS;
	assert_int_equal(pci_acs(read_config, AT(0, 1, 0)), 0);
	memset(&s[0x100 / 4], 0xff, PCI_EXTENDED_END - 0x100);
	reads = 0;
	assert_int_equal(pci_acs(read_config, AT(0, 1, 0)), 0);
	assert_true(reads < 10);
	/* A conventional function has no such space. */
	add(AT(0, 2, 0), PLAIN);
	add_acs(AT(0, 2, 0), 0);
	assert_int_equal(pci_acs(read_config, AT(0, 2, 0)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_above, setup),
		cmocka_unit_test_setup(test_no_way_down, setup),
		cmocka_unit_test_setup(test_alias, setup),
		cmocka_unit_test_setup(test_functions_of_a_device, setup),
		cmocka_unit_test_setup(test_acs_is_on, setup),
		cmocka_unit_test_setup(test_root_ports, setup),
		cmocka_unit_test_setup(test_switch, setup),
		cmocka_unit_test_setup(test_where_acs_is, setup),
	};

	return cmocka_run_group_tests(tests, NULL, setup);
}
