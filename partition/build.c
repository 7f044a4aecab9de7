// SPDX-License-Identifier: BSD-2-Clause
/* Partitions while booting: memory, devices, second-level tables. */
#include "devices/assign.h"
#include "core/lib.h"
#include "core/mem.h"
#include "partition/partition.h"
#include "eli/eli.h"
#include "core/slat.h"

static int add_region(struct partition *p, u64 gpa, u64 hpa, u64 size)
{
	if (p->nr_ram == PARTITION_REGIONS)
		return -ENOSPC;
	p->ram[p->nr_ram++] = (struct guest_region){ gpa, hpa, size };
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

static void *table_alloc(void *ctx, u64 *phys)
{
	(void)ctx;
	return pool_alloc(1, phys);
}

static u64 *table_at(void *ctx, u64 phys)
{
	(void)ctx;
	return phys_to_virt(phys);
}

static int map_regions(struct slat *t, const struct guest_region *r, u32 nr,
		       u64 bits)
{
	int err = 0;

	for (; !err && nr; r++, nr--)
		err = slat_map(t, r->gpa, r->hpa, r->size, bits);
	return err;
}

int partition_map(struct partition *p, struct slat *t, u64 ram_bits,
		  u64 device_bits)
{
	int err;

	t->alloc = table_alloc;
	t->table = table_at;
	err = slat_init(t);
	if (!err)
		err = map_regions(t, p->ram, p->nr_ram, ram_bits);
	if (!err)
		err = map_regions(t, p->devices.memory, p->devices.nr_memory,
				  device_bits);
	if (!err && p->echo_pa)
		err = slat_map(t, GUEST_ECHO, p->echo_pa, PAGE_SIZE, ram_bits);
	p->second_level = t->root;
	return err ? err : eli_build_partition(p, t);
}

/* The page that the partition shares with the first sidecore. */
static int build_echo(struct partition *p, s32 sidecore)
{
	u64 va = SHARED_VMA + p->id * PAGE_SIZE;

	if (sidecore < 0)
		return 0;
	if (!pool_alloc(1, &p->echo_pa))
		return -ENOMEM;
	p->echo.page = (struct echo_page *)va;
	return paging_add_shared((u32)sidecore, va, p->echo_pa, PAGE_SIZE);
}

static const struct boot_module *find_module(const struct boot_info *bi,
					     const char *name)
{
	u32 i;

	for (i = 0; i < bi->nr_modules; i++)
		if (!strcmp(bi->modules[i].name, name))
			return &bi->modules[i];
	return NULL;
}

static void build_one(struct partition *p, const struct table_partition *c,
		      u32 id, const struct boot_info *bi)
{
	u32 n;

	p->config = c;
	p->id = id;
	p->mode = p->next_mode = c->mode;
	p->layout = layout_of(c->memory);
	p->kernel = find_module(bi, c->kernel);
	p->initrd = c->initrd[0] ? find_module(bi, c->initrd) : NULL;
	for (n = 0; n < c->nr_modules; n++)
		p->modules[n] = find_module(bi, c->modules[n]);
	fmt_snprintf(p->reason, sizeof(p->reason), "not started yet");
	for (n = 0; n < c->nr_cpus; n++)
		p->apic_id[n] = cpu_public[c->cpus[n]].apic_id;
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

static int build_tables(struct partition *p, const struct place_memory *m,
			s32 sidecore, char *error, size_t size)
{
	int err = p->config->identity ? fill_identity(p, m) :
					fill_regions(p, m);

	if (!err)
		err = build_echo(p, sidecore);
	if (!err)
		err = backend->build_partition(p);
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

int partitions_build(const struct table *t, const struct boot_info *bi,
		     struct place_map *map, char *error, size_t size)
{
	static struct place_memory memory[MAX_PARTITIONS];
	u32 i;
	int err;

	err = place_identities(t, map, memory, error, size);
	if (!err)
		err = place_others(t, map, memory, error, size);
	for (i = 0; i < t->nr_partitions && !err; i++) {
		build_one(&partitions[i], &t->partitions[i], i, bi);
		err = assign_devices(&partitions[i], error, size);
		if (!err)
			err = build_tables(&partitions[i], &memory[i],
					   t->first_sidecore, error, size);
	}
	nr_partitions = t->nr_partitions;
	return err;
}
