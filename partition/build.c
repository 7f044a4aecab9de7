// SPDX-License-Identifier: BSD-2-Clause
/* Partitions while booting: memory, devices, second-level tables. */
#include "core/lib.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/slat.h"
#include "eli/eli.h"
#include "partition/parts.h"

static int add_region(struct partition *p, u64 gpa, u64 hpa, u64 size)
{
	if (p->ram.nr == GUEST_REGIONS)
		return -ENOSPC;
	p->ram.region[p->ram.nr++] = (struct guest_region){ gpa, hpa, size };
	return 0;
}

/* Chunks in guest order, cut where the hole begins. */
static int fill_regions(struct partition *p, const struct place_memory *m)
{
	u64 gpa = 0, part, off;
	int err = 0;
	u32 i;

	for (i = 0; i < m->nr; i++)
		for (off = 0; !err && off < m->chunk[i].size; off += part) {
			if (gpa == GUEST_HOLE)
				gpa = GUEST_HOLE_END;
			part = m->chunk[i].size - off;
			if (gpa < GUEST_HOLE)
				part = MIN(part, GUEST_HOLE - gpa);
			err = add_region(p, gpa, m->chunk[i].hpa + off, part);
			gpa += part;
		}
	return err;
}

/* The first MiB, which is elsewhere, and main RAM where it is. */
static int fill_identity(struct partition *p, const struct place_memory *m)
{
	const struct place_chunk *main = &m->chunk[1];
	int err = add_region(p, 0, m->chunk[0].hpa, GUEST_HIGH);

	p->layout = (struct guest_layout){ main->hpa, main->hpa + main->size,
					   0 };
	return err ? err : add_region(p, main->hpa, main->hpa, main->size);
}

int map_regions(struct slat *t, const struct guest_region *r, u32 nr, u64 bits)
{
	int err = 0;

	for (; !err && nr; r++, nr--)
		err = slat_map(t, r->gpa, r->hpa, r->size, bits);
	return err;
}

static int fill_ram(struct partition *p, const struct place_memory *m)
{
	return p->config->identity ? fill_identity(p, m) : fill_regions(p, m);
}

static int map_all(struct partition *p, struct slat *t)
{
	const struct slat_format *f = backend->tables;
	int err = slat_init(t);

	if (!err)
		err = map_regions(t, p->ram.region, p->ram.nr, f->ram);
	if (!err)
		err = map_regions(t, p->devices.memory, p->devices.nr_memory,
				  f->device);
	if (!err)
		err = map_regions(t, p->devices.shown, p->devices.nr_shown,
				  f->shared & ~SLAT_WRITE);
	if (!err && p->echo_pa)
		err = slat_map(t, GUEST_ECHO, p->echo_pa, PAGE_SIZE, f->shared);
	return err;
}

/* Second-level tables; with them what mode `eli` needs, behind them. */
static int build_tables(struct partition *p, char *error, size_t size)
{
	struct slat t = {
		.table_bits = backend->tables->table,
		.large_1g = backend->tables->large_1g,
		.alloc = pool_table,
		.table = pool_table_at,
	};
	int err = map_all(p, &t);

	p->second_level = t.root | backend->tables->root;
	if (!err)
		err = eli_build(&p->irq, &p->ram, &t);
	if (err == -EBUSY)
		fmt_snprintf(error, size,
			     "partition %s: a device is where its memory is; "
			     "ask for less memory",
			     p->config->name);
	else if (err)
		fmt_snprintf(error, size,
			     "partition %s: no memory for its tables; ask for "
			     "less",
			     p->config->name);
	return err;
}

const struct part part_tables = {
	.name = "tables",
	.build = build_tables,
};

static const struct boot_module *find_module(const struct boot_info *bi,
					     const char *name)
{
	u32 i;

	for (i = 0; i < bi->nr_modules; i++)
		if (!strcmp(bi->modules[i].name, name))
			return &bi->modules[i];
	return NULL;
}

static int init_domain(struct irq_domain *d, const struct table_partition *c)
{
	u32 n;

	d->name = c->name;
	d->nr = c->nr_cpus;
	d->apic_changed = eli_apic_changed;
	d->mode = c->mode;
	for (n = 0; n < c->nr_cpus; n++) {
		d->cpu[n] = c->cpus[n];
		d->apic_id[n] = cpu_public[c->cpus[n]].apic_id;
	}
	d->posted = pool_shared(d->nr * sizeof(*d->posted));
	return d->posted ? 0 : -ENOMEM;
}

static int init_one(struct partition *p, const struct table_partition *c,
		    const struct boot_info *bi)
{
	u32 n;

	p->config = c;
	p->id = (u32)(p - partitions);
	p->life.next_mode = c->mode;
	p->layout = layout_of(c->memory);
	p->image.kernel = find_module(bi, c->kernel);
	p->image.initrd = c->initrd[0] ? find_module(bi, c->initrd) : NULL;
	for (n = 0; n < c->nr_modules; n++)
		p->image.modules[n] = find_module(bi, c->modules[n]);
	fmt_snprintf(p->life.reason, sizeof(p->life.reason), "not started yet");
	return init_domain(&p->irq, c);
}

/* First those that can't be anywhere.  0, or -E with a line in error. */
static int place_identities(const struct table *t, struct place_map *map,
			    struct place_memory *memory, char *error,
			    size_t size)
{
	const struct table_partition *c;
	int err;
	u32 i;

	for (i = 0; i < t->nr_partitions; i++) {
		c = &t->partitions[i];
		if (!c->identity)
			continue;
		err = place_identity(map, c->memory, GUEST_HOLE, &memory[i]);
		if (err) {
			fmt_snprintf(error, size,
				     "partition %s: identity = yes, and no "
				     "%lu MiB in one piece below %lu MiB; ask "
				     "for less",
				     c->name, c->memory >> 20,
				     GUEST_HOLE >> 20);
			return err;
		}
	}
	return 0;
}

static int place_others(const struct table *t, struct place_map *map,
			struct place_memory *memory, char *error, size_t size)
{
	static struct place_memory placed[MAX_PARTITIONS];
	struct place_shortage shortage;
	u64 wanted[MAX_PARTITIONS];
	u32 i, who[MAX_PARTITIONS], nr = 0;
	int err;

	for (i = 0; i < t->nr_partitions; i++)
		if (!t->partitions[i].identity) {
			who[nr] = i;
			wanted[nr++] = t->partitions[i].memory;
		}
	err = place_memory(map, wanted, nr, placed, &shortage);
	for (i = 0; !err && i < nr; i++)
		memory[who[i]] = placed[i];
	if (err)
		fmt_snprintf(error, size,
			     "partition %s: %lu KiB of memory are "
			     "missing; ask for less",
			     t->partitions[who[shortage.request]].name,
			     shortage.missing / 1024);
	return err;
}

static int build_one(struct partition *p, const struct table_partition *c,
		     const struct boot_info *bi, const struct place_memory *m,
		     char *error, size_t size)
{
	int err = init_one(p, c, bi);

	if (!err)
		err = fill_ram(p, m);
	if (err) {
		fmt_snprintf(error, size,
			     "partition %s: its memory is in too many pieces; "
			     "ask for less",
			     c->name);
		return err;
	}
	return parts_build(p, error, size);
}

int partitions_build(const struct table *t, const struct boot_info *bi,
		     struct place_map *map, char *error, size_t size)
{
	static struct place_memory memory[MAX_PARTITIONS];
	u32 i;
	int err;

	err = place_identities(t, map, memory, error, size);
	if (!err)
		err = place_others(t, map, memory, error, size);
	for (i = 0; i < t->nr_partitions && !err; i++)
		err = build_one(&partitions[i], &t->partitions[i], bi,
				&memory[i], error, size);
	nr_partitions = t->nr_partitions;
	return err;
}
