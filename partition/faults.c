// SPDX-License-Identifier: BSD-2-Clause
/*
 * What partitions' devices tried and must not.  A device that does not stop is
 * quarantined: it is no bus master, reaches nothing, and its faults are not
 * recorded.
 */
#include "core/clock.h"
#include "core/lib.h"
#include "core/log.h"
#include "partition/parts.h"

/* Faults that a device may have: so many at once, then one each so often. */
#define BUDGET	  16
#define BUDGET_MS 1000
/* Lines of them, of a partition, likewise. */
#define LINES	 8
#define LINES_MS 500
/* Units are asked so often, and have at most so many records each. */
#define POLL_MS	       10
#define FAULTS_AT_ONCE 256

/* What functions tried that are nobody's. */
static struct rate stray_budget, stray_lines;
static u64 next_poll;

static u16 address_of(const struct partition *p, u32 n)
{
	return table_device_address(&p->config->devices[n]);
}

static void attach(struct partition *p, u32 n)
{
	assign_quarantine(&p->devices, n, false);
	vtd_attach(address_of(p, n), p->attached ? &p->dma : NULL);
}

void faults_attach(struct partition *p, bool on)
{
	u32 n;

	spin_lock(&p->irq.lock);
	p->attached = on;
	for (n = 0; vtd_on() && n < p->config->nr_devices; n++) {
		attach(p, n);
		if (on)
			p->faults[n] = (struct device_faults){ 0 };
	}
	spin_unlock(&p->irq.lock);
}

static bool is_quarantined(const struct partition *p, u32 n)
{
	return p->devices.pci.function[n].quarantined;
}

/* One that is not quarantined goes on undisturbed. */
void faults_clear(struct partition *p)
{
	u32 n;

	spin_lock(&p->irq.lock);
	for (n = 0; n < p->config->nr_devices; n++) {
		if (is_quarantined(p, n))
			attach(p, n);
		p->faults[n] = (struct device_faults){ 0 };
	}
	spin_unlock(&p->irq.lock);
}

/* Whose device number *n it is; NULL: nobody's. */
static struct partition *owner_of(u16 address, u32 *n)
{
	struct partition *p;

	for (p = partitions; p < partitions + nr_partitions; p++)
		for (*n = 0; *n < p->config->nr_devices; (*n)++)
			if (address_of(p, *n) == address)
				return p;
	return NULL;
}

static const char *kind_of(const struct vtd_fault *f)
{
	return f->reason >= VTD_FAULT_INTERRUPT ? "interrupt by" :
	       f->write				? "DMA write to" :
						  "DMA read from";
}

static void report_fault(const char *name, const struct vtd_fault *f)
{
	log_printf("vtd: partition %s: device " PCI_NAME
		   ": %s %lxh blocked (%02xh)",
		   name, PCI_WORDS(f->address), kind_of(f), f->where,
		   f->reason);
}

/* 0, or how many faults it was quarantined after: this is the last. */
static u32 quarantine(struct partition *p, u32 n)
{
	struct device_faults *d = &p->faults[n];

	if (is_quarantined(p, n) ||
	    !rate_take(&d->budget, rdtsc(), clock_ms(BUDGET_MS), BUDGET))
		return 0;
	assign_quarantine(&p->devices, n, true);
	vtd_quarantine(address_of(p, n));
	return d->count;
}

static void take_fault(struct partition *p, u32 n, const struct vtd_fault *f)
{
	u32 faults;
	bool shown;

	spin_lock(&p->irq.lock);
	p->faults[n].count++;
	p->faults[n].last = *f;
	faults = quarantine(p, n);
	shown = !rate_take(&p->fault_lines, rdtsc(),
			   partition_log_ticks(p, LINES_MS), LINES);
	spin_unlock(&p->irq.lock);
	if (shown)
		report_fault(p->config->name, f);
	if (faults)
		log_printf("vtd: partition %s: device " PCI_NAME
			   ": quarantined after %u faults; faults clear %s "
			   "lifts it",
			   p->config->name, PCI_WORDS(f->address), faults,
			   p->config->name);
}

static void take_stray(const struct vtd_fault *f)
{
	u64 now = rdtsc();

	if (rate_take(&stray_budget, now, clock_ms(BUDGET_MS), BUDGET))
		vtd_quarantine(f->address);
	if (!rate_take(&stray_lines, now, clock_ms(LINES_MS) * nr_partitions,
		       LINES))
		report_fault("-", f);
}

void faults_look(void)
{
	struct partition *p;
	struct vtd_fault f;
	u32 i, n;

	for (i = 0; i < FAULTS_AT_ONCE && vtd_next_fault(&f); i++) {
		p = owner_of(f.address, &n);
		if (p)
			take_fault(p, n, &f);
		else
			take_stray(&f);
	}
}

void faults_poll(void)
{
	u64 now = rdtsc();

	if (now < next_poll)
		return;
	next_poll = now + clock_ms(POLL_MS);
	faults_look();
}

static void describe_device(struct partition *p, u32 n,
			    struct monitor_faults *out)
{
	const struct device_faults *d = &p->faults[n];

	spin_lock(&p->irq.lock);
	*out = (struct monitor_faults){
		.name = p->config->name,
		.address = address_of(p, n),
		.count = d->count,
		.kind = kind_of(&d->last),
		.where = d->last.where,
		.quarantined = is_quarantined(p, n),
	};
	spin_unlock(&p->irq.lock);
}

bool faults_describe(u32 i, struct monitor_faults *out)
{
	struct partition *p;

	for (p = partitions; p < partitions + nr_partitions; p++) {
		if (i < p->config->nr_devices) {
			describe_device(p, i, out);
			return true;
		}
		i -= p->config->nr_devices;
	}
	return false;
}
