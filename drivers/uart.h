/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The physical 16550 at one of the four COM ports.  Calls on one uart are
 * serialised by the caller; any context.  Every wait is bounded by a number of
 * reads of the line status register, never by a clock, so it works before any
 * clock does.
 */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

#include "core/types.h"

#define UART_COM1 0x3f8
#define UART_COM2 0x2f8
#define UART_COM3 0x3e8
#define UART_COM4 0x2e8

struct uart {
	u16 base; /* 0 for none: then nothing is read or written */
	u8 fifo;  /* bytes that the transmitter takes at once: 1 or 16 */
	bool stuck;
};

/*
 * Whether a UART answers at this base.  Leaves the registers of one that does
 * as they were, and touches no more than the scratch register of one that does
 * not.
 */
bool uart_present(u16 base);

/*
 * Waits (bounded) for what firmware still sends, then sets 115200 8N1, FIFOs
 * on and empty, interrupts off.
 */
void uart_init(struct uart *u, u16 base);

/* True when uart_put_fifo would take something. */
bool uart_tx_ready(const struct uart *u);

/*
 * Hands the transmitter up to one FIFO of bytes, without waiting; returns how
 * many it took, 0 while it is not ready.
 */
size_t uart_put_fifo(struct uart *u, const u8 *buf, size_t n);

/*
 * Writes n bytes, waiting for the transmitter; returns how many went out.  A
 * transmitter that stays silent for UART_POLLS reads is given up: later
 * calls drop what they can't write at once until it is ready again.
 */
#define UART_POLLS 1000000U
size_t uart_write(struct uart *u, const u8 *buf, size_t n);

/* Waits until the last bit has left the wire; false after UART_POLLS reads. */
bool uart_flush(const struct uart *u);

/* The next received byte, -1 for none.  A break or a framing error is none. */
int uart_get(const struct uart *u);

/*
 * Turns the receive interrupt on or off.  The ISA line is an edge: it comes
 * again only after uart_get has returned -1.
 */
void uart_rx_interrupt(const struct uart *u, bool on);

#endif
