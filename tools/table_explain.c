// SPDX-License-Identifier: BSD-2-Clause
/* The partition table in words. */
#include "tools/table_explain.h"
#include "core/lib.h"
#include "table/table_impl.h"

struct printer {
	void (*print)(void *ctx, const char *line);
	void *ctx;
};

/* Longest piece of a command line in one line. */
#define CMDLINE_PIECE 200

static void say(const struct printer *out, const char *fmt, ...) __printf(2, 3);

static void say(const struct printer *out, const char *fmt, ...)
{
	char line[320];
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	out->print(out->ctx, line);
}

/* `  what       text` */
#define ITEM "  %-11s"

/* Numbers of three digits, and commas. */
#define CPUS_MAX (4 * MAX_VCPUS + 1)

static void explain_sidecores(const struct table *t, const struct printer *out)
{
	char cpus[CPUS_MAX] = "none", cpu[4];
	size_t len = 0;
	u32 i;

	for (i = 0; i < MAX_CPUS; i++) {
		if (!cpu_set_has(&t->sidecores, i))
			continue;
		fmt_snprintf(cpu, sizeof(cpu), "%u", i);
		len = word_list(cpus, sizeof(cpus), len, cpu, ",");
	}
	say(out, ITEM "%s", "sidecores", cpus);
}

static void explain_machine(const struct table *t, const struct printer *out)
{
	const char *log = table_console_names[t->log];

	say(out, "machine");
	explain_sidecores(t, out);
	if (t->log == TABLE_CONSOLE_NONE)
		say(out, ITEM "none: no log, no monitor", "log");
	else if (t->first_sidecore >= 0)
		say(out, ITEM "%s, read by sidecore %d", "log", log,
		    t->first_sidecore);
	else
		say(out, ITEM "%s, read by NMI on CPU 0", "log", log);
	say(out, ITEM "%s", "smt", table_smt_names[t->smt]);
	if (t->smt == TABLE_SMT_SHARE)
		say(out,
		    ITEM "threads of one core may have two owners, who "
			 "can spy on each other",
		    "warning");
}

static void explain_cpus(const struct table_partition *p,
			 const struct printer *out)
{
	char cpus[CPUS_MAX] = "", cpu[4];
	size_t len = 0;
	u32 i;

	for (i = 0; i < p->nr_cpus; i++) {
		fmt_snprintf(cpu, sizeof(cpu), "%u", p->cpus[i]);
		len = word_list(cpus, sizeof(cpus), len, cpu, ",");
	}
	say(out, ITEM "%s (vCPUs in this order)", "cpus", cpus);
}

/* A command line is longer than a line here: it is cut at blanks. */
static void explain_cmdline(const char *text, const struct printer *out)
{
	const char *what = "cmdline";
	size_t left = strlen(text), n, cut;

	while (left) {
		n = MIN(left, (size_t)CMDLINE_PIECE);
		for (cut = n; n < left && cut && text[cut] != ' ';)
			cut--;
		n = cut ? cut : n;
		say(out, ITEM "%.*s", what, (int)n, text);
		n += n < left && text[n] == ' ';
		text += n;
		left -= n;
		what = "";
	}
}

static void explain_boot(const struct table_partition *p,
			 const struct printer *out)
{
	u32 i;

	say(out, ITEM "%s, module %s", "boot", table_boot_names[p->boot],
	    p->kernel);
	if (p->initrd[0])
		say(out, ITEM "module %s", "initrd", p->initrd);
	for (i = 0; i < p->nr_modules; i++)
		say(out, ITEM "%s", "module", p->modules[i]);
	explain_cmdline(p->cmdline, out);
}

static void explain_console(const struct table_partition *p,
			    const struct printer *out)
{
	if (p->console == TABLE_CONSOLE_LOG)
		say(out, ITEM "in the log, each line after `%s| `", "console",
		    p->name);
	else if (p->console == TABLE_CONSOLE_NONE)
		say(out, ITEM "none", "console");
	else
		say(out, ITEM "%s, for this partition alone", "console",
		    table_console_names[p->console]);
}

static void explain_device(const struct table_device *d,
			   const struct printer *out)
{
	char vf[16] = "", intx[32] = "";

	if (d->has_vf)
		fmt_snprintf(vf, sizeof(vf), ", VF %u", d->vf);
	if (d->has_intx)
		fmt_snprintf(intx, sizeof(intx), ", INTx on GSI %u", d->intx);
	say(out, ITEM "pci %04x:%02x:%02x.%x%s%s", "device", d->segment, d->bus,
	    d->device, d->function, vf, intx);
}

static void explain_iommu(const struct table_partition *p,
			  const struct printer *out)
{
	const char *front = table_iommu_names[p->iommu];

	if (p->iommu == TABLE_IOMMU_NONE)
		say(out, ITEM "none", "iommu");
	else if (p->teardown.kind == TABLE_STRICT)
		say(out, ITEM "%s, strict teardown", "iommu", front);
	else
		say(out, ITEM "%s, teardown within %lu us and %u pages",
		    "iommu", front, p->teardown.time_us, p->teardown.pages);
}

static void explain_restart(const struct table_partition *p,
			    const struct printer *out)
{
	if (p->restart == TABLE_RESTART_NEVER)
		say(out, ITEM "never: a reset stops it", "restart");
	else if (p->restart == TABLE_RESTART_ALWAYS)
		say(out, ITEM "always", "restart");
	else
		say(out, ITEM "at most %u times", "restart", p->restart_count);
}

static void explain_partition(const struct table_partition *p,
			      const struct printer *out)
{
	u32 i;

	say(out, "partition %s", p->name);
	explain_cpus(p, out);
	say(out, ITEM "%luM", "memory", p->memory >> 20);
	say(out, ITEM "%s", "interrupts", table_mode_names[p->mode]);
	explain_boot(p, out);
	explain_console(p, out);
	for (i = 0; i < p->nr_devices; i++)
		explain_device(&p->devices[i], out);
	explain_iommu(p, out);
	explain_restart(p, out);
	if (p->identity)
		say(out, ITEM "identity: its devices' DMA reaches all memory",
		    "warning");
}

void table_explain(const struct table *t,
		   void (*print)(void *ctx, const char *line), void *ctx)
{
	struct printer out = { print, ctx };
	u32 i;

	explain_machine(t, &out);
	for (i = 0; i < t->nr_partitions; i++)
		explain_partition(&t->partitions[i], &out);
}
