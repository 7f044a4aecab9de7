// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/lib.h"
#include "console/monitor.h"

/* A system of fakes, which records what it was asked to do. */
static struct monitor_partition_info parts[MAX_PARTITIONS];
static u32 part_count;
static struct ledger ledgers[MAX_PARTITIONS];
static struct histogram latencies[LATENCY_COUNT];
static char calls[256];
static const char *why_not;
static int result;
static struct logring ring;

static char out[1 << 19];
static size_t out_len;
static size_t step_len;
static struct monitor mon;

static void called(const char *what, u32 i)
{
	size_t n = strlen(calls);

	fmt_snprintf(calls + n, sizeof(calls) - n, "%s(%u) ", what, i);
}

static u32 fake_count(void)
{
	return part_count;
}

static void fake_describe(u32 i, struct monitor_partition_info *info)
{
	assert_in_range(i, 0, MIN(part_count, (u32)MAX_PARTITIONS) - 1);
	*info = parts[i];
}

static void fake_ledger(u32 i, u32 vcpu, struct ledger *l)
{
	assert_true(vcpu < MIN(parts[i].vcpus, (u32)MAX_VCPUS));
	*l = ledgers[i];
	l->cycles[CAUSE_HLT] += vcpu;
}

static void fake_latency(u32 i, u32 vcpu, struct histogram *h)
{
	assert_true(vcpu < MIN(parts[i].vcpus, (u32)MAX_VCPUS));
	memcpy(h, latencies, sizeof(latencies));
	if (!i)
		histogram_add(&h[LATENCY_INJECTION], vcpu);
}

static struct cpu_list cpus;

static const struct cpu_list *fake_cpus(void)
{
	return &cpus;
}

static void fake_pool(u64 *left, u64 *size)
{
	*left = 100 << 10;
	*size = 2UL << 20;
}

static bool fake_iommu(struct monitor_iommu *io)
{
	*io = (struct monitor_iommu){ 2, 3, 4 };
	return true;
}

static bool fake_tables(u32 i, struct monitor_tables *t)
{
	fmt_snprintf(t->name, sizeof(t->name), "cpu/%u", i);
	t->tables = 10 + i;
	t->pages = 200 + i;
	t->sum = i ? 0xfedcba9876543210UL : 1;
	return i < 2;
}

static bool fake_faults(u32 i, struct monitor_faults *f)
{
	static const struct monitor_faults faults[] = {
		{ .name = "web", .address = 0x0100 },
		{ "web", 0x020b, 3, "DMA read from", 0xfee000000, false },
		{ "db", 0xffff, 17, "interrupt by", 0x2a, true },
	};

	if (i < ARRAY_SIZE(faults))
		*f = faults[i];
	return i < ARRAY_SIZE(faults);
}

static void fake_clear_faults(u32 i)
{
	called("clear", i);
}

static int change(const char *what, u32 i, const char **why)
{
	called(what, i);
	assert_null(*why);
	*why = why_not;
	return result;
}

static int fake_stop(u32 i, const char **why)
{
	return change("stop", i, why);
}

static int fake_start(u32 i, const char **why)
{
	return change("start", i, why);
}

static int fake_restart(u32 i, const char **why)
{
	return change("restart", i, why);
}

static int fake_nmi(u32 i, const char **why)
{
	return change("nmi", i, why);
}

static int fake_mode(u32 i, const char *mode, const char **why)
{
	return change(mode, i, why);
}

static int fake_poweroff(const char **why)
{
	return change("poweroff", 0, why);
}

static int fake_reboot(const char **why)
{
	return change("reboot", 0, why);
}

static const struct monitor_ops ops = {
	.count = fake_count,
	.describe = fake_describe,
	.ledger = fake_ledger,
	.latency = fake_latency,
	.cpus = fake_cpus,
	.nmi = fake_nmi,
	.pool = fake_pool,
	.tables = fake_tables,
	.iommu = fake_iommu,
	.faults = fake_faults,
	.clear_faults = fake_clear_faults,
	.stop = fake_stop,
	.start = fake_start,
	.restart = fake_restart,
	.mode = fake_mode,
	.poweroff = fake_poweroff,
	.reboot = fake_reboot,
};

static void fake_write(void *ctx, const char *text, size_t n)
{
	assert_ptr_equal(ctx, &ring);
	assert_true(out_len + n < sizeof(out));
	memcpy(out + out_len, text, n);
	out_len += n;
	out[out_len] = '\0';
	step_len += n;
}

static int fake_attach(void *ctx, u32 i)
{
	(void)ctx;
	called("attach", i);
	return i == 1 ? -ENODEV : 0;
}

static void fake_log_start(void *ctx, struct logring_iter *it)
{
	logring_iter_start(ctx, it);
}

static bool fake_log_next(void *ctx, struct logring_iter *it, char *line,
			  size_t size)
{
	return logring_iter_next(ctx, it, line, size);
}

static const struct monitor_port port = {
	.write = fake_write,
	.attach = fake_attach,
	.log_start = fake_log_start,
	.log_next = fake_log_next,
};

static int setup(void **state)
{
	(void)state;
	memset(latencies, 0, sizeof(latencies));
	memset(parts, 0, sizeof(parts));
	memset(ledgers, 0, sizeof(ledgers));
	memset(&ring, 0, sizeof(ring));
	parts[0] = (struct monitor_partition_info){
		.name = "web",
		.state = "running",
		.mode = "did",
		.cpus = { { 3 } },
		.memory = 512UL << 20,
		.vcpus = 2,
	};
	parts[1] = (struct monitor_partition_info){
		.name = "db",
		.state = "parked",
		.mode = "exit",
		.reason = "triple fault",
		.cpus = { { BIT(2) | BIT(63), BIT(0), [7] = BIT(63) } },
		.memory = 2UL << 30,
		.vcpus = 1,
		.restarts = 4,
	};
	part_count = 2;
	calls[0] = out[0] = '\0';
	out_len = 0;
	why_not = NULL;
	result = 0;
	monitor_init(&mon, &ops, &port, &ring);
	return 0;
}

static void finish(void)
{
	u32 steps = 0;

	while (monitor_busy(&mon)) {
		step_len = 0;
		monitor_step(&mon);
		assert_true(step_len <= MONITOR_STEP_MAX);
		assert_true(++steps < 100000);
	}
}

static void type(const char *text)
{
	for (; *text; text++) {
		finish();
		monitor_input(&mon, (u8)*text);
	}
	finish();
}

/* What follows the echo of a command and its newline. */
static const char *reply_to(const char *command)
{
	out_len = 0;
	type(command);
	type("\r");
	assert_memory_equal(out, command, strlen(command));
	assert_int_equal(out[strlen(command)], '\n');
	return out + strlen(command) + 1;
}

#define assert_reply(command, reply) \
	assert_string_equal(reply_to(command), reply)

static void test_prompt(void **state)
{
	(void)state;
	monitor_prompt(&mon);
	assert_string_equal(out, "ashlar> ");
	assert_false(monitor_typing(&mon));
	type("li");
	assert_true(monitor_typing(&mon));
	out_len = 0;
	monitor_prompt(&mon);
	assert_string_equal(out, "ashlar> li");
}

static void test_help_lists_every_command(void **state)
{
	static const char *const names[] = {
		"help",	  "list",    "stat",	 "latency", "cpus",    "memory",
		"faults", "console", "stop",	 "start",   "restart", "nmi",
		"mode",	  "log",     "poweroff", "reboot"
	};
	const char *text = reply_to("help");
	const char *at = text;
	char want[32];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fmt_snprintf(want, sizeof(want), "%s ", names[i]);
		assert_memory_equal(at, want, strlen(want));
		at = strchr(at, '\n') + 1;
	}
	assert_string_equal(at, "ok\n");
	assert_null(strstr(text, "iommu"));
}

static void test_list(void **state)
{
	(void)state;
	assert_reply("list",
		     "web running did cpus=0-1 memory=512M restarts=0\n"
		     "db parked exit cpus=2,63-64,511 memory=2G restarts=4 "
		     "reason=triple fault\n"
		     "ok\n");
	part_count = 0;
	assert_reply("list", "ok\n");
}

static void test_list_odd_values(void **state)
{
	static char reason[2000];
	const char *text;

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	memset(&parts[0].cpus, 0x11, 32);
	parts[0].reason = reason;
	memset(&parts[1].cpus, 0xff, sizeof(parts[1].cpus));
	parts[1].memory = 0;
	parts[1].reason = "";
	text = reply_to("list");
	assert_non_null(strstr(text, "cpus=0,4,8,12,16,"));
	assert_non_null(strstr(text, ",248,252 memory="));
	assert_non_null(strstr(text, "rrr\ndb parked exit cpus=0-511 memory=0M "
				     "restarts=4\nok\n"));
	memset(&parts[1].cpus, 0, sizeof(parts[1].cpus));
	assert_non_null(strstr(reply_to("list"), "cpus= memory"));
	/* A count out of range reads no partition beyond the last. */
	part_count = ~0U;
	for (u32 i = 2; i < MAX_PARTITIONS; i++)
		parts[i] = parts[1];
	assert_non_null(strstr(reply_to("list"), "\nok\n"));
}

static void test_stat(void **state)
{
	(void)state;
	ledger_count(&ledgers[0], CAUSE_HLT, 10);
	assert_reply("stat", "ledger web/0 did exits=1 cycles=10\n"
			     "ledger web/0 hlt=1 cycles=10\n"
			     "ledger web/1 did exits=1 cycles=11\n"
			     "ledger web/1 hlt=1 cycles=11\n"
			     "ledger db/0 exit exits=0 cycles=0\n"
			     "ok\n");
	assert_reply("stat db", "ledger db/0 exit exits=0 cycles=0\nok\n");
	assert_reply("stat web", "ledger web/0 did exits=1 cycles=10\n"
				 "ledger web/0 hlt=1 cycles=10\n"
				 "ledger web/1 did exits=1 cycles=11\n"
				 "ledger web/1 hlt=1 cycles=11\n"
				 "ok\n");
	assert_reply("stat nobody",
		     "error: no partition nobody; list shows them\n");
	part_count = 0;
	assert_reply("stat", "ok\n");
}

static void test_latency(void **state)
{
	(void)state;
	assert_reply("latency web",
		     "latency web/0 injection count=1 max=0 0=1\n"
		     "latency web/1 injection count=1 max=1 0=1\n"
		     "ok\n");
	/* Nothing was measured there. */
	assert_reply("latency db", "ok\n");
	histogram_add(&latencies[LATENCY_EXIT], 200);
	assert_reply("latency", "latency web/0 exit count=1 max=200 128=1\n"
				"latency web/0 injection count=1 max=0 0=1\n"
				"latency web/1 exit count=1 max=200 128=1\n"
				"latency web/1 injection count=1 max=1 0=1\n"
				"latency db/0 exit count=1 max=200 128=1\n"
				"ok\n");
	assert_reply("latency nobody",
		     "error: no partition nobody; list shows them\n");
}

/* Each line at its longest: nothing is cut off. */
static void test_latency_is_bounded_per_step(void **state)
{
	const char *text;
	u32 i;

	(void)state;
	for (i = 0; i < LATENCY_COUNT; i++)
		memset(&latencies[i], 0x7f, sizeof(latencies[i]));
	parts[0].name = "abcdefghijklmno";
	parts[0].vcpus = MAX_VCPUS;
	text = strstr(reply_to("latency abcdefghijklmno"),
		      "latency abcdefghijklmno/63 bounce count=");
	assert_non_null(text);
	assert_non_null(strstr(text, " 2147483648=9187201950435737471\nok\n"));
}

static void test_stat_is_bounded_per_step(void **state)
{
	u32 i;

	(void)state;
	memset(ledgers, 0xff, sizeof(ledgers));
	for (i = 0; i < MAX_PARTITIONS; i++) {
		parts[i] = parts[0];
		parts[i].name = "abcdefghijklmno";
		parts[i].vcpus = i ? 1 : ~0U;
	}
	part_count = MAX_PARTITIONS;
	assert_non_null(strstr(reply_to("stat"), "abcdefghijklmno/63 "));
	assert_string_equal(out + out_len - 4, "\nok\n");
}

static void test_memory(void **state)
{
	(void)state;
	assert_reply("memory", "memory pool free=100K of=2048K\n"
			       "memory cpu/0 tables=10 pages=200 "
			       "sum=0000000000000001\n"
			       "memory cpu/1 tables=11 pages=201 "
			       "sum=fedcba9876543210\n"
			       "memory iommu domains=2 contexts=3 entries=4\n"
			       "ok\n");
}

static void test_faults(void **state)
{
	static const char usage[] = "error: usage: faults [clear NAME]\n";

	(void)state;
	assert_reply("faults", "web 01:00.0 faults=0\n"
			       "web 02:01.3 faults=3 "
			       "last=DMA read from fee000000h\n"
			       "db ff:1f.7 faults=17 quarantined "
			       "last=interrupt by 2ah\n"
			       "ok\n");
	assert_reply("faults clear db", "ok\n");
	assert_string_equal(calls, "clear(1) ");
	assert_reply("faults clear no",
		     "error: no partition no; list shows them\n");
	assert_reply("faults clear", usage);
	assert_reply("faults lift db", usage);
	assert_reply("faults clear db too", usage);
	assert_string_equal(calls, "clear(1) ");
}

static void test_console(void **state)
{
	(void)state;
	assert_reply("console web",
		     "Ctrl-A leaves, Ctrl-A Ctrl-A sends one\nok\n");
	assert_string_equal(calls, "attach(0) ");
	assert_reply("console db", "error: console db: it has no console on "
				   "this port\n");
	assert_reply("console x", "error: no partition x; list shows them\n");
	assert_reply("console", "error: usage: console NAME\n");
}

static void test_changes(void **state)
{
	(void)state;
	assert_reply("stop web", "ok\n");
	assert_reply("start db", "ok\n");
	assert_reply("restart web", "ok\n");
	assert_reply("mode db exit", "ok\n");
	assert_reply("nmi web", "ok\n");
	assert_string_equal(calls,
			    "stop(0) start(1) restart(0) exit(1) nmi(0) ");
	result = -EINVAL;
	why_not = "it is running";
	assert_reply("start web", "error: start web: it is running\n");
	why_not = NULL;
	assert_reply("stop db", "error: stop db: not possible in this state\n");
	result = -EBUSY;
	assert_reply("restart db", "error: restart db: busy; try again\n");
	assert_reply("mode db did", "error: mode db: busy; try again\n");
	why_not = "it is not running";
	assert_reply("nmi db", "error: nmi db: it is not running\n");
	why_not = NULL;
	result = -9999;
	assert_reply("restart db", "error: restart db: failed\n");
}

static void test_cpus(void **state)
{
	(void)state;
	cpus = (struct cpu_list){ .nr = 2, .apic_id = { 4, 6 }, 1, 2 };
	assert_reply("cpus", "cpu 0: APIC id 4, core 2, socket 1\n"
			     "cpu 1: APIC id 6, core 3, socket 1\n"
			     "ok\n");
}

/* A name that is not there, or not given, changes nothing. */
static void test_changes_need_a_name(void **state)
{
	(void)state;
	assert_reply("stop", "error: usage: stop NAME\n");
	assert_reply("start ", "error: usage: start NAME\n");
	assert_reply("restart web db", "error: usage: restart NAME\n");
	assert_reply("nmi", "error: usage: nmi NAME\n");
	assert_reply("mode web", "error: usage: mode NAME MODE\n");
	assert_reply("mode web did now", "error: usage: mode NAME MODE\n");
	assert_reply("mode x did", "error: no partition x; list shows them\n");
	assert_reply("stop we", "error: no partition we; list shows them\n");
	assert_reply("stop webb",
		     "error: no partition webb; list shows them\n");
	assert_reply("stop WEB", "error: no partition WEB; list shows them\n");
	assert_string_equal(calls, "");
}

static void test_log(void **state)
{
	(void)state;
	assert_reply("log", "ok\n");
	logring_append(&ring, "one\n\ntwo\n", 9);
	assert_reply("log", "one\n\ntwo\nok\n");
	assert_reply("log now", "error: usage: log\n");
}

/* The reply has to be out before the machine goes. */
static void test_poweroff_and_reboot(void **state)
{
	(void)state;
	type("poweroff");
	monitor_input(&mon, '\r');
	assert_true(monitor_busy(&mon));
	monitor_step(&mon);
	assert_string_equal(out, "poweroff\nok\n");
	assert_string_equal(calls, "");
	monitor_step(&mon);
	assert_string_equal(calls, "poweroff(0) ");
	assert_string_equal(out, "poweroff\nok\n");
	assert_reply("reboot", "ok\n");
	assert_string_equal(calls, "poweroff(0) reboot(0) ");
	result = -EIO;
	assert_reply("reboot",
		     "ok\nerror: reboot: the hardware did not answer\n");
	assert_reply("poweroff now", "error: usage: poweroff\n");
}

static void test_unknown_commands(void **state)
{
	(void)state;
	assert_reply("frobnicate",
		     "error: unknown command frobnicate; help lists them\n");
	assert_reply("hel", "error: unknown command hel; help lists them\n");
	assert_reply("iommu",
		     "error: unknown command iommu; help lists them\n");
	assert_reply("list all", "error: usage: list\n");
	assert_reply("%s%n%x",
		     "error: unknown command %s%n%x; help lists them\n");
}

static void test_empty_lines_and_spaces(void **state)
{
	(void)state;
	assert_reply("", "");
	assert_reply("    ", "");
	assert_reply("  stop   web  ", "ok\n");
	assert_string_equal(calls, "stop(0) ");
}

static void test_editing(void **state)
{
	(void)state;
	type("stob\bp wex\177b\r");
	assert_string_equal(calls, "stop(0) ");
	assert_string_equal(out, "stob\b \bp wex\b \bb\nok\n");
	out_len = 0;
	type("stop db\025");
	assert_false(monitor_typing(&mon));
	assert_string_equal(out, "stop db\b \b\b \b\b \b\b \b\b \b\b \b\b \b");
	/* Nothing is erased but what was typed. */
	out_len = 0;
	out[0] = '\0';
	type("\b\b\177\025");
	assert_string_equal(out, "");
	assert_string_equal(calls, "stop(0) ");
}

static void test_line_ends(void **state)
{
	(void)state;
	type("stop web\r\n\nstop db\nstop web\r");
	assert_string_equal(calls, "stop(0) stop(1) stop(0) ");
	assert_string_equal(out, "stop web\nok\n\nstop db\nok\nstop web\nok\n");
	assert_true(monitor_input(&mon, '\r'));
	assert_false(monitor_input(&mon, '\n'));
	assert_true(monitor_input(&mon, '\n'));
	assert_false(monitor_input(&mon, 'x'));
}

static void test_overlong_line(void **state)
{
	char text[3 * MONITOR_LINE_MAX];
	u32 i;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "stop web", 8);
	text[MONITOR_LINE_MAX] = '\0';
	assert_reply(text, "ok\n");
	for (i = 0; i < sizeof(text) - 1; i++)
		text[i] = 'x';
	text[i] = '\0';
	out_len = 0;
	type(text);
	assert_int_equal(out_len, MONITOR_LINE_MAX);
	calls[0] = '\0';
	type("\r");
	assert_string_equal(out + MONITOR_LINE_MAX,
			    "\nerror: line longer than 80 characters\n");
	assert_string_equal(calls, "");
	assert_reply("stop web", "ok\n");
	/* What was refused is not on the screen, so erasing makes it good. */
	out_len = 0;
	type(text);
	type("\025stop db\r");
	assert_string_equal(calls, "stop(0) stop(1) ");
}

/* Arrow keys, and a terminal's answers to what a guest asked it in raw mode */
static void test_escape_sequences_are_ignored(void **state)
{
	(void)state;
	type("st\033[Aop\033[1;5C \033OPw\033[12;40R\033]lstop db\033\\eb");
	assert_string_equal(out, "stop web");
	type("\033]0;stop db\007\033Pstop db\030\033[\r");
	assert_string_equal(calls, "stop(0) ");
	assert_string_equal(out, "stop web\nok\n");
}

static void test_binary_garbage(void **state)
{
	u32 seed = 12345;
	u32 i;

	(void)state;
	for (i = 0; i < 256; i++) {
		if (i != '\r' && i != '\n' && i != 27 && (i < 32 || i > 126))
			monitor_input(&mon, (u8)i);
	}
	assert_false(monitor_typing(&mon));
	for (i = 0; i < 200000; i++) {
		seed = seed * 1103515245 + 12345;
		finish();
		monitor_input(&mon, (u8)(seed >> 16));
		if (out_len > sizeof(out) / 2)
			out_len = 0;
	}
	finish();
	for (i = 0; i < out_len; i++)
		assert_true(out[i] == '\n' || out[i] == '\b' ||
			    (out[i] >= ' ' && out[i] <= '~'));
	assert_string_equal(calls, "");
	type("\r");
	assert_reply("stop web", "ok\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_prompt, setup),
		cmocka_unit_test_setup(test_help_lists_every_command, setup),
		cmocka_unit_test_setup(test_list, setup),
		cmocka_unit_test_setup(test_list_odd_values, setup),
		cmocka_unit_test_setup(test_stat, setup),
		cmocka_unit_test_setup(test_stat_is_bounded_per_step, setup),
		cmocka_unit_test_setup(test_latency, setup),
		cmocka_unit_test_setup(test_latency_is_bounded_per_step, setup),
		cmocka_unit_test_setup(test_memory, setup),
		cmocka_unit_test_setup(test_faults, setup),
		cmocka_unit_test_setup(test_console, setup),
		cmocka_unit_test_setup(test_changes, setup),
		cmocka_unit_test_setup(test_cpus, setup),
		cmocka_unit_test_setup(test_changes_need_a_name, setup),
		cmocka_unit_test_setup(test_log, setup),
		cmocka_unit_test_setup(test_poweroff_and_reboot, setup),
		cmocka_unit_test_setup(test_unknown_commands, setup),
		cmocka_unit_test_setup(test_empty_lines_and_spaces, setup),
		cmocka_unit_test_setup(test_editing, setup),
		cmocka_unit_test_setup(test_line_ends, setup),
		cmocka_unit_test_setup(test_overlong_line, setup),
		cmocka_unit_test_setup(test_escape_sequences_are_ignored,
				       setup),
		cmocka_unit_test_setup(test_binary_garbage, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
