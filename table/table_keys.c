// SPDX-License-Identifier: BSD-2-Clause
/* The partition table's keys: which there are and what their values may be. */
#include "core/lib.h"
#include "table/table_impl.h"

const char *const table_mode_names[] = { "did", "exit", "eli", "posted", NULL };
const char *const table_boot_names[] = { "linux", "multiboot", NULL };
const char *const table_console_names[] = { "log",  "com1", "com2", "com3",
					    "com4", "none", NULL };
const char *const table_iommu_names[] = { "none", "trap", "sidecore", NULL };
static const char *const table_identity_names[] = { "no", "yes", NULL };
const char *const table_smt_names[] = { "isolate", "share", NULL };

const char *table_mode_name(enum irq_mode mode)
{
	return table_mode_names[mode];
}

/* Says what to write in place of w. */
static bool bad_value(struct parser *p, struct word w, const char *write)
{
	char buf[WORD_SHOW_MAX];

	PARSE_ERROR(p, w.s, VALUE_BAD, word_show(buf, w), p->key->name, write);
	return false;
}

static bool find_name(struct word w, const char *const *names, u32 first,
		      u32 *value)
{
	for (*value = first; names[*value]; (*value)++)
		if (word_is(w, names[*value]))
			return true;
	return false;
}

/* Fields of enum type; an enum has the size of u32. */
static bool parse_choice(struct parser *p)
{
	const struct key *k = p->key;
	char list[80];
	size_t len = 0;
	struct word w;
	u32 value, i;

	word_next(&p->value, &w);
	if (find_name(w, k->names, k->first, &value)) {
		memcpy((char *)p->base + k->offset, &value, sizeof(value));
		return true;
	}
	for (i = k->first; k->names[i]; i++)
		len = word_list(list, sizeof(list), len, k->names[i],
				k->names[i + 1] ? ", " : " or ");
	return bad_value(p, w, list);
}

_Static_assert(sizeof(enum irq_mode) == sizeof(u32) &&
		       sizeof(enum table_boot) == sizeof(u32) &&
		       sizeof(enum table_console) == sizeof(u32) &&
		       sizeof(enum table_iommu) == sizeof(u32) &&
		       sizeof(enum table_identity) == sizeof(u32) &&
		       sizeof(enum table_smt) == sizeof(u32),
	       "parse_choice writes enums as u32");

/* `N` or `N-M`, upwards. */
static bool parse_range(struct word w, u64 *first, u64 *last)
{
	if (!word_digits(&w, MAX_CPUS, first))
		return false;
	*last = *first;
	if (word_prefix(&w, "-") && !word_digits(&w, MAX_CPUS, last))
		return false;
	return !w.n && *first <= *last && *last < MAX_CPUS;
}

static bool add_cpu(struct parser *p, const char *where, u32 cpu,
		    u16 cpus[MAX_VCPUS], u32 *nr, struct cpu_set *set)
{
	if (cpu_set_has(set, cpu)) {
		PARSE_ERROR(p, where, CPU_TWICE, cpu);
		return false;
	}
	if (*nr == MAX_VCPUS) {
		PARSE_ERROR(p, where, CPU_MANY, MAX_VCPUS);
		return false;
	}
	cpu_set_add(set, cpu);
	cpus[(*nr)++] = (u16)cpu;
	return true;
}

static bool parse_cpu_list(struct parser *p, u16 cpus[MAX_VCPUS], u32 *nr,
			   struct cpu_set *set)
{
	struct word whole = p->value, left, range;
	bool more = word_next(&p->value, &left);
	u64 cpu, last;

	if (p->value.n)
		return bad_value(p, whole, "commas and no blanks, as in 0,2-3");
	while (more) {
		more = word_until(&left, ',', &range);
		if (!parse_range(range, &cpu, &last))
			return bad_value(p, whole,
					 "CPUs 0 to 511, such as 0,2-3");
		for (; cpu <= last; cpu++)
			if (!add_cpu(p, whole.s, (u32)cpu, cpus, nr, set))
				return false;
	}
	return true;
}

_Static_assert(MAX_CPUS == 512, "what the message says");

static bool parse_cpus(struct parser *p)
{
	struct cpu_set set = { 0 };

	return parse_cpu_list(p, p->part->cpus, &p->part->nr_cpus, &set);
}

static bool parse_sidecores(struct parser *p)
{
	u16 cpus[MAX_VCPUS];
	u32 nr = 0;
	bool ok = parse_cpu_list(p, cpus, &nr, &p->t->sidecores);

	p->t->first_sidecore = nr ? cpus[0] : -1;
	return ok;
}

struct unit {
	const char *name;
	u64 factor;
};

/*
 * A number and its unit; false: no number, or none of these units.  A value
 * over max gives max + 1.
 */
static bool parse_unit(struct word w, const struct unit *u, u64 max, u64 *v)
{
	size_t digits = word_digits(&w, max, v);

	for (; digits && u->name; u++) {
		if (!word_is(w, u->name))
			continue;
		*v = *v > max / u->factor ? max + 1 : *v * u->factor;
		return true;
	}
	return false;
}

static bool parse_memory(struct parser *p)
{
	static const struct unit units[] = {
		{ "K", 1UL << 10 }, { "M", 1UL << 20 }, { "G", SIZE_1G }, { 0 }
	};
	char buf[WORD_SHOW_MAX];
	struct word w, unit;
	u64 size;

	word_next(&p->value, &w);
	unit = w;
	if (!word_digits(&unit, TABLE_MAX_MEMORY, &size))
		return bad_value(p, w, "a number and K, M or G, such as 256M");
	if (!parse_unit(w, units, TABLE_MAX_MEMORY, &size)) {
		PARSE_ERROR(p, w.s, UNIT_BAD, word_show(buf, w));
		return false;
	}
	if (!size || size > TABLE_MAX_MEMORY || size % SIZE_2M)
		return bad_value(p, w, "2M to 65536G in steps of 2M");
	p->part->memory = size;
	return true;
}

_Static_assert(TABLE_MAX_MEMORY == 65536 * SIZE_1G, "what the message says");

/* A module's name is what is left of its path, so it holds no `/`. */
static bool parse_file(struct parser *p, char *name, size_t size)
{
	struct word w, rest, path;

	word_next(&p->value, &w);
	rest = w;
	if (word_until(&rest, '/', &path))
		return bad_value(p, w, "a module's name without its path");
	if (w.n >= size) {
		PARSE_ERROR(p, w.s, LONG, p->key->name, (u32)size - 1);
		return false;
	}
	word_copy(name, w);
	return true;
}

static bool parse_kernel(struct parser *p)
{
	return parse_file(p, p->part->kernel, sizeof(p->part->kernel));
}

static bool parse_initrd(struct parser *p)
{
	return parse_file(p, p->part->initrd, sizeof(p->part->initrd));
}

static bool parse_module(struct parser *p)
{
	struct table_partition *part = p->part;
	u32 n = part->nr_modules;

	if (n == TABLE_MAX_MODULES) {
		PARSE_ERROR(p, p->value.s, MANY, n, "modules");
		return false;
	}
	part->module_at[n] = table_pos_of(p, p->value.s);
	if (!parse_file(p, part->modules[n], sizeof(part->modules[n])))
		return false;
	part->nr_modules++;
	return true;
}

static bool parse_cmdline(struct parser *p)
{
	struct word w = p->value;

	p->value.n = 0;
	if (w.n >= sizeof(p->part->cmdline)) {
		PARSE_ERROR(p, w.s, LONG, p->key->name,
			    (u32)sizeof(p->part->cmdline) - 1);
		return false;
	}
	word_copy(p->part->cmdline, w);
	return true;
}

/* SSSS:BB:DD.F */
static bool parse_address(struct word w, struct table_device *d)
{
	u32 segment, bus, device, function;

	if (!word_hex(&w, 4, &segment) || !word_prefix(&w, ":") ||
	    !word_hex(&w, 2, &bus) || !word_prefix(&w, ":") ||
	    !word_hex(&w, 2, &device) || !word_prefix(&w, ".") ||
	    !word_hex(&w, 1, &function) || w.n || device > 31 || function > 7)
		return false;
	d->segment = (u16)segment;
	d->bus = (u8)bus;
	d->device = (u8)device;
	d->function = (u8)function;
	return true;
}

static bool parse_device_option(struct word w, struct table_device *d)
{
	struct word vf = w, intx = w;
	u64 v = 0;

	d->has_vf = word_prefix(&vf, "vf=") &&
		    word_number(vf, TABLE_MAX_VF, &v);
	d->vf = (u16)v;
	if (d->has_vf)
		return true;
	d->has_intx = word_prefix(&intx, "intx=") &&
		      word_number(intx, UINT32_MAX, &v);
	d->intx = (u32)v;
	return d->has_intx;
}

static bool parse_device(struct parser *p)
{
	struct table_partition *part = p->part;
	struct word whole = p->value, w;
	struct table_device d = { .at = table_pos_of(p, whole.s) };

	if (part->nr_devices == TABLE_MAX_DEVICES) {
		PARSE_ERROR(p, whole.s, MANY, TABLE_MAX_DEVICES, "devices");
		return false;
	}
	if (!word_next(&p->value, &w) || !word_is(w, "pci") ||
	    !word_next(&p->value, &w) || !parse_address(w, &d))
		return bad_value(p, whole,
				 "one such as pci 0000:03:00.0, in "
				 "hexadecimal");
	if (word_next(&p->value, &w) && !parse_device_option(w, &d))
		return bad_value(p, w, "vf=N, from 0 to 65534, or intx=GSI");
	part->devices[part->nr_devices++] = d;
	return true;
}

static bool parse_bounds(struct parser *p, struct table_partition *part)
{
	static const struct unit units[] = {
		{ "us", 1 }, { "ms", 1000 }, { "s", 1000 * 1000 }, { 0 }
	};
	u64 *us = &part->teardown.time_us, pages;
	struct word w;

	if (!word_next(&p->value, &w) ||
	    !parse_unit(w, units, TABLE_MAX_TEARDOWN_US, us) || !*us ||
	    *us > TABLE_MAX_TEARDOWN_US || !word_next(&p->value, &w) ||
	    !word_number(w, TABLE_MAX_TEARDOWN_PAGES, &pages) || !pages)
		return false;
	part->teardown.pages = (u32)pages;
	return true;
}

static bool parse_teardown(struct parser *p)
{
	struct word whole = p->value, w;

	word_next(&p->value, &w);
	if (word_is(w, "strict"))
		return true;
	p->part->teardown.kind = TABLE_OPTIMISTIC;
	if (word_is(w, "optimistic") && parse_bounds(p, p->part))
		return true;
	return bad_value(p, whole,
			 "strict, or optimistic TIME PAGES such as 5ms 512, "
			 "at most 10s 65536");
}

static bool parse_restart(struct parser *p)
{
	static const char *const names[] = { "never", "always", NULL };
	struct table_partition *part = p->part;
	struct word w;
	u32 value;
	u64 count;

	word_next(&p->value, &w);
	if (find_name(w, names, 0, &value)) {
		part->restart = value;
		return true;
	}
	if (!word_number(w, TABLE_MAX_RESTARTS, &count) || !count)
		return bad_value(p, w,
				 "never, always or a count from 1 to 65535");
	part->restart = TABLE_RESTART_COUNT;
	part->restart_count = (u32)count;
	return true;
}

#define KEY(id, text, ...) [TABLE_KEY_##id] = { .name = text, __VA_ARGS__ }
#define CHOICE(list, from, type, field)                      \
	.parse = parse_choice, .names = list, .first = from, \
	.offset = offsetof(struct type, field)

static const struct key machine_keys[] = {
	KEY(SIDECORES, "sidecores", .parse = parse_sidecores,
	    .may_be_empty = true),
	KEY(LOG, "log",
	    CHOICE(table_console_names, TABLE_CONSOLE_COM1, table, log)),
	KEY(SMT, "smt", CHOICE(table_smt_names, 0, table, smt)),
};

static const struct key partition_keys[] = {
	KEY(CPUS, "cpus", .parse = parse_cpus, .required = true),
	KEY(MEMORY, "memory", .parse = parse_memory, .required = true),
	KEY(INTERRUPTS, "interrupts",
	    CHOICE(table_mode_names, 0, table_partition, mode)),
	KEY(BOOT, "boot", CHOICE(table_boot_names, 0, table_partition, boot)),
	KEY(KERNEL, "kernel", .parse = parse_kernel, .required = true),
	KEY(INITRD, "initrd", .parse = parse_initrd),
	KEY(MODULE, "module", .parse = parse_module, .repeats = true),
	KEY(CMDLINE, "cmdline", .parse = parse_cmdline, .may_be_empty = true),
	KEY(CONSOLE, "console",
	    CHOICE(table_console_names, 0, table_partition, console)),
	KEY(DEVICE, "device", .parse = parse_device, .repeats = true),
	KEY(IOMMU, "iommu",
	    CHOICE(table_iommu_names, 0, table_partition, iommu)),
	KEY(TEARDOWN, "teardown", .parse = parse_teardown),
	KEY(IDENTITY, "identity",
	    CHOICE(table_identity_names, 0, table_partition, identity)),
	KEY(RESTART, "restart", .parse = parse_restart),
};

_Static_assert(ARRAY_SIZE(machine_keys) == TABLE_MACHINE_KEYS &&
		       ARRAY_SIZE(partition_keys) == TABLE_PARTITION_KEYS,
	       "every key has its line");

const struct section table_machine_section = {
	machine_keys,
	TABLE_MACHINE_KEYS,
};

const struct section table_partition_section = {
	partition_keys,
	TABLE_PARTITION_KEYS,
};
