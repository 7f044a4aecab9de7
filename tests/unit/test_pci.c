// SPDX-License-Identifier: BSD-2-Clause
/* Configuration space as a guest sees it: devices/vpci.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/types.h"
#include "devices/vpci.h"

#define ENABLE 0x80000000U
/* On the machine, and on the guest's bus */
#define CARD	 0x310
#define GUEST	 0x08
#define MEMORY	 0xfeb00000U
#define AT(reg)	 (ENABLE | GUEST << 8 | (reg))
#define ABSENT	 (ENABLE | 0x10 << 8)
#define BRIDGE	 ENABLE
#define COMMAND	 0x0007
#define LINE	 11
#define WRITABLE 0x0407U

/* The device behind it. */
static u32 device[64];
static u32 writes, last_reg;
static u16 last_value;

static u32 device_read(u16 address, u32 reg)
{
	assert_int_equal(address, CARD);
	assert_int_equal(reg % 4, 0);
	return device[reg / 4];
}

static void device_write(u16 address, u32 reg, u16 value)
{
	assert_int_equal(address, CARD);
	writes++;
	last_reg = reg;
	last_value = value;
}

static struct vpci v;

static int setup(void **state)
{
	(void)state;
	for (u32 i = 0; i < 64; i++)
		device[i] = 0xdead0000 | i;
	device[0] = 0x100e8086;
	device[1] = 0x02b00000 | COMMAND;
	device[3] = 0xff804010;
	device[15] = 0x00ff0100 | LINE;
	v = (struct vpci){
		.nr = 1,
		.function[0] = {
			.address = CARD,
			.pin = true,
			.host_line = LINE,
			.bar[0] = { MEMORY, 0xfffe0000, false },
			.bar[1] = { 0xc041, 0xffffffe0, false },
			/* 64 bits, prefetchable, above 4 GiB */
			.bar[2] = { 0x0000000c, 0xfff00000, false },
			.bar[3] = { 0x00000008, 0xffffffff, false },
		},
		.read = device_read,
		.write16 = device_write,
	};
	writes = 0;
	vpci_reset(&v);
	return 0;
}

static void test_header(void **state)
{
	(void)state;
	assert_int_equal(vpci_read(&v, AT(0x00), 0, 4), 0x100e8086);
	assert_int_equal(vpci_read(&v, AT(0x00), 0, 2), 0x8086);
	assert_int_equal(vpci_read(&v, AT(0x00), 2, 2), 0x100e);
	assert_int_equal(vpci_read(&v, AT(0x00), 3, 1), 0x10);
	assert_int_equal(vpci_read(&v, AT(0x08), 0, 4), device[2]);
	assert_int_equal(vpci_read(&v, AT(0x28), 0, 4), device[10]);
	assert_int_equal(vpci_read(&v, AT(0x2c), 0, 4), device[11]);
	/* no capabilities, no ROM, nothing behind the header */
	assert_int_equal(vpci_read(&v, AT(0x04), 0, 4), 0x02a00000 | COMMAND);
	assert_int_equal(vpci_read(&v, AT(0x30), 0, 4), 0);
	assert_int_equal(vpci_read(&v, AT(0x34), 0, 4), 0);
	for (u32 reg = 0x40; reg < 0x100; reg += 4)
		assert_int_equal(vpci_read(&v, AT(reg), 0, 4), 0);
	/* no BIST, no more functions */
	assert_int_equal(vpci_read(&v, AT(0x0c), 0, 4), 0x4010);
}

static void test_absent(void **state)
{
	static const u32 bad[] = {
		ABSENT,		 AT(0) & ~ENABLE,    AT(0) | 1,
		AT(0) | 2,	 AT(0) | 0x01000000, AT(0) | 0x40000000,
		AT(0) | 1 << 16, AT(0) | 1 << 8,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(vpci_read(&v, bad[i], 0, 4), 0xffffffff);
		assert_int_equal(vpci_read(&v, bad[i], 2, 2), 0xffff);
		assert_int_equal(vpci_read(&v, bad[i], 3, 1), 0xff);
		vpci_write(&v, bad[i], 0, 4, 0);
	}
	/* across the end of the data port */
	assert_int_equal(vpci_read(&v, AT(0), 3, 2), 0xffff);
	assert_int_equal(vpci_read(&v, AT(0), 1, 4), 0xffffffff);
	vpci_write(&v, AT(4), 3, 2, 0xffff);
	assert_int_equal(writes, 0);
}

static void test_bridge(void **state)
{
	(void)state;
	assert_int_equal(vpci_read(&v, BRIDGE | 8, 0, 4), 0x06000000);
	assert_int_not_equal(vpci_read(&v, BRIDGE, 0, 4), 0xffffffff);
	assert_int_equal(vpci_read(&v, BRIDGE | 0x10, 0, 4), 0);
	vpci_write(&v, BRIDGE | 4, 0, 4, ~0U);
	assert_int_equal(writes, 0);
	v.nr = 0;
	assert_int_equal(vpci_read(&v, BRIDGE, 0, 4), 0xffffffff);
	assert_int_equal(vpci_read(&v, AT(0), 0, 4), 0xffffffff);
}

static void test_bars(void **state)
{
	(void)state;
	assert_int_equal(vpci_read(&v, AT(0x10), 0, 4), MEMORY);
	vpci_write(&v, AT(0x10), 0, 4, ~0U);
	assert_int_equal(vpci_read(&v, AT(0x10), 0, 4), 0xfffe0000);
	assert_int_equal(vpci_read(&v, AT(0x14), 0, 4), 0xc041);
	/* as Linux sizes them: what is there, and all the address bits */
	vpci_write(&v, AT(0x14), 0, 4, 0xfffffffd);
	assert_int_equal(vpci_read(&v, AT(0x14), 0, 4), 0xffffffe1);
	vpci_write(&v, AT(0x18), 0, 4, ~0U);
	vpci_write(&v, AT(0x1c), 0, 4, ~0U);
	assert_int_equal(vpci_read(&v, AT(0x18), 0, 4), 0xfff0000c);
	assert_int_equal(vpci_read(&v, AT(0x1c), 0, 4), 0xffffffff);
	/* any other address: the one that it has */
	vpci_write(&v, AT(0x10), 0, 4, 0x12340000);
	assert_int_equal(vpci_read(&v, AT(0x10), 0, 4), MEMORY);
	vpci_write(&v, AT(0x10), 0, 4, ~0U);
	vpci_write(&v, AT(0x10), 0, 1, 0);
	assert_int_equal(vpci_read(&v, AT(0x10), 0, 4), 0xfffe0000);
	vpci_reset(&v);
	assert_int_equal(vpci_read(&v, AT(0x10), 0, 4), MEMORY);
	/* none */
	vpci_write(&v, AT(0x24), 0, 4, ~0U);
	assert_int_equal(vpci_read(&v, AT(0x24), 0, 4), 0);
	assert_int_equal(writes, 0);
}

static void test_command(void **state)
{
	(void)state;
	vpci_write(&v, AT(0x04), 0, 4, 0x0000ffff);
	assert_int_equal(writes, 1);
	assert_int_equal(last_reg, 0x04);
	assert_int_equal(last_value, WRITABLE);
	vpci_write(&v, AT(0x04), 0, 2, 0);
	assert_int_equal(last_value, 0);
	/* one byte leaves the other as it is */
	vpci_write(&v, AT(0x04), 1, 1, 0x04);
	assert_int_equal(last_value, 0x0400 | COMMAND);
	vpci_write(&v, AT(0x04), 0, 1, 0x02);
	assert_int_equal(last_value, 0x0002);
	/* bits of the device that are not the guest's stay */
	device[1] |= 0x0140;
	vpci_write(&v, AT(0x04), 0, 2, 0);
	assert_int_equal(last_value, 0x0140);
}

/* Nor does it stay one by a write of the other byte. */
static void test_no_bus_master(void **state)
{
	(void)state;
	v.function[0].quarantined = true;
	device[1] &= ~(u32)PCI_COMMAND_MASTER;
	vpci_write(&v, AT(0x04), 0, 2, 0xffff);
	assert_int_equal(last_value, WRITABLE & ~PCI_COMMAND_MASTER);
	vpci_write(&v, AT(0x04), 0, 1, 0x04);
	assert_int_equal(last_value, 0);
	vpci_write(&v, AT(0x04), 1, 1, 0x04);
	assert_int_equal(last_value, 0x0403);
	v.function[0].quarantined = false;
	vpci_write(&v, AT(0x04), 0, 1, 0x04);
	assert_int_equal(last_value, 0x0004);
}

static void test_status(void **state)
{
	(void)state;
	vpci_write(&v, AT(0x04), 2, 2, 0xffff);
	assert_int_equal(writes, 1);
	assert_int_equal(last_reg, 0x06);
	assert_int_equal(last_value, 0xf900);
	vpci_write(&v, AT(0x04), 2, 2, 0x06ff);
	vpci_write(&v, AT(0x04), 2, 1, 0xff);
	assert_int_equal(writes, 1);
	vpci_write(&v, AT(0x04), 3, 1, 0x20);
	assert_int_equal(writes, 2);
	assert_int_equal(last_value, 0x2000);
}

static void test_interrupt_line(void **state)
{
	(void)state;
	assert_int_equal(vpci_read(&v, AT(0x3c), 0, 4), device[15]);
	vpci_write(&v, AT(0x3c), 0, 4, 0x12345605);
	assert_int_equal(vpci_read(&v, AT(0x3c), 0, 4), 0x00ff0105);
	vpci_write(&v, AT(0x3c), 1, 1, 0xff);
	assert_int_equal(vpci_read(&v, AT(0x3c), 0, 4), 0x00ff0105);
	vpci_reset(&v);
	assert_int_equal(vpci_read(&v, AT(0x3c), 0, 1), LINE);
	assert_int_equal(writes, 0);
}

static void test_the_rest_is_read_only(void **state)
{
	(void)state;
	for (u32 reg = 0; reg < 0x100; reg += 4)
		for (u32 i = 0; reg != 0x04 && i < 4; i++)
			vpci_write(&v, AT(reg), i, 1, 0xff);
	assert_int_equal(writes, 0);
}

/* Without a pin its register says so. */
static void test_no_pin(void **state)
{
	(void)state;
	v.function[0].pin = false;
	assert_int_equal(vpci_read(&v, AT(0x3c), 0, 4), 0x00ff0000 | LINE);
}

static void test_msix(void **state)
{
	(void)state;
	v.function[0].msix = (struct pci_msix){
		.where = 0xb0,
		.entries = 65,
		.table = 0x2000,
		.pending = 0x3004,
	};
	assert_int_equal(vpci_read(&v, AT(0x04), 0, 4), 0x02b00000 | COMMAND);
	assert_int_equal(vpci_read(&v, AT(0x34), 0, 4), 0x40);
	assert_int_equal(vpci_read(&v, AT(0x40), 0, 4), 0x00400011);
	assert_int_equal(vpci_read(&v, AT(0x44), 0, 4), 0x2000);
	assert_int_equal(vpci_read(&v, AT(0x48), 0, 4), 0x3004);
	for (u32 reg = 0x4c; reg < 0x100; reg += 4)
		assert_int_equal(vpci_read(&v, AT(reg), 0, 4), 0);
	/* Enable and function mask are written through, nothing else. */
	vpci_write(&v, AT(0x40), 2, 2, 0xffff);
	assert_int_equal(writes, 1);
	assert_int_equal(last_reg, 0xb2);
	assert_int_equal(last_value, 0xc000);
	assert_int_equal(vpci_read(&v, AT(0x40), 2, 2), 0xc040);
	vpci_write(&v, AT(0x40), 3, 1, 0x80);
	assert_int_equal(last_value, 0x8000);
	vpci_write(&v, AT(0x40), 0, 2, 0xffff);
	vpci_write(&v, AT(0x44), 0, 4, ~0U);
	vpci_write(&v, AT(0x48), 0, 4, ~0U);
	assert_int_equal(writes, 2);
	assert_int_equal(vpci_read(&v, AT(0x44), 0, 4), 0x2000);
	vpci_reset(&v);
	assert_int_equal(vpci_read(&v, AT(0x40), 0, 4), 0x00400011);
}

static struct irq_msg told, all_told[32];
static u32 times;

static void on_want(void *ctx, u32 n, u32 k, const struct irq_msg *m)
{
	assert_ptr_equal(ctx, &v);
	assert_int_equal(n, 0);
	assert_in_range(k, 0, 31);
	all_told[k] = *m;
	told = *m;
	times++;
}

/* One message, 64 bits wide, whatever the device has: it keeps its own. */
static void test_msi(void **state)
{
	(void)state;
	v.function[0].msi.where = 0xd0;
	v.want = on_want;
	v.ctx = &v;
	times = 0;
	assert_int_equal(vpci_read(&v, AT(0x34), 0, 4), 0x40);
	assert_int_equal(vpci_read(&v, AT(0x40), 0, 4), 0x00800005);
	vpci_write(&v, AT(0x44), 0, 4, 0xfee01003);
	vpci_write(&v, AT(0x48), 0, 4, 0);
	vpci_write(&v, AT(0x4c), 0, 2, 0x0041);
	assert_int_equal(writes, 0);
	assert_true(told.masked);
	assert_int_equal(vpci_read(&v, AT(0x44), 0, 4), 0xfee01000);
	assert_int_equal(vpci_read(&v, AT(0x4c), 0, 4), 0x41);
	vpci_write(&v, AT(0x40), 2, 2, 0xffff);
	assert_false(told.masked);
	assert_int_equal(told.dest, 1);
	assert_int_equal(told.vector, 0x41);
	assert_int_equal(writes, 1);
	assert_int_equal(last_reg, 0xd2);
	assert_int_equal(last_value, 1);
	assert_int_equal(vpci_read(&v, AT(0x40), 0, 4), 0x00810005);
	/* To another CPU while it is on: nothing for the device. */
	times = 0;
	vpci_write(&v, AT(0x44), 1, 1, 0x20);
	assert_int_equal(times, 1);
	assert_int_equal(told.dest, 2);
	/* No interrupt at all */
	vpci_write(&v, AT(0x44), 0, 4, 0x1000);
	assert_true(told.masked);
	assert_int_equal(writes, 1);
	vpci_write(&v, AT(0x40), 2, 2, 0);
	assert_int_equal(writes, 2);
	assert_int_equal(last_value, 0);
	vpci_write(&v, AT(0x50), 0, 4, ~0U);
	vpci_write(&v, AT(0x40), 0, 2, 0xffff);
	assert_int_equal(writes, 2);
	assert_int_equal(vpci_read(&v, AT(0x40), 0, 4), 0x00800005);
}

/* Of four messages a guest asks for two, for more than there are, for none. */
static void test_msi_many(void **state)
{
	(void)state;
	v.function[0].msi.where = 0xd0;
	v.function[0].msi.many = 2;
	v.want = on_want;
	v.ctx = &v;
	times = 0;
	assert_int_equal(vpci_read(&v, AT(0x40), 0, 4), 0x00840005);
	vpci_write(&v, AT(0x44), 0, 4, 0xfee01000);
	vpci_write(&v, AT(0x4c), 0, 2, 0x0047);
	vpci_write(&v, AT(0x40), 2, 2, 0x11);
	assert_int_equal(times, 3 * 4);
	assert_int_equal(last_value, 0x11);
	assert_int_equal(vpci_read(&v, AT(0x40), 0, 4), 0x00950005);
	/* The function puts the number into the vector's lowest bits. */
	assert_int_equal(all_told[0].vector, 0x46);
	assert_int_equal(all_told[1].vector, 0x47);
	assert_false(all_told[0].masked || all_told[1].masked);
	assert_true(all_told[2].masked && all_told[3].masked);
	vpci_write(&v, AT(0x40), 2, 2, 0x71);
	assert_int_equal(last_value, 0x21);
	assert_int_equal(all_told[0].vector, 0x44);
	assert_int_equal(all_told[3].vector, 0x47);
	assert_false(all_told[3].masked);
	vpci_write(&v, AT(0x40), 2, 2, 0x20);
	assert_int_equal(last_value, 0x20);
	assert_true(all_told[0].masked && all_told[3].masked);
	vpci_reset(&v);
	assert_int_equal(vpci_read(&v, AT(0x40), 0, 4), 0x00840005);
}

/* The same registers, and none from 100h on. */
static void test_ecam(void **state)
{
	u32 reg;

	(void)state;
	v.function[0].msi.where = 0xd0;
	v.want = on_want;
	v.ctx = &v;
	for (reg = 0; reg < 0x100; reg += 4)
		assert_int_equal(vpci_ecam_read(&v, 0x8000 + reg, 4),
				 vpci_read(&v, AT(reg), 0, 4));
	assert_int_equal(vpci_ecam_read(&v, 0x8000, 8),
			 vpci_ecam_read(&v, 0x8000, 4) |
				 vpci_ecam_read(&v, 0x8004, 4) << 32);
	assert_int_equal(vpci_ecam_read(&v, 0x8002, 2),
			 vpci_read(&v, AT(0), 2, 2));
	assert_int_equal(vpci_ecam_read(&v, 0x8003, 1),
			 vpci_read(&v, AT(0), 3, 1));
	for (reg = 0x100; reg < 0x1000; reg += 4)
		assert_int_equal(vpci_ecam_read(&v, 0x8000 + reg, 4), 0);
	/* No function, no function of it, and across two registers */
	assert_int_equal(vpci_ecam_read(&v, 0xf8000, 4), 0xffffffff);
	assert_int_equal(vpci_ecam_read(&v, 0x9000, 4), 0xffffffff);
	assert_int_equal(vpci_ecam_read(&v, 0xff000 + 0xffc, 4), 0xffffffff);
	assert_int_equal(vpci_ecam_read(&v, 0x8002, 4), ~0UL);
	vpci_ecam_write(&v, 0x8044, 4, 0xfee01000);
	assert_int_equal(vpci_read(&v, AT(0x44), 0, 4), 0xfee01000);
	vpci_ecam_write(&v, 0x8048, 8, 0x4112345678UL);
	assert_int_equal(vpci_read(&v, AT(0x48), 0, 4), 0x12345678);
	assert_int_equal(vpci_read(&v, AT(0x4c), 0, 4), 0x41);
	vpci_ecam_write(&v, 0x8044, 8, 0);
	vpci_ecam_write(&v, 0x8049, 1, 0xff);
	vpci_ecam_write(&v, 0x804a, 4, 0xffffffff);
	assert_int_equal(vpci_read(&v, AT(0x48), 0, 4), 0x1234ff78);
	vpci_ecam_write(&v, 0xf8044, 4, 0);
	vpci_ecam_write(&v, 0x8100, 4, ~0U);
	assert_int_equal(vpci_read(&v, AT(0x44), 0, 4), 0xfee01000);
}

static u32 in(u16 port, u8 size)
{
	u32 value = 0x55555555;

	assert_true(vpci_io(&v, port, size, false, &value));
	return value;
}

static void out(u16 port, u8 size, u32 value)
{
	assert_true(vpci_io(&v, port, size, true, &value));
}

static void test_ports(void **state)
{
	u32 value = 1;

	(void)state;
	/* The address register is whole, and reads back. */
	assert_int_equal(in(0xcf8, 4), 0);
	out(0xcf8, 4, 0xffffffff);
	assert_int_equal(in(0xcf8, 4), 0xffffffff);
	/* Narrower accesses are not its, nor is what leaves the data port. */
	assert_false(vpci_io(&v, 0xcf8, 1, true, &value));
	assert_false(vpci_io(&v, 0xcf8, 2, false, &value));
	assert_false(vpci_io(&v, 0xcf9, 1, true, &value));
	assert_false(vpci_io(&v, 0xcfb, 1, true, &value));
	assert_false(vpci_io(&v, 0xcff, 2, false, &value));
	assert_false(vpci_io(&v, 0xcfe, 4, false, &value));
	assert_false(vpci_io(&v, 0xd00, 1, false, &value));
	assert_false(vpci_io(&v, 0xcf4, 4, false, &value));
	assert_int_equal(in(0xcf8, 4), 0xffffffff);
	/* Data by the address, whole or in part. */
	out(0xcf8, 4, AT(0x00));
	assert_int_equal(in(0xcfc, 4), 0x100e8086);
	assert_int_equal(in(0xcfe, 2), 0x100e);
	assert_int_equal(in(0xcff, 1), 0x10);
	out(0xcf8, 4, AT(0x04));
	out(0xcfc, 2, 0x0003);
	assert_int_equal(writes, 1);
	/* A guest's start forgets the address. */
	vpci_reset(&v);
	assert_int_equal(in(0xcf8, 4), 0);
	assert_int_equal(in(0xcfc, 4), 0xffffffff);
}

static void test_no_devices(void **state)
{
	(void)state;
	v.nr = 0;
	out(0xcf8, 4, BRIDGE);
	assert_int_equal(in(0xcfc, 4), 0xffffffff);
	assert_int_equal(in(0xcfe, 2), 0xffff);
	out(0xcfc, 4, 0);
	assert_int_equal(writes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_header, setup),
		cmocka_unit_test_setup(test_absent, setup),
		cmocka_unit_test_setup(test_bridge, setup),
		cmocka_unit_test_setup(test_bars, setup),
		cmocka_unit_test_setup(test_command, setup),
		cmocka_unit_test_setup(test_no_bus_master, setup),
		cmocka_unit_test_setup(test_status, setup),
		cmocka_unit_test_setup(test_interrupt_line, setup),
		cmocka_unit_test_setup(test_the_rest_is_read_only, setup),
		cmocka_unit_test_setup(test_no_pin, setup),
		cmocka_unit_test_setup(test_msix, setup),
		cmocka_unit_test_setup(test_msi, setup),
		cmocka_unit_test_setup(test_msi_many, setup),
		cmocka_unit_test_setup(test_ecam, setup),
		cmocka_unit_test_setup(test_ports, setup),
		cmocka_unit_test_setup(test_no_devices, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
