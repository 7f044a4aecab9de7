// SPDX-License-Identifier: BSD-2-Clause
/* The log port shared: log, consoles, monitor take turns. */
#include "console/console.h"
#include "console/escape.h"
#include "core/lib.h"

#define CTRL_A	  0x01
#define BACKSPACE 0x08
#define TAB_STOP  8U
/* In units of settle: how long a log without rest keeps the prompt away. */
#define PROMPT_LATE 10

_Static_assert((CONSOLE_TX_SIZE & (CONSOLE_TX_SIZE - 1)) == 0, "power of two");
_Static_assert(CONSOLE_HOLD < CONSOLE_TX_SIZE / 2, "or drained never comes");
/* A step's reply, each newline as two bytes, and an echo before it. */
#define OUT_RESERVE 1024U
_Static_assert(MONITOR_STEP_MAX + 2 * (CAUSE_COUNT + 2) + OUT_RESERVE <=
		       MUX_OUT_SIZE,
	       "a step's reply must fit");

/* The partition's side */

void console_init(struct console *c, const char *name)
{
	memset(c, 0, sizeof(*c));
	fmt_snprintf(c->name, sizeof(c->name), "%s", name);
}

/*
 * Sequentially consistent, as is the pair in tell_drained: either the owner
 * sees starved, or the partition sees the room it made.
 */
static u32 used(const struct console *c)
{
	return __atomic_load_n(&c->head, __ATOMIC_SEQ_CST) -
	       __atomic_load_n(&c->tail, __ATOMIC_SEQ_CST);
}

u32 console_room(const struct console *c)
{
	return CONSOLE_TX_SIZE - used(c);
}

bool console_put(struct console *c, u8 byte)
{
	u32 room = console_room(c);

	if (room <= CONSOLE_LOW)
		__atomic_store_n(&c->starved, true, __ATOMIC_SEQ_CST);
	if (!room)
		return false;
	c->tx[c->head % CONSOLE_TX_SIZE] = byte;
	__atomic_store_n(&c->head, c->head + 1, __ATOMIC_SEQ_CST);
	return true;
}

/* The port's side: line mode */

/* Frees what lies before scan and starts a new line. */
static void release(struct console *c)
{
	__atomic_store_n(&c->tail, c->scan, __ATOMIC_SEQ_CST);
	c->len = 0;
}

/* Puts the gathered line to out, which has CONSOLE_LINE_MAX + 1 bytes. */
static size_t emit(struct console *c, char *out, bool ended)
{
	size_t n = fmt_snprintf(out, CONSOLE_LINE_MAX + 1, "%s| %.*s\n",
				c->name, (int)c->len, c->line);

	c->in_piece = !ended;
	release(c);
	return n;
}

/* The safe form of a byte: 0 to 8 characters. */
static size_t show(const struct console *c, u8 byte, char *text)
{
	if (byte == '\t')
		return fmt_snprintf(text, TAB_STOP + 1, "%*s",
				    (int)(TAB_STOP - c->len % TAB_STOP), "");
	if (byte >= ' ' && byte <= '~')
		return fmt_snprintf(text, TAB_STOP + 1, "%c", byte);
	return fmt_snprintf(text, TAB_STOP + 1, "\\x%02x", byte);
}

/*
 * CR ends a line too, so that a progress bar shows; then the LF of a CR LF is
 * swallowed, as is one directly after a piece.
 */
static size_t take_line_end(struct console *c, u8 byte, char *out)
{
	if (c->len)
		return emit(c, out, byte == '\n');
	if (byte == '\r')
		return 0;
	if (!c->in_piece)
		return emit(c, out, true);
	c->in_piece = false;
	return 0;
}

/* Returns the length of the line put to out, 0 if none is complete. */
static size_t take(struct console *c, u8 byte, char *out)
{
	char text[TAB_STOP + 1];
	size_t n;

	if (escape_skip(&c->escape, byte))
		return 0;
	if (byte == '\n' || byte == '\r')
		return take_line_end(c, byte, out);
	if (byte == BACKSPACE) {
		c->len -= c->len > 0;
		return 0;
	}
	n = show(c, byte, text);
	if (c->len + n > CONSOLE_COLUMNS) {
		c->scan--; /* the byte begins the next piece */
		return emit(c, out, false);
	}
	memcpy(c->line + c->len, text, n);
	c->len += (u32)n;
	return 0;
}

/* What is held back must not stay for ever, nor grow. */
static size_t give_up_hold(struct console *c, u64 now, u64 idle, char *out)
{
	if (c->scan == c->tail)
		return 0;
	if (c->scan - c->tail < CONSOLE_HOLD && now - c->since < idle)
		return 0;
	if (c->len)
		return emit(c, out, false);
	release(c);
	return 0;
}

/* One turn of a console; returns the length of the line put to out, or 0. */
static size_t collect(struct console *c, u64 now, u64 idle, char *out)
{
	u32 head = __atomic_load_n(&c->head, __ATOMIC_ACQUIRE);
	u32 budget = MIN(head - c->scan, CONSOLE_TURN);
	size_t n;

	while (budget--) {
		c->since = now;
		n = take(c, c->tx[c->scan++ % CONSOLE_TX_SIZE], out);
		if (n)
			return n;
	}
	return give_up_hold(c, now, idle, out);
}

/* The port's side: raw mode */

/* What line mode has not shown yet is still in the ring, as written. */
static void restart_gathering(struct console *c)
{
	c->scan = c->tail;
	c->len = 0;
	c->escape = ESCAPE_NONE;
	c->in_piece = false;
}

size_t console_take(struct console *c, u8 *buf, size_t n)
{
	u32 head = __atomic_load_n(&c->head, __ATOMIC_ACQUIRE);
	size_t i;

	n = MIN(n, (size_t)(head - c->scan));
	for (i = 0; i < n; i++)
		buf[i] = c->tx[c->scan++ % CONSOLE_TX_SIZE];
	release(c);
	return n;
}

/* Text for the port */

static void put(struct mux *m, char c)
{
	if (m->out_len < MUX_OUT_SIZE)
		m->out[m->out_len++] = c;
}

static bool is_safe(char c)
{
	return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' || c == '\b';
}

static void write_text(struct mux *m, const char *text, size_t n)
{
	size_t i;
	char c;

	for (i = 0; i < n; i++) {
		c = text[i];
		if (c == '\n')
			put(m, '\r');
		put(m, is_safe(c) ? c : '?');
	}
}

static size_t take_out(struct mux *m, u8 *buf, size_t n)
{
	n = MIN(n, (size_t)(m->out_len - m->out_pos));
	memcpy(buf, m->out + m->out_pos, n);
	m->out_pos += (u32)n;
	if (m->out_pos == m->out_len)
		m->out_pos = m->out_len = 0;
	return n;
}

static bool out_has_room(const struct mux *m)
{
	return MUX_OUT_SIZE - m->out_len >= OUT_RESERVE;
}

/* The log */

static void lock(struct mux *m)
{
	if (m->config.ops->lock)
		m->config.ops->lock();
}

static void unlock(struct mux *m)
{
	if (m->config.ops->unlock)
		m->config.ops->unlock();
}

/* The rest of a line before its end is passed in chunks. */
static bool drain_log(struct mux *m)
{
	char chunk[256];
	size_t n;

	lock(m);
	n = logring_drain(m->config.log, chunk, sizeof(chunk));
	unlock(m);
	if (!n)
		return false;
	if (m->prompted) {
		write_text(m, "\n", 1);
		m->unprompted_since = m->now;
	}
	m->prompted = false;
	write_text(m, chunk, n);
	m->midline = chunk[n - 1] != '\n';
	m->quiet_since = m->now;
	return true;
}

/*
 * Only with an empty backlog does a console get its turn, and one line of it
 * goes to the log: so none can delay the log's own lines by more than a line,
 * or another console by more than a line and a turn for each in between.
 */
static bool collect_consoles(struct mux *m)
{
	char line[CONSOLE_LINE_MAX + 1];
	struct console *c;
	bool served;
	size_t n;
	u32 i;

	for (i = 0; i < m->config.partitions; i++) {
		c = &m->consoles[m->turn];
		served = m->served & BIT(m->turn);
		m->turn = (m->turn + 1) % m->config.partitions;
		n = served ? collect(c, m->now, m->config.idle, line) : 0;
		if (!n)
			continue;
		lock(m);
		logring_append(m->config.log, line, n);
		unlock(m);
		return true;
	}
	return false;
}

/* The monitor's port */

static void port_write(void *ctx, const char *text, size_t n)
{
	write_text(ctx, text, n);
}

static int port_attach(void *ctx, u32 partition)
{
	struct mux *m = ctx;

	if (partition >= m->config.partitions ||
	    !m->consoles[partition].name[0])
		return -ENODEV;
	restart_gathering(&m->consoles[partition]);
	m->raw = true;
	m->escaped = false;
	m->raw_partition = partition;
	return 0;
}

static void port_log_start(void *ctx, struct logring_iter *it)
{
	struct mux *m = ctx;

	lock(m);
	logring_iter_start(m->config.log, it);
	unlock(m);
}

static bool port_log_next(void *ctx, struct logring_iter *it, char *line,
			  size_t size)
{
	struct mux *m = ctx;
	bool more;

	lock(m);
	more = logring_iter_next(m->config.log, it, line, size);
	unlock(m);
	return more;
}

static const struct monitor_port monitor_port = {
	.write = port_write,
	.attach = port_attach,
	.log_start = port_log_start,
	.log_next = port_log_next,
};

static void show_prompt(struct mux *m)
{
	if (m->prompted)
		return;
	monitor_prompt(&m->monitor);
	m->prompted = true;
	m->prompt_due = false;
}

static bool prompt_may_come(const struct mux *m)
{
	return m->open && !m->prompted && !m->midline;
}

/* No partition can talk so much that the operator sees no prompt. */
static bool prompt_if_late(struct mux *m)
{
	if (!prompt_may_come(m) || !m->config.settle ||
	    m->now - m->unprompted_since < PROMPT_LATE * m->config.settle)
		return false;
	show_prompt(m);
	return true;
}

static bool prompt_if_quiet(struct mux *m)
{
	if (!prompt_may_come(m))
		return false;
	if (!m->prompt_due && !monitor_typing(&m->monitor) &&
	    m->now - m->quiet_since < m->config.settle)
		return false;
	show_prompt(m);
	return true;
}

static bool step_monitor(struct mux *m)
{
	if (!monitor_busy(&m->monitor))
		return false;
	monitor_step(&m->monitor);
	return true;
}

/* Input */

/*
 * The guest may have left the cursor anywhere: hence the newline.  Its bytes
 * that are not out yet stay in its ring and come in line mode.
 */
static void leave_raw(struct mux *m)
{
	if (!m->raw)
		return;
	m->raw = false;
	restart_gathering(&m->consoles[m->raw_partition]);
	write_text(m, "\n", 1);
	m->prompted = false;
	m->prompt_due = true;
	m->unprompted_since = m->now;
}

/*
 * Ctrl-A Ctrl-A: back to raw mode if the first one has left it already.  One
 * that the guest does not take is lost: waiting for it would give the guest a
 * way to lock the operator out of the monitor.
 */
static void send_ctrl_a(struct mux *m)
{
	if (!m->config.ops->input(m->raw_partition, CTRL_A))
		m->input_lost++;
	if (!m->raw)
		port_attach(m, m->raw_partition);
	m->escaped = false;
}

static bool monitor_byte(struct mux *m, u8 byte)
{
	if (m->midline || monitor_busy(&m->monitor) || !out_has_room(m))
		return false;
	show_prompt(m);
	if (monitor_input(&m->monitor, byte)) {
		m->prompted = false;
		m->prompt_due = true;
		m->unprompted_since = m->now;
	}
	return true;
}

/* Returns false if the byte cannot be dealt with now. */
static bool deal_with(struct mux *m, u8 byte)
{
	if (m->escaped && byte == CTRL_A) {
		send_ctrl_a(m);
		return true;
	}
	if (m->escaped)
		leave_raw(m);
	m->escaped = false;
	if (!m->raw)
		return monitor_byte(m, byte);
	if (byte != CTRL_A)
		return m->config.ops->input(m->raw_partition, byte);
	m->escaped = true;
	m->escape_time = m->now;
	if (!m->config.escape)
		leave_raw(m);
	return true;
}

static void pump_input(struct mux *m)
{
	while (m->input_len &&
	       deal_with(m, m->input[m->input_pos % MUX_INPUT_SIZE])) {
		m->input_pos++;
		m->input_len--;
	}
}

void mux_input(struct mux *m, u8 byte)
{
	if (!m->open)
		return;
	/*
	 * Bytes wait in raw mode only if the guest does not take them.  They
	 * must not keep the operator from leaving.
	 */
	if (m->raw && byte == CTRL_A) {
		m->input_lost += m->input_len;
		m->input_len = 0;
	}
	if (m->input_len == MUX_INPUT_SIZE) {
		m->input_lost++;
		return;
	}
	m->input[(m->input_pos + m->input_len++) % MUX_INPUT_SIZE] = byte;
	pump_input(m);
}

/* Output */

bool console_freed(struct console *c)
{
	if (!__atomic_exchange_n(&c->starved, false, __ATOMIC_SEQ_CST))
		return false;
	/* Only after the exchange: a put in between must not be lost */
	if (console_room(c) >= CONSOLE_TX_SIZE / 2)
		return true;
	__atomic_store_n(&c->starved, true, __ATOMIC_SEQ_CST);
	return false;
}

static void tell_drained(struct mux *m)
{
	u32 i;

	for (i = 0; i < m->config.partitions; i++)
		if (console_freed(&m->consoles[i]))
			m->config.ops->drained(i);
}

static void pass_time(struct mux *m, u64 now)
{
	m->now = MAX(m->now, now);
	if (m->raw && m->escaped && m->now - m->escape_time >= m->config.escape)
		leave_raw(m);
	pump_input(m);
}

/* Finds more text for the port; false when there is nothing to say. */
static bool refill(struct mux *m)
{
	pump_input(m);
	if (m->out_len)
		return true;
	if (m->raw)
		return false;
	return step_monitor(m) || prompt_if_late(m) || drain_log(m) ||
	       collect_consoles(m) || prompt_if_quiet(m);
}

static size_t next_bytes(struct mux *m, u8 *buf, size_t n)
{
	size_t done = 0;

	while (done < n) {
		done += take_out(m, buf + done, n - done);
		if (m->out_len)
			continue;
		/* The next step may end the machine: first what is in hand. */
		if (done && (m->by_turns || monitor_leaving(&m->monitor)))
			break;
		if (!refill(m))
			break;
	}
	if (m->raw && !m->out_len && (m->served & BIT(m->raw_partition)))
		done += console_take(&m->consoles[m->raw_partition], buf + done,
				     n - done);
	return done;
}

size_t mux_output(struct mux *m, u64 now, u8 *buf, size_t n)
{
	size_t done;

	pass_time(m, now);
	done = next_bytes(m, buf, n);
	tell_drained(m);
	return done;
}

void mux_turn(struct mux *m, u64 consoles)
{
	m->served = consoles;
	m->by_turns = true;
}

bool mux_unread(const struct mux *m)
{
	u64 shown = m->raw ? m->served & BIT(m->raw_partition) : m->served;
	const struct console *c = m->consoles;
	u32 i;

	for (i = 0; i < m->config.partitions; i++)
		if ((shown & BIT(i)) &&
		    c[i].scan != __atomic_load_n(&c[i].head, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

void mux_detach(struct mux *m)
{
	/* What was typed for a guest must not become commands. */
	if (m->raw)
		m->input_len = 0;
	m->escaped = false;
	leave_raw(m);
}

void mux_open(struct mux *m)
{
	m->open = true;
	m->quiet_since = m->now;
	m->unprompted_since = m->now;
}

void mux_init(struct mux *m, const struct mux_config *config)
{
	memset(m, 0, sizeof(*m));
	m->config = *config;
	m->served = ~0UL;
	m->config.partitions = MIN(config->partitions, (u32)MAX_PARTITIONS);
	monitor_init(&m->monitor, config->monitor, &monitor_port, m);
}
