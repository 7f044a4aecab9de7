// SPDX-License-Identifier: BSD-2-Clause
/* Buses and the lists of capabilities: drivers/pci_bus.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/types.h"
#include "drivers/pci_tree.h"
#include "drivers/pci_regs.h"

#define AT(bus, device, function) ((bus) << 8 | (device) << 3 | (function))
#define MULTI			  0x00800000U

/* Configuration space of every function on the machine. */
static u32 *space[0x10000];
static u32 reads;
static u16 found[0x10000];
static u32 nr_found;

static u32 read_config(u16 address, u32 reg)
{
	assert_int_equal(reg & 3, 0);
	assert_true(reg < 4096);
	reads++;
	return space[address] && reg < 256 ? space[address][reg / 4] : ~0U;
}

static void visit(void *ctx, u16 address)
{
	assert_ptr_equal(ctx, &reads);
	found[nr_found++] = address;
}

static u32 *add(u32 address, u32 header)
{
	u32 *s = calloc(64, sizeof(*s));

	assert_non_null(s);
	s[0] = 0x12348086;
	s[3] = header;
	space[address] = s;
	return s;
}

static void add_bridge(u32 address, u32 header, u32 secondary)
{
	add(address, header)[6] = 0xff << 16 | secondary << 8;
}

static int setup(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(space); i++) {
		free(space[i]);
		space[i] = NULL;
	}
	reads = nr_found = 0;
	return 0;
}

static void walk(const u8 *roots, u32 nr)
{
	struct pci_buses set = { 0 };
	u32 i;

	for (i = 0; i < nr; i++)
		pci_bus_add(&set, roots[i]);
	nr_found = 0;
	pci_walk(read_config, &set, visit, &reads);
}

static void expect_found(const u16 *addresses, u32 nr)
{
	assert_int_equal(nr_found, nr);
	assert_memory_equal(found, addresses, nr * sizeof(*addresses));
}

static void test_bridges_are_followed(void **state)
{
	static const u8 roots[] = { 0, 0x80 };
	static const u16 all[] = { AT(0, 0, 0),	   AT(0, 1, 0), AT(1, 0, 0),
				   AT(1, 0, 1),	   AT(2, 4, 0), AT(9, 0, 0),
				   AT(0x80, 31, 0) };

	(void)state;
	add(AT(0, 0, 0), 0);
	add_bridge(AT(0, 1, 0), PCI_HEADER_BRIDGE, 1);
	add_bridge(AT(1, 0, 0), PCI_HEADER_BRIDGE | MULTI, 2);
	add_bridge(AT(1, 0, 1), PCI_HEADER_CARDBUS, 9);
	add(AT(2, 4, 0), 0);
	/* function 0 says that it is alone */
	add(AT(2, 4, 1), 0);
	add(AT(9, 0, 0), 0);
	/* no function 0: no device */
	add(AT(9, 1, 1), 0);
	add(AT(0x80, 31, 0), 0);
	add(AT(0x40, 0, 0), 0);
	walk(roots, ARRAY_SIZE(roots));
	expect_found(all, ARRAY_SIZE(all));
	/* 5 buses, not 256 */
	assert_true(reads < 5 * 32 + 64);
}

/* Numbers that firmware left at 0, lead back, up, or are one for two. */
static void test_buses_in_circles(void **state)
{
	static const u8 roots[] = { 3 };
	static const u16 all[] = { AT(3, 0, 0), AT(3, 1, 0), AT(3, 2, 0),
				   AT(5, 0, 0), AT(5, 1, 0), AT(0, 0, 0),
				   AT(1, 0, 0) };

	(void)state;
	add_bridge(AT(3, 0, 0), PCI_HEADER_BRIDGE, 3);
	add_bridge(AT(3, 1, 0), PCI_HEADER_BRIDGE, 5);
	add_bridge(AT(3, 2, 0), PCI_HEADER_BRIDGE, 5);
	add_bridge(AT(5, 0, 0), PCI_HEADER_BRIDGE, 3);
	add_bridge(AT(5, 1, 0), PCI_HEADER_BRIDGE, 0);
	add_bridge(AT(0, 0, 0), PCI_HEADER_BRIDGE, 1);
	add(AT(1, 0, 0), 0);
	walk(roots, 1);
	expect_found(all, ARRAY_SIZE(all));
}

static void test_every_bus(void **state)
{
	u8 roots[256];

	(void)state;
	for (u32 i = 0; i < 256; i++) {
		roots[i] = (u8)i;
		add(AT(i, 0, 0), MULTI);
		add_bridge(AT(i, 31, 0), PCI_HEADER_BRIDGE, 255 - i);
	}
	walk(roots, 256);
	assert_int_equal(nr_found, 512);
}

static void test_capability(void **state)
{
	u32 *s = add(AT(0, 0, 0), 0);

	(void)state;
	s[0x34 / 4] = 0x43;
	s[0x40 / 4] = 0x0000c005;
	s[0xc0 / 4] = 0x0000fc11;
	s[0xfc / 4] = 0x00000010;
	/* The status says that there is no list. */
	assert_int_equal(pci_capability(read_config, 0, 5), 0);
	s[1] = PCI_STATUS_CAPABILITIES;
	assert_int_equal(pci_capability(read_config, 0, 5), 0x40);
	assert_int_equal(pci_capability(read_config, 0, 0x11), 0xc0);
	assert_int_equal(pci_capability(read_config, 0, 0x10), 0xfc);
	assert_int_equal(pci_capability(read_config, 0, 1), 0);
	assert_int_equal(pci_capability(read_config, 1, 5), 0);
}

static void test_capabilities_in_circles(void **state)
{
	u32 *s = add(AT(0, 0, 0), 0);

	(void)state;
	s[1] = PCI_STATUS_CAPABILITIES;
	s[0x34 / 4] = 0x40;
	s[0x40 / 4] = 0x00004005;
	assert_int_equal(pci_capability(read_config, 0, 0x11), 0);
	s[0x40 / 4] = 0x00004401;
	s[0x44 / 4] = 0x00004001;
	assert_int_equal(pci_capability(read_config, 0, 0x11), 0);
	/* into the header */
	s[0x44 / 4] = 0x00003c01;
	s[0x3c / 4] = 0x00000011;
	assert_int_equal(pci_capability(read_config, 0, 0x11), 0);
	assert_true(reads < 200);
}

/* An NVMe controller as they come: PM, MSI-X, Express with FLR. */
static u32 *add_nvme(u32 address)
{
	u32 *s = add(address, 0);

	s[1] = PCI_STATUS_CAPABILITIES;
	s[0x34 / 4] = 0x40;
	s[0x40 / 4] = 0x5001;
	s[0x50 / 4] = 0x00806011;
	s[0x54 / 4] = 0x3000;
	s[0x58 / 4] = 0x2004;
	s[0x60 / 4] = 0x10;
	s[0x64 / 4] = PCI_EXPRESS_DEVCAP_FLR;
	return s;
}

static void describe(u32 address, struct pci_function *f)
{
	struct pci_buses roots = { { 1 } };
	struct pci_tree t;

	pci_tree_read(&t, read_config, &roots);
	pci_describe(read_config, pci_reset_bridge(&t, (u16)address),
		     (u16)address, f);
}

static void test_describe(void **state)
{
	struct pci_function f;

	(void)state;
	add_nvme(AT(1, 0, 0));
	describe(AT(1, 0, 0), &f);
	assert_int_equal(f.msix.where, 0x50);
	assert_int_equal(f.msix.entries, 0x81);
	assert_int_equal(f.msix.table, 0x3000);
	assert_int_equal(f.msix.pending, 0x2004);
	assert_int_equal(f.reset, PCI_RESET_FLR);
	assert_int_equal(f.reset_address, AT(1, 0, 0));
	assert_int_equal(f.reset_where, 0x60);
}

static void test_bus_reset(void **state)
{
	struct pci_function f;

	(void)state;
	add_bridge(AT(0, 1, 0), PCI_HEADER_BRIDGE, 1);
	add_nvme(AT(1, 0, 0))[0x64 / 4] = 0;
	add(AT(1, 0, 1), 0);
	space[AT(1, 0, 0)][3] = MULTI;
	describe(AT(1, 0, 0), &f);
	assert_int_equal(f.reset, PCI_RESET_BUS);
	assert_int_equal(f.reset_address, AT(0, 1, 0));
	/* Another device would be reset, too. */
	add(AT(1, 2, 0), 0);
	describe(AT(1, 0, 0), &f);
	assert_int_equal(f.reset, PCI_RESET_NONE);
	/* Nothing is above the root bus. */
	add(AT(0, 3, 0), 0);
	describe(AT(0, 3, 0), &f);
	assert_int_equal(f.reset, PCI_RESET_NONE);
}

static void test_advanced_reset(void **state)
{
	struct pci_function f;
	u32 *s = add_nvme(AT(0, 1, 0));

	(void)state;
	s[0x60 / 4] = 0x03060013;
	describe(AT(0, 1, 0), &f);
	assert_int_equal(f.reset, PCI_RESET_AF_FLR);
	assert_int_equal(f.reset_where, 0x60);
	s[0x60 / 4] = 0x01060013;
	describe(AT(0, 1, 0), &f);
	assert_int_equal(f.reset, PCI_RESET_NONE);
}

/* They would go on behind the end of the space. */
static void test_capabilities_at_the_end(void **state)
{
	struct pci_function f;
	u32 *s = add(AT(0, 1, 0), 0);

	(void)state;
	s[1] = PCI_STATUS_CAPABILITIES;
	s[0x34 / 4] = 0xfc;
	s[0xfc / 4] = 0x00100011;
	describe(AT(0, 1, 0), &f);
	assert_int_equal(f.msix.where, 0);
	s[0xfc / 4] = 0x00000010;
	describe(AT(0, 1, 0), &f);
	assert_int_equal(f.reset, PCI_RESET_NONE);
	s[0xfc / 4] = 0x03060013;
	describe(AT(0, 1, 0), &f);
	assert_int_equal(f.reset, PCI_RESET_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bridges_are_followed, setup),
		cmocka_unit_test_setup(test_buses_in_circles, setup),
		cmocka_unit_test_setup(test_every_bus, setup),
		cmocka_unit_test_setup(test_capability, setup),
		cmocka_unit_test_setup(test_capabilities_in_circles, setup),
		cmocka_unit_test_setup(test_describe, setup),
		cmocka_unit_test_setup(test_bus_reset, setup),
		cmocka_unit_test_setup(test_advanced_reset, setup),
		cmocka_unit_test_setup(test_capabilities_at_the_end, setup),
	};

	return cmocka_run_group_tests(tests, NULL, setup);
}
