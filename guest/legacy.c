// SPDX-License-Identifier: BSD-2-Clause
/*
 * PIT, RTC, reset and sleep registers.  Of the PIT, what kernels were seen to
 * poll: counter 2 through port 61h in modes 0 (Linux, memtest86+) and 1 (the
 * usual recipe of small kernels for the APIC timer), by its count or by the
 * read-back of its status; counter 0 in modes 0, 2, 3 and 4 in the same ways,
 * latched or not, by two bytes or one.
 */
#include "guest/legacy.h"
#include "core/lib.h"
#include "guest/ports.h"

/* 8254 control word. */
#define PIT_READ_BACK	      3
#define PIT_ACCESS(control)   ((control) >> 4 & 3)
#define PIT_ACCESS_LATCH      0
#define PIT_ACCESS_LOW	      1
#define PIT_ACCESS_HIGH	      2
#define PIT_ACCESS_BOTH	      3
#define PIT_RB_NO_COUNT	      0x20
#define PIT_RB_NO_STATUS      0x10
#define PIT_STATUS_OUT	      0x80
#define PIT_STATUS_NULL_COUNT 0x40
#define PIT_MAX_COUNT	      0x10000U

/*
 * 6 and 7 are 2 and 3.  The strobes, 4 and 5, count like 0 and 1; that their
 * output is high but for one tick is left out, since nobody polls for it.
 */
enum pit_mode {
	PIT_TERMINAL_COUNT,
	PIT_ONE_SHOT, /* started by a rise of the gate, not by the count */
	PIT_RATE,
	PIT_SQUARE,
};

/* Port 61h. */
#define SYS_GATE2	  0x01
#define SYS_WRITABLE	  0x0f
#define SYS_REFRESH	  0x10
#define SYS_OUT2	  0x20
#define PIT_REFRESH_TICKS 18 /* what a PC's BIOS sets, about 15 us */

#define A20_ON	   0x02
#define A20_RESET  0x01
#define CF9_STORED 0x0a /* system reset, full reset */
#define CF9_RESET  0x04

/*
 * Port 64h without a controller: ones, but not bit 1 (input buffer full), for
 * which every kernel that resets through this port waits to clear.
 */
#define KBC_NO_CONTROLLER 0xfd
#define KBC_PULSE_RESET	  0xfe

#define CMOS_INDEX_MASK 0x7f /* bit 7 is the NMI mask */
/* Register A of the MC146818: 32,768 Hz time base, 1,024 Hz rate. */
#define CMOS_RATE   0x26
#define CMOS_UPDATE 0x80
/* With that time base an update takes 1984 us, and is told 244 us before. */
#define CMOS_UPDATE_US 2228
#define US_PER_SECOND  1000000UL

/* ACPI 6.4, 4.8.3.7: sleep control register. */
#define ACPI_SLP_EN	0x20
#define ACPI_SLP_TYP(v) ((v) >> 2 & 7)

/* floor(tsc * rate / hz) without overflow: rate below 2^21, hz to 2^40. */
static u64 tsc_to(u64 rate, u64 tsc, u64 hz)
{
	if (!hz || hz > VLEGACY_MAX_HZ)
		return 0;
	return tsc / hz * rate + tsc % hz * rate / hz;
}

static enum pit_mode pit_mode(const struct vpit_channel *c)
{
	return c->control >> 1 & 3;
}

static u64 pit_elapsed(const struct vpit_channel *c, u64 now)
{
	if (!c->running || now < c->start)
		return c->done;
	return c->done + (now - c->start);
}

/* Binary only: nobody counts in BCD. */
static u16 pit_counter(const struct vpit_channel *c, u64 now)
{
	u64 d = pit_elapsed(c, now);

	switch (pit_mode(c)) {
	case PIT_RATE:
		return (u16)(c->count - d % c->count);
	case PIT_SQUARE: /* by twos, even values */
		return (u16)((c->count - d % c->count * 2 % c->count) & ~1U);
	default:
		return (u16)(c->count - d);
	}
}

static bool pit_out(const struct vpit_channel *c, u64 now)
{
	u64 d = pit_elapsed(c, now);

	if (!c->loaded)
		return pit_mode(c) != PIT_TERMINAL_COUNT;
	switch (pit_mode(c)) {
	case PIT_RATE:
		return !c->gate || d % c->count != c->count - 1;
	case PIT_SQUARE:
		return !c->gate || d % c->count < (c->count + 1) / 2;
	default:
		return d >= c->count;
	}
}

static void pit_load(struct vpit_channel *c, u16 value, u64 now)
{
	bool one_shot = pit_mode(c) == PIT_ONE_SHOT;

	c->count = value ? value : PIT_MAX_COUNT;
	c->loaded = true;
	c->start = now;
	/* Until the gate starts it, a one-shot looks like one that is over. */
	c->done = one_shot ? c->count : 0;
	c->running = c->gate && !one_shot;
}

static void pit_set_gate(struct vpit_channel *c, bool gate, u64 now)
{
	if (gate == c->gate)
		return;
	c->gate = gate;
	if (!gate && pit_mode(c) == PIT_ONE_SHOT)
		return;
	c->done = pit_elapsed(c, now);
	if (gate && pit_mode(c) != PIT_TERMINAL_COUNT)
		c->done = 0;
	c->start = now;
	c->running = gate && c->loaded;
}

static u8 pit_read(struct vpit_channel *c, u64 now)
{
	bool high;
	u16 value;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	value = c->count_latched ? c->latch : pit_counter(c, now);
	high = PIT_ACCESS(c->control) == PIT_ACCESS_HIGH;
	if (PIT_ACCESS(c->control) == PIT_ACCESS_BOTH) {
		high = c->low_read;
		c->low_read = !high;
	}
	if (!c->low_read)
		c->count_latched = false;
	return (u8)(high ? value >> 8 : value);
}

static void pit_write(struct vpit_channel *c, u8 value, u64 now)
{
	u8 access = PIT_ACCESS(c->control);

	c->low_written = access == PIT_ACCESS_BOTH && !c->low_written;
	if (c->low_written)
		c->low = value;
	else if (access == PIT_ACCESS_LOW)
		pit_load(c, value, now);
	else
		pit_load(c, (u16)(value << 8 | c->low), now);
}

static void pit_latch_count(struct vpit_channel *c, u64 now)
{
	if (c->count_latched)
		return;
	c->latch = pit_counter(c, now);
	c->count_latched = true;
}

static void pit_latch_status(struct vpit_channel *c, u64 now)
{
	if (c->status_latched)
		return;
	c->status = c->control;
	if (pit_out(c, now))
		c->status |= PIT_STATUS_OUT;
	if (!c->loaded)
		c->status |= PIT_STATUS_NULL_COUNT;
	c->status_latched = true;
}

static void pit_program(struct vpit_channel *c, u8 control, u64 now)
{
	*c = (struct vpit_channel){ .control = control & 0x3f,
				    .gate = c->gate,
				    .count = c->count,
				    .start = now };
}

static void pit_read_back(struct vlegacy *l, u8 value, u64 now)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(l->pit); i++) {
		if (!(value >> (i + 1) & 1))
			continue;
		if (!(value & PIT_RB_NO_COUNT))
			pit_latch_count(&l->pit[i], now);
		if (!(value & PIT_RB_NO_STATUS))
			pit_latch_status(&l->pit[i], now);
	}
}

static void pit_control(struct vlegacy *l, u8 value, u64 now)
{
	u8 channel = value >> 6;

	if (channel == PIT_READ_BACK)
		pit_read_back(l, value, now);
	else if (PIT_ACCESS(value) == PIT_ACCESS_LATCH)
		pit_latch_count(&l->pit[channel], now);
	else
		pit_program(&l->pit[channel], value, now);
}

static u8 read_port61(const struct vlegacy *l, u64 now)
{
	u8 value = l->port61;

	if (now / PIT_REFRESH_TICKS % 2)
		value |= SYS_REFRESH;
	if (pit_out(&l->pit[2], now))
		value |= SYS_OUT2;
	return value;
}

static u8 bcd(u64 n)
{
	return (u8)(n / 10 % 10 << 4 | n % 10);
}

struct date {
	u64 year, month, day;
};

/*
 * The Gregorian calendar repeats every 400 years of 146097 days.  Years are
 * taken from March, so that the leap day is the last of its year.
 */
static struct date date_of(u64 days_since_1970)
{
	u64 days = days_since_1970 + 719468; /* since 1 March of year 0 */
	u64 era = days / 146097, d = days % 146097;
	u64 year = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	u64 day_of_year = d - (year * 365 + year / 4 - year / 100);
	u64 month = (day_of_year * 5 + 2) / 153; /* 0 is March */
	struct date date;

	date.day = day_of_year - (month * 153 + 2) / 5 + 1;
	date.month = month < 10 ? month + 3 : month - 9;
	date.year = era * 400 + year + (date.month <= 2);
	return date;
}

/* MC146818: 24 hours, BCD, valid RAM and time. */
static u8 cmos_read(u8 index, u64 seconds, bool updating)
{
	u64 days = seconds / 86400;
	struct date date = date_of(days);

	switch (index) {
	case 0x00:
		return bcd(seconds % 60);
	case 0x02:
		return bcd(seconds / 60 % 60);
	case 0x04:
		return bcd(seconds / 3600 % 24);
	case 0x06: /* 1 is Sunday; 1 January 1970 was a Thursday */
		return bcd((days + 4) % 7 + 1);
	case 0x07:
		return bcd(date.day);
	case 0x08:
		return bcd(date.month);
	case 0x09:
		return bcd(date.year % 100);
	case 0x32:
		return bcd(date.year / 100 % 100);
	case 0x0a:
		return updating ? CMOS_UPDATE | CMOS_RATE : CMOS_RATE;
	case 0x0b:
		return 0x02;
	case 0x0d:
		return 0x80;
	default:
		return 0;
	}
}

void vlegacy_init(struct vlegacy *l, u64 unix_base, u64 tsc, u64 tsc_hz)
{
	u64 now = tsc_to(PIT_HZ, tsc, tsc_hz);
	u32 i;

	memset(l, 0, sizeof(*l));
	l->unix_base = unix_base;
	for (i = 0; i < ARRAY_SIZE(l->pit); i++) {
		struct vpit_channel *c = &l->pit[i];

		c->gate = i != 2;
		pit_program(c, PIT_ACCESS_BOTH << 4 | PIT_SQUARE << 1, now);
		pit_load(c, 0, now);
	}
}

static u8 read_clock(const struct vlegacy *l, u64 tsc, u64 tsc_hz)
{
	u64 us = tsc_to(US_PER_SECOND, tsc, tsc_hz);

	return cmos_read(l->cmos_index, l->unix_base + us / US_PER_SECOND,
			 us % US_PER_SECOND >= US_PER_SECOND - CMOS_UPDATE_US);
}

u8 vlegacy_read(struct vlegacy *l, u16 port, u64 tsc, u64 tsc_hz)
{
	u64 now = tsc_to(PIT_HZ, tsc, tsc_hz);

	switch (port) {
	case PORT_PIT_COUNTER0:
	case PORT_PIT_COUNTER1:
	case PORT_PIT_COUNTER2:
		return pit_read(&l->pit[port - PORT_PIT_COUNTER0], now);
	case PORT_SYSTEM_B:
		return read_port61(l, now);
	case PORT_KBC_STATUS:
		return KBC_NO_CONTROLLER;
	case PORT_CMOS_DATA:
		return read_clock(l, tsc, tsc_hz);
	case PORT_SYSTEM_A:
		return A20_ON;
	case GUEST_PORT_RESET:
		return l->reset_control;
	case GUEST_PORT_SLEEP_CONTROL:
	case GUEST_PORT_SLEEP_STATUS: /* never woken */
		return 0;
	default:
		return 0xff;
	}
}

static enum port_action reset_if(bool reset)
{
	return reset ? PORT_ACTION_RESET : PORT_ACTION_NONE;
}

static enum port_action write_sleep_control(u8 value)
{
	if ((value & ACPI_SLP_EN) && ACPI_SLP_TYP(value) == GUEST_SLP_TYP_S5)
		return PORT_ACTION_POWEROFF;
	return PORT_ACTION_NONE;
}

enum port_action vlegacy_write(struct vlegacy *l, u16 port, u8 value, u64 tsc,
			       u64 tsc_hz)
{
	u64 now = tsc_to(PIT_HZ, tsc, tsc_hz);

	switch (port) {
	case PORT_PIT_COUNTER0:
	case PORT_PIT_COUNTER1:
	case PORT_PIT_COUNTER2:
		pit_write(&l->pit[port - PORT_PIT_COUNTER0], value, now);
		break;
	case PORT_PIT_CONTROL:
		pit_control(l, value, now);
		break;
	case PORT_SYSTEM_B:
		l->port61 = value & SYS_WRITABLE;
		pit_set_gate(&l->pit[2], value & SYS_GATE2, now);
		break;
	case PORT_KBC_STATUS:
		return reset_if(value == KBC_PULSE_RESET);
	case PORT_CMOS_INDEX:
		l->cmos_index = value & CMOS_INDEX_MASK;
		break;
	case PORT_SYSTEM_A:
		return reset_if(value & A20_RESET);
	case GUEST_PORT_RESET:
		l->reset_control = value & CF9_STORED;
		return reset_if(value & CF9_RESET);
	case GUEST_PORT_SLEEP_CONTROL:
		return write_sleep_control(value);
	}
	return PORT_ACTION_NONE;
}
