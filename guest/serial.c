// SPDX-License-Identifier: BSD-2-Clause
/* The 16550 that a guest sees. */
#include "guest/serial.h"
#include "core/lib.h"

#define UART_IER_WRITABLE 0x0f
#define UART_MCR_WRITABLE 0x1f
#define UART_DIVISOR_9600 12

void vserial_init(struct vserial *s, bool (*tx)(void *ctx, u8 byte),
		  size_t (*tx_room)(void *ctx), void *ctx)
{
	memset(s, 0, sizeof(*s));
	s->tx = tx;
	s->tx_room = tx_room;
	s->ctx = ctx;
	s->divisor = UART_DIVISOR_9600;
}

/* The pending cause of highest priority, PC16550D table 5. */
static u8 cause(const struct vserial *s)
{
	if ((s->ier & UART_IER_ELSI) && s->errors)
		return UART_IIR_RLS;
	if ((s->ier & UART_IER_ERBFI) && s->rx_count)
		return UART_IIR_RDA;
	if ((s->ier & UART_IER_ETBEI) && s->thri)
		return UART_IIR_THRE;
	return UART_IIR_NONE;
}

bool vserial_irq(const struct vserial *s)
{
	/* Loopback forces the output pins inactive, OUT2 with them. */
	return (s->mcr & (UART_MCR_OUT2 | UART_MCR_LOOP)) == UART_MCR_OUT2 &&
	       cause(s) != UART_IIR_NONE;
}

static void settle(struct vserial *s)
{
	bool level = vserial_irq(s);

	if (level && !s->line)
		s->edge = true;
	s->line = level;
}

bool vserial_edge(struct vserial *s)
{
	bool edge = s->edge;

	s->edge = false;
	return edge;
}

static bool has_room(const struct vserial *s)
{
	return (s->mcr & UART_MCR_LOOP) || !s->tx ||
	       s->tx_room(s->ctx) >= VSERIAL_FIFO;
}

/* The transmitter becomes empty when there is room again after a byte. */
static bool look_at_room(struct vserial *s)
{
	bool room = has_room(s);

	if (!room)
		s->thri = false;
	else if (s->busy)
		s->thri = true;
	s->busy = !room;
	return room;
}

void vserial_tx_ready(struct vserial *s)
{
	look_at_room(s);
	settle(s);
}

static void push(struct vserial *s, u8 byte)
{
	s->rx[(s->rx_head + s->rx_count) % VSERIAL_RX] = byte;
	s->rx_count++;
}

bool vserial_input(struct vserial *s, u8 byte)
{
	if (s->rx_count == VSERIAL_RX || (s->mcr & UART_MCR_LOOP))
		return false;
	push(s, byte);
	settle(s);
	return true;
}

static void clear_rx(struct vserial *s)
{
	s->rx_head = 0;
	s->rx_count = 0;
}

static u8 read_rbr(struct vserial *s)
{
	u16 left;
	u8 byte;

	if (!s->rx_count)
		return 0;
	byte = s->rx[s->rx_head];
	s->rx_head = (u16)((s->rx_head + 1) % VSERIAL_RX);
	left = s->rx_count - 1;
	/* The next byte arrives a moment after this one was taken. */
	s->rx_count = 0;
	settle(s);
	s->rx_count = left;
	return byte;
}

/* Drivers size the FIFO by what loopback holds, so it holds no more. */
static void loop_back(struct vserial *s, u8 byte)
{
	if (s->rx_count < (s->fifo ? VSERIAL_FIFO : 1))
		push(s, byte);
	else
		s->errors |= UART_LSR_OE;
}

static void write_thr(struct vserial *s, u8 byte)
{
	s->thri = false;
	settle(s);
	if (s->mcr & UART_MCR_LOOP)
		loop_back(s, byte);
	else if (s->tx && !s->tx(s->ctx, byte))
		s->tx_lost++;
	s->busy = true;
	look_at_room(s);
}

static void write_ier(struct vserial *s, u8 value)
{
	bool enabled = ~s->ier & value & UART_IER_ETBEI;

	s->ier = value & UART_IER_WRITABLE;
	/* Enabling it while the transmitter is empty raises it afresh. */
	if (enabled) {
		s->busy = true;
		look_at_room(s);
	}
}

static u8 read_iir(struct vserial *s)
{
	u8 value = cause(s);

	if (value == UART_IIR_THRE)
		s->thri = false;
	return value | (s->fifo ? UART_IIR_FIFO : 0);
}

static void write_fcr(struct vserial *s, u8 value)
{
	bool enable = value & UART_FCR_ENABLE;

	/* Without the enable bit the others are not programmed. */
	if (enable != s->fifo || (enable && (value & UART_FCR_RESET_RX)))
		clear_rx(s);
	s->fifo = enable;
}

static u8 read_lsr(struct vserial *s)
{
	u8 value = s->errors;

	if (s->rx_count)
		value |= UART_LSR_DR;
	if (look_at_room(s))
		value |= UART_LSR_THRE | UART_LSR_TEMT;
	s->errors = 0;
	return value;
}

static u8 read_msr(const struct vserial *s)
{
	u8 value = 0;

	if (!(s->mcr & UART_MCR_LOOP))
		return UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
	if (s->mcr & UART_MCR_RTS)
		value |= UART_MSR_CTS;
	if (s->mcr & UART_MCR_DTR)
		value |= UART_MSR_DSR;
	if (s->mcr & UART_MCR_OUT1)
		value |= UART_MSR_RI;
	if (s->mcr & UART_MCR_OUT2)
		value |= UART_MSR_DCD;
	return value;
}

static void write_mcr(struct vserial *s, u8 value)
{
	s->mcr = value & UART_MCR_WRITABLE;
	look_at_room(s);
}

static u8 read_register(struct vserial *s, u16 offset)
{
	switch (offset) {
	case UART_RBR:
		return read_rbr(s);
	case UART_IER:
		return s->ier;
	case UART_IIR:
		return read_iir(s);
	case UART_LCR:
		return s->lcr;
	case UART_MCR:
		return s->mcr;
	case UART_LSR:
		return read_lsr(s);
	case UART_MSR:
		return read_msr(s);
	case UART_SCR:
		return s->scr;
	default:
		return 0xff;
	}
}

static void write_register(struct vserial *s, u16 offset, u8 value)
{
	switch (offset) {
	case UART_THR:
		write_thr(s, value);
		break;
	case UART_IER:
		write_ier(s, value);
		break;
	case UART_FCR:
		write_fcr(s, value);
		break;
	case UART_LCR:
		s->lcr = value;
		break;
	case UART_MCR:
		write_mcr(s, value);
		break;
	case UART_SCR:
		s->scr = value;
		break;
	default: /* LSR and MSR are read-only */
		break;
	}
}

static bool is_divisor(const struct vserial *s, u16 offset)
{
	return (s->lcr & UART_LCR_DLAB) && offset <= UART_DLM;
}

u8 vserial_read(struct vserial *s, u16 offset)
{
	u8 value;

	if (is_divisor(s, offset))
		return (u8)(s->divisor >> (offset * 8));
	value = read_register(s, offset);
	settle(s);
	return value;
}

void vserial_write(struct vserial *s, u16 offset, u8 value)
{
	if (is_divisor(s, offset)) {
		s->divisor &= (u16)(0xff00 >> (offset * 8));
		s->divisor |= (u16)(value << (offset * 8));
		return;
	}
	write_register(s, offset, value);
	settle(s);
}
