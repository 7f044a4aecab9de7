/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual serial port: a 16550A as in National Semiconductor's PC16550D
 * data sheet, on a line that carries bytes at once.
 *
 * Pure; any context.  The caller owns the struct and holds the partition's
 * lock around every call; tx and tx_room are called with it held.
 *
 * The interrupt line.  A real port is slow, so between two causes its line
 * falls; this one is ready again at once.  Each byte taken from RBR or put
 * into THR therefore drops the line for a moment, and a rise that a call made
 * is kept until vserial_edge() takes it.  After every call:
 *
 *	if (vserial_edge(s))
 *		set_line(pin, false);
 *	set_line(pin, vserial_irq(s));
 *
 * which loses no edge and is right for a level pin too.
 */
#ifndef GUEST_SERIAL_H
#define GUEST_SERIAL_H

#include "core/types.h"

#define VSERIAL_FIFO 16	 /* depth that drivers count on */
#define VSERIAL_RX   256 /* input held for the guest */

/* Registers, by offset; 0 and 1 are the divisor while LCR.DLAB is set. */
#define UART_RBR 0
#define UART_THR 0
#define UART_DLL 0
#define UART_IER 1
#define UART_DLM 1
#define UART_IIR 2
#define UART_FCR 2
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_MSR 6
#define UART_SCR 7

#define UART_IER_ERBFI	  0x01
#define UART_IER_ETBEI	  0x02
#define UART_IER_ELSI	  0x04
#define UART_IER_EDSSI	  0x08
#define UART_IIR_NONE	  0x01
#define UART_IIR_THRE	  0x02
#define UART_IIR_RDA	  0x04
#define UART_IIR_RLS	  0x06
#define UART_IIR_FIFO	  0xc0
#define UART_FCR_ENABLE	  0x01
#define UART_FCR_RESET_RX 0x02
#define UART_FCR_RESET_TX 0x04
#define UART_LCR_DLAB	  0x80
#define UART_MCR_DTR	  0x01
#define UART_MCR_RTS	  0x02
#define UART_MCR_OUT1	  0x04
#define UART_MCR_OUT2	  0x08
#define UART_MCR_LOOP	  0x10
#define UART_LSR_DR	  0x01
#define UART_LSR_OE	  0x02
#define UART_LSR_THRE	  0x20
#define UART_LSR_TEMT	  0x40
#define UART_MSR_CTS	  0x10
#define UART_MSR_DSR	  0x20
#define UART_MSR_RI	  0x40
#define UART_MSR_DCD	  0x80

struct vserial {
	/* Takes a byte; false: it could not, the byte is lost. */
	bool (*tx)(void *ctx, u8 byte);
	/* How many bytes tx would take now. */
	size_t (*tx_room)(void *ctx);
	void *ctx;
	u64 tx_lost;

	u8 ier, lcr, mcr, scr;
	u8 errors; /* LSR bits that stay until LSR is read */
	u16 divisor;
	bool fifo;
	bool thri; /* the transmitter-empty interrupt is pending */
	bool busy; /* no room when last looked; THRI is due when there is */
	bool line; /* the level as last settled */
	bool edge;
	u16 rx_head, rx_count;
	u8 rx[VSERIAL_RX];
};

/*
 * Power-on state.  `tx` NULL: output is thrown away and there is always room;
 * otherwise both functions are needed, and a consumer that never has room for
 * VSERIAL_FIFO bytes never shows the transmitter empty: drivers put that many
 * bytes after one look at LSR.
 */
void vserial_init(struct vserial *s, bool (*tx)(void *ctx, u8 byte),
		  size_t (*tx_room)(void *ctx), void *ctx);

/* The guest's accesses; an offset above 7 reads as ones and ignores writes. */
u8 vserial_read(struct vserial *s, u16 offset);
void vserial_write(struct vserial *s, u16 offset, u8 value);

/* The consumer has drained what it held: look at the room again. */
void vserial_tx_ready(struct vserial *s);

/*
 * A byte for the guest.  False: keep it and try later; the buffer is full, or
 * the guest has the port in loopback, where the receiver hears only itself.
 * Clearing the receive FIFO throws all held input away.
 */
bool __must_check vserial_input(struct vserial *s, u8 byte);

/* Level of the interrupt line, behind the OUT2 gate. */
bool vserial_irq(const struct vserial *s);

/* True once after the line rose, however often. */
bool __must_check vserial_edge(struct vserial *s);

#endif
