// SPDX-License-Identifier: BSD-2-Clause
/* What a partition's devices reach, and what they tried to. */
#include "core/clock.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "partition/parts.h"

/* Lines of faults: so many at once, then one each so often. */
#define FAULT_BURST 8
#define FAULT_MS    500
/* Units are asked so often, and have at most so many records each. */
#define POLL_MS	       10
#define FAULTS_AT_ONCE 256

static struct rate fault_rate;
static u64 next_poll;

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

static void attach(const struct partition *p, const struct dma_domain *d)
{
	u32 i;

	for (i = 0; vtd_on() && i < p->config->nr_devices; i++)
		vtd_attach(table_device_address(&p->config->devices[i]), d);
}

static int start_dma(struct partition *p)
{
	attach(p, &p->dma);
	return 0;
}

static void stop_dma(struct partition *p)
{
	attach(p, NULL);
}

const struct part part_dma = {
	.name = "DMA",
	.build = build_dma,
	.start = start_dma,
	.stop = stop_dma,
};

/* Whose device it is; "-" is nobody's. */
static const char *owner_of(u16 address)
{
	const struct partition *p;

	for (p = partitions; p < partitions + nr_partitions; p++)
		if (assign_owns(&p->devices, address))
			return p->config->name;
	return "-";
}

static void report_fault(const struct vtd_fault *f)
{
	const char *what = f->reason >= VTD_FAULT_INTERRUPT ? "interrupt by" :
			   f->write			    ? "DMA write to" :
							      "DMA read from";

	if (!f->quarantined &&
	    rate_take(&fault_rate, rdtsc(), clock_ms(FAULT_MS), FAULT_BURST))
		return;
	log_printf("vtd: partition %s: device " PCI_NAME
		   ": %s %lxh blocked (%02xh)%s",
		   owner_of(f->address), PCI_WORDS(f->address), what, f->where,
		   f->reason, f->quarantined ? "; no more of it is shown" : "");
}

void dma_look(void)
{
	struct vtd_fault f;
	u32 i;

	for (i = 0; i < FAULTS_AT_ONCE && vtd_next_fault(&f); i++)
		report_fault(&f);
}

void dma_poll(void)
{
	u64 now = rdtsc();

	if (now < next_poll)
		return;
	next_poll = now + clock_ms(POLL_MS);
	dma_look();
}
