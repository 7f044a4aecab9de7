// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "guest/serial.h"

struct sink {
	u8 bytes[1024];
	size_t used;
	size_t room;
};

static struct sink sink;
static struct vserial s;

static bool sink_tx(void *ctx, u8 byte)
{
	struct sink *k = ctx;

	if (!k->room)
		return false;
	k->room--;
	k->bytes[k->used++ % sizeof(k->bytes)] = byte;
	return true;
}

static size_t sink_room(void *ctx)
{
	return ((struct sink *)ctx)->room;
}

static int setup(void **state)
{
	(void)state;
	memset(&sink, 0, sizeof(sink));
	sink.room = 1000;
	vserial_init(&s, sink_tx, sink_room, &sink);
	return 0;
}

static u8 in(u16 reg)
{
	return vserial_read(&s, reg);
}

static void out(u16 reg, u8 value)
{
	vserial_write(&s, reg, value);
}

static void forget_edge(void)
{
	bool ignored = vserial_edge(&s);

	(void)ignored;
}

/* As a driver leaves the port: FIFO on, OUT2 opens the gate. */
static void open_port(u8 ier)
{
	out(UART_FCR, 0x07);
	out(UART_LCR, 0x03);
	out(UART_MCR, 0x0b);
	out(UART_IER, ier);
	forget_edge();
}

static void test_reset_state(void **state)
{
	(void)state;
	assert_int_equal(in(UART_IER), 0);
	assert_int_equal(in(UART_IIR), 0x01);
	assert_int_equal(in(UART_LCR), 0);
	assert_int_equal(in(UART_MCR), 0);
	assert_int_equal(in(UART_LSR), 0x60);
	assert_int_equal(in(UART_MSR), 0xb0);
	assert_int_equal(in(UART_RBR), 0);
	assert_false(vserial_irq(&s));
	assert_false(vserial_edge(&s));
}

static void test_linux_size_fifo(void)
{
	u8 old_lcr = in(UART_LCR), old_fcr, old_mcr, dll, dlm;
	int n;

	out(UART_LCR, 0);
	old_fcr = in(UART_IIR);
	old_mcr = in(UART_MCR);
	out(UART_FCR, 0x07);
	out(UART_MCR, UART_MCR_LOOP);
	out(UART_LCR, 0x80);
	dll = in(UART_DLL);
	dlm = in(UART_DLM);
	out(UART_DLL, 1);
	out(UART_DLM, 0);
	out(UART_LCR, 0x03);
	for (n = 0; n < 256; n++)
		out(UART_THR, (u8)n);
	for (n = 0; (in(UART_LSR)&UART_LSR_DR) && n < 256; n++)
		assert_int_equal(in(UART_RBR), n);
	out(UART_FCR, old_fcr);
	out(UART_MCR, old_mcr);
	out(UART_LCR, 0x80);
	out(UART_DLL, dll);
	out(UART_DLM, dlm);
	out(UART_LCR, old_lcr);
	assert_int_equal(n, 16);
}

/* The chain of questions that ends in "16550A" and no other chip. */
static void linux_autoconfig_16550a(void)
{
	u8 mcr, a, b, ier;

	out(UART_LCR, 0x80); /* an EFR here: ST16C650 */
	assert_int_not_equal(in(2), 0);
	out(UART_LCR, 0xbf); /* or here: ST16C650V2 */
	assert_int_not_equal(in(2), 0);
	out(UART_LCR,
	    0); /* National's SuperIO shows MCR's loop bit in bank 2 */
	mcr = in(UART_MCR);
	out(UART_LCR, 0xe0);
	a = in(2);
	if (!((a ^ mcr) & UART_MCR_LOOP)) {
		out(UART_LCR, 0);
		out(UART_MCR, mcr ^ UART_MCR_LOOP);
		out(UART_LCR, 0xe0);
		a = in(2);
		out(UART_LCR, 0);
		out(UART_MCR, mcr);
		assert_int_equal((a ^ mcr) & UART_MCR_LOOP, 0);
	}
	out(UART_LCR, 0); /* TI16750: 64-byte FIFO, seen with DLAB only */
	out(UART_FCR, 0x21);
	a = in(UART_IIR) >> 5;
	out(UART_FCR, 0x01);
	out(UART_LCR, 0x80);
	out(UART_FCR, 0x21);
	b = in(UART_IIR) >> 5;
	out(UART_FCR, 0x01);
	out(UART_LCR, 0);
	assert_false(a == 6 && b == 7);
	assert_false(a == 5 || a == 7);
	ier = in(UART_IER); /* XScale: bit 6 of IER */
	out(UART_IER, ier & ~0x40);
	assert_false(in(UART_IER)&0x40);
	out(UART_IER, ier | 0x40);
	assert_false(in(UART_IER)&0x40);
	out(UART_IER, ier);
	test_linux_size_fifo();
}

static void test_linux_autoconfig(void **state)
{
	u8 mcr, lcr;

	(void)state;
	out(UART_IER, 0);
	assert_int_equal(in(UART_IER)&0x0f, 0);
	out(UART_IER, 0x0f);
	assert_int_equal(in(UART_IER)&0x0f, 0x0f);
	out(UART_IER, 0);
	mcr = in(UART_MCR);
	lcr = in(UART_LCR);
	out(UART_MCR, 0x1a);
	assert_int_equal(in(UART_MSR)&0xf0, 0x90);
	out(UART_MCR, mcr);
	out(UART_LCR, 0xbf);
	out(UART_FCR, 0);
	out(UART_LCR, 0);
	out(UART_FCR, 1);
	assert_int_equal(in(UART_IIR) >> 6, 3);
	linux_autoconfig_16550a();
	out(UART_LCR, lcr);
	out(UART_MCR, mcr);
	/* nothing of it was sent */
	assert_int_equal(sink.used, 0);
	assert_int_equal(s.tx_lost, 0);
}

/* Startup: the two tests for chips with a broken THRE interrupt. */
static void test_linux_startup(void **state)
{
	u8 iir1, iir;

	(void)state;
	out(UART_FCR, 0x01);
	out(UART_FCR, 0x07);
	out(UART_FCR, 0x00);
	in(UART_LSR);
	in(UART_RBR);
	in(UART_IIR);
	in(UART_MSR);
	assert_int_not_equal(in(UART_LSR), 0xff);
	out(UART_LCR, 0x03);
	assert_int_equal(in(UART_LSR)&0x60, 0x60);
	out(UART_IER, UART_IER_ETBEI);
	iir1 = in(UART_IIR);
	out(UART_IER, 0);
	out(UART_IER, UART_IER_ETBEI);
	iir = in(UART_IIR);
	out(UART_IER, 0);
	assert_int_equal(iir1 & 1, 0);
	assert_int_equal(iir & 1, 0);
	out(UART_MCR, 0x08);
	out(UART_IER, UART_IER_ETBEI);
	assert_true(vserial_irq(&s));
	assert_true(vserial_edge(&s));
	assert_true(in(UART_LSR)&UART_LSR_TEMT);
	assert_int_equal(in(UART_IIR)&1, 0);
	out(UART_IER, 0);
	assert_false(vserial_irq(&s));
}

/* The driver's interrupt handler, until there is no cause left. */
static int linux_handler(const char **text)
{
	int passes, n;

	for (passes = 0; passes < 512; passes++) {
		u8 iir = in(UART_IIR), lsr;

		if (iir & UART_IIR_NONE)
			break;
		lsr = in(UART_LSR);
		while (lsr & UART_LSR_DR) {
			in(UART_RBR);
			lsr = in(UART_LSR);
		}
		if (!(lsr & UART_LSR_THRE) || !(in(UART_IER)&UART_IER_ETBEI))
			continue;
		for (n = 0; n < 16 && **text; n++)
			out(UART_THR, (u8) * (*text)++);
		if (!**text)
			out(UART_IER, in(UART_IER) & ~UART_IER_ETBEI);
	}
	assert_true(passes < 512);
	return passes;
}

static void test_transmit_by_interrupt(void **state)
{
	const char *text = "sixteen bytes and then some more bytes to be sent";
	const char *all = text;

	(void)state;
	open_port(UART_IER_ERBFI | UART_IER_ELSI);
	assert_false(vserial_irq(&s));
	out(UART_IER, 0x07);
	assert_true(vserial_edge(&s));
	assert_int_equal(linux_handler(&text), 4);
	assert_int_equal(sink.used, strlen(all));
	assert_memory_equal(sink.bytes, all, strlen(all));
	assert_false(vserial_irq(&s));
}

static void test_back_pressure(void **state)
{
	const char *text = "0123456789abcdef0123456789abcdef0123456789abcdef";

	(void)state;
	sink.room = 20;
	open_port(UART_IER_ERBFI);
	out(UART_IER, UART_IER_ERBFI | UART_IER_ETBEI);
	assert_true(vserial_edge(&s));
	/* one FIFO's worth, then no room for another */
	linux_handler(&text);
	assert_int_equal(sink.used, 16);
	assert_int_equal(in(UART_LSR)&0x60, 0);
	assert_false(vserial_irq(&s));
	assert_int_equal(in(UART_IIR), 0xc1);
	forget_edge();
	sink.room = 15;
	vserial_tx_ready(&s);
	assert_false(vserial_irq(&s));
	assert_false(vserial_edge(&s));
	sink.room = 100;
	vserial_tx_ready(&s);
	assert_true(vserial_irq(&s));
	assert_true(vserial_edge(&s));
	linux_handler(&text);
	assert_int_equal(sink.used, 48);
	assert_int_equal(s.tx_lost, 0);
	/* said again with nothing new: no interrupt out of nowhere */
	forget_edge();
	vserial_tx_ready(&s);
	assert_false(vserial_edge(&s));
}

static void test_writes_without_room_are_lost(void **state)
{
	int i;

	(void)state;
	sink.room = 3;
	assert_int_equal(in(UART_LSR)&0x60, 0);
	for (i = 0; i < 100; i++)
		out(UART_THR, 'x');
	assert_int_equal(sink.used, 3);
	assert_int_equal(s.tx_lost, 97);
	sink.room = 16;
	assert_int_equal(in(UART_LSR)&0x60, 0x60);
}

/* A poller learns of the room from LSR even if nobody told us. */
static void test_room_seen_through_lsr(void **state)
{
	(void)state;
	open_port(0);
	sink.room = 1;
	out(UART_THR, 'x');
	out(UART_IER, UART_IER_ETBEI);
	assert_false(vserial_irq(&s));
	sink.room = 64;
	assert_int_equal(in(UART_LSR)&0x60, 0x60);
	assert_true(vserial_irq(&s));
	assert_true(vserial_edge(&s));
}

static void test_thri_rules(void **state)
{
	(void)state;
	open_port(UART_IER_ETBEI);
	/* reading IIR takes it back */
	assert_int_equal(in(UART_IIR), 0xc2);
	assert_false(vserial_irq(&s));
	assert_int_equal(in(UART_IIR), 0xc1);
	/* nor does looking at LSR or a word from the consumer bring it back */
	assert_int_equal(in(UART_LSR), 0x60);
	vserial_tx_ready(&s);
	assert_int_equal(in(UART_IIR), 0xc1);
	/* writing IER again without a change is no new cause */
	out(UART_IER, UART_IER_ETBEI);
	assert_int_equal(in(UART_IIR), 0xc1);
	/* off and on is */
	out(UART_IER, 0);
	out(UART_IER, UART_IER_ETBEI);
	assert_int_equal(in(UART_IIR), 0xc2);
	/* each byte sent empties the transmitter anew */
	out(UART_THR, 'a');
	assert_int_equal(in(UART_IIR), 0xc2);
	assert_int_equal(in(UART_IIR), 0xc1);
}

/* One byte an interrupt, IIR never read: an edge for each of them. */
static void test_edge_for_every_byte_sent(void **state)
{
	int i;

	(void)state;
	open_port(0);
	out(UART_IER, UART_IER_ETBEI);
	for (i = 0; i < 50; i++) {
		assert_true(vserial_edge(&s));
		assert_false(vserial_edge(&s));
		assert_true(vserial_irq(&s));
		out(UART_THR, 'x');
	}
}

static void test_edge_for_every_byte_received(void **state)
{
	int i;

	(void)state;
	open_port(UART_IER_ERBFI);
	for (i = 0; i < 40; i++)
		assert_true(vserial_input(&s, (u8)i));
	for (i = 0; i < 40; i++) {
		assert_true(vserial_edge(&s));
		assert_false(vserial_edge(&s));
		assert_true(vserial_irq(&s));
		assert_int_equal(in(UART_IIR)&0x0f, UART_IIR_RDA);
		assert_int_equal(in(UART_RBR), i);
	}
	assert_false(vserial_edge(&s));
	assert_false(vserial_irq(&s));
}

static void test_priority(void **state)
{
	int i;

	(void)state;
	open_port(0);
	out(UART_MCR, UART_MCR_LOOP);
	for (i = 0; i < 17; i++)
		out(UART_THR, (u8)i);
	out(UART_MCR, UART_MCR_OUT2);
	out(UART_IER, 0x0f);
	assert_int_equal(in(UART_IIR), 0xc6);
	assert_int_equal(in(UART_IIR), 0xc6);
	assert_int_equal(in(UART_LSR), 0x63);
	assert_int_equal(in(UART_LSR), 0x61);
	for (i = 0; i < 16; i++) {
		assert_int_equal(in(UART_IIR), 0xc4);
		assert_int_equal(in(UART_RBR), i);
	}
	assert_int_equal(in(UART_IIR), 0xc2);
	assert_int_equal(in(UART_IIR), 0xc1);
	assert_false(vserial_irq(&s));
}

static void test_gate(void **state)
{
	(void)state;
	out(UART_IER, UART_IER_ERBFI);
	assert_true(vserial_input(&s, 'k'));
	assert_int_equal(in(UART_IIR), 0x04);
	assert_false(vserial_irq(&s));
	assert_false(vserial_edge(&s));
	out(UART_MCR, UART_MCR_OUT2);
	assert_true(vserial_irq(&s));
	assert_true(vserial_edge(&s));
	/* loopback takes the output pins away, and the line with them */
	out(UART_MCR, UART_MCR_OUT2 | UART_MCR_LOOP);
	assert_false(vserial_irq(&s));
	out(UART_MCR, UART_MCR_OUT2);
	assert_true(vserial_edge(&s));
	out(UART_MCR, 0);
	assert_false(vserial_irq(&s));
}

static void test_input_ring(void **state)
{
	int i, round;

	(void)state;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < VSERIAL_RX; i++)
			assert_true(vserial_input(&s, (u8)(i ^ round)));
		assert_false(vserial_input(&s, 'x'));
		for (i = 0; i < VSERIAL_RX - 7; i++)
			assert_int_equal(in(UART_RBR), (u8)(i ^ round));
		assert_true(vserial_input(&s, 'y'));
		for (; i < VSERIAL_RX; i++)
			assert_int_equal(in(UART_RBR), (u8)(i ^ round));
		assert_int_equal(in(UART_LSR)&UART_LSR_DR, UART_LSR_DR);
		assert_int_equal(in(UART_RBR), 'y');
		assert_int_equal(in(UART_LSR)&UART_LSR_DR, 0);
		assert_int_equal(in(UART_RBR), 0);
	}
}

static void test_fcr(void **state)
{
	(void)state;
	assert_true(vserial_input(&s, 'a'));
	/* without the enable bit nothing else in it counts */
	out(UART_FCR, UART_FCR_RESET_RX);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, UART_LSR_DR);
	assert_int_equal(in(UART_IIR)&0xc0, 0);
	/* turning the FIFO on or off empties it */
	out(UART_FCR, UART_FCR_ENABLE);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, 0);
	assert_int_equal(in(UART_IIR)&0xf0, 0xc0);
	assert_true(vserial_input(&s, 'b'));
	out(UART_FCR, 0x81);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, UART_LSR_DR);
	out(UART_FCR, 0x05);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, UART_LSR_DR);
	out(UART_FCR, 0x03);
	assert_int_equal(in(UART_LSR)&UART_LSR_DR, 0);
	assert_true(vserial_input(&s, 'c'));
	assert_int_equal(in(UART_RBR), 'c');
}

static void test_loopback(void **state)
{
	(void)state;
	assert_true(vserial_input(&s, 'a'));
	assert_int_equal(in(UART_RBR), 'a');
	out(UART_MCR, UART_MCR_LOOP);
	/* the outside is not heard, and hears nothing */
	assert_false(vserial_input(&s, 'b'));
	out(UART_THR, 'c');
	assert_int_equal(sink.used, 0);
	/* without the FIFO there is one place */
	out(UART_THR, 'd');
	assert_int_equal(in(UART_LSR), 0x63);
	assert_int_equal(in(UART_LSR), 0x61);
	assert_int_equal(in(UART_RBR), 'c');
	assert_int_equal(in(UART_LSR), 0x60);
	assert_int_equal(in(UART_MSR), 0);
	out(UART_MCR, 0x11);
	assert_int_equal(in(UART_MSR), 0x20);
	out(UART_MCR, 0x12);
	assert_int_equal(in(UART_MSR), 0x10);
	out(UART_MCR, 0x14);
	assert_int_equal(in(UART_MSR), 0x40);
	out(UART_MCR, 0x18);
	assert_int_equal(in(UART_MSR), 0x80);
	out(UART_MCR, 0xff);
	assert_int_equal(in(UART_MCR), 0x1f);
	assert_int_equal(in(UART_MSR), 0xf0);
	/* the transmitter looks empty in there; out here it has to wait */
	sink.room = 0;
	assert_int_equal(in(UART_LSR)&0x60, 0x60);
	out(UART_IER, UART_IER_ETBEI);
	out(UART_MCR, UART_MCR_OUT2);
	assert_false(vserial_irq(&s));
	sink.room = 16;
	vserial_tx_ready(&s);
	assert_true(vserial_irq(&s));
}

static void test_divisor_and_plain_registers(void **state)
{
	(void)state;
	out(UART_LCR, 0x83);
	assert_int_equal(in(UART_DLL), 12);
	assert_int_equal(in(UART_DLM), 0);
	out(UART_DLL, 0x34);
	out(UART_DLM, 0x12);
	assert_int_equal(in(UART_DLL), 0x34);
	assert_int_equal(in(UART_DLM), 0x12);
	assert_int_equal(in(UART_LCR), 0x83);
	out(UART_LCR, 0x03);
	assert_int_equal(in(UART_IER), 0);
	assert_int_equal(sink.used, 0);
	out(UART_IER, 0xf5);
	assert_int_equal(in(UART_IER), 0x05);
	out(UART_SCR, 0xa5);
	assert_int_equal(in(UART_SCR), 0xa5);
	out(UART_LSR, 0xff);
	out(UART_MSR, 0xff);
	assert_int_equal(in(UART_LSR), 0x60);
	assert_int_equal(in(UART_MSR), 0xb0);
	out(UART_LCR, 0x80);
	assert_int_equal(in(UART_DLL), 0x34);
}

static void test_no_consumer(void **state)
{
	int i;

	(void)state;
	vserial_init(&s, NULL, NULL, NULL);
	open_port(UART_IER_ETBEI);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(in(UART_LSR)&0x60, 0x60);
		out(UART_THR, 'x');
	}
	assert_int_equal(s.tx_lost, 0);
	assert_true(vserial_irq(&s));
}

static void test_offsets_out_of_range(void **state)
{
	struct vserial before = s;
	u32 offset;

	(void)state;
	for (offset = 8; offset <= 0xffff; offset++) {
		out((u16)offset, 0x5a);
		assert_int_equal(in((u16)offset), 0xff);
	}
	assert_memory_equal(&s, &before, sizeof(s));
}

/* Edges are lost by nobody who follows the contract; indices stay inside. */
static void test_random(void **state)
{
	u32 i, taken = 0, seed = 99;
	bool pin = false;

	(void)state;
	for (i = 0; i < 400000; i++) {
		seed = seed * 1664525 + 1013904223;
		if (i % 16 == 0)
			sink.room = seed >> 24 & 0x3f;
		switch (seed >> 30) {
		case 0:
			taken += vserial_input(&s, (u8)(seed >> 8));
			break;
		case 1:
			out(seed >> 16 & 7, (u8)(seed >> 8));
			break;
		case 2:
			in(seed >> 16 & 7);
			break;
		default:
			vserial_tx_ready(&s);
			break;
		}
		assert_true(s.rx_count <= VSERIAL_RX);
		assert_true(s.rx_head < VSERIAL_RX);
		if (vserial_irq(&s) && !pin)
			assert_true(s.edge);
		forget_edge();
		pin = vserial_irq(&s);
		assert_int_equal(pin, s.line);
	}
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reset_state, setup),
		cmocka_unit_test_setup(test_linux_autoconfig, setup),
		cmocka_unit_test_setup(test_linux_startup, setup),
		cmocka_unit_test_setup(test_transmit_by_interrupt, setup),
		cmocka_unit_test_setup(test_back_pressure, setup),
		cmocka_unit_test_setup(test_writes_without_room_are_lost,
				       setup),
		cmocka_unit_test_setup(test_room_seen_through_lsr, setup),
		cmocka_unit_test_setup(test_thri_rules, setup),
		cmocka_unit_test_setup(test_edge_for_every_byte_sent, setup),
		cmocka_unit_test_setup(test_edge_for_every_byte_received,
				       setup),
		cmocka_unit_test_setup(test_priority, setup),
		cmocka_unit_test_setup(test_gate, setup),
		cmocka_unit_test_setup(test_input_ring, setup),
		cmocka_unit_test_setup(test_fcr, setup),
		cmocka_unit_test_setup(test_loopback, setup),
		cmocka_unit_test_setup(test_divisor_and_plain_registers, setup),
		cmocka_unit_test_setup(test_no_consumer, setup),
		cmocka_unit_test_setup(test_offsets_out_of_range, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
