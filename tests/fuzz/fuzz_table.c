// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a partition table: parsed, checked against machines, explained.
 * What is accepted must keep the promises that the boot relies on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "table/table.h"
#include "tools/table_explain.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define ENSURE(condition)                                                  \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%d: %s\n", __LINE__, #condition); \
			abort();                                           \
		}                                                          \
	} while (0)

static struct table table;
static unsigned int nr_diags;

static void diag(void *ctx, unsigned int line, unsigned int col,
		 const char *text)
{
	ENSURE(ctx == &table);
	ENSURE(line >= 1 && col >= 1 && col <= TABLE_MAX_LINE + 1);
	ENSURE(strstr(text, "; "));
	for (; *text; text++)
		ENSURE(*text >= ' ' && *text <= '~');
	ENSURE(++nr_diags <= TABLE_MAX_ERRORS + 1);
}

static void print(void *ctx, const char *line)
{
	ENSURE(ctx == &table);
	ENSURE(strlen(line) < 319);
	for (; *line; line++)
		ENSURE((*line >= ' ' && *line <= '~') || *line == '\t');
}

static bool ended(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

/* True of a refused table too. */
static void ensure_well_formed(void)
{
	const struct table_partition *p = table.partitions;
	u32 i;

	ENSURE(table.nr_partitions <= MAX_PARTITIONS);
	ENSURE(table.first_sidecore < (s32)MAX_CPUS);
	for (; p < table.partitions + table.nr_partitions; p++) {
		ENSURE(p->nr_cpus <= MAX_VCPUS);
		ENSURE(p->nr_modules <= TABLE_MAX_MODULES);
		ENSURE(p->nr_devices <= TABLE_MAX_DEVICES);
		ENSURE(p->memory <= TABLE_MAX_MEMORY);
		ENSURE(ended(p->name, sizeof(p->name)));
		ENSURE(ended(p->kernel, sizeof(p->kernel)));
		ENSURE(ended(p->initrd, sizeof(p->initrd)));
		ENSURE(ended(p->cmdline, sizeof(p->cmdline)));
		for (i = 0; i < p->nr_modules; i++)
			ENSURE(ended(p->modules[i], sizeof(p->modules[i])));
		for (i = 0; i < p->nr_cpus; i++)
			ENSURE(p->cpus[i] < MAX_CPUS);
	}
}

static void ensure_name(const struct table_partition *p)
{
	const struct table_partition *o;

	ENSURE(p->name[0]);
	ENSURE(strspn(p->name, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
	       strlen(p->name));
	for (o = table.partitions; o < p; o++)
		ENSURE(strcmp(o->name, p->name));
}

static void ensure_cpus(const struct table_partition *p, struct cpu_set *taken)
{
	u32 i;

	ENSURE(p->nr_cpus);
	for (i = 0; i < p->nr_cpus; i++) {
		ENSURE(!cpu_set_has(taken, p->cpus[i]));
		cpu_set_add(taken, p->cpus[i]);
	}
}

static void ensure_console(const struct table_partition *p, u32 *ports)
{
	if (p->console == TABLE_CONSOLE_LOG) {
		ENSURE(table.log != TABLE_CONSOLE_NONE);
	} else if (p->console != TABLE_CONSOLE_NONE) {
		ENSURE(!(*ports & BIT(p->console)));
		*ports |= (u32)BIT(p->console);
	}
}

static void ensure_boot(const struct table_partition *p)
{
	ENSURE(p->kernel[0] && !strchr(p->kernel, '/'));
	ENSURE(p->boot == TABLE_LINUX || !p->initrd[0]);
	ENSURE(p->boot == TABLE_MULTIBOOT || !p->nr_modules);
	ENSURE(p->memory && p->memory % SIZE_2M == 0);
	ENSURE(p->boot != TABLE_LINUX || p->memory >= TABLE_MIN_MEMORY_LINUX);
	if (p->restart == TABLE_RESTART_COUNT)
		ENSURE(p->restart_count &&
		       p->restart_count <= TABLE_MAX_RESTARTS);
}

static void ensure_iommu(const struct table_partition *p)
{
	if (p->identity) {
		ENSURE(p->iommu == TABLE_IOMMU_NONE);
		ENSURE(p->memory < 4 * SIZE_1G);
	}
	if (p->iommu == TABLE_IOMMU_SIDECORE)
		ENSURE(table.first_sidecore >= 0);
	if (p->teardown.kind == TABLE_STRICT)
		return;
	ENSURE(p->iommu != TABLE_IOMMU_NONE);
	ENSURE(p->teardown.time_us &&
	       p->teardown.time_us <= TABLE_MAX_TEARDOWN_US);
	ENSURE(p->teardown.pages &&
	       p->teardown.pages <= TABLE_MAX_TEARDOWN_PAGES);
}

static bool same_device(const struct table_device *a,
			const struct table_device *b)
{
	return a->segment == b->segment && a->bus == b->bus &&
	       a->device == b->device && a->function == b->function &&
	       (!a->has_vf || !b->has_vf || a->vf == b->vf);
}

static void ensure_alone(const struct table_device *d)
{
	const struct table_partition *o = table.partitions;
	u32 i;

	for (; o < table.partitions + table.nr_partitions; o++)
		for (i = 0; i < o->nr_devices; i++)
			ENSURE(d == &o->devices[i] ||
			       !same_device(d, &o->devices[i]));
}

static void ensure_devices(const struct table_partition *p)
{
	u32 i;

	for (i = 0; i < p->nr_devices; i++) {
		ensure_alone(&p->devices[i]);
		ENSURE(p->devices[i].device < 32);
		ENSURE(p->devices[i].function < 8);
		ENSURE(!p->devices[i].has_vf || !p->devices[i].has_intx);
	}
}

static void ensure_accepted(void)
{
	const struct table_partition *p = table.partitions;
	u32 ports = (u32)BIT(table.log);
	struct cpu_set taken = table.sidecores;

	ENSURE(table.nr_partitions);
	ENSURE(table.first_sidecore < 0 ||
	       cpu_set_has(&table.sidecores, (u32)table.first_sidecore));
	for (; p < table.partitions + table.nr_partitions; p++) {
		ensure_name(p);
		ensure_cpus(p, &taken);
		ensure_boot(p);
		ensure_console(p, &ports);
		ensure_iommu(p);
		ensure_devices(p);
	}
}

static void check(const struct table_machine *m)
{
	int ret;

	nr_diags = 0;
	ret = table_check(&table, m, diag, &table);
	ENSURE(ret == (nr_diags ? -EINVAL : 0));
}

static void check_all(void)
{
	static const char *const names[] = { "vmlinuz", "k", "initrd.img" };
	struct table_machine none = { .nr_cpus = 1 };
	struct table_machine big = {
		.nr_cpus = MAX_CPUS,
		.memory = 1UL << 50,
		.modules = names,
		.nr_modules = ARRAY_SIZE(names),
		.iommu = true,
		.com_ports = 15,
	};
	u32 i;
	int ret;

	for (i = 0; i < MAX_CPUS; i++)
		big.core_of[i] = i / 2;
	cpu_set_add(&big.idle, 7);
	check(&none);
	check(&big);
	nr_diags = 0;
	ret = table_supported(&table, diag, &table);
	ENSURE(ret == (nr_diags ? -EINVAL : 0));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	int ret;

	nr_diags = 0;
	ret = table_parse((const char *)data, size, &table, diag, &table);
	ENSURE(ret == (nr_diags ? -EINVAL : 0));
	ensure_well_formed();
	check_all();
	if (ret)
		return 0;
	ensure_accepted();
	table_explain(&table, print, &table);
	return 0;
}
