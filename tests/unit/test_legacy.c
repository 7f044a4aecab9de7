// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "guest/legacy.h"

/* A thousand TSC cycles are one PIT tick. */
#define TICK 1000UL
#define HZ   (PIT_HZ * TICK)

#define NONE	 PORT_ACTION_NONE
#define RESET	 PORT_ACTION_RESET
#define POWEROFF PORT_ACTION_POWEROFF

static struct vlegacy l;
static u64 tsc, hz;

static int setup(void **state)
{
	(void)state;
	hz = HZ;
	tsc = 77 * HZ;
	vlegacy_init(&l, 0, tsc, hz);
	return 0;
}

static u8 in(u16 port)
{
	return vlegacy_read(&l, port, tsc, hz);
}

static enum port_action act(u16 port, u8 value)
{
	return vlegacy_write(&l, port, value, tsc, hz);
}

static void out(u16 port, u8 value)
{
	assert_int_equal(act(port, value), NONE);
}

static void ticks(u64 n)
{
	tsc += n * TICK;
}

static u32 counter(u16 port)
{
	u32 low = in(port);

	return low | (u32)in(port) << 8;
}

static u32 latched(u32 channel)
{
	out(0x43, (u8)(channel << 6));
	return counter((u16)(0x40 + channel));
}

static void load(u32 channel, u8 mode, u16 count)
{
	out(0x43, (u8)(channel << 6 | 0x30 | mode << 1));
	out((u16)(0x40 + channel), (u8)count);
	out((u16)(0x40 + channel), (u8)(count >> 8));
}

static bool out2(void)
{
	return in(0x61) & 0x20;
}

static void test_counter0_runs(void **state)
{
	(void)state;
	assert_int_equal(latched(0), 0);
	ticks(1);
	assert_int_equal(latched(0), 0xfffe); /* mode 3 counts by twos */
	ticks(0x7fff);
	assert_int_equal(latched(0), 0);
	ticks(0x10000UL * 1234567 + 5);
	assert_int_equal(latched(0), 0x10000 - 10);
	load(0, 2, 1000);
	ticks(999);
	assert_int_equal(latched(0), 1);
	ticks(1);
	assert_int_equal(latched(0), 1000);
	ticks(250);
	assert_int_equal(latched(0), 750);
	/* counter 1 is one of its own */
	assert_int_not_equal(latched(1), 750);
}

static void test_latch_holds(void **state)
{
	(void)state;
	load(0, 2, 50000);
	ticks(10);
	out(0x43, 0x00);
	ticks(1000);
	out(0x43, 0x00); /* a second latch before the read is ignored */
	assert_int_equal(in(0x40), (50000 - 10) & 0xff);
	ticks(1000);
	assert_int_equal(in(0x40), (50000 - 10) >> 8);
	assert_int_equal(counter(0x40), 50000 - 2010);
}

static void test_access_modes(void **state)
{
	(void)state;
	out(0x43, 0x94); /* counter 2, low byte, mode 2 */
	out(0x61, 0x01);
	out(0x42, 200);
	ticks(50);
	assert_int_equal(in(0x42), 150);
	assert_int_equal(in(0x42), 150);
	out(0x43, 0xa4); /* high byte */
	out(0x42, 0x40);
	ticks(0x100);
	assert_int_equal(in(0x42), 0x3f);
	out(0x43, 0x80); /* a latch gives the high byte alone */
	ticks(0x200);
	assert_int_equal(in(0x42), 0x3f);
	assert_int_equal(in(0x42), 0x3d);
	/* a control word forgets half a count */
	out(0x43, 0xb4);
	out(0x42, 0x11);
	out(0x43, 0xb4);
	out(0x42, 0x22);
	out(0x42, 0x33);
	assert_int_equal(counter(0x42), 0x3322);
}

static void test_read_back(void **state)
{
	(void)state;
	load(0, 2, 5000);
	ticks(100);
	out(0x43, 0xc2); /* status and count of counter 0 */
	ticks(100);
	assert_int_equal(in(0x40), 0xb4);
	assert_int_equal(counter(0x40), 4900);
	assert_int_equal(counter(0x40), 4800);
	/* all three at once, counts only */
	load(1, 2, 7000);
	load(2, 0, 9000);
	out(0x61, 0);
	ticks(50);
	out(0x43, 0xde);
	ticks(50);
	assert_int_equal(counter(0x40), 4750);
	assert_int_equal(counter(0x41), 6950);
	assert_int_equal(counter(0x42), 9000);
	/* null count until the count is whole; output low in mode 0 */
	out(0x43, 0xb0);
	out(0x43, 0xe8);
	assert_int_equal(in(0x42), 0x70);
	out(0x42, 1);
	out(0x43, 0xe8);
	assert_int_equal(in(0x42), 0x70);
	out(0x42, 0);
	out(0x43, 0xe8);
	assert_int_equal(in(0x42), 0x30);
}

static void test_mode0_output(void **state)
{
	(void)state;
	out(0x61, 0x01);
	load(2, 0, 1000);
	assert_false(out2());
	ticks(999);
	assert_false(out2());
	assert_int_equal(latched(2), 1);
	ticks(1);
	assert_true(out2());
	assert_int_equal(latched(2), 0);
	ticks(1);
	assert_int_equal(latched(2), 0xffff);
	ticks(0x123456789);
	assert_true(out2());
	/* a new control word takes it low at once */
	out(0x43, 0xb0);
	assert_false(out2());
	ticks(100000);
	assert_false(out2());
	/* 0 is 65536 */
	out(0x42, 0);
	out(0x42, 0);
	ticks(65535);
	assert_false(out2());
	ticks(1);
	assert_true(out2());
}

static void test_gate(void **state)
{
	(void)state;
	out(0x61, 0x00);
	load(2, 0, 1000);
	ticks(5000);
	assert_int_equal(latched(2), 1000);
	assert_false(out2());
	out(0x61, 0x01);
	ticks(400);
	out(0x61, 0x00);
	ticks(99999);
	assert_int_equal(latched(2), 600);
	out(0x61, 0x01);
	ticks(599);
	assert_false(out2());
	ticks(1);
	assert_true(out2());
	/* written again without a change: goes on counting */
	load(2, 0, 1000);
	ticks(10);
	out(0x61, 0x03);
	ticks(10);
	assert_int_equal(latched(2), 980);
	/* a periodic counter starts over when the gate rises */
	load(2, 2, 1000);
	ticks(300);
	out(0x61, 0x00);
	assert_true(out2());
	out(0x61, 0x01);
	ticks(1);
	assert_int_equal(latched(2), 999);
	/* and goes on when the port is written with the gate as it was */
	out(0x61, 0x03);
	ticks(1);
	assert_int_equal(latched(2), 998);
	/* its output is high while the gate is low */
	load(2, 3, 1000);
	ticks(700);
	assert_false(out2());
	out(0x61, 0x00);
	assert_true(out2());
}

static void test_one_shot_starts_by_the_gate(void **state)
{
	(void)state;
	out(0x61, 0x01);
	load(2, 1, 500);
	ticks(100);
	assert_true(out2());
	out(0x61, 0x00);
	assert_true(out2());
	out(0x61, 0x01);
	assert_false(out2());
	ticks(499);
	assert_false(out2());
	/* a fall of the gate does not stop it; a rise starts it over */
	out(0x61, 0x00);
	assert_false(out2());
	ticks(100);
	out(0x61, 0x01);
	ticks(499);
	assert_false(out2());
	out(0x61, 0x00);
	ticks(1);
	assert_true(out2());
}

static void test_square_wave(void **state)
{
	u32 i, high = 0;

	(void)state;
	out(0x61, 0x03);
	load(2, 3, 101);
	for (i = 0; i < 10100; i++) {
		high += out2();
		ticks(1);
	}
	assert_int_equal(high, 5100);
	load(2, 6, 10); /* mode 6 is mode 2 */
	for (i = 0, high = 0; i < 100; i++) {
		high += out2();
		ticks(1);
	}
	assert_int_equal(high, 90);
}

static void test_port61(void **state)
{
	u32 i, changes = 0;
	u8 last = in(0x61) & 0x10;

	(void)state;
	out(0x61, 0xff);
	assert_int_equal(in(0x61) & 0xcf, 0x0f);
	out(0x61, 0x00);
	assert_int_equal(in(0x61) & 0xcf, 0x00);
	/* the refresh bit toggles each 18 ticks, about 15 us */
	for (i = 0; i < 1800; i++) {
		u8 now = in(0x61) & 0x10;

		changes += now != last;
		last = now;
		ticks(1);
	}
	assert_in_range(changes, 99, 100);
}

/* An access costs an exit; the clock goes on meanwhile. */
static u8 slow_in(u16 port)
{
	tsc += hz / 1000000;
	return in(port);
}

static void slow_out(u16 port, u8 value)
{
	tsc += hz / 1000000;
	out(port, value);
}

/* Linux waits for OUT of counter 2, started by the gate, in mode 0. */
static u64 linux_slow_calibrate(void)
{
	u32 latch = PIT_HZ / 20;
	u64 start;

	slow_out(0x61, (slow_in(0x61) & ~0x02) | 0x01);
	slow_out(0x43, 0xb0);
	slow_out(0x42, (u8)latch);
	slow_out(0x42, (u8)(latch >> 8));
	start = tsc;
	while (!(slow_in(0x61) & 0x20))
		assert_true(tsc - start < hz);
	return (tsc - start) * 20;
}

static bool msb_is(u8 value)
{
	slow_in(0x42);
	return slow_in(0x42) == value;
}

static u32 expect_msb(u8 value, u64 *when)
{
	u32 n;

	for (n = 0; msb_is(value); n++) {
		assert_true(n < 50000);
		*when = tsc;
	}
	return n;
}

/* And first it tries to see the high byte go down, reading without a latch. */
static u64 linux_quick_calibrate(void)
{
	u64 start = 0, end = 0;
	u32 i;

	slow_out(0x61, (slow_in(0x61) & ~0x02) | 0x01);
	slow_out(0x43, 0xb0);
	slow_out(0x42, 0xff);
	slow_out(0x42, 0xff);
	msb_is(0);
	assert_true(expect_msb(0xff, &start) > 5);
	for (i = 1; i <= 200; i++)
		assert_true(expect_msb((u8)(0xff - i), &end) > 5);
	return (end - start) * PIT_HZ / (200 * 256);
}

static void test_linux_calibration(void **state)
{
	static const u64 rates[] = { 4000000,	 25000000,   50000000,
				     999999999,	 2400000000, 2893202961,
				     5000000000, BIT(40) };
	u64 got;
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		hz = rates[i];
		tsc = 123456789012345;
		vlegacy_init(&l, 0, tsc, hz);
		got = linux_slow_calibrate();
		assert_in_range(got, hz - hz / 2000, hz + hz / 2000);
		got = linux_quick_calibrate();
		assert_in_range(got, hz - hz / 1000, hz + hz / 1000);
	}
}

static u8 cmos(u8 index)
{
	out(0x70, index);
	return in(0x71);
}

static int from_bcd(u8 v)
{
	assert_true((v & 0xf) <= 9 && v >> 4 <= 9);
	return (v >> 4) * 10 + (v & 0xf);
}

static void check_clock(u64 seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	assert_int_equal(from_bcd(cmos(0x00)), tm.tm_sec);
	assert_int_equal(from_bcd(cmos(0x02)), tm.tm_min);
	assert_int_equal(from_bcd(cmos(0x04)), tm.tm_hour);
	assert_int_equal(from_bcd(cmos(0x06)), tm.tm_wday + 1);
	assert_int_equal(from_bcd(cmos(0x07)), tm.tm_mday);
	assert_int_equal(from_bcd(cmos(0x08)), tm.tm_mon + 1);
	assert_int_equal(from_bcd(cmos(0x09)), tm.tm_year % 100);
	assert_int_equal(from_bcd(cmos(0x32)), (tm.tm_year + 1900) / 100);
}

static void test_clock_every_day(void **state)
{
	u64 day;

	(void)state;
	hz = 1000;
	tsc = 0;
	/* 1970 to 2469: a whole cycle of 400 years and more */
	for (day = 0; day < 182500; day++) {
		l.unix_base = day * 86400 + day % 86400;
		check_clock(l.unix_base);
	}
	for (day = 0; day < 86400; day++) {
		l.unix_base = 1709164800 + day; /* 29 February 2024 */
		check_clock(l.unix_base);
	}
}

static void test_clock_runs(void **state)
{
	(void)state;
	hz = 3;
	tsc = 0;
	vlegacy_init(&l, 951782399, tsc, hz); /* 28 February 2000, 23:59:59 */
	check_clock(951782399);
	tsc = 2;
	check_clock(951782399);
	tsc = 3;
	check_clock(951782400);
	assert_int_equal(cmos(0x07), 0x29);
	tsc = 3 * 86400 * 366UL;
	check_clock(951782399 + 86400 * 366);
}

/* Kernels wait for either edge of "update in progress", bit 7 of register A. */
static void test_clock_update(void **state)
{
	u64 update, us;

	(void)state;
	hz = 1000000;
	tsc = 5 * hz;
	vlegacy_init(&l, 951782390, tsc, hz);
	for (us = 0; us < 2500000; us++, tsc++) {
		update = us % 1000000 >= 997772;
		assert_int_equal(cmos(0x0a), update ? 0xa6 : 0x26);
		if (us % 1000000 == 999999 || us % 1000000 == 0)
			check_clock(951782395 + us / 1000000);
	}
	/* What a kernel does that calibrates by the falling edge. */
	hz = 2893202961;
	tsc = 123456789012345;
	while (!(cmos(0x0a) & 0x80))
		tsc += hz / 1000000;
	while (cmos(0x0a) & 0x80)
		tsc += hz / 1000000;
	us = tsc;
	while (!(cmos(0x0a) & 0x80))
		tsc += hz / 1000000;
	while (cmos(0x0a) & 0x80)
		tsc += hz / 1000000;
	assert_in_range(tsc - us, hz - hz / 100000, hz + hz / 100000);
	/* A clock that stands still is never about to change. */
	hz = 0;
	assert_int_equal(cmos(0x0a), 0x26);
}

/* Modes 4 and 5 are polled by their count. */
static void test_strobes(void **state)
{
	(void)state;
	load(0, 4, 1000);
	ticks(400);
	assert_int_equal(latched(0), 600);
	ticks(600);
	assert_int_equal(latched(0), 0);
	ticks(1);
	assert_int_equal(latched(0), 0xffff);
	out(0x61, 0);
	load(2, 5, 1000);
	ticks(400);
	out(0x61, 1);
	ticks(400);
	assert_int_equal(latched(2), 600);
}

static void test_cmos_registers(void **state)
{
	u32 i;

	(void)state;
	assert_int_equal(cmos(0x0a), 0x26);
	assert_int_equal(cmos(0x0b), 0x02);
	assert_int_equal(cmos(0x0c), 0x00);
	assert_int_equal(cmos(0x0d), 0x80);
	for (i = 0x0e; i < 0x80; i++)
		if (i != 0x32)
			assert_int_equal(cmos((u8)i), 0);
	/* read-only, and bit 7 of the index is the NMI mask */
	out(0x70, 0x8b);
	out(0x71, 0xff);
	assert_int_equal(in(0x71), 0x02);
	out(0x70, 0x0f);
	out(0x71, 0x0a);
	assert_int_equal(in(0x71), 0);
}

static void test_resets(void **state)
{
	u32 v;

	(void)state;
	for (v = 0; v < 256; v++) {
		assert_int_equal(act(0x92, (u8)v), v & 1 ? RESET : NONE);
		assert_int_equal(act(0x64, (u8)v), v == 0xfe ? RESET : NONE);
		assert_int_equal(act(0xcf9, (u8)v), v & 4 ? RESET : NONE);
		assert_int_equal(in(0xcf9), v & 0x0a);
		assert_int_equal(in(0x92), 2);
		assert_int_equal(in(0x64) & 2, 0);
	}
	/* what Linux does */
	out(0xcf9, (in(0xcf9) & ~0x06) | 0x02);
	assert_int_equal(act(0xcf9, in(0xcf9) | 0x06), RESET);
}

static void test_sleep_registers(void **state)
{
	u32 v;

	(void)state;
	for (v = 0; v < 256; v++) {
		bool s5 = (v & 0x20) && (v >> 2 & 7) == 5;

		assert_int_equal(act(0x600, (u8)v), s5 ? POWEROFF : NONE);
		assert_int_equal(act(0x601, (u8)v), NONE);
	}
	assert_int_equal(in(0x600), 0);
	assert_int_equal(in(0x601), 0);
	assert_int_equal(act(0x600, 0x34), POWEROFF);
}

static void test_other_ports(void **state)
{
	static const u16 mine[] = { 0x40, 0x41, 0x42,  0x61,  0x64,
				    0x71, 0x92, 0x600, 0x601, 0xcf9 };
	struct vlegacy before;
	u32 port, i;

	(void)state;
	for (port = 0; port <= 0xffff; port++) {
		for (i = 0; i < ARRAY_SIZE(mine) && mine[i] != port; i++)
			;
		if (i < ARRAY_SIZE(mine))
			continue;
		before = l;
		assert_int_equal(in((u16)port), 0xff);
		if (port == 0x43 || port == 0x70)
			continue;
		assert_int_equal(act((u16)port, 0xff), NONE);
		assert_memory_equal(&l, &before, sizeof(l));
	}
}

/* A frequency that makes no sense stops the clocks, no more. */
static void test_senseless_time(void **state)
{
	static const u64 bad[] = { 0, BIT(40) + 1, ~0UL };
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		hz = bad[i];
		tsc = 0;
		vlegacy_init(&l, 0, tsc, hz);
		load(0, 2, 1000);
		tsc = ~0UL;
		assert_int_equal(latched(0), 1000);
		assert_int_equal(cmos(0x09), 0x70);
	}
	/* a clock that runs backwards, and the end of the TSC's range */
	hz = HZ;
	tsc = 1000 * HZ;
	vlegacy_init(&l, 0, tsc, hz);
	load(0, 2, 1000);
	tsc = 0;
	assert_int_equal(latched(0), 1000);
	tsc = ~0UL;
	assert_in_range(latched(0), 1, 1000);
	l.unix_base = ~0UL;
	from_bcd(cmos(0x09));
	from_bcd(cmos(0x32));
}

static void test_random(void **state)
{
	static const u16 ports[] = { 0x40, 0x41, 0x42, 0x43,
				     0x61, 0x70, 0x71, 0x92 };
	u32 i, seed = 4711;

	(void)state;
	for (i = 0; i < 500000; i++) {
		u16 port;

		seed = seed * 1664525 + 1013904223;
		port = ports[seed >> 29];
		tsc += seed % 100000000;
		if (seed >> 28 & 1)
			act(port, (u8)(seed >> 16));
		else
			in(port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_counter0_runs, setup),
		cmocka_unit_test_setup(test_latch_holds, setup),
		cmocka_unit_test_setup(test_access_modes, setup),
		cmocka_unit_test_setup(test_read_back, setup),
		cmocka_unit_test_setup(test_mode0_output, setup),
		cmocka_unit_test_setup(test_gate, setup),
		cmocka_unit_test_setup(test_one_shot_starts_by_the_gate, setup),
		cmocka_unit_test_setup(test_square_wave, setup),
		cmocka_unit_test_setup(test_port61, setup),
		cmocka_unit_test_setup(test_linux_calibration, setup),
		cmocka_unit_test_setup(test_clock_every_day, setup),
		cmocka_unit_test_setup(test_clock_runs, setup),
		cmocka_unit_test_setup(test_clock_update, setup),
		cmocka_unit_test_setup(test_strobes, setup),
		cmocka_unit_test_setup(test_cmos_registers, setup),
		cmocka_unit_test_setup(test_resets, setup),
		cmocka_unit_test_setup(test_sleep_registers, setup),
		cmocka_unit_test_setup(test_other_ports, setup),
		cmocka_unit_test_setup(test_senseless_time, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests_name("legacy", tests, NULL, NULL);
}
