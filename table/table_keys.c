// SPDX-License-Identifier: BSD-2-Clause
/* The partition table's keys: which there are and what their values may be. */
#include "core/lib.h"
#include "table/table_impl.h"

const char *const table_mode_names[] = { "did", "exit", "eli", "posted", NULL };
const char *const table_boot_names[] = { "linux", "multiboot", NULL };
const char *const table_console_names[] = { "log",  "com1", "com2", "com3",
					    "com4", "none", NULL };
const char *const table_iommu_names[] = { "none", "trap", "sidecore", NULL };
const char *const table_smt_names[] = { "isolate", "share", NULL };

const char *table_mode_name(enum table_mode mode)
{
	return table_mode_names[mode];
}

static bool find_name(struct word w, const char *const *names, u32 first,
		      u32 *value)
{
	for (*value = first; names[*value]; (*value)++)
		if (word_is(w, names[*value]))
			return true;
	return false;
}

static bool choose(struct parser *p, const char *const *names, u32 first,
		   u32 *value)
{
	char list[80], buf[WORD_SHOW_MAX];
	struct word w;
	size_t len = 0;
	u32 i;

	word_next(&p->value, &w);
	if (find_name(w, names, first, value))
		return true;
	for (i = first; names[i]; i++)
		len = word_list(list, sizeof(list), len, names[i],
				names[i + 1] ? ", " : " or ");
	PARSE_ERROR(p, w.s, VALUE_UNKNOWN, word_show(buf, w), p->key->name,
		    list);
	return false;
}

/* Fields of enum type; an enum has the size of u32. */
static bool parse_choice(struct parser *p)
{
	const struct key *k = p->key;
	u32 value;

	if (!choose(p, k->names, k->first, &value))
		return false;
	memcpy((char *)p->base + k->offset, &value, sizeof(value));
	return true;
}

_Static_assert(sizeof(enum table_mode) == sizeof(u32) &&
		       sizeof(enum table_boot) == sizeof(u32) &&
		       sizeof(enum table_console) == sizeof(u32) &&
		       sizeof(enum table_iommu) == sizeof(u32) &&
		       sizeof(enum table_smt) == sizeof(u32),
	       "parse_choice writes enums as u32");

struct cpu_list {
	u64 set;
	u32 nr;
	u8 cpus[MAX_CPUS];
	u16 cols[MAX_CPUS];
};

/* `N` or `N-M`. */
static bool range_numbers(struct word w, u64 *first, u64 *last)
{
	if (!word_digits(&w, MAX_CPUS, first))
		return false;
	*last = *first;
	if (word_prefix(&w, "-") && !word_digits(&w, MAX_CPUS, last))
		return false;
	return !w.n;
}

/* Each CPU is added once, so the list cannot overflow. */
static bool add_cpus(struct parser *p, struct cpu_list *list, const char *where,
		     u64 first, u64 last)
{
	u64 cpu;

	for (cpu = first; cpu <= last; cpu++) {
		if (list->set & BIT(cpu)) {
			PARSE_ERROR(p, where, CPU_TWICE, (u32)cpu);
			return false;
		}
		list->set |= BIT(cpu);
		list->cols[list->nr] = (u16)table_pos_of(p, where).col;
		list->cpus[list->nr++] = (u8)cpu;
	}
	return true;
}

static bool parse_range(struct parser *p, struct word w, struct cpu_list *list)
{
	char buf[WORD_SHOW_MAX];
	u64 first, last;

	if (!w.n)
		PARSE_ERROR(p, w.s, CPU_EMPTY);
	else if (!range_numbers(w, &first, &last))
		PARSE_ERROR(p, w.s, CPU_BAD, word_show(buf, w));
	else if (first >= MAX_CPUS || last >= MAX_CPUS)
		PARSE_ERROR(p, w.s, CPU_HIGH, word_show(buf, w), MAX_CPUS - 1);
	else if (first > last)
		PARSE_ERROR(p, w.s, CPU_DOWN, word_show(buf, w));
	else
		return add_cpus(p, list, w.s, first, last);
	return false;
}

static bool parse_cpu_list(struct parser *p, struct cpu_list *list)
{
	struct word w, range;
	bool ok = true, more;

	memset(list, 0, sizeof(*list));
	if (!word_next(&p->value, &w))
		return true;
	do {
		more = word_until(&w, ',', &range);
		ok &= parse_range(p, range, list);
	} while (more);
	return ok;
}

static bool parse_cpus(struct parser *p)
{
	struct table_partition *part = p->part;
	struct cpu_list list;
	bool ok = parse_cpu_list(p, &list);

	part->nr_cpus = list.nr;
	memcpy(part->cpus, list.cpus, sizeof(list.cpus));
	memcpy(part->cpu_cols, list.cols, sizeof(list.cols));
	return ok;
}

static bool parse_sidecores(struct parser *p)
{
	struct table *t = p->t;
	struct cpu_list list;
	bool ok = parse_cpu_list(p, &list);
	u32 i;

	t->sidecores = list.set;
	t->first_sidecore = list.nr ? list.cpus[0] : -1;
	for (i = 0; i < list.nr; i++)
		t->sidecore_cols[list.cpus[i]] = list.cols[i];
	return ok;
}

/* How far K, M and G shift; 0: another word. */
static u32 size_shift(struct word unit)
{
	static const char *const names[] = { "K", "M", "G" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (word_is(unit, names[i]))
			return 10 * (i + 1);
	return 0;
}

static bool parse_size(struct parser *p, struct word w, u64 *size)
{
	struct word unit = w;
	size_t digits = word_digits(&unit, TABLE_MAX_MEMORY, size);
	u32 shift = size_shift(unit);
	char buf[WORD_SHOW_MAX];

	if (digits && !unit.n) {
		PARSE_ERROR(p, w.s, SIZE_UNIT, word_show(buf, w));
		return false;
	}
	if (!digits || !shift) {
		PARSE_ERROR(p, w.s, SIZE_BAD, word_show(buf, w));
		return false;
	}
	if (*size > TABLE_MAX_MEMORY >> shift) {
		PARSE_ERROR(p, w.s, SIZE_LARGE, word_show(buf, w),
			    TABLE_MAX_MEMORY >> 30);
		return false;
	}
	*size <<= shift;
	return true;
}

static bool parse_memory(struct parser *p)
{
	char buf[WORD_SHOW_MAX];
	struct word w;
	u64 size;

	word_next(&p->value, &w);
	if (!parse_size(p, w, &size))
		return false;
	if (!size) {
		PARSE_ERROR(p, w.s, MEMORY_ZERO);
		return false;
	}
	if (size % SIZE_2M) {
		PARSE_ERROR(p, w.s, MEMORY_ODD, word_show(buf, w),
			    ALIGN_UP(size, SIZE_2M) >> 20);
		return false;
	}
	p->part->memory = size;
	return true;
}

/* A module's name is what is left of its path, so it holds no `/`. */
static bool parse_file(struct parser *p, char *name, size_t size)
{
	char buf[WORD_SHOW_MAX];
	struct word w;
	size_t i;

	word_next(&p->value, &w);
	for (i = 0; i < w.n; i++) {
		if (w.s[i] > ' ' && w.s[i] <= '~' && w.s[i] != '/')
			continue;
		PARSE_ERROR(p, w.s, FILE_BAD, word_show(buf, w));
		return false;
	}
	if (w.n >= size) {
		PARSE_ERROR(p, w.s, FILE_LONG, word_show(buf, w), size - 1);
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
		PARSE_ERROR(p, p->value.s, MODULES_MANY, TABLE_MAX_MODULES);
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
		PARSE_ERROR(p, w.s, CMDLINE_LONG, sizeof(p->part->cmdline) - 1);
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

/* vf=N or intx=GSI */
static bool parse_device_option(struct parser *p, struct word w,
				struct table_device *d)
{
	struct word rest = w;
	bool vf = word_prefix(&rest, "vf=");
	bool *has = vf ? &d->has_vf : &d->has_intx;
	u64 max = vf ? TABLE_MAX_VF : UINT32_MAX;
	char buf[WORD_SHOW_MAX];
	u64 v;

	if (!vf && !word_prefix(&rest, "intx="))
		PARSE_ERROR(p, w.s, DEVICE_OPTION, word_show(buf, w));
	else if (*has)
		PARSE_ERROR(p, w.s, DEVICE_OPTION_TWICE, word_show(buf, w));
	else if (!word_number(rest, max, &v))
		PARSE_ERROR(p, w.s, DEVICE_NUMBER, word_show(buf, w), max);
	else {
		*has = true;
		if (vf)
			d->vf = (u16)v;
		else
			d->intx = (u32)v;
		return true;
	}
	return false;
}

static bool parse_device_head(struct parser *p, struct table_device *d)
{
	const char *where = p->value.s;
	char buf[WORD_SHOW_MAX];
	struct word w;

	*d = (struct table_device){ .at = table_pos_of(p, where) };
	word_next(&p->value, &w);
	if (!word_is(w, "pci"))
		PARSE_ERROR(p, w.s, DEVICE_KIND, word_show(buf, w));
	else if (!word_next(&p->value, &w))
		PARSE_ERROR(p, where, DEVICE_NO_ADDRESS);
	else if (!parse_address(w, d))
		PARSE_ERROR(p, w.s, DEVICE_ADDRESS, word_show(buf, w));
	else
		return true;
	return false;
}

static bool parse_device(struct parser *p)
{
	struct table_partition *part = p->part;
	struct table_device d;
	struct word w;

	if (part->nr_devices == TABLE_MAX_DEVICES) {
		PARSE_ERROR(p, p->value.s, DEVICES_MANY, TABLE_MAX_DEVICES);
		return false;
	}
	if (!parse_device_head(p, &d))
		return false;
	while (word_next(&p->value, &w)) {
		if (!parse_device_option(p, w, &d))
			return false;
		if (d.has_vf && d.has_intx) {
			PARSE_ERROR(p, w.s, DEVICE_VF_INTX);
			return false;
		}
	}
	part->devices[part->nr_devices++] = d;
	return true;
}

static bool parse_time(struct parser *p, struct word w, u64 *us)
{
	static const struct {
		const char *name;
		u64 us;
	} units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000 * 1000 } };
	struct word unit = w;
	char buf[WORD_SHOW_MAX];
	size_t n = word_digits(&unit, TABLE_MAX_TEARDOWN_US, us);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (word_is(unit, units[i].name))
			break;
	if (!n || i == ARRAY_SIZE(units)) {
		PARSE_ERROR(p, w.s, TIME_BAD, word_show(buf, w));
		return false;
	}
	*us *= units[i].us;
	if (!*us || *us > TABLE_MAX_TEARDOWN_US) {
		PARSE_ERROR(p, w.s, TIME_RANGE, word_show(buf, w));
		return false;
	}
	return true;
}

static bool parse_pages(struct parser *p, struct word w, u32 *pages)
{
	char buf[WORD_SHOW_MAX];
	u64 v;

	if (!word_number(w, TABLE_MAX_TEARDOWN_PAGES, &v) || !v) {
		PARSE_ERROR(p, w.s, PAGES_BAD, word_show(buf, w),
			    TABLE_MAX_TEARDOWN_PAGES);
		return false;
	}
	*pages = (u32)v;
	return true;
}

static bool parse_teardown(struct parser *p)
{
	static const char *const kinds[] = { "strict", "optimistic", NULL };
	struct table_partition *part = p->part;
	const char *where = p->value.s;
	struct word time, pages;
	u32 kind;

	if (!choose(p, kinds, 0, &kind))
		return false;
	part->teardown.kind = kind;
	if (kind == TABLE_STRICT)
		return true;
	if (!word_next(&p->value, &time) || !word_next(&p->value, &pages)) {
		PARSE_ERROR(p, where, TEARDOWN_FORM);
		return false;
	}
	return parse_time(p, time, &part->teardown.time_us) &&
	       parse_pages(p, pages, &part->teardown.pages);
}

static bool parse_identity(struct parser *p)
{
	static const char *const names[] = { "no", "yes", NULL };
	u32 value;

	if (!choose(p, names, 0, &value))
		return false;
	p->part->identity = value;
	return true;
}

static bool parse_restart(struct parser *p)
{
	static const char *const names[] = { "never", "always", NULL };
	struct table_partition *part = p->part;
	char buf[WORD_SHOW_MAX];
	struct word w;
	u32 value;
	u64 count;

	word_next(&p->value, &w);
	if (find_name(w, names, 0, &value)) {
		part->restart = value;
		return true;
	}
	if (!word_number(w, TABLE_MAX_RESTARTS, &count) || !count) {
		PARSE_ERROR(p, w.s, RESTART_BAD, word_show(buf, w),
			    TABLE_MAX_RESTARTS);
		return false;
	}
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
	KEY(IDENTITY, "identity", .parse = parse_identity),
	KEY(RESTART, "restart", .parse = parse_restart),
};

_Static_assert(ARRAY_SIZE(machine_keys) == TABLE_MACHINE_KEYS &&
		       ARRAY_SIZE(partition_keys) == TABLE_PARTITION_KEYS,
	       "every key has its line");

const struct section table_machine_section = {
	machine_keys,
	TABLE_MACHINE_KEYS,
	offsetof(struct table, at),
	offsetof(struct table, bad_keys),
};

const struct section table_partition_section = {
	partition_keys,
	TABLE_PARTITION_KEYS,
	offsetof(struct table_partition, at),
	offsetof(struct table_partition, bad_keys),
};
