// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "console/console.h"
#include "core/lib.h"

#define IDLE	   1000
#define SETTLE	   500
#define ESCAPE	   200
#define CTRL_A	   "\001"
#define ATTACH_WEB "console web\r"
#define ATTACHED   "Ctrl-A leaves, Ctrl-A Ctrl-A sends one\r\nok\r\n"
#define PROMPT	   "ashlar> "
#define WEB	   0
#define DB	   1
#define LONELY	   2 /* has no console on this port */

static struct mux mux;
static struct logring ring;
static u64 now;
static bool locked;
static u8 typed[MAX_PARTITIONS][1024];
static u32 typed_len[MAX_PARTITIONS];
static bool deaf;
static u32 drained[MAX_PARTITIONS];
static char out[1 << 20];

static bool fake_input(u32 i, u8 byte)
{
	assert_false(locked);
	if (deaf)
		return false;
	assert_in_range(typed_len[i], 0, sizeof(typed[i]) - 2);
	typed[i][typed_len[i]++] = byte;
	typed[i][typed_len[i]] = 0;
	return true;
}

static void fake_drained(u32 i)
{
	assert_false(locked);
	drained[i]++;
}

static void fake_lock(void)
{
	assert_false(locked);
	locked = true;
}

static void fake_unlock(void)
{
	assert_true(locked);
	locked = false;
}

static const struct mux_ops mux_ops = {
	.input = fake_input,
	.drained = fake_drained,
	.lock = fake_lock,
	.unlock = fake_unlock,
};

static u32 fake_count(void)
{
	return 3;
}

static void fake_describe(u32 i, struct monitor_partition_info *info)
{
	static const char *const names[] = { "web", "db", "lonely" };

	assert_false(locked);
	info->name = names[i];
	info->state = "running";
	info->mode = "did";
	info->vcpus = MAX_VCPUS;
}

static void fake_ledger(u32 i, u32 vcpu, struct ledger *l)
{
	(void)i;
	(void)vcpu;
	memset(l, 0xff, sizeof(*l));
}

static int fake_stop(u32 i, const char **why)
{
	(void)i;
	(void)why;
	assert_false(locked);
	/* As the system does: the change is logged. */
	logring_append(&ring, "partition web: stopped: monitor", 31);
	return 0;
}

static bool powered_off;

static int fake_poweroff(const char **why)
{
	(void)why;
	powered_off = true;
	return 0;
}

static const struct monitor_ops monitor_ops = {
	.poweroff = fake_poweroff,
	.count = fake_count,
	.describe = fake_describe,
	.ledger = fake_ledger,
	.stop = fake_stop,
};

static void log_line(const char *text)
{
	logring_append(&ring, text, strlen(text));
}

static void guest(u32 i, const char *text)
{
	for (; *text; text++)
		assert_true(console_put(&mux.consoles[i], (u8)*text));
}

/* What the port gets from now on, in pieces of n, at an unmoving time. */
static const char *pieces(size_t n)
{
	size_t len = 0, got;

	while ((got = mux_output(&mux, now, (u8 *)out + len, n))) {
		assert_true(got <= n);
		len += got;
		assert_true(len + n < sizeof(out));
	}
	out[len] = '\0';
	return out;
}

static const char *port(void)
{
	return pieces(16);
}

static const char *port_after(u64 ticks)
{
	now += ticks;
	return port();
}

static void type(const char *text)
{
	for (; *text; text++)
		mux_input(&mux, (u8)*text);
}

static void start(u64 idle, u64 settle, u64 escape)
{
	const struct mux_config config = {
		.log = &ring,
		.partitions = 3,
		.ops = &mux_ops,
		.monitor = &monitor_ops,
		.idle = idle,
		.settle = settle,
		.escape = escape,
	};

	memset(&ring, 0, sizeof(ring));
	memset(typed, 0, sizeof(typed));
	memset(typed_len, 0, sizeof(typed_len));
	memset(drained, 0, sizeof(drained));
	deaf = false;
	now = 1000000;
	mux_init(&mux, &config);
	console_init(&mux.consoles[WEB], "web");
	console_init(&mux.consoles[DB], "db");
}

static int setup(void **state)
{
	(void)state;
	start(IDLE, SETTLE, ESCAPE);
	return 0;
}

/* With the monitor on and its first prompt out. */
static int setup_open(void **state)
{
	setup(state);
	port();
	mux_open(&mux);
	assert_string_equal(port_after(SETTLE), PROMPT);
	return 0;
}

/* With the port given to web. */
static int setup_raw(void **state)
{
	setup_open(state);
	type(ATTACH_WEB);
	assert_string_equal(port(), "console web\r\n" ATTACHED);
	return 0;
}

/* Line mode */

static void test_lines_get_the_prefix(void **state)
{
	(void)state;
	log_line("boot");
	guest(WEB, "hello\nworld\r\n\n");
	guest(DB, "over here\n");
	assert_string_equal(port(), "boot\r\nweb| hello\r\ndb| over here\r\n"
				    "web| world\r\nweb| \r\n");
	assert_string_equal(port(), "");
}

static void test_lines_go_to_the_log(void **state)
{
	struct logring_iter it;
	char line[32];

	(void)state;
	guest(WEB, "hello\n");
	port();
	logring_iter_start(&ring, &it);
	assert_true(logring_iter_next(&ring, &it, line, sizeof(line)));
	assert_string_equal(line, "web| hello");
}

static void test_a_line_waits_for_its_end(void **state)
{
	(void)state;
	guest(WEB, "hel");
	assert_string_equal(port(), "");
	guest(DB, "db\n");
	guest(WEB, "lo");
	assert_string_equal(port_after(IDLE - 1), "db| db\r\n");
	guest(WEB, "\n");
	assert_string_equal(port(), "web| hello\r\n");
}

static void test_an_idle_piece_is_shown(void **state)
{
	(void)state;
	guest(WEB, "login: ");
	assert_string_equal(port(), "");
	assert_string_equal(port_after(IDLE - 1), "");
	assert_string_equal(port_after(1), "web| login: \r\n");
	assert_string_equal(port_after(10 * IDLE), "");
	/* The newline that ends the shown piece is not a line of its own. */
	guest(WEB, "\nroot\n\n");
	assert_string_equal(port(), "web| root\r\nweb| \r\n");
}

static void test_long_lines_are_cut(void **state)
{
	char text[2 * CONSOLE_COLUMNS + 2];
	char want[2 * CONSOLE_LINE_MAX + 8];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[CONSOLE_COLUMNS] = '\0';
	guest(WEB, text);
	guest(WEB, "\nnext\n");
	fmt_snprintf(want, sizeof(want), "web| %s\r\nweb| next\r\n", text);
	assert_string_equal(port(), want);
	text[CONSOLE_COLUMNS] = 'x';
	text[2 * CONSOLE_COLUMNS] = 'y';
	text[2 * CONSOLE_COLUMNS + 1] = '\0';
	guest(WEB, text);
	guest(WEB, "\nnext\n");
	text[CONSOLE_COLUMNS] = '\0';
	fmt_snprintf(want, sizeof(want),
		     "web| %s\r\nweb| %s\r\nweb| y\r\nweb| next\r\n", text,
		     text);
	assert_string_equal(port(), want);
}

static void test_controls_of_a_line(void **state)
{
	(void)state;
	guest(WEB, "a\tb\n1234567\t|\n10%\r20%\r\r\nerr\bor\n\b\bx\n");
	assert_string_equal(port(), "web| a       b\r\nweb| 1234567 |\r\n"
				    "web| 10%\r\nweb| 20%\r\nweb| eror\r\n"
				    "web| x\r\n");
}

/* Attacks */

static void test_escape_sequences_do_not_pass(void **state)
{
	(void)state;
	guest(WEB, "\033[31mred\033[0m \033]0;title\007a\033]52;c;eA==\033\\b"
		   "\033(B\033c\033P+q\033\\c\033OAd\033[2J\033[?1049he\n");
	assert_string_equal(port(), "web| red abcde\r\n");
	/* 8-bit controls, and the same in UTF-8 */
	guest(WEB, "\x9b"
		   "2J \xc2\x9b"
		   "2J \x85 \xe2\x80\xae\n");
	assert_string_equal(port(), "web| \\x9b2J \\xc2\\x9b2J \\x85 "
				    "\\xe2\\x80\\xae\r\n");
	guest(WEB, "\a\v\f\016\177\n");
	assert_true(console_put(&mux.consoles[WEB], 0));
	guest(WEB, "\n");
	assert_string_equal(port(), "web| \\x07\\x0b\\x0c\\x0e\\x7f\r\n"
				    "web| \\x00\r\n");
}

static void test_an_open_sequence_hides_no_line(void **state)
{
	(void)state;
	guest(WEB, "\033]0;a\nb\033[\nc\033\nd\033P\re\033[1;\033[1mf\n");
	assert_string_equal(port(), "web| \r\nweb| b\r\nweb| c\r\n"
				    "web| d\r\nweb| ef\r\n");
}

/* What the port got: printable lines, each with the prefix of web. */
static void assert_lines_of_web(void)
{
	const char *p;
	bool safe;

	for (p = out; *p; p = strchr(p, '\n') + 1) {
		assert_memory_equal(p, "web| ", 5);
		assert_non_null(strchr(p, '\n'));
	}
	for (p = out; *p; p++) {
		safe = *p >= ' ' && *p <= '~';
		assert_true(safe || (*p == '\r' && p[1] == '\n') ||
			    (*p == '\n' && p[-1] == '\r'));
	}
}

/* Whatever a guest writes, each line on the port begins with its own name. */
static void test_no_line_can_be_faked(void **state)
{
	static const char *const attacks[] = {
		"\rdb| gotcha\n",
		"\n\rpartition db: parked: gotcha\n",
		"\b\b\b\b\b\b\b\bdb| gotcha\n",
		"\033[1Gdb| gotcha\n",
		"\033[A\033[2Kdb| gotcha\n",
		"\033E"
		"db| gotcha\n",
		"\x85"
		"db| gotcha\x84\n",
		"\vdb| gotcha\f\n",
		"x\n\r\n\rashlar> \nok\n",
	};
	char wide[3 * CONSOLE_COLUMNS];
	size_t i;

	(void)state;
	memset(wide, 'x', sizeof(wide));
	memcpy(wide + CONSOLE_COLUMNS, "db| ", 4);
	memcpy(wide + sizeof(wide) - 2, "\n", 2);
	guest(WEB, wide);
	for (i = 0; i < ARRAY_SIZE(attacks); i++) {
		guest(WEB, attacks[i]);
		guest(WEB, "db| piece");
		port();
		assert_lines_of_web();
		port_after(IDLE);
		assert_string_equal(out, "web| db| piece\r\n");
	}
}

static void test_random_output_stays_in_its_lines(void **state)
{
	static const u8 often[] = "\033[]\n\r\b\t";
	u32 seed = 99, i, n;
	u8 byte;

	(void)state;
	for (n = 0; n < 300; n++) {
		for (i = 0; i < 1000; i++) {
			seed = seed * 1103515245 + 12345;
			byte = (u8)(seed >> 16);
			if (byte % 7 == 0)
				byte = often[byte / 7 % 7];
			console_put(&mux.consoles[WEB], byte);
		}
		port_after(n % 3 ? 0 : IDLE);
		assert_lines_of_web();
	}
}

/* Back-pressure */

static u32 fill(u32 i, const char *text)
{
	u32 n = 0;

	while (console_put(&mux.consoles[i], (u8)text[n % strlen(text)]))
		n++;
	return n;
}

static void test_a_full_ring_refuses(void **state)
{
	struct console *c = &mux.consoles[WEB];

	(void)state;
	assert_int_equal(console_room(c), CONSOLE_TX_SIZE);
	assert_int_equal(fill(WEB, "0123456\n"), CONSOLE_TX_SIZE);
	assert_int_equal(console_room(c), 0);
	assert_false(console_put(c, 'x'));
	port();
	assert_int_equal(console_room(c), CONSOLE_TX_SIZE);
	/* Not a byte was lost or doubled. */
	assert_int_equal(strlen(out),
			 CONSOLE_TX_SIZE / 8 * strlen("web| 0123456\r\n"));
	assert_int_equal(drained[WEB], 1);
	port();
	assert_int_equal(drained[WEB], 1);
	assert_int_equal(drained[DB], 0);
}

/* A 16550 with less room than its FIFO waits, though no put was refused. */
static void test_drained_also_when_room_ran_low(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < CONSOLE_TX_SIZE - CONSOLE_LOW; i++)
		assert_true(console_put(&mux.consoles[WEB], '\n'));
	port();
	assert_int_equal(drained[WEB], 0);
	for (i = 0; i < CONSOLE_TX_SIZE - CONSOLE_LOW + 1; i++)
		assert_true(console_put(&mux.consoles[WEB], '\n'));
	mux_output(&mux, now, (u8 *)out, 16);
	assert_int_equal(drained[WEB], 0); /* not half free yet */
	port();
	assert_int_equal(drained[WEB], 1);
}

/* A ring full of bytes that show nothing must drain all the same. */
static void test_invisible_bytes_free_their_room(void **state)
{
	u32 i;

	(void)state;
	guest(WEB, "\033]0;");
	assert_int_equal(fill(WEB, "x"), CONSOLE_TX_SIZE - 4);
	for (i = 0; i < CONSOLE_TX_SIZE / CONSOLE_TURN; i++)
		assert_string_equal(port(), "");
	assert_true(console_room(&mux.consoles[WEB]) >= CONSOLE_TX_SIZE / 2);
	assert_int_equal(drained[WEB], 1);
	port_after(IDLE);
	assert_int_equal(console_room(&mux.consoles[WEB]), CONSOLE_TX_SIZE);
}

/* Fairness */

static void test_a_flood_does_not_starve_others(void **state)
{
	const char *at;
	u32 i, lines = 0;

	(void)state;
	fill(WEB, "\n");
	guest(DB, "one\ntwo\nthree\n");
	for (i = 0; i < 100; i++)
		mux_output(&mux, now, (u8 *)out + i, 1);
	out[100] = '\0';
	for (at = out; (at = strstr(at, "db| ")); at++)
		lines++;
	assert_int_equal(lines, 3);
	/* A line of the log waits for two console lines at most. */
	fill(WEB, "\n");
	log_line("urgent");
	for (i = 0; i < 30; i++)
		mux_output(&mux, now, (u8 *)out + i, 1);
	out[i] = '\0';
	assert_non_null(strstr(out, "urgent"));
}

static void test_a_turn_is_bounded(void **state)
{
	u8 byte;

	(void)state;
	guest(WEB, "\033]0;");
	fill(WEB, "x");
	guest(DB, "x\n");
	mux_output(&mux, now, &byte, 1);
	assert_int_equal(mux.consoles[WEB].scan, CONSOLE_TURN);
	assert_int_equal(byte, 'd');
}

/* Puts the next turn's text to out. */
static const char *turn_of(u32 i)
{
	size_t n;

	mux_turn(&mux, BIT(i));
	n = mux_output(&mux, now, (u8 *)out, CONSOLE_LINE_MAX + 2);
	out[n] = '\0';
	return out;
}

/* However long its neighbour's lines are: a line, and nobody else's. */
static void test_a_turn_is_a_line_of_ones_own(void **state)
{
	char text[CONSOLE_COLUMNS + 1], want[CONSOLE_LINE_MAX + 2];
	u32 length;

	(void)state;
	for (length = 0; length < sizeof(text); length++) {
		memset(text, 'w', length);
		text[length] = '\0';
		fmt_snprintf(want, sizeof(want), "web| %s\r\n", text);
		guest(WEB, text);
		guest(WEB, "\n");
		guest(WEB, text);
		guest(WEB, "\n");
		guest(DB, "mine\n");
		assert_string_equal(turn_of(WEB), want);
		assert_true(mux_unread(&mux));
		assert_string_equal(turn_of(DB), "db| mine\r\n");
		assert_false(mux_unread(&mux));
		assert_string_equal(turn_of(DB), "");
		assert_string_equal(turn_of(WEB), want);
		assert_false(mux_unread(&mux));
	}
}

/* What a turn has looked at and not shown is not to be looked at again. */
static void test_turns_end_with_what_is_unread(void **state)
{
	u32 turns = 0;

	(void)state;
	guest(WEB, "\033]0;");
	fill(WEB, "x");
	do {
		assert_string_equal(turn_of(WEB), "");
		turns++;
	} while (mux_unread(&mux));
	assert_int_equal(turns, CONSOLE_TX_SIZE / CONSOLE_TURN);
	/* In raw mode others wait, whoever's turn it is. */
	mux_open(&mux);
	type(ATTACH_WEB);
	while (*turn_of(WEB))
		;
	guest(DB, "held\n");
	turn_of(DB);
	assert_false(mux_unread(&mux));
	guest(WEB, "raw");
	turn_of(DB);
	assert_false(mux_unread(&mux));
	mux_turn(&mux, BIT(WEB));
	assert_true(mux_unread(&mux));
}

static void test_a_flood_never_overruns_the_log(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 100; i++) {
		fill(WEB, "flood\n");
		fill(DB, "flood\n");
		port();
		assert_null(strstr(out, "lost"));
	}
}

/* The monitor on the port */

static void test_no_prompt_before_open(void **state)
{
	(void)state;
	log_line("booting");
	type("list\r");
	assert_string_equal(port_after(100 * SETTLE), "booting\r\n");
	assert_string_equal(port_after(100 * SETTLE), "");
	mux_open(&mux);
	assert_string_equal(port_after(SETTLE - 1), "");
	log_line("more");
	assert_string_equal(port_after(1), "more\r\n");
	assert_string_equal(port_after(SETTLE - 1), "");
	assert_string_equal(port_after(1), PROMPT);
	assert_string_equal(port_after(SETTLE), "");
}

static void test_commands_echo_and_answer(void **state)
{
	(void)state;
	type("list");
	assert_string_equal(port(), "list");
	type("\r");
	assert_string_equal(port(),
			    "\r\nweb running did cpus= memory=0M restarts=0\r\n"
			    "db running did cpus= memory=0M restarts=0\r\n"
			    "lonely running did cpus= memory=0M restarts=0\r\n"
			    "ok\r\n" PROMPT);
	type("\r");
	assert_string_equal(port(), "\r\n" PROMPT);
	type("bogus\r");
	assert_string_equal(port(), "bogus\r\nerror: unknown command bogus; "
				    "help lists them\r\n" PROMPT);
}

static void test_log_lines_redraw_a_half_typed_command(void **state)
{
	(void)state;
	type("sta");
	assert_string_equal(port(), "sta");
	log_line("one\ntwo");
	guest(WEB, "three\n");
	assert_string_equal(port(),
			    "\r\none\r\ntwo\r\nweb| three\r\n" PROMPT "sta");
	type("t bogus\r");
	assert_string_equal(port(), "t bogus\r\nerror: no partition bogus; "
				    "list shows them\r\n" PROMPT);
	/* With nothing typed the prompt waits until the log is quiet. */
	log_line("four");
	assert_string_equal(port(), "\r\nfour\r\n");
	assert_string_equal(port_after(SETTLE), PROMPT);
	log_line("five");
	assert_string_equal(port(), "\r\nfive\r\n");
	type("x");
	assert_string_equal(port(), PROMPT "x");
}

/* The log says something before every SETTLE is over. */
static void test_a_flood_does_not_keep_the_prompt_away(void **state)
{
	u32 i, prompts = 0;

	(void)state;
	for (i = 0; i < 40; i++) {
		log_line("flood");
		if (strstr(port_after(SETTLE / 2), PROMPT))
			prompts++;
	}
	assert_in_range(prompts, 1, 2);
}

/*
 * Typed while the log never runs dry, for lines of any length; the answer comes
 * before a port of 115,200 baud has sent for two seconds.
 */
static void test_a_flood_does_not_keep_the_answer_away(void **state)
{
	char line[CONSOLE_COLUMNS + 1];
	u32 length, sent;

	for (length = 1; length < sizeof(line); length++) {
		setup_open(state);
		memset(line, 'x', length);
		line[length] = '\0';
		for (sent = 0; sent < LOGRING_SIZE / 2; sent += length)
			log_line(line);
		for (sent = 0; sent < 5000; sent += 16) {
			mux_output(&mux, now, (u8 *)out, 16);
			log_line(line);
		}
		type("stop web\r");
		for (sent = 0; sent < 2 * 11520; sent += 16) {
			now++;
			mux_output(&mux, now, (u8 *)out + sent, 16);
			log_line(line);
		}
		out[sent] = '\0';
		assert_non_null(strstr(out, "stop web\r\nok\r\n"));
	}
}

static void test_a_reply_is_not_interleaved(void **state)
{
	size_t n;

	(void)state;
	type("stop web\r");
	assert_string_equal(port(), "stop web\r\nok\r\npartition web: stopped: "
				    "monitor\r\n" PROMPT);
	type("help\r");
	n = mux_output(&mux, now, (u8 *)out, 40);
	log_line("meanwhile");
	guest(WEB, "meanwhile\n");
	type("lis"); /* typed ahead */
	n += mux_output(&mux, now, (u8 *)out + n, 4000);
	out[n] = '\0';
	assert_non_null(
		strstr(out, "reset the machine\r\nok\r\n" PROMPT "lis"));
	assert_non_null(strstr(strstr(out, "ok"), "\r\nmeanwhile\r\n"
						  "web| meanwhile\r\n"));
}

static void test_poweroff_waits_for_its_answer(void **state)
{
	size_t n;

	(void)state;
	powered_off = false;
	type("poweroff\r");
	n = mux_output(&mux, now, (u8 *)out, 4000);
	out[n] = '\0';
	assert_string_equal(out, "poweroff\r\nok\r\n");
	assert_false(powered_off);
	assert_int_equal(mux_output(&mux, now, (u8 *)out, 4000),
			 strlen(PROMPT));
	assert_true(powered_off);
}

static void test_large_replies_are_complete(void **state)
{
	const char *at;
	u32 lines = 0;

	(void)state;
	type("stat\r");
	pieces(7);
	for (at = out; (at = strchr(at, '\n')); at++)
		lines++;
	/* The echo, three partitions of MAX_VCPUS with a warning each, ok */
	assert_int_equal(lines, 1 + 3 * MAX_VCPUS * (CAUSE_COUNT + 2) + 1);
	assert_string_equal(out + strlen(out) - 12, "ok\r\n" PROMPT);
}

static void test_log_command(void **state)
{
	(void)state;
	log_line("first\nsecond");
	guest(WEB, "third\n");
	port();
	assert_string_equal(port_after(SETTLE), PROMPT);
	type("log\r");
	assert_string_equal(port(), "log\r\nfirst\r\nsecond\r\nweb| third\r\n"
				    "ok\r\n" PROMPT);
}

static void test_type_ahead_is_bounded(void **state)
{
	u32 i;

	(void)state;
	type("log\r");
	for (i = 0; i < 10 * MUX_INPUT_SIZE; i++)
		mux_input(&mux, 'x');
	assert_int_equal(mux.input_lost, 9 * MUX_INPUT_SIZE);
	port();
	type("\025list\r");
	port();
	assert_non_null(strstr(out, "\r\nok\r\n" PROMPT));
}

/* Raw mode */

static void test_raw_is_byte_exact_both_ways(void **state)
{
	char text[256];
	u32 i;

	(void)state;
	for (i = 0; i < 255; i++)
		text[i] = (char)(i + 1);
	text[i] = '\0';
	guest(WEB, text);
	assert_true(console_put(&mux.consoles[WEB], 0));
	assert_int_equal(mux_output(&mux, now, (u8 *)out, 100), 100);
	assert_int_equal(mux_output(&mux, now, (u8 *)out + 100, 200), 156);
	assert_memory_equal(out, text, 256);
	for (i = 0; i < 256; i++) {
		if (i != 1)
			mux_input(&mux, (u8)i);
	}
	assert_int_equal(typed_len[WEB], 255);
	assert_int_equal(typed[WEB][0], 0);
	assert_memory_equal(typed[WEB] + 1, text + 1, 254);
	assert_int_equal(typed_len[DB], 0);
}

static void test_raw_is_immediate(void **state)
{
	(void)state;
	guest(WEB, "$");
	assert_string_equal(port(), "$");
	type("l");
	assert_string_equal((char *)typed[WEB], "l");
	guest(WEB, "l");
	assert_string_equal(port(), "l");
}

static void test_raw_holds_everything_else(void **state)
{
	(void)state;
	guest(DB, "held\n");
	log_line("held too");
	guest(WEB, "shown\n");
	assert_string_equal(port_after(IDLE + SETTLE), "shown\n");
	type(CTRL_A);
	assert_string_equal(port_after(ESCAPE),
			    "\r\nheld too\r\ndb| held\r\n" PROMPT);
	guest(WEB, "lines again\n");
	assert_string_equal(port(), "\r\nweb| lines again\r\n");
}

static void test_raw_log_loses_its_oldest_with_a_note(void **state)
{
	char line[32];
	u32 i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		fmt_snprintf(line, sizeof(line), "line %06u", i);
		log_line(line);
	}
	assert_int_equal(fill(DB, "x\n"), CONSOLE_TX_SIZE);
	assert_string_equal(port(), "");
	type(CTRL_A);
	port_after(ESCAPE);
	assert_memory_equal(out, "\r\n[54", 5);
	assert_non_null(strstr(out, " bytes lost]\r\nline 004"));
	assert_non_null(strstr(out, "line 009999\r\ndb| x\r\n"));
	assert_int_equal(drained[DB], 1);
}

/* What has not been shown when the operator attaches comes raw. */
static void test_attach_shows_the_piece_in_the_ring(void **state)
{
	(void)state;
	guest(WEB, "\033[1mlogin");
	assert_string_equal(port(), "");
	type(ATTACH_WEB);
	assert_string_equal(port(), "console web\r\n" ATTACHED "\033[1mlogin");
	guest(WEB, ": ");
	assert_string_equal(port(), ": ");
}

static void test_typed_after_attach_goes_to_the_guest(void **state)
{
	(void)state;
	type(ATTACH_WEB "ls\r" CTRL_A);
	assert_string_equal(port(), "console web\r\n" ATTACHED);
	assert_string_equal((char *)typed[WEB], "ls\r");
	assert_string_equal(port_after(ESCAPE), "\r\n" PROMPT);
}

static void test_attach_refused(void **state)
{
	(void)state;
	type("console lonely\r");
	assert_string_equal(port(),
			    "console lonely\r\nerror: console lonely: "
			    "it has no console on this port\r\n" PROMPT);
	type("x");
	assert_string_equal(port(), "x");
}

static void test_ctrl_a_leaves_after_the_time(void **state)
{
	(void)state;
	type(CTRL_A);
	guest(WEB, "still raw\n");
	assert_string_equal(port_after(ESCAPE - 1), "still raw\n");
	assert_string_equal(port_after(1), "\r\n" PROMPT);
	type("x");
	assert_string_equal(port(), "x");
	assert_int_equal(typed_len[WEB], 0);
}

static void test_ctrl_a_leaves_with_the_next_byte(void **state)
{
	(void)state;
	type(CTRL_A "bogus\r");
	assert_string_equal(port(),
			    "\r\n" PROMPT "bogus\r\nerror: unknown "
			    "command bogus; help lists them\r\n" PROMPT);
	assert_int_equal(typed_len[WEB], 0);
}

static void test_ctrl_a_twice_sends_one(void **state)
{
	(void)state;
	type("a" CTRL_A CTRL_A "b" CTRL_A CTRL_A CTRL_A CTRL_A "c");
	assert_string_equal((char *)typed[WEB],
			    "a" CTRL_A "b" CTRL_A CTRL_A "c");
	assert_string_equal(port_after(10 * ESCAPE), "");
	type(CTRL_A CTRL_A CTRL_A);
	assert_string_equal(port_after(ESCAPE), "\r\n" PROMPT);
	assert_int_equal(typed_len[WEB], 7);
}

/* The second one may come late: then it goes back to the console. */
static void test_ctrl_a_twice_slowly(void **state)
{
	(void)state;
	type(CTRL_A);
	assert_string_equal(port_after(ESCAPE), "\r\n" PROMPT);
	type(CTRL_A "b");
	assert_string_equal((char *)typed[WEB], CTRL_A "b");
	guest(WEB, "raw\n");
	assert_string_equal(port(), "raw\n");
	/* Not so once something else was typed. */
	type(CTRL_A "x" CTRL_A "y");
	assert_string_equal(port(), "\r\n" PROMPT "xy");
	assert_int_equal(typed_len[WEB], 2);
}

/* The settings for a machine on which nothing polls. */
static void test_without_a_clock(void **state)
{
	(void)state;
	start(UINT64_MAX, 0, 0);
	mux_open(&mux);
	assert_string_equal(port(), PROMPT);
	guest(WEB, "piece");
	assert_string_equal(port_after(1UL << 60), "");
	type(ATTACH_WEB "a" CTRL_A CTRL_A "b" CTRL_A);
	assert_string_equal(port(),
			    "console web\r\n" ATTACHED "\r\n\r\n" PROMPT);
	assert_string_equal((char *)typed[WEB], "a" CTRL_A "b");
}

static void test_without_a_clock_leave_at_once(void **state)
{
	(void)state;
	start(UINT64_MAX, 0, 0);
	mux_open(&mux);
	type(ATTACH_WEB);
	port();
	type(CTRL_A);
	assert_string_equal(port(), "\r\n" PROMPT);
	type(CTRL_A);
	guest(WEB, "raw\n");
	assert_string_equal(port(), "raw\n");
	assert_string_equal((char *)typed[WEB], CTRL_A);
}

/* A guest that reads nothing cannot keep the operator, nor feed the monitor */
static void test_a_deaf_guest(void **state)
{
	u32 i;

	(void)state;
	deaf = true;
	type("stop web\rlist\r");
	for (i = 0; i < 2 * MUX_INPUT_SIZE; i++)
		mux_input(&mux, '\r');
	assert_string_equal(port(), "");
	type(CTRL_A CTRL_A);
	assert_string_equal(port_after(2 * ESCAPE), "");
	type(CTRL_A);
	assert_string_equal(port_after(ESCAPE), "\r\n" PROMPT);
	type("bogus\r");
	assert_string_equal(port(), "bogus\r\nerror: unknown command bogus; "
				    "help lists them\r\n" PROMPT);
}

static void test_a_slow_guest_gets_it_later_in_order(void **state)
{
	(void)state;
	deaf = true;
	type("abc");
	port();
	deaf = false;
	type("d");
	assert_string_equal((char *)typed[WEB], "abcd");
	deaf = true;
	type("ef");
	deaf = false;
	port();
	assert_string_equal((char *)typed[WEB], "abcdef");
}

static void test_detach(void **state)
{
	(void)state;
	deaf = true;
	type("stop web\r");
	guest(WEB, "rest\n");
	mux_detach(&mux);
	deaf = false;
	assert_string_equal(port(), "\r\nweb| rest\r\n" PROMPT);
	mux_detach(&mux);
	assert_string_equal(port(), "");
	type(CTRL_A "x");
	assert_string_equal(port(), "x");
	assert_int_equal(typed_len[WEB], 0);
}

static void test_a_clock_that_steps_back(void **state)
{
	(void)state;
	guest(WEB, "piece");
	port();
	now -= 100;
	assert_string_equal(port(), "");
	assert_string_equal(port_after(IDLE), "");
	assert_string_equal(port_after(100), "\r\nweb| piece\r\n");
}

static void test_no_room_at_the_port(void **state)
{
	(void)state;
	type(CTRL_A);
	log_line("x");
	now += ESCAPE;
	assert_int_equal(mux_output(&mux, now, (u8 *)out, 0), 0);
	assert_string_equal(pieces(1), "\r\nx\r\n" PROMPT);
}

#define T(f)	  cmocka_unit_test_setup(f, setup)
#define T_OPEN(f) cmocka_unit_test_setup(f, setup_open)
#define T_RAW(f)  cmocka_unit_test_setup(f, setup_raw)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_lines_get_the_prefix),
		T(test_lines_go_to_the_log),
		T(test_a_line_waits_for_its_end),
		T(test_an_idle_piece_is_shown),
		T(test_long_lines_are_cut),
		T(test_controls_of_a_line),
		T(test_escape_sequences_do_not_pass),
		T(test_an_open_sequence_hides_no_line),
		T(test_no_line_can_be_faked),
		T(test_random_output_stays_in_its_lines),
		T(test_a_full_ring_refuses),
		T(test_drained_also_when_room_ran_low),
		T(test_invisible_bytes_free_their_room),
		T(test_a_flood_does_not_starve_others),
		T(test_a_turn_is_bounded),
		T(test_a_turn_is_a_line_of_ones_own),
		T(test_turns_end_with_what_is_unread),
		T(test_a_flood_never_overruns_the_log),
		T(test_no_prompt_before_open),
		T_OPEN(test_commands_echo_and_answer),
		T_OPEN(test_log_lines_redraw_a_half_typed_command),
		T_OPEN(test_a_flood_does_not_keep_the_prompt_away),
		T_OPEN(test_a_flood_does_not_keep_the_answer_away),
		T_OPEN(test_a_reply_is_not_interleaved),
		T_OPEN(test_poweroff_waits_for_its_answer),
		T_OPEN(test_large_replies_are_complete),
		T_OPEN(test_log_command),
		T_OPEN(test_type_ahead_is_bounded),
		T_RAW(test_raw_is_byte_exact_both_ways),
		T_RAW(test_raw_is_immediate),
		T_RAW(test_raw_holds_everything_else),
		T_RAW(test_raw_log_loses_its_oldest_with_a_note),
		T_OPEN(test_attach_shows_the_piece_in_the_ring),
		T_OPEN(test_typed_after_attach_goes_to_the_guest),
		T_OPEN(test_attach_refused),
		T_RAW(test_ctrl_a_leaves_after_the_time),
		T_RAW(test_ctrl_a_leaves_with_the_next_byte),
		T_RAW(test_ctrl_a_twice_sends_one),
		T_RAW(test_ctrl_a_twice_slowly),
		T(test_without_a_clock),
		T(test_without_a_clock_leave_at_once),
		T_RAW(test_a_deaf_guest),
		T_RAW(test_a_slow_guest_gets_it_later_in_order),
		T_RAW(test_detach),
		T_OPEN(test_a_clock_that_steps_back),
		T_RAW(test_no_room_at_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
