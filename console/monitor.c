// SPDX-License-Identifier: BSD-2-Clause
/* The monitor: commands and replies. */
#include "console/monitor.h"
#include "console/escape.h"
#include "core/lib.h"

#define MORE	  1
#define CTRL_U	  0x15
#define BACKSPACE 0x08
#define DELETE	  0x7f

/*
 * run() is called with step 0, 1, ... until it returns something else than
 * MORE: 0 for `ok`, or -E after it wrote its own `error: ` line.  args is ""
 * for none, "NAME" for one, "[NAME]" for one that may be left out.
 */
struct monitor_command {
	const char *name;
	const char *args;
	const char *help;
	int (*run)(struct monitor *m, u32 step);
};

static void write_text(struct monitor *m, const char *text)
{
	m->port->write(m->port_ctx, text, strlen(text));
}

__printf(2, 3) static void reply(struct monitor *m, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	n = MIN(n, sizeof(text) - 2);
	text[n] = '\n';
	m->port->write(m->port_ctx, text, n + 1);
}

static const char *error_text(int error)
{
	switch (-error) {
	case ENOENT:
		return "there is none";
	case EIO:
		return "the hardware did not answer";
	case ENOMEM:
	case ENOSPC:
		return "out of space";
	case EBUSY:
		return "busy; try again";
	case ENODEV:
		return "no such device";
	case EINVAL:
		return "not possible in this state";
	case ENOSYS:
		return "not supported on this machine";
	case ETIMEDOUT:
		return "timed out";
	default:
		return "failed";
	}
}

static int wrong_usage(struct monitor *m, const struct monitor_command *c)
{
	reply(m, "error: usage: %s%s%s", c->name, c->args[0] ? " " : "",
	      c->args);
	return -EINVAL;
}

static int fail(struct monitor *m, int error, const char *why)
{
	const char *sep = m->arg ? " " : "";
	const char *arg = m->arg ? m->arg : "";

	reply(m, "error: %s%s%s: %s", m->command->name, sep, arg,
	      why ? why : error_text(error));
	return error;
}

static u32 partition_count(struct monitor *m)
{
	return MIN(m->ops->count(), (u32)MAX_PARTITIONS);
}

static void describe(struct monitor *m, u32 i,
		     struct monitor_partition_info *info)
{
	*info = (struct monitor_partition_info){ .name = "?",
						 .state = "?",
						 .mode = "?" };
	m->ops->describe(i, info);
}

/* The partition of that name, or -ENOENT with the error written. */
static int find_named(struct monitor *m, const char *name)
{
	struct monitor_partition_info info;
	u32 i, n = partition_count(m);

	for (i = 0; i < n; i++) {
		describe(m, i, &info);
		if (!strcmp(info.name, name))
			return (int)i;
	}
	reply(m, "error: no partition %s; list shows them", name);
	return -ENOENT;
}

/* The partition that the argument names, or -ENOENT with the error written. */
static int find(struct monitor *m)
{
	return find_named(m, m->arg);
}

static int run_help(struct monitor *m, u32 step);

/* Writes a CPU set as `0,2-3`; 64 lone CPUs need 256 characters. */
static void format_cpus(char *buf, size_t size, const struct cpu_set *cpus)
{
	const char *sep = "";
	size_t len = 0;
	u32 i, last;

	buf[0] = '\0';
	for (i = 0; i < MAX_CPUS && len < size; i = last + 1) {
		last = i;
		if (!cpu_set_has(cpus, i))
			continue;
		while (cpu_set_has(cpus, last + 1))
			last++;
		len += fmt_snprintf(buf + len, size - len,
				    last == i ? "%s%u" : "%s%u-%u", sep, i,
				    last);
		sep = ",";
	}
}

static void format_size(char *buf, size_t size, u64 bytes)
{
	if (bytes && bytes % SIZE_1G == 0)
		fmt_snprintf(buf, size, "%luG", bytes / SIZE_1G);
	else
		fmt_snprintf(buf, size, "%luM", bytes >> 20);
}

static int run_list(struct monitor *m, u32 step)
{
	struct monitor_partition_info info;
	char cpus[264], memory[24];
	bool why;

	if (step >= partition_count(m))
		return 0;
	describe(m, step, &info);
	format_cpus(cpus, sizeof(cpus), &info.cpus);
	format_size(memory, sizeof(memory), info.memory);
	why = info.reason && info.reason[0];
	reply(m, "%s %s %s cpus=%s memory=%s restarts=%u%s%s", info.name,
	      info.state, info.mode, cpus, memory, info.restarts,
	      why ? " reason=" : "", why ? info.reason : "");
	return MORE;
}

static void vcpu_line(void *ctx, const char *text)
{
	write_text(ctx, text);
	write_text(ctx, "\n");
}

/* One vCPU per step; with a name, the partition after it ends the command. */
static int each_vcpu(struct monitor *m, u32 step,
		     void (*print)(struct monitor *m,
				   const struct monitor_partition_info *info))
{
	struct monitor_partition_info info;
	int found;

	if (!step) {
		found = m->arg ? find(m) : 0;
		if (found < 0)
			return found;
		m->stat_partition = (u32)found;
		m->stat_vcpu = 0;
	}
	if (m->stat_partition >= partition_count(m))
		return 0;
	describe(m, m->stat_partition, &info);
	if (m->stat_vcpu >= MIN(info.vcpus, (u32)MAX_VCPUS)) {
		m->stat_partition++;
		m->stat_vcpu = 0;
		return m->arg ? 0 : MORE;
	}
	print(m, &info);
	m->stat_vcpu++;
	return MORE;
}

static void print_ledger(struct monitor *m,
			 const struct monitor_partition_info *info)
{
	struct ledger ledger = { 0 };

	m->ops->ledger(m->stat_partition, m->stat_vcpu, &ledger);
	ledger_print(&ledger, info->name, m->stat_vcpu, info->mode, vcpu_line,
		     m);
}

static int run_stat(struct monitor *m, u32 step)
{
	return each_vcpu(m, step, print_ledger);
}

static void print_latency(struct monitor *m,
			  const struct monitor_partition_info *info)
{
	struct histogram latency[LATENCY_COUNT] = { 0 };

	m->ops->latency(m->stat_partition, m->stat_vcpu, latency);
	latency_print(latency, info->name, m->stat_vcpu, vcpu_line, m);
}

static int run_latency(struct monitor *m, u32 step)
{
	return each_vcpu(m, step, print_latency);
}

/*
 * What Ashlar has placed: none of it changes after the boot, but what of the
 * IOMMU is in use.
 */
static int run_memory(struct monitor *m, u32 step)
{
	struct monitor_iommu io;
	struct monitor_tables t;
	u64 left, size;

	if (!step) {
		m->ops->pool(&left, &size);
		reply(m, "memory pool free=%luK of=%luK", left >> 10,
		      size >> 10);
		return MORE;
	}
	if (!m->ops->tables(step - 1, &t)) {
		if (m->ops->iommu(&io))
			reply(m,
			      "memory iommu domains=%u contexts=%u "
			      "entries=%u",
			      io.domains, io.contexts, io.entries);
		return 0;
	}
	reply(m, "memory %s tables=%u pages=%u sum=%016lx", t.name, t.tables,
	      t.pages, t.sum);
	return MORE;
}

static int clear_faults(struct monitor *m)
{
	int i;

	if (strcmp(m->arg, "clear"))
		return wrong_usage(m, m->command);
	i = find_named(m, m->value);
	if (i < 0)
		return i;
	m->ops->clear_faults((u32)i);
	return 0;
}

/* One device per step. */
static int run_faults(struct monitor *m, u32 step)
{
	struct monitor_faults f;
	char last[80] = "";

	if (m->arg)
		return clear_faults(m);
	if (!m->ops->faults(step, &f))
		return 0;
	if (f.count)
		fmt_snprintf(last, sizeof(last), " last=%s %lxh", f.kind,
			     f.where);
	reply(m, "%s %02x:%02x.%x faults=%u%s%s", f.name, f.address >> 8,
	      f.address >> 3 & 31, f.address & 7, f.count,
	      f.quarantined ? " quarantined" : "", last);
	return MORE;
}

static int run_cpus(struct monitor *m, u32 step)
{
	char line[CPUS_LINE_MAX];

	if (!step)
		m->next_cpu = 0;
	if (!cpus_line(m->ops->cpus(), &m->next_cpu, line))
		return 0;
	reply(m, "%s", line);
	return MORE;
}

static int run_console(struct monitor *m, u32 step)
{
	int i = find(m);
	int error;

	(void)step;
	if (i < 0)
		return i;
	error = m->port->attach(m->port_ctx, (u32)i);
	if (error)
		return fail(m, error, "it has no console on this port");
	reply(m, "Ctrl-A leaves, Ctrl-A Ctrl-A sends one");
	return 0;
}

static int change(struct monitor *m, int (*op)(u32 i, const char **why))
{
	const char *why = NULL;
	int i = find(m);
	int error;

	if (i < 0)
		return i;
	error = op((u32)i, &why);
	return error ? fail(m, error, why) : 0;
}

static int run_stop(struct monitor *m, u32 step)
{
	(void)step;
	return change(m, m->ops->stop);
}

static int run_start(struct monitor *m, u32 step)
{
	(void)step;
	return change(m, m->ops->start);
}

static int run_restart(struct monitor *m, u32 step)
{
	(void)step;
	return change(m, m->ops->restart);
}

static int run_nmi(struct monitor *m, u32 step)
{
	(void)step;
	return change(m, m->ops->nmi);
}

static int run_mode(struct monitor *m, u32 step)
{
	const char *why = NULL;
	int i = find(m);
	int error;

	(void)step;
	if (i < 0)
		return i;
	error = m->ops->mode((u32)i, m->value, &why);
	return error ? fail(m, error, why) : 0;
}

static int run_log(struct monitor *m, u32 step)
{
	char line[256];

	if (!step)
		m->port->log_start(m->port_ctx, &m->log);
	if (!m->port->log_next(m->port_ctx, &m->log, line, sizeof(line)))
		return 0;
	reply(m, "%s", line);
	return MORE;
}

/* The `ok` must be out before the machine is gone: hence two steps. */
static int leave_machine(struct monitor *m, u32 step,
			 int (*op)(const char **why))
{
	const char *why = NULL;
	int error;

	if (!step) {
		reply(m, "ok");
		m->silent = true;
		return MORE;
	}
	error = op(&why);
	return error ? fail(m, error, why) : 0;
}

static int run_poweroff(struct monitor *m, u32 step)
{
	return leave_machine(m, step, m->ops->poweroff);
}

static int run_reboot(struct monitor *m, u32 step)
{
	return leave_machine(m, step, m->ops->reboot);
}

static const struct monitor_command commands[] = {
	{ "help", "", "these commands", run_help },
	{ "list", "", "the partitions and their states", run_list },
	{ "stat", "[NAME]", "exits and cycles per vCPU and cause", run_stat },
	{ "latency", "[NAME]", "histograms of what takes how long",
	  run_latency },
	{ "cpus", "", "the CPUs: APIC id, core, socket", run_cpus },
	{ "memory", "", "Ashlar's memory and page tables", run_memory },
	{ "faults", "[clear NAME]", "what devices tried; or lift a quarantine",
	  run_faults },
	{ "console", "NAME", "its console, raw, until Ctrl-A", run_console },
	{ "stop", "NAME", "stop a partition", run_stop },
	{ "start", "NAME", "start a stopped or parked partition", run_start },
	{ "restart", "NAME", "stop it and start it from reset", run_restart },
	{ "nmi", "NAME", "an NMI to its first CPU: makes Linux dump", run_nmi },
	{ "mode", "NAME MODE", "how it gets its interrupts, at once",
	  run_mode },
	{ "log", "", "the retained part of the log", run_log },
	{ "poweroff", "", "switch the machine off", run_poweroff },
	{ "reboot", "", "reset the machine", run_reboot },
};

static int run_help(struct monitor *m, u32 step)
{
	const struct monitor_command *c;

	if (step >= ARRAY_SIZE(commands))
		return 0;
	c = &commands[step];
	reply(m, "%-8s %-12s  %s", c->name, c->args, c->help);
	return MORE;
}

/* Cuts the next word off the text; NULL when there is none. */
static char *next_word(char **text)
{
	char *word = *text;
	char *end;

	while (*word == ' ')
		word++;
	if (!*word)
		return NULL;
	end = word;
	while (*end && *end != ' ')
		end++;
	*text = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static const struct monitor_command *lookup(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

/* `given` words against a usage like `NAME MODE` or `[NAME]`. */
static bool arguments_fit(const struct monitor_command *c, u32 given)
{
	u32 wanted = c->args[0] != '\0';
	const char *s;

	for (s = c->args; *s; s++)
		wanted += *s == ' ';
	return given == wanted || (!given && c->args[0] == '[');
}

static void parse_line(struct monitor *m)
{
	const struct monitor_command *c;
	char *rest = m->line;
	char *name = next_word(&rest);
	char *arg = name ? next_word(&rest) : NULL;
	char *value = arg ? next_word(&rest) : NULL;
	char *excess = value ? next_word(&rest) : NULL;

	if (!name)
		return;
	c = lookup(name);
	if (!c) {
		reply(m, "error: unknown command %s; help lists them", name);
		return;
	}
	if (!arguments_fit(c, (u32) !!arg + !!value + !!excess)) {
		wrong_usage(m, c);
		return;
	}
	m->command = c;
	m->arg = arg;
	m->value = value;
	m->step = 0;
	m->silent = false;
}

static void clear_line(struct monitor *m)
{
	m->len = 0;
	m->line[0] = '\0';
	m->overlong = false;
}

static void end_line(struct monitor *m)
{
	write_text(m, "\n");
	if (m->overlong)
		reply(m, "error: line longer than %u characters",
		      MONITOR_LINE_MAX);
	else
		parse_line(m);
	/* A command's argument stays in line until it is done. */
	m->len = 0;
	m->overlong = false;
}

static void erase_all(struct monitor *m)
{
	while (m->len) {
		m->len--;
		write_text(m, "\b \b");
	}
	clear_line(m);
}

static void erase_last(struct monitor *m)
{
	if (m->len) {
		m->line[--m->len] = '\0';
		write_text(m, "\b \b");
	}
	m->overlong = false;
}

static void type(struct monitor *m, char c)
{
	if (m->len >= MONITOR_LINE_MAX) {
		m->overlong = true;
		return;
	}
	m->line[m->len++] = c;
	m->line[m->len] = '\0';
	m->port->write(m->port_ctx, &c, 1);
}

bool monitor_input(struct monitor *m, u8 byte)
{
	bool after_cr = m->after_cr;

	/* Keys such as the arrows, and answers a terminal was asked for. */
	if (escape_skip(&m->escape, byte))
		return false;
	m->after_cr = byte == '\r';
	if (byte == '\r' || (byte == '\n' && !after_cr)) {
		end_line(m);
		return true;
	}
	if (byte == BACKSPACE || byte == DELETE)
		erase_last(m);
	else if (byte == CTRL_U)
		erase_all(m);
	else if (byte >= ' ' && byte <= '~')
		type(m, (char)byte);
	return false;
}

bool monitor_busy(const struct monitor *m)
{
	return m->command != NULL;
}

bool monitor_leaving(const struct monitor *m)
{
	return m->command && m->silent;
}

void monitor_step(struct monitor *m)
{
	int result;

	if (!m->command)
		return;
	result = m->command->run(m, m->step++);
	if (result == MORE)
		return;
	if (!result && !m->silent)
		reply(m, "ok");
	m->command = NULL;
	m->arg = NULL;
	clear_line(m);
}

void monitor_prompt(struct monitor *m)
{
	write_text(m, MONITOR_PROMPT);
	m->port->write(m->port_ctx, m->line, m->len);
}

bool monitor_typing(const struct monitor *m)
{
	return m->len > 0;
}

void monitor_init(struct monitor *m, const struct monitor_ops *ops,
		  const struct monitor_port *port, void *port_ctx)
{
	memset(m, 0, sizeof(*m));
	m->ops = ops;
	m->port = port;
	m->port_ctx = port_ctx;
}
