// SPDX-License-Identifier: BSD-2-Clause
/* The log port: who writes it, who reads it. */
#include "console/logport.h"
#include "apic/ioapic.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/io.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/spinlock.h"
#include "core/x86.h"
#include "drivers/uart.h"

/* Lines unfinished for so long are shown; the prompt waits for quiet. */
#define IDLE_MS	  100
#define SETTLE_MS 200
#define ESCAPE_MS 300

static struct mux mux;
static struct uart uart;
static const struct table *table;

/* A COM port that is one partition's alone: raw both ways. */
struct own_port {
	struct uart uart;
	struct console console;
	s32 held; /* a byte received that found no room; -1: none */
};
static struct own_port own_ports[MAX_PARTITIONS];

/* A core whose turn it is has been told; if it does not come, others go on. */
#define PATIENCE_MS 100

static bool polled;
/*
 * Without a sidecore: one core has the port, for a turn, and others leave word.
 * All of it is guarded by `turns`; `taken` is only ever set.
 */
static struct spinlock turns;
static bool taken; /* by the sidecore, for good */
static bool busy;
/* Bit n: a core of partition n has something to say, or has been refused. */
static u64 wanted;
static u64 due; /* that of the next turn; 0: anyone's */
static u64 due_until;
#define FOR_ALL LOGPORT_FOR_ALL
/* Bit n: partition n has ended; set by any core, taken by the port's owner. */
static u64 ended;
static u32 nmi_cpu = MAX_CPUS;

static const struct {
	u16 base;
	u8 irq;
} com[] = {
	[TABLE_CONSOLE_COM1] = { UART_COM1, 4 },
	[TABLE_CONSOLE_COM2] = { UART_COM2, 3 },
	[TABLE_CONSOLE_COM3] = { UART_COM3, 4 },
	[TABLE_CONSOLE_COM4] = { UART_COM4, 3 },
};

/* Who the bytes are for. */
static const struct logport_clients *clients;

static void serve_detach(void)
{
	u64 ids;

	if (likely(!__atomic_load_n(&ended, __ATOMIC_RELAXED)))
		return;
	ids = __atomic_exchange_n(&ended, 0, __ATOMIC_SEQ_CST);
	if (mux.raw && (ids & BIT(mux.raw_partition)))
		mux_detach(&mux);
}

static void receive(void)
{
	int c;

	serve_detach();
	while ((c = uart_get(&uart)) >= 0)
		mux_input(&mux, (u8)c);
}

static void write_last(const char *text, size_t n)
{
	uart_write(&uart, (const u8 *)text, n);
	uart_flush(&uart);
}

static const struct log_sink sink = {
	.pump = logport_pump,
	.flush = logport_flush,
	.write = write_last,
};

void logport_init(const struct logport_clients *c)
{
	const struct mux_config config = {
		.log = &log_ring,
		.ops = &c->ops,
		.monitor = c->monitor,
		.idle = ~0UL,
	};

	clients = c;
	if (uart_present(UART_COM1))
		uart_init(&uart, UART_COM1);
	mux_init(&mux, &config);
	log_set_sink(&sink);
}

static void configure_mux(void)
{
	struct mux_config config = {
		.log = &log_ring,
		.partitions = table->nr_partitions,
		.ops = &clients->ops,
		.monitor = clients->monitor,
		.idle = polled ? clock_ms(IDLE_MS) : ~0UL,
		.settle = polled ? clock_ms(SETTLE_MS) : 0,
		.escape = polled ? clock_ms(ESCAPE_MS) : 0,
	};
	const struct table_partition *p;
	u32 i;

	mux_init(&mux, &config);
	for (i = 0; i < table->nr_partitions; i++) {
		p = &table->partitions[i];
		if (p->console == TABLE_CONSOLE_LOG)
			console_init(&mux.consoles[i], p->name);
		else if (p->console != TABLE_CONSOLE_NONE)
			console_init(&own_ports[i].console, p->name);
	}
}

/* Prepares one UART; without a sidecore its interrupt is an NMI. */
static int configure_uart(struct uart *u, enum table_console port, char *error,
			  size_t size)
{
	int err;

	uart_init(u, com[port].base);
	if (polled)
		return 0;
	nmi_cpu = 0;
	err = ioapic_route_nmi(com[port].irq, cpu_public[0].apic_id);
	if (err)
		fmt_snprintf(error, size,
			     "COM%u: no IO-APIC pin for its IRQ %u%s; "
			     "give a sidecore",
			     port - TABLE_CONSOLE_COM1 + 1, com[port].irq,
			     err == -ERANGE ? " that reaches CPU 0" : "");
	return err;
}

int logport_configure(const struct table *t, char *error, size_t size)
{
	u32 i;
	int err = 0;

	table = t;
	logport_flush();
	uart.base = 0;
	polled = t->first_sidecore >= 0;
	configure_mux();
	if (t->log != TABLE_CONSOLE_NONE)
		err = configure_uart(&uart, t->log, error, size);
	for (i = 0; i < t->nr_partitions && !err; i++) {
		own_ports[i].held = -1;
		if (own_ports[i].console.name[0])
			err = configure_uart(&own_ports[i].uart,
					     t->partitions[i].console, error,
					     size);
	}
	return err;
}

static void interrupts_on(const struct uart *u)
{
	if (u->base && nmi_cpu < MAX_CPUS)
		uart_rx_interrupt(u, true);
}

void logport_open(void)
{
	u32 i;

	mux_open(&mux);
	interrupts_on(&uart);
	for (i = 0; i < table->nr_partitions; i++)
		interrupts_on(&own_ports[i].uart);
	logport_pump();
}

bool logport_is_nmi_cpu(u32 cpu)
{
	return cpu == nmi_cpu;
}

s32 logport_sidecore(void)
{
	return table->first_sidecore;
}

struct console *logport_console(u32 partition)
{
	struct console *c = &mux.consoles[partition];

	if (c->name[0])
		return c;
	c = &own_ports[partition].console;
	return c->name[0] ? c : NULL;
}

void logport_take(void)
{
	spin_lock(&turns);
	__atomic_store_n(&taken, true, __ATOMIC_RELAXED);
	spin_unlock(&turns);
	while (__atomic_load_n(&busy, __ATOMIC_ACQUIRE))
		cpu_pause();
}

/* One turn of a port of its own; false when nothing moved. */
static bool move_own(u32 i, bool output, bool wait)
{
	struct own_port *o = &own_ports[i];
	u8 buf[16];
	size_t n = 0;

	if (!o->uart.base)
		return false;
	if (output && (wait || uart_tx_ready(&o->uart))) {
		n = console_take(&o->console, buf, o->uart.fifo);
		uart_write(&o->uart, buf, n);
	}
	if (n && console_freed(&o->console))
		clients->ops.drained(i);
	if (o->held < 0)
		o->held = uart_get(&o->uart);
	if (o->held < 0 || !clients->ops.input(i, (u8)o->held))
		return n;
	o->held = -1;
	return true;
}

/* None before the table is read. */
static u32 nr_clients(void)
{
	return table ? table->nr_partitions : 0;
}

static bool move_all_own(u64 served, bool wait)
{
	bool moved = false;
	u32 i;

	for (i = 0; i < nr_clients(); i++)
		moved |= move_own(i, served & BIT(i), wait);
	return moved;
}

void logport_poll(void)
{
	u8 buf[16];
	size_t n;

	move_all_own(FOR_ALL, false);
	receive();
	if (!uart.base) {
		while (mux_output(&mux, rdtsc(), buf, sizeof(buf)))
			;
		return;
	}
	n = mux_output(&mux, rdtsc(), buf,
		       uart_tx_ready(&uart) ? uart.fifo : 0);
	if (n)
		uart_put_fifo(&uart, buf, n);
}

/* At most a line, input, and a FIFO of each port of its own. */
static bool move_some(u64 served)
{
	u8 line[CONSOLE_LINE_MAX + 2];
	u64 start = rdtsc();
	bool moved;
	size_t n;

	mux_turn(&mux, served);
	moved = move_all_own(served, true);
	receive();
	n = mux_output(&mux, rdtsc(), line, sizeof(line));
	uart_write(&uart, line, n);
	if (!mux.open)
		clock_add(CLOCK_UART_WAIT, rdtsc() - start);
	return n || moved || mux_unread(&mux);
}

static bool take_turn(u64 served)
{
	bool mine;

	spin_lock(&turns);
	if (due && rdtsc() > due_until) {
		wanted &= ~due;
		due = 0;
	}
	mine = !taken && !busy && (!due || (due & served));
	if (mine) {
		busy = true;
		due = 0;
		wanted &= ~served;
	} else {
		wanted |= served;
	}
	spin_unlock(&turns);
	return mine;
}

/* Of those who wait, the next in order; nr_clients() if nobody does. */
static u32 next_of(u64 waiting, u64 served)
{
	u32 n = nr_clients(), i, next;

	for (i = 1; i <= n; i++) {
		next = ((u32)__builtin_ctzl(served) + i) % n;
		if (waiting & BIT(next))
			return next;
	}
	return n;
}

/*
 * Who is next, and this core itself if it has more to say, come back by a
 * request, and see between two turns what else is asked of them.
 */
static void end_turn(u64 served, bool more)
{
	u32 next;

	spin_lock(&turns);
	wanted |= more ? served : 0;
	more = wanted & served;
	next = next_of(wanted & ~served, served);
	due = next < nr_clients() ? BIT(next) : 0;
	due_until = rdtsc() + clock_ms(PATIENCE_MS);
	__atomic_store_n(&busy, false, __ATOMIC_RELEASE);
	spin_unlock(&turns);
	if (next < nr_clients())
		cpu_request(table->partitions[next].cpus[0], REQ_PUMP);
	if (more && mux.open)
		cpu_request(this_cpu.id, REQ_PUMP);
}

/*
 * A core writes out the log and its own partition's output, never another's: a
 * guest that prints without end must not hold a neighbour's core here, nor keep
 * the port.  While booting nobody else has anything to say.
 */
void logport_pump(void)
{
	u64 served = clients->served();
	bool more = true;

	if (__atomic_load_n(&taken, __ATOMIC_RELAXED))
		return;
	while (more && take_turn(served)) {
		more = move_some(served);
		end_turn(served, more);
		more &= !mux.open;
	}
}

void logport_detach(u32 partition)
{
	__atomic_fetch_or(&ended, BIT(partition), __ATOMIC_SEQ_CST);
	logport_pump();
}

void logport_flush(void)
{
	logport_pump();
	uart_flush(&uart);
}
