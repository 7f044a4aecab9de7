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
	char text[320], *c;
	va_list ap;

	if (d->muted || d->nr > TABLE_MAX_ERRORS)
		return;
	if (d->nr++ == TABLE_MAX_ERRORS)
		fmt = table_msg_TOO_MANY;
	va_start(ap, fmt);
	fmt_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	d->fn(d->ctx, at.line, at.col, text);
}

/* Where a key's value is; its section's head where the key is left out. */
static struct table_pos key_pos(const struct table_origin *o, u32 key)
{
	return o->at[key].line ? o->at[key] : o->head;
}

static bool has(const struct table_partition *p, u32 key)
{
	return p->origin.at[key].line != 0;
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
	u32 needs;	   /* keys of the partition that must have parsed */
	u32 machine_needs; /* and of [machine] */
};

#define NEEDS(key) ((u32)BIT(TABLE_KEY_##key))

static void apply_rules(const struct rule *rules, size_t nr,
			const struct table *t, struct table_diag *d)
{
	const struct table_partition *p;
	const struct rule *r;

	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++)
		for (r = rules; r < rules + nr; r++)
			if (!(p->origin.bad & r->needs) &&
			    !(t->origin.bad & r->machine_needs) &&
			    r->broken((struct scope){ t, p }))
				table_report(d, key_pos(&p->origin, r->key),
					     "%s", r->text);
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
	return s.p->iommu == TABLE_IOMMU_SIDECORE && s.t->first_sidecore < 0;
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
			REPORT(d, p->origin.head, KEY_MISSING,
			       s->keys[key].name);
}

/* Who of the partitions before p owns a CPU; NULL: none of them. */
static const struct table_partition *
cpu_owner(const struct table *t, const struct table_partition *p, u32 cpu)
{
	const struct table_partition *o;
	u32 i;

	for (o = t->partitions; o < p; o++)
		for (i = 0; i < o->nr_cpus; i++)
			if (o->cpus[i] == cpu)
				return o;
	return NULL;
}

/* Of a partition or, with p NULL, of the sidecores. */
static struct table_pos cpus_pos(const struct table *t,
				 const struct table_partition *p)
{
	return p ? p->origin.at[TABLE_KEY_CPUS] :
		   t->origin.at[TABLE_KEY_SIDECORES];
}

static void check_cpus(const struct table *t, const struct table_partition *p,
		       struct table_diag *d)
{
	const struct table_partition *o;
	char what[16], owner[OWNER_MAX];
	u32 i, cpu;

	for (i = 0; i < p->nr_cpus; i++) {
		cpu = p->cpus[i];
		o = cpu_owner(t, p, cpu);
		if (!o && !cpu_set_has(&t->sidecores, cpu))
			continue;
		fmt_snprintf(what, sizeof(what), "CPU %u", cpu);
		REPORT(d, cpus_pos(t, p), OWNED, what, owner_name(owner, o),
		       cpus_pos(t, o).line);
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
	struct table_pos at = key_pos(&p->origin, TABLE_KEY_CONSOLE);
	const char *port = table_console_names[p->console];
	const struct table_partition *o;
	char buf[OWNER_MAX];

	if (!owns_port(p))
		return;
	if (p->console == t->log && !(t->origin.bad & NEEDS(LOG))) {
		REPORT(d, at, PORT_LOG, port);
		return;
	}
	for (o = t->partitions; o < p; o++)
		if (o->console == p->console) {
			REPORT(d, at, OWNED, port, owner_name(buf, o),
			       key_pos(&o->origin, TABLE_KEY_CONSOLE).line);
			return;
		}
}

/* A function is given as a whole or by VFs. */
static bool same_device(const struct table_device *a,
			const struct table_device *b)
{
	return a->segment == b->segment && a->bus == b->bus &&
	       a->device == b->device && a->function == b->function &&
	       (a->has_vf != b->has_vf || a->vf == b->vf);
}

/* Compares device n of p with one that stands before it; true: reported. */
static bool check_devices(const struct table_partition *p, u32 n,
			  const struct table_partition *o, u32 i,
			  struct table_diag *d)
{
	const struct table_device *a = &p->devices[n], *b = &o->devices[i];
	char what[16] = "device", owner[OWNER_MAX];

	if (o != p && a->has_intx && b->has_intx && a->intx == b->intx)
		fmt_snprintf(what, sizeof(what), "GSI %u", a->intx);
	else if (!same_device(a, b))
		return false;
	REPORT(d, a->at, OWNED, what, owner_name(owner, o), b->at.line);
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
	else if (cpu_set_has(&m->idle, cpu))
		REPORT(d, at, MACHINE_CPU_IDLE, cpu);
}

static void check_cpus_exist(const struct table *t,
			     const struct table_machine *m,
			     struct table_diag *d)
{
	const struct table_partition *p;
	u32 i;

	for (i = 0; i < MAX_CPUS; i++)
		if (cpu_set_has(&t->sidecores, i))
			check_cpu_exists(m, i, cpus_pos(t, NULL), d);
	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++)
		for (i = 0; i < p->nr_cpus; i++)
			check_cpu_exists(m, p->cpus[i], cpus_pos(t, p), d);
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
		REPORT(d, key_pos(&over->origin, TABLE_KEY_MEMORY),
		       MACHINE_MEMORY, sum >> 20, m->memory >> 20);
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

	check_module(m, p->kernel, key_pos(&p->origin, TABLE_KEY_KERNEL), d);
	check_module(m, p->initrd, key_pos(&p->origin, TABLE_KEY_INITRD), d);
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

/* Whether a CPU has an owner, and which: *p NULL is the sidecores. */
static bool cpu_owned(const struct table *t, u32 cpu,
		      const struct table_partition **p)
{
	*p = cpu_owner(t, t->partitions + t->nr_partitions, cpu);
	return *p || cpu_set_has(&t->sidecores, cpu);
}

/*
 * Idle threads run no guest and hold nothing of one, so an owner's core may
 * have some; two owners on one core may not be.
 */
static void check_smt(const struct table *t, const struct table_machine *m,
		      struct table_diag *d)
{
	u32 nr = MIN(m->nr_cpus, MAX_CPUS);
	const struct table_partition *a, *b;
	char buf[OWNER_MAX];
	u32 cpu, i;

	for (cpu = 1; cpu < nr; cpu++) {
		if (!cpu_owned(t, cpu, &a))
			continue;
		for (i = 0; i < cpu; i++) {
			if (m->core_of[i] != m->core_of[cpu] ||
			    !cpu_owned(t, i, &b) || a == b)
				continue;
			REPORT(d, cpus_pos(t, a), MACHINE_SMT, cpu, i,
			       owner_name(buf, b));
			break;
		}
	}
}

int table_check(const struct table *t, const struct table_machine *m,
		table_diag_fn diag, void *ctx)
{
	struct table_diag d = { .fn = diag, .ctx = ctx };
	const struct table_partition *p;

	check_cpus_exist(t, m, &d);
	check_port_exists(m, t->log, key_pos(&t->origin, TABLE_KEY_LOG), &d);
	check_memory(t, m, &d);
	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++) {
		check_modules(p, m, &d);
		check_port_exists(m, p->console,
				  key_pos(&p->origin, TABLE_KEY_CONSOLE), &d);
		check_iommu(p, m, &d);
	}
	if (t->smt == TABLE_SMT_ISOLATE)
		check_smt(t, m, &d);
	return d.nr ? -EINVAL : 0;
}

/* Against the build */

static bool uses_mode(struct scope s)
{
	return s.p->mode == MODE_POSTED;
}

static bool uses_segment(struct scope s)
{
	const struct table_device *d;

	for (d = s.p->devices; d < s.p->devices + s.p->nr_devices; d++)
		if (d->segment)
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
	{ uses_segment, TABLE_KEY_DEVICE, table_msg_BUILD_SEGMENT, 0, 0 },
	{ uses_vf, TABLE_KEY_DEVICE, table_msg_BUILD_VF, 0, 0 },
	{ uses_iommu, TABLE_KEY_IOMMU, table_msg_BUILD_IOMMU, 0, 0 },
};

int table_supported(const struct table *t, table_diag_fn diag, void *ctx)
{
	struct table_diag d = { .fn = diag, .ctx = ctx };

	apply_rules(build_rules, ARRAY_SIZE(build_rules), t, &d);
	return d.nr ? -EINVAL : 0;
}

/* Accepted all the same */

/* docs/boot.md, What a guest must have */
static const struct {
	const char *word, *effect;
} unfit[] = {
	{ "nox2apic", "makes each EOI exit" },
	{ "noapic", "makes each EOI exit" },
	{ "nolapic", "leaves the guest no timer" },
	{ "nolapic_timer", "leaves the guest no timer" },
	{ "acpi=off", "hides CPUs and interrupts from the guest" },
};

static bool has_word(const char *text, const char *wanted)
{
	struct word rest = { text, strlen(text) }, w;

	while (word_next(&rest, &w))
		if (word_is(w, wanted))
			return true;
	return false;
}

void table_warn(const struct table *t, table_diag_fn diag, void *ctx)
{
	struct table_diag d = { .fn = diag, .ctx = ctx };
	const struct table_partition *p;
	u32 i;

	for (p = t->partitions; p < t->partitions + t->nr_partitions; p++)
		for (i = 0; i < ARRAY_SIZE(unfit); i++)
			if (p->boot == TABLE_LINUX &&
			    has_word(p->cmdline, unfit[i].word))
				REPORT(&d,
				       key_pos(&p->origin, TABLE_KEY_CMDLINE),
				       WARN_CMDLINE, unfit[i].word,
				       unfit[i].effect);
}
