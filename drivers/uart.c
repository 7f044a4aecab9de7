// SPDX-License-Identifier: BSD-2-Clause
/* Register names and bits: National Semiconductor PC16550D, section 8. */
#include "drivers/uart.h"
#include "core/io.h"

enum {
	RBR = 0, /* receiver buffer, read */
	THR = 0, /* transmitter holding, write */
	DLL = 0, /* divisor, with LCR.DLAB */
	DLM = 1,
	IER = 1,
	IIR = 2, /* read */
	FCR = 2, /* write */
	LCR = 3,
	MCR = 4,
	LSR = 5,
	MSR = 6,
	SCR = 7,
};

#define IER_ERBFI   0x01
#define IIR_FIFO_ON 0xc0
#define FCR_ENABLE  0x01
#define FCR_RESET   0x06 /* both FIFOs; receive trigger level 1 */
#define LCR_8N1	    0x03
#define LCR_DLAB    0x80
#define MCR_DTR	    0x01
#define MCR_RTS	    0x02
#define MCR_OUT2    0x08 /* connects the interrupt line on PCs */
#define MCR_LOOP    0x10
#define LSR_DR	    0x01
#define LSR_FE	    0x08
#define LSR_BI	    0x10
#define LSR_THRE    0x20
#define LSR_TEMT    0x40
#define LSR_MISSING 0xff /* an empty bus reads as ones */
#define MSR_CTS	    0x10
#define MSR_DCD	    0x80
#define MSR_STATUS  0xf0

#define DIVISOR_115200 1
#define FIFO_SIZE      16
/* More than the receive FIFO holds, so that a broken UART ends the loop. */
#define GET_TRIES 64

static bool scratch_holds(u16 base, u8 v)
{
	outb(base + SCR, v);
	return inb(base + SCR) == v;
}

/* In loopback the modem outputs drive the inputs: RTS CTS, OUT2 DCD. */
static bool loops_back(u16 base)
{
	u8 mcr = inb(base + MCR);
	u8 status;

	outb(base + MCR, MCR_LOOP | MCR_RTS | MCR_OUT2);
	status = inb(base + MSR) & MSR_STATUS;
	outb(base + MCR, mcr);
	return status == (MSR_CTS | MSR_DCD);
}

bool uart_present(u16 base)
{
	u8 scratch;
	bool holds;

	if (inb(base + LSR) == LSR_MISSING)
		return false;
	scratch = inb(base + SCR);
	holds = scratch_holds(base, 0x5a) && scratch_holds(base, 0xa5);
	outb(base + SCR, scratch);
	return holds && loops_back(base);
}

static u8 status_of(const struct uart *u)
{
	u8 lsr = u->base ? inb(u->base + LSR) : LSR_MISSING;

	return lsr == LSR_MISSING ? 0 : lsr;
}

static bool wait_for(const struct uart *u, u8 bit)
{
	u32 i;

	for (i = 0; i < UART_POLLS; i++) {
		if (status_of(u) & bit)
			return true;
	}
	return false;
}

static void set_line(u16 base)
{
	outb(base + LCR, LCR_DLAB | LCR_8N1);
	outb(base + DLL, DIVISOR_115200);
	outb(base + DLM, 0);
	outb(base + LCR, LCR_8N1);
}

void uart_init(struct uart *u, u16 base)
{
	u->base = base;
	u->fifo = 1;
	u->stuck = false;
	if (!base)
		return;
	/* Firmware may have left DLAB set: IER would be the divisor's. */
	outb(base + LCR, LCR_8N1);
	outb(base + IER, 0);
	uart_flush(u);
	set_line(base);
	outb(base + FCR, FCR_ENABLE | FCR_RESET);
	outb(base + MCR, MCR_DTR | MCR_RTS);
	if ((inb(base + IIR) & IIR_FIFO_ON) == IIR_FIFO_ON)
		u->fifo = FIFO_SIZE;
}

bool uart_tx_ready(const struct uart *u)
{
	return status_of(u) & LSR_THRE;
}

size_t uart_put_fifo(struct uart *u, const u8 *buf, size_t n)
{
	size_t i;

	if (!n || !uart_tx_ready(u))
		return 0;
	u->stuck = false;
	n = MIN(n, (size_t)u->fifo);
	for (i = 0; i < n; i++)
		outb(u->base + THR, buf[i]);
	return n;
}

size_t uart_write(struct uart *u, const u8 *buf, size_t n)
{
	size_t done = 0;

	if (!u->base)
		return 0;
	while (done < n) {
		if (!u->stuck && !wait_for(u, LSR_THRE))
			u->stuck = true;
		if (u->stuck && !uart_tx_ready(u))
			break;
		done += uart_put_fifo(u, buf + done, n - done);
	}
	return done;
}

bool uart_flush(const struct uart *u)
{
	return !u->base || wait_for(u, LSR_TEMT);
}

int uart_get(const struct uart *u)
{
	u32 i;
	u8 lsr, byte;

	for (i = 0; i < GET_TRIES; i++) {
		lsr = status_of(u);
		if (!(lsr & LSR_DR))
			return -1;
		byte = inb(u->base + RBR);
		if (!(lsr & (LSR_BI | LSR_FE)))
			return byte;
	}
	return -1;
}

void uart_rx_interrupt(const struct uart *u, bool on)
{
	if (!u->base)
		return;
	outb(u->base + MCR,
	     on ? MCR_DTR | MCR_RTS | MCR_OUT2 : MCR_DTR | MCR_RTS);
	outb(u->base + IER, on ? IER_ERBFI : 0);
}
