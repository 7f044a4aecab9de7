// SPDX-License-Identifier: BSD-2-Clause
/* What a partition's devices reach. */
#include "core/lib.h"
#include "core/mem.h"
#include "partition/parts.h"

static const char *why_not(int err)
{
	switch (err) {
	case -ENODEV:
		return "no IOMMU has it; remove it";
	case -EBUSY:
		return "the firmware uses it itself (RMRR); remove it";
	default:
		return "no memory for its context; ask for less";
	}
}

static int claim(const struct partition *p, char *error, size_t size)
{
	const struct table_device *d = p->config->devices;
	int err = 0;

	for (; !err && d < p->config->devices + p->config->nr_devices; d++) {
		err = vtd_claim(table_device_address(d));
		if (err)
			fmt_snprintf(error, size,
				     "partition %s: device "
				     "0000:%02x:%02x.%x: %s",
				     p->config->name, d->bus, d->device,
				     d->function, why_not(err));
	}
	return err;
}

/* RAM, as the guest sees it; devices do not reach each other. */
static int build_tables(struct partition *p)
{
	struct slat t = { .alloc = pool_table, .table = pool_table_at };
	int err;

	vtd_format(&t);
	err = slat_init(&t);
	if (!err)
		err = map_regions(&t, p->ram.region, p->ram.nr, vtd_leaf());
	return err ? err : vtd_domain(&p->dma, &t);
}

static int build_dma(struct partition *p, char *error, size_t size)
{
	int err;

	if (!vtd_on() || !p->config->nr_devices)
		return 0;
	err = build_tables(p);
	if (err) {
		fmt_snprintf(error, size,
			     "partition %s: no tables for the DMA of its "
			     "devices (%d); ask for less memory",
			     p->config->name, -err);
		return err;
	}
	return claim(p, error, size);
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
