// SPDX-License-Identifier: BSD-2-Clause
/* The MSI-X table of an assigned function: devices/msix.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/types.h"
#include "devices/msix.h"

#define SHOWN 4
#define THERE 6
#define TABLE 0x100

/* The device's pages: registers, and its table in the middle of them. */
static _Alignas(8) u8 regs[4096], shown[4096];
static struct msix m;
static struct irq_msg told[SHOWN];
static u32 times;

static void want(void *ctx, u32 entry, const struct irq_msg *msg)
{
	assert_ptr_equal(ctx, &m);
	assert_true(entry < SHOWN);
	told[entry] = *msg;
	times++;
}

static u32 address(void *ctx, u32 entry)
{
	assert_ptr_equal(ctx, &m);
	return 0xfee00010 + entry;
}

static u32 device(u32 entry, u32 n)
{
	u32 value;

	memcpy(&value, regs + TABLE + entry * 16 + n * 4, 4);
	return value;
}

static void put(u32 entry, u32 n, u32 value)
{
	msix_write(&m, TABLE + entry * 16 + n * 4, 4, value);
}

static u32 get(u32 entry, u32 n)
{
	return (u32)msix_read(&m, TABLE + entry * 16 + n * 4, 4);
}

static int setup(void **state)
{
	(void)state;
	memset(regs, 0xa5, sizeof(regs));
	memset(shown, 0, sizeof(shown));
	memset(told, 0, sizeof(told));
	m = (struct msix){
		.entries = SHOWN,
		.device_entries = THERE,
		.table = TABLE,
		.size = sizeof(regs),
		.regs = regs,
		.shown = shown,
		.want = want,
		.ctx = &m,
	};
	msix_reset(&m, address);
	times = 0;
	return 0;
}

static void test_reset(void **state)
{
	(void)state;
	for (u32 i = 0; i < SHOWN; i++) {
		assert_int_equal(device(i, 0), 0xfee00010 + i);
		assert_int_equal(device(i, 1), 0);
		assert_int_equal(device(i, 2), 0);
		assert_int_equal(device(i, 3), 1);
		assert_int_equal(get(i, 0), 0);
		assert_int_equal(get(i, 2), 0);
		assert_int_equal(get(i, 3), 1);
	}
}

/* As Linux writes one: the device's own message stays. */
static void test_an_entry(void **state)
{
	(void)state;
	put(2, 3, 1);
	put(2, 0, 0xfee01004);
	put(2, 1, 0);
	put(2, 2, 0x0041);
	assert_int_equal(times, 0);
	put(2, 3, 0);
	assert_int_equal(times, 1);
	assert_int_equal(told[2].dest, 1);
	assert_int_equal(told[2].vector, 0x41);
	assert_int_equal(told[2].mode, MSG_DM_FIXED);
	assert_true(told[2].logical);
	assert_false(told[2].level || told[2].masked);
	assert_int_equal(device(2, 0), 0xfee00012);
	assert_int_equal(device(2, 2), 0);
	assert_int_equal(device(2, 3), 0);
	assert_int_equal(get(2, 0), 0xfee01004);
	assert_int_equal(get(2, 2), 0x41);
	assert_int_equal(get(2, 3), 0);
	/* To another CPU without a mask: at once. */
	put(2, 0, 0xfee03000);
	assert_int_equal(times, 2);
	assert_int_equal(told[2].dest, 3);
	assert_false(told[2].logical);
	/* The mask alone is the device's business. */
	put(2, 3, 1);
	assert_int_equal(times, 2);
	assert_int_equal(device(2, 3), 1);
}

static void test_no_interrupts(void **state)
{
	static const struct msix_entry bad[] = {
		{ .low = 0xfed01000, .data = 0x41 },
		{ .low = 0x12345678, .data = 0x41 },
		{ .low = 0xfee01000, .high = 1, .data = 0x41 },
		{ .low = 0xfee01000, .data = 0x8041 },
		{ .low = 0xfee01000, .data = 0x0241 }, /* SMI */
		{ .low = 0xfee01000, .data = 0x0400 }, /* NMI */
		{ .low = 0xfee01000, .data = 0x0500 }, /* INIT */
		{ .low = 0xfee01000, .data = 0x0741 }, /* ExtINT */
	};
	struct irq_msg msg;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(msix_decode(&bad[i], &msg));
		put(0, 3, 1);
		put(0, 0, bad[i].low);
		put(0, 1, bad[i].high);
		put(0, 2, bad[i].data);
		times = 0;
		put(0, 3, 0);
		assert_int_equal(times, 1);
		assert_true(told[0].masked);
	}
}

static void test_widths(void **state)
{
	(void)state;
	msix_write(&m, TABLE + 16, 8, 0xfee02000);
	msix_write(&m, TABLE + 24, 8, 0x0000000000000052);
	assert_int_equal(times, 1);
	assert_int_equal(told[1].vector, 0x52);
	assert_int_equal(told[1].dest, 2);
	assert_int_equal(msix_read(&m, TABLE + 16, 8), 0xfee02000);
	assert_int_equal(msix_read(&m, TABLE + 24, 8), 0x52);
	/* Two dwords of one that is not masked are one change. */
	msix_write(&m, TABLE + 16, 8, 0xfee03000);
	assert_int_equal(times, 2);
	assert_int_equal(told[1].dest, 3);
	msix_write(&m, TABLE + 24, 8, 0x53);
	assert_int_equal(times, 3);
	assert_int_equal(told[1].vector, 0x53);
	/* And of one that becomes so none yet. */
	msix_write(&m, TABLE + 24, 8, 0x100000054);
	assert_int_equal(times, 3);
	assert_int_equal(device(1, 3), 1);
	msix_write(&m, TABLE + 16, 8, 0xfee02000);
	msix_write(&m, TABLE + 24, 8, 0x52);
	assert_int_equal(times, 4);
	assert_int_equal(device(1, 3), 0);
	/* Bytes and words can't be written. */
	msix_write(&m, TABLE + 16, 1, 0);
	msix_write(&m, TABLE + 16, 2, 0);
	msix_write(&m, TABLE + 18, 4, 0);
	msix_write(&m, TABLE + 20, 8, 0);
	assert_int_equal(get(1, 0), 0xfee02000);
	assert_int_equal(msix_read(&m, TABLE + 17, 1), 0x20);
	assert_int_equal(times, 4);
}

/* Of the entries that a guest does not see the device's stay as they are. */
static void test_hidden_entries(void **state)
{
	(void)state;
	for (u32 n = 0; n < 4; n++) {
		put(SHOWN, n, 0);
		assert_int_equal(get(SHOWN, n), 0);
		assert_int_equal(device(SHOWN, n), 0xa5a5a5a5);
	}
	msix_write(&m, TABLE + THERE * 16 - 8, 8, 0);
	assert_int_equal(device(THERE - 1, 2), 0xa5a5a5a5);
	assert_int_equal(times, 0);
}

static void test_other_registers(void **state)
{
	(void)state;
	assert_int_equal(msix_read(&m, 0, 8), 0xa5a5a5a5a5a5a5a5);
	assert_int_equal(msix_read(&m, TABLE + THERE * 16, 4), 0xa5a5a5a5);
	msix_write(&m, TABLE - 4, 4, 0x12345678);
	assert_int_equal(msix_read(&m, TABLE - 4, 2), 0x5678);
	assert_int_equal(msix_read(&m, TABLE - 1, 1), 0x12);
	msix_write(&m, TABLE + THERE * 16, 1, 0xff);
	assert_int_equal(regs[TABLE + THERE * 16], 0xff);
	assert_int_equal(regs[TABLE + THERE * 16 + 1], 0xa5);
	msix_write(&m, 4088, 8, 0);
	assert_int_equal(msix_read(&m, 4088, 8), 0);
	/* Beyond the pages, and askew */
	msix_write(&m, 4096, 4, 0);
	assert_int_equal((u32)msix_read(&m, 4096, 4), ~0U);
	assert_int_equal((u32)msix_read(&m, 1, 4), ~0U);
}

/* What a guest may read without an exit. */
static void test_alone(void **state)
{
	(void)state;
	assert_false(msix_alone(&m));
	memset(regs, 0, TABLE);
	memset(regs + TABLE + THERE * 16, 0, 4096 - TABLE - THERE * 16);
	assert_true(msix_alone(&m));
	regs[TABLE - 1] = 1;
	assert_false(msix_alone(&m));
	regs[TABLE - 1] = 0;
	regs[4095] = 0x80;
	assert_false(msix_alone(&m));
	/* And reads what it has written. */
	put(1, 2, 0x33);
	assert_int_equal(shown[TABLE + 16 + 8], 0x33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reset, setup),
		cmocka_unit_test_setup(test_an_entry, setup),
		cmocka_unit_test_setup(test_no_interrupts, setup),
		cmocka_unit_test_setup(test_widths, setup),
		cmocka_unit_test_setup(test_hidden_entries, setup),
		cmocka_unit_test_setup(test_other_registers, setup),
		cmocka_unit_test_setup(test_alone, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
