// SPDX-License-Identifier: BSD-2-Clause
/* What a partition's devices reach. */
#include "core/lib.h"
#include "core/mem.h"
#include "partition/parts.h"

/* RAM, as the guest sees it; devices do not reach each other. */
static int build_dma(struct partition *p, char *error, size_t size)
{
	struct slat t = { .alloc = pool_table, .table = pool_table_at };
	int err;

	if (!vtd_on() || !p->config->nr_devices)
		return 0;
	vtd_format(&t);
	err = slat_init(&t);
	if (!err)
		err = map_regions(&t, p->ram.region, p->ram.nr, vtd_leaf());
	if (!err)
		err = vtd_domain(&p->dma, &t);
	if (err)
		fmt_snprintf(error, size,
			     "partition %s: no tables for the DMA of its "
			     "devices (%d); ask for less memory",
			     p->config->name, -err);
	return err;
}

static int start_dma(struct partition *p)
{
	faults_attach(p, true);
	return 0;
}

static void stop_dma(struct partition *p)
{
	faults_attach(p, false);
}

const struct part part_dma = {
	.name = "DMA",
	.build = build_dma,
	.start = start_dma,
	.stop = stop_dma,
};
