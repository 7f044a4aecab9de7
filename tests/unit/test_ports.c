// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "apic/vioapic.h"
#include "guest/ports.h"

#define HZ 1000000000UL

static struct vserial serial;
static struct vlegacy legacy;
static struct guest_ports g;
static char sent[64];
static size_t sent_used;

static bool sink_tx(void *ctx, u8 byte)
{
	(void)ctx;
	if (sent_used < sizeof(sent))
		sent[sent_used++] = (char)byte;
	return true;
}

static size_t sink_room(void *ctx)
{
	(void)ctx;
	return 1000;
}

static int setup(void **state)
{
	(void)state;
	memset(sent, 0, sizeof(sent));
	sent_used = 0;
	vserial_init(&serial, sink_tx, sink_room, NULL);
	vlegacy_init(&legacy, 0, 0, HZ);
	g = (struct guest_ports){ .serial = &serial, .legacy = &legacy };
	return 0;
}

static u32 in(u16 port, u8 size)
{
	u32 value = 0xa5a5a5a5;

	assert_int_equal(ports_access(&g, port, size, false, &value, 0, HZ),
			 PORT_ACTION_NONE);
	return value;
}

static int out(u16 port, u8 size, u32 value)
{
	u32 before = value;
	int r = ports_access(&g, port, size, true, &value, 0, HZ);

	assert_int_equal(value, before);
	return r;
}

static void test_table(void **state)
{
	const struct port_range *r, *last = NULL;
	u32 port, listed = 0;

	(void)state;
	for (port = 0; port <= 0xffff; port++) {
		r = port_lookup((u16)port);
		if (!r)
			continue;
		listed++;
		assert_in_range(port, r->first, r->last);
		assert_true(r->why && strlen(r->why) > 5);
		/* nothing is said to be answered that nobody answers */
		if (r->handler == PORT_HANDLER_NONE)
			assert_true(r->read == PORT_ABSENT &&
				    r->write == PORT_ABSENT);
		else
			assert_true(r->read == PORT_DEVICE ||
				    r->write == PORT_DEVICE);
		assert_true(!last || r == last || r->first > last->last);
		last = r;
	}
	assert_int_equal(listed, 31);
	assert_null(port_lookup(0));
	assert_null(port_lookup(0xffff));
	assert_null(port_lookup(0x3f7));
	assert_null(port_lookup(0x400));
	assert_non_null(port_lookup(0x3ff));
}

/* All that is not there: ones, and no effect, at every width. */
static void test_absent(void **state)
{
	struct vlegacy l = legacy;
	struct vserial s = serial;
	u32 port, i;

	(void)state;
	for (port = 0; port <= 0xffff; port++) {
		for (i = 0; i < 4; i++)
			if (port_lookup((u16)MIN(port + i, 0xffffU)))
				break;
		if (i < 4)
			continue;
		assert_int_equal(in((u16)port, 1), 0xff);
		assert_int_equal(in((u16)port, 2), 0xffff);
		assert_int_equal(in((u16)port, 4), 0xffffffff);
		assert_int_equal(out((u16)port, 4, 0), PORT_ACTION_NONE);
	}
	assert_memory_equal(&l, &legacy, sizeof(l));
	assert_memory_equal(&s, &serial, sizeof(s));
}

static void test_bad_sizes(void **state)
{
	u32 size, value = 7;

	(void)state;
	for (size = 0; size < 256; size++) {
		if (size == 1 || size == 2 || size == 4)
			continue;
		assert_int_equal(
			ports_access(&g, 0xcf9, (u8)size, true, &value, 0, HZ),
			-EINVAL);
		assert_int_equal(
			ports_access(&g, 0xcf9, (u8)size, false, &value, 0, HZ),
			-EINVAL);
		assert_int_equal(value, 7);
	}
}

/* Linux looks for the PIC by its mask register. */
static void test_no_pic(void **state)
{
	static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1 };
	u32 i;

	(void)state;
	out(0xa1, 1, 0xff);
	out(0x21, 1, 0xfb);
	assert_int_not_equal(in(0x21, 1), 0xfb);
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		out(ports[i], 1, 0);
		assert_int_equal(in(ports[i], 1), 0xff);
	}
}

static void test_serial(void **state)
{
	(void)state;
	out(0x3ff, 1, 0x5a);
	assert_int_equal(in(0x3ff, 1), 0x5a);
	assert_int_equal(in(0x3fd, 1), 0x60);
	out(0x3f8, 1, 'h');
	out(0x3f8, 1, 'i');
	assert_memory_equal(sent, "hi", 2);
	/* wider: one register a byte, from the lowest up */
	out(0x3fb, 1, 0x80);
	out(0x3f8, 2, 0x1234);
	assert_int_equal(in(0x3f8, 2), 0x1234);
	assert_int_equal(in(0x3f9, 1), 0x12);
	assert_int_equal(in(0x3f8, 4), 0x80011234);
	out(0x3fb, 1, 0x03);
	out(0x3fe, 4, 0x11223344);
	assert_int_equal(in(0x3ff, 1), 0x33);
	assert_int_equal(in(0x3fe, 4), 0xffff33b0);
	assert_int_equal(in(0x3f6, 4), 0x0000ffff);
	assert_int_equal(sent_used, 2);
}

static void test_actions(void **state)
{
	(void)state;
	assert_int_equal(out(0xcf9, 1, 6), PORT_ACTION_RESET);
	assert_int_equal(out(0xcf8, 2, 0x0600), PORT_ACTION_RESET);
	assert_int_equal(out(0x64, 1, 0xfe), PORT_ACTION_RESET);
	assert_int_equal(out(0x92, 1, 3), PORT_ACTION_RESET);
	assert_int_equal(out(0x600, 1, 0x34), PORT_ACTION_POWEROFF);
	assert_int_equal(out(0x600, 2, 0x8034), PORT_ACTION_POWEROFF);
	assert_int_equal(out(0x5ff, 2, 0x3400), PORT_ACTION_POWEROFF);
	assert_int_equal(out(0x5e9, 1, 0xab), PORT_ACTION_MARK);
	assert_int_equal(g.mark, 0xab);
	assert_int_equal(out(0x5e8, 4, 0x11223344), PORT_ACTION_MARK);
	assert_int_equal(g.mark, 0x33);
	assert_int_equal(in(0x5e9, 1), 0xff);
	assert_int_equal(out(0x80, 1, 0x12), PORT_ACTION_NONE);
	assert_int_equal(in(0x80, 1), 0xff);
}

static void test_write_only_and_read_only(void **state)
{
	(void)state;
	assert_int_equal(in(0x43, 1), 0xff);
	out(0x70, 1, 0x0d);
	assert_int_equal(in(0x70, 1), 0xff);
	assert_int_equal(in(0x71, 1), 0x80);
	/* index and data in one access */
	out(0x70, 2, 0xff0b);
	assert_int_equal(in(0x70, 2), 0x02ff);
}

/* The last port has no neighbour: nothing wraps round to port 0. */
static void test_end_of_space(void **state)
{
	struct vlegacy before = legacy;
	u32 port;

	(void)state;
	for (port = 0xfffc; port <= 0xffff; port++) {
		assert_int_equal(in((u16)port, 4), 0xffffffff);
		assert_int_equal(out((u16)port, 4, 0x06060606),
				 PORT_ACTION_NONE);
	}
	assert_memory_equal(&legacy, &before, sizeof(before));
}

static void test_without_devices(void **state)
{
	u32 port;

	(void)state;
	g = (struct guest_ports){ 0 };
	for (port = 0; port <= 0xffff; port++) {
		if (port == PORT_MARK)
			continue;
		assert_int_equal(in((u16)port, 1), 0xff);
		assert_int_equal(out((u16)port, 1, 0xff), PORT_ACTION_NONE);
	}
	assert_int_equal(out(PORT_MARK, 1, 1), PORT_ACTION_MARK);
}

/* The rule of guest/serial.h: what arrives at an edge pin. */
static u32 update_pin(struct vioapic *v)
{
	struct irq_msg m;
	u32 sent_messages = 0;

	if (vserial_edge(&serial))
		sent_messages += vioapic_set_line(v, 4, false, &m);
	sent_messages += vioapic_set_line(v, 4, vserial_irq(&serial), &m);
	return sent_messages;
}

static void test_serial_to_ioapic(void **state)
{
	struct vioapic v;
	u32 i;

	(void)state;
	vioapic_init(&v, 0);
	assert_int_equal(vioapic_write(&v, 0, 0x18), 0);
	assert_int_equal(vioapic_write(&v, 0x10, 0x24), 0);
	out(0x3fa, 1, 0x07);
	out(0x3fc, 1, 0x0b);
	out(0x3f9, 1, 0x01);
	assert_int_equal(update_pin(&v), 0);
	for (i = 0; i < 5; i++)
		assert_true(vserial_input(&serial, (u8)('a' + i)));
	assert_int_equal(update_pin(&v), 1);
	/* one byte an interrupt, and never stuck */
	for (i = 0; i < 5; i++) {
		assert_int_equal(in(0x3f8, 1), 'a' + i);
		assert_int_equal(update_pin(&v), i < 4);
	}
	out(0x3f9, 1, 0x02);
	assert_int_equal(update_pin(&v), 1);
	for (i = 0; i < 5; i++) {
		out(0x3f8, 1, 'x');
		assert_int_equal(update_pin(&v), 1);
	}
	in(0x3fa, 1);
	assert_int_equal(update_pin(&v), 0);
	assert_false(v.lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_table, setup),
		cmocka_unit_test_setup(test_absent, setup),
		cmocka_unit_test_setup(test_bad_sizes, setup),
		cmocka_unit_test_setup(test_no_pic, setup),
		cmocka_unit_test_setup(test_serial, setup),
		cmocka_unit_test_setup(test_actions, setup),
		cmocka_unit_test_setup(test_write_only_and_read_only, setup),
		cmocka_unit_test_setup(test_end_of_space, setup),
		cmocka_unit_test_setup(test_without_devices, setup),
		cmocka_unit_test_setup(test_serial_to_ioapic, setup),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
