// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the partition table's keys mean for one another, for the machine and for
 * this build.
 */
#include "core/lib.h"
#include "table/table_impl.h"

void table_report(struct table_diag *d, struct table_pos at, const char *fmt,
		  ...)
{
	char text[320];
	va_list ap;

	if (d->muted || d->nr > TABLE_MAX_ERRORS)
		return;
	if (d->nr++ == TABLE_MAX_ERRORS)
		fmt = table_msg_TOO_MANY;
	va_start(ap, fmt);
	fmt_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->fn(d->ctx, at.line, at.col, text);
}

static struct table_pos head_of(const struct table_partition *p)
{
	return (struct table_pos){ p->line, p->col };
}

/* Where a key's value is; its section's head where the key is left out. */
static struct table_pos key_pos(const struct table_partition *p, u32 key)
{
	return p->at[key].line ? p->at[key] : head_of(p);
}

static struct table_pos cpu_pos(const struct table_partition *p, u32 n)
{
	return (struct table_pos){ p->at[TABLE_KEY_CPUS].line, p->cpu_cols[n] };
}

static struct table_pos sidecore_pos(const struct table *t, u32 cpu)
{
	return (struct table_pos){ t->at[TABLE_KEY_SIDECORES].line,
				   t->sidecore_cols[cpu] };
}

static bool has(const struct table_partition *p, u32 key)
{
	return p->at[key].line != 0;
}

/* An owner in words: `partition NAME` or `the sidecores`. */
#define OWNER_MAX 32

static const char *owner_name(char buf[OWNER_MAX],
			      const struct table_partition *p)
{
	fmt_snprintf(buf, OWNER_MAX, "%s%s", p ? "partition " : "the sidecores",
		     p ? p->name : "");
	return buf;
}

struct scope {
	const struct table *t;
	const struct table_partition *p;
};

/* A rule about one partition's keys, reported at one of them. */
struct rule {
	bool (*broken)(struct scope s);
	enum table_partition_key key;
	const char *text;
	/* Keys whose values must have parsed: of the partition, of [machine].
	 */
	u32 needs;
	u32 machine_needs;
};

#define NEEDS(key) ((u32)BIT(TABLE_KEY_##key))

static void apply_rules(const struct rule *rules, size_t nr,
			const struct table *t, struct table_diag *d)
{
	const struct table_partition *p;
	const struct rule *r;

	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++)
		for (r = rules; r < rules + nr; r++)
			if (!(p->bad_keys & r->needs) &&
			    !(t->bad_keys & r->machine_needs) &&
			    r->broken((struct scope){ t, p }))
				table_report(d, key_pos(p, r->key), "%s",
					     r->text);
}

static bool initrd_misfit(struct scope s)
{
	return s.p->boot == TABLE_MULTIBOOT && has(s.p, TABLE_KEY_INITRD);
}

static bool module_misfit(struct scope s)
{
	return s.p->boot == TABLE_LINUX && has(s.p, TABLE_KEY_MODULE);
}

static bool memory_small(struct scope s)
{
	return has(s.p, TABLE_KEY_MEMORY) && s.p->boot == TABLE_LINUX &&
	       s.p->memory < TABLE_MIN_MEMORY_LINUX;
}

static bool teardown_misfit(struct scope s)
{
	return s.p->iommu == TABLE_IOMMU_NONE && has(s.p, TABLE_KEY_TEARDOWN);
}

static bool sidecore_lacking(struct scope s)
{
	return s.p->iommu == TABLE_IOMMU_SIDECORE && !s.t->sidecores;
}

static bool identity_misfit(struct scope s)
{
	return s.p->identity && s.p->iommu != TABLE_IOMMU_NONE;
}

static bool identity_large(struct scope s)
{
	return s.p->identity && s.p->memory >= 4 * SIZE_1G;
}

static bool log_lacking(struct scope s)
{
	return s.p->console == TABLE_CONSOLE_LOG &&
	       s.t->log == TABLE_CONSOLE_NONE;
}

static const struct rule fit_rules[] = {
	{ memory_small, TABLE_KEY_MEMORY, table_msg_MEMORY_SMALL,
	  NEEDS(BOOT) | NEEDS(MEMORY), 0 },
	{ initrd_misfit, TABLE_KEY_INITRD, table_msg_FIT_INITRD, NEEDS(BOOT),
	  0 },
	{ module_misfit, TABLE_KEY_MODULE, table_msg_FIT_MODULE, NEEDS(BOOT),
	  0 },
	{ log_lacking, TABLE_KEY_CONSOLE, table_msg_FIT_NO_LOG, NEEDS(CONSOLE),
	  NEEDS(LOG) },
	{ sidecore_lacking, TABLE_KEY_IOMMU, table_msg_FIT_SIDECORE,
	  NEEDS(IOMMU), NEEDS(SIDECORES) },
	{ teardown_misfit, TABLE_KEY_TEARDOWN, table_msg_FIT_TEARDOWN,
	  NEEDS(IOMMU), 0 },
	{ identity_misfit, TABLE_KEY_IDENTITY, table_msg_FIT_IDENTITY,
	  NEEDS(IOMMU) | NEEDS(IDENTITY), 0 },
	{ identity_large, TABLE_KEY_MEMORY, table_msg_FIT_IDENTITY_MEMORY,
	  NEEDS(MEMORY) | NEEDS(IDENTITY), 0 },
};

static void check_required(const struct table_partition *p,
			   struct table_diag *d)
{
	const struct section *s = &table_partition_section;
	u32 key;

	for (key = 0; key < s->nr_keys; key++)
		if (s->keys[key].required && !has(p, key))
			REPORT(d, head_of(p), KEY_MISSING, s->keys[key].name);
}

/* Who of the partitions before p owns a CPU, and where it says so. */
static const struct table_partition *cpu_owner(const struct table *t,
					       const struct table_partition *p,
					       u32 cpu, struct table_pos *at)
{
	const struct table_partition *o;
	u32 i;

	for (o = t->partitions; o < p; o++)
		for (i = 0; i < o->nr_cpus; i++)
			if (o->cpus[i] == cpu) {
				*at = cpu_pos(o, i);
				return o;
			}
	return NULL;
}

static void report_cpu(struct table_diag *d, struct table_pos at, u32 cpu,
		       const struct table_partition *owner,
		       struct table_pos owner_at)
{
	char buf[OWNER_MAX];

	REPORT(d, at, CPU_OWNED, cpu, owner_name(buf, owner), owner_at.line);
}

/* One diagnostic for each item of the list, not for each CPU of a range. */
static void check_cpus(const struct table *t, const struct table_partition *p,
		       struct table_diag *d)
{
	u32 i, reported = 0;

	for (i = 0; i < p->nr_cpus; i++) {
		struct table_pos at = cpu_pos(p, i), owner_at;
		const struct table_partition *owner;
		u32 cpu = p->cpus[i];

		if (at.col == reported)
			continue;
		owner = cpu_owner(t, p, cpu, &owner_at);
		if (owner)
			report_cpu(d, at, cpu, owner, owner_at);
		else if (t->sidecores & BIT(cpu))
			report_cpu(d, at, cpu, NULL, sidecore_pos(t, cpu));
		else
			continue;
		reported = at.col;
	}
}

/* A partition that writes to the log owns no port. */
static bool owns_port(const struct table_partition *p)
{
	return p->console != TABLE_CONSOLE_LOG &&
	       p->console != TABLE_CONSOLE_NONE;
}

static void check_port(const struct table *t, const struct table_partition *p,
		       struct table_diag *d)
{
	struct table_pos at = key_pos(p, TABLE_KEY_CONSOLE);
	const char *port = table_console_names[p->console];
	const struct table_partition *o;
	char buf[OWNER_MAX];

	if (!owns_port(p))
		return;
	if (p->console == t->log && !(t->bad_keys & NEEDS(LOG))) {
		REPORT(d, at, PORT_LOG, port);
		return;
	}
	for (o = t->partitions; o < p; o++)
		if (o->console == p->console) {
			REPORT(d, at, PORT_OWNED, port, owner_name(buf, o),
			       key_pos(o, TABLE_KEY_CONSOLE).line);
			return;
		}
}

static bool same_function(const struct table_device *a,
			  const struct table_device *b)
{
	return a->segment == b->segment && a->bus == b->bus &&
	       a->device == b->device && a->function == b->function;
}

/* Compares device n of p with one that stands before it; true: reported. */
static bool check_devices(const struct table_partition *p, u32 n,
			  const struct table_partition *o, u32 i,
			  struct table_diag *d)
{
	const struct table_device *a = &p->devices[n], *b = &o->devices[i];
	char buf[OWNER_MAX];
	const char *owner = owner_name(buf, o);

	if (same_function(a, b) && a->has_vf != b->has_vf)
		REPORT(d, a->at, DEVICE_PF_VF,
		       b->has_vf ? "by VFs" : "as a whole", b->at.line);
	else if (same_function(a, b) && a->vf == b->vf)
		REPORT(d, a->at, DEVICE_OWNED, owner, b->at.line);
	else if (o != p && a->has_intx && b->has_intx && a->intx == b->intx)
		REPORT(d, a->at, INTX_OWNED, a->intx, owner, b->at.line);
	else
		return false;
	return true;
}

static void check_device(const struct table *t, const struct table_partition *p,
			 u32 n, struct table_diag *d)
{
	const struct table_partition *o;
	u32 i;

	for (o = t->partitions; o <= p; o++)
		for (i = 0; i < (o == p ? n : o->nr_devices); i++)
			if (check_devices(p, n, o, i, d))
				return;
}

void table_rules(const struct table *t, struct table_diag *d)
{
	const struct table_partition *p;
	u32 i;

	if (!t->nr_partitions)
		REPORT(d, ((struct table_pos){ 1, 1 }), PARTITIONS_NONE);
	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++) {
		check_required(p, d);
		check_cpus(t, p, d);
		check_port(t, p, d);
		for (i = 0; i < p->nr_devices; i++)
			check_device(t, p, i, d);
	}
	apply_rules(fit_rules, ARRAY_SIZE(fit_rules), t, d);
}

/* Against the machine */

static void check_cpu_exists(const struct table_machine *m, u32 cpu,
			     struct table_pos at, struct table_diag *d)
{
	if (cpu >= m->nr_cpus)
		REPORT(d, at, MACHINE_CPU, cpu, m->nr_cpus - 1);
}

static void check_cpus_exist(const struct table *t,
			     const struct table_machine *m,
			     struct table_diag *d)
{
	const struct table_partition *p;
	u32 i;

	for (i = 0; i < MAX_CPUS; i++)
		if (t->sidecores & BIT(i))
			check_cpu_exists(m, i, sidecore_pos(t, i), d);
	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++)
		for (i = 0; i < p->nr_cpus; i++)
			check_cpu_exists(m, p->cpus[i], cpu_pos(p, i), d);
}

/* Only the sum: placing may still fail for want of one large range. */
static void check_memory(const struct table *t, const struct table_machine *m,
			 struct table_diag *d)
{
	const struct table_partition *p, *over = NULL;
	u64 sum = 0;

	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++) {
		sum += p->memory;
		if (sum > m->memory && !over)
			over = p;
	}
	if (over)
		REPORT(d, key_pos(over, TABLE_KEY_MEMORY), MACHINE_MEMORY,
		       sum >> 20, m->memory >> 20);
}

static void check_module(const struct table_machine *m, const char *name,
			 struct table_pos at, struct table_diag *d)
{
	u32 i;

	if (!*name)
		return;
	for (i = 0; i < m->nr_modules; i++)
		if (!strcmp(m->modules[i], name))
			return;
	REPORT(d, at, MACHINE_MODULE, name);
}

static void check_modules(const struct table_partition *p,
			  const struct table_machine *m, struct table_diag *d)
{
	u32 i;

	check_module(m, p->kernel, key_pos(p, TABLE_KEY_KERNEL), d);
	check_module(m, p->initrd, key_pos(p, TABLE_KEY_INITRD), d);
	for (i = 0; i < p->nr_modules; i++)
		check_module(m, p->modules[i], p->module_at[i], d);
}

static void check_port_exists(const struct table_machine *m,
			      enum table_console port, struct table_pos at,
			      struct table_diag *d)
{
	if (port == TABLE_CONSOLE_LOG || port == TABLE_CONSOLE_NONE)
		return;
	if (!(m->com_ports & BIT(port - TABLE_CONSOLE_COM1)))
		REPORT(d, at, MACHINE_PORT, table_console_names[port]);
}

static void check_iommu(const struct table_partition *p,
			const struct table_machine *m, struct table_diag *d)
{
	u32 i;

	if (m->iommu || p->identity)
		return;
	for (i = 0; i < p->nr_devices; i++)
		REPORT(d, p->devices[i].at, MACHINE_IOMMU);
}

/* Who runs on a CPU: owned is false for an idle one, p NULL for a sidecore. */
struct cpu_use {
	bool owned;
	const struct table_partition *p;
	struct table_pos at;
};

static struct cpu_use cpu_use(const struct table *t, u32 cpu)
{
	struct cpu_use use = { 0 };

	use.p = cpu_owner(t, t->partitions + t->nr_partitions, cpu, &use.at);
	use.owned = use.p || (t->sidecores & BIT(cpu));
	if (!use.p)
		use.at = sidecore_pos(t, cpu);
	return use;
}

/*
 * Idle threads run no guest and hold nothing of one, so an owner's core may
 * have some; two owners on one core may not be.
 */
static void check_smt(const struct table *t, const struct table_machine *m,
		      struct table_diag *d)
{
	u32 nr = MIN(m->nr_cpus, MAX_CPUS);
	char buf[OWNER_MAX];
	u32 cpu, i;

	for (cpu = 1; cpu < nr; cpu++) {
		struct cpu_use a = cpu_use(t, cpu);

		for (i = 0; a.owned && i < cpu; i++) {
			struct cpu_use b = cpu_use(t, i);

			if (m->core_of[i] != m->core_of[cpu] || !b.owned ||
			    a.p == b.p)
				continue;
			REPORT(d, a.at, MACHINE_SMT, cpu, i,
			       owner_name(buf, b.p));
			break;
		}
	}
}

int table_check(const struct table *t, const struct table_machine *m,
		table_diag_fn diag, void *ctx)
{
	struct table_diag d = { .fn = diag, .ctx = ctx };
	struct table_pos log = t->at[TABLE_KEY_LOG];
	const struct table_partition *p;

	if (!log.line)
		log = t->machine.line ? t->machine : (struct table_pos){ 1, 1 };
	check_cpus_exist(t, m, &d);
	check_port_exists(m, t->log, log, &d);
	check_memory(t, m, &d);
	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++) {
		check_modules(p, m, &d);
		check_port_exists(m, p->console, key_pos(p, TABLE_KEY_CONSOLE),
				  &d);
		check_iommu(p, m, &d);
	}
	if (t->smt == TABLE_SMT_ISOLATE)
		check_smt(t, m, &d);
	return d.nr ? -EINVAL : 0;
}

/* Against the build */

static bool uses_mode(struct scope s)
{
	return s.p->mode == TABLE_POSTED;
}

static bool uses_device(struct scope s)
{
	return s.p->nr_devices && !s.p->identity;
}

static bool uses_bus(struct scope s)
{
	const struct table_device *d;

	for (d = s.p->devices; d < s.p->devices + s.p->nr_devices; d++)
		if (d->segment || d->bus)
			return true;
	return false;
}

static bool uses_vf(struct scope s)
{
	const struct table_device *d;

	for (d = s.p->devices; d < s.p->devices + s.p->nr_devices; d++)
		if (d->has_vf)
			return true;
	return false;
}

static bool uses_iommu(struct scope s)
{
	return s.p->iommu != TABLE_IOMMU_NONE;
}

/* What this build lacks: a feature that comes takes its line away. */
static const struct rule build_rules[] = {
	{ uses_mode, TABLE_KEY_INTERRUPTS, table_msg_BUILD_MODE, 0, 0 },
	{ uses_device, TABLE_KEY_DEVICE, table_msg_BUILD_DEVICE, 0, 0 },
	{ uses_bus, TABLE_KEY_DEVICE, table_msg_BUILD_BUS, 0, 0 },
	{ uses_vf, TABLE_KEY_DEVICE, table_msg_BUILD_VF, 0, 0 },
	{ uses_iommu, TABLE_KEY_IOMMU, table_msg_BUILD_IOMMU, 0, 0 },
};

int table_supported(const struct table *t, table_diag_fn diag, void *ctx)
{
	struct table_diag d = { .fn = diag, .ctx = ctx };

	apply_rules(build_rules, ARRAY_SIZE(build_rules), t, &d);
	return d.nr ? -EINVAL : 0;
}
