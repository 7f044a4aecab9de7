// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the machine's units have in common, and how each is taken over: chapters
 * 6 and 11 of the VT-d specification.
 */
#include "vtd/unit.h"
#include "core/clock.h"
#include "core/lib.h"
#include "core/log.h"

/* Fault event control (11.4.9.2), protected memory (11.4.11) */
#define FECTL_IM  BIT(31)
#define PMEN_EPM  BIT(31)
#define PMEN_PRS  BIT(0)
#define IRTA_EIME BIT(11)

struct vtd vtd;

int vtd_await(const struct vtd_unit *u, u32 reg, u32 mask, u32 wanted)
{
	u64 end = rdtsc() + clock_ms(VTD_LIMIT_MS);

	while ((vtd_read32(u, reg) & mask) != (wanted & mask)) {
		if (rdtsc() > end)
			return -ETIMEDOUT;
		cpu_pause();
	}
	return 0;
}

/* 11.4.4.1: one at a time, the others as they are, no one-shot again. */
int vtd_control(const struct vtd_unit *u, u32 control, bool on)
{
	u32 status = vtd_read32(u, VTD_GSTS) & GCMD_KEPT;
	u32 wanted = on ? control : 0;

	vtd_write32(u, VTD_GCMD, (status & ~control) | wanted);
	return vtd_await(u, VTD_GSTS, control, wanted);
}

void vtd_written(const volatile void *p, size_t size)
{
	if (!(vtd.ecap & ECAP_C))
		vtd_write_back(p, size);
}

static int refuse(char *error, size_t size, const struct vtd_unit *u,
		  const char *why)
{
	fmt_snprintf(error, size, "the IOMMU at %lxh %s", u->base, why);
	return -ENODEV;
}

/* The features of all, the lowest of the limits. */
static void add_unit(const struct vtd_unit *u)
{
	vtd.cap &= u->cap;
	vtd.ecap &= u->ecap;
	vtd.caching |= (u->cap & CAP_CM) != 0;
	vtd.domains = MIN(vtd.domains, CAP_DOMAINS(u->cap));
	vtd.width = MIN(vtd.width, (u32)CAP_MGAW(u->cap));
}

/* Has it what Ashlar can't do without? */
static int probe_unit(const struct dmar_unit *d, char *error, size_t size)
{
	struct vtd_unit *u = &vtd.unit[vtd.nr++];

	*u = (struct vtd_unit){ .base = d->base, .segment = d->segment };
	if (u->base >> 32)
		return refuse(error, size, u, "is not below 4 GiB");
	if (vtd_map(u->base, PAGE_SIZE))
		return refuse(error, size, u, "finds no memory");
	u->cap = vtd_read64(u, VTD_CAP);
	u->ecap = vtd_read64(u, VTD_ECAP);
	if (u->cap == ~0UL || u->ecap == ~0UL || !u->cap || !u->ecap)
		return refuse(error, size, u, "is not there");
	if (!(u->ecap & ECAP_QI))
		return refuse(error, size, u, "has no queued invalidation");
	/* As far as the registers that are used go. */
	if (vtd_map(u->base, CAP_FRO(u->cap) + 16 * CAP_NFR(u->cap)))
		return refuse(error, size, u, "finds no memory");
	add_unit(u);
	return 0;
}

/* The most levels that all have. */
static int choose_levels(char *error, size_t size)
{
	if (vtd.cap & CAP_SAGAW_48)
		vtd.levels = 4;
	else if (vtd.cap & CAP_SAGAW_39)
		vtd.levels = 3;
	else
		return refuse(error, size, &vtd.unit[0],
			      "and the others have no tables of 3 or 4 levels "
			      "in common");
	vtd.width = MIN(vtd.width, 12 + 9 * vtd.levels);
	return 0;
}

int vtd_probe(const struct dmar *d, pci_reader *read, char *error, size_t size)
{
	struct dmar_unit unit;
	u32 at = 0;
	int err = 0;

	vtd = (struct vtd){
		.dmar = d,
		.read = read,
		.cap = ~0UL,
		.ecap = ~0UL,
		.domains = ~0U,
		.width = ~0U,
	};
	while (!err && dmar_next_unit(d, &at, &unit))
		err = probe_unit(&unit, error, size);
	return err ? err : choose_levels(error, size);
}

/* --- the steps, in order --- */

/* Faults are looked for, not announced; what there is is not Ashlar's. */
static int quiet_faults(struct vtd_unit *u)
{
	u32 i;

	vtd_write32(u, VTD_FECTL, FECTL_IM);
	for (i = 0; i < CAP_NFR(u->cap); i++)
		vtd_write32(u, CAP_FRO(u->cap) + 16 * i + 12, 1U << 31);
	vtd_write32(u, VTD_FSTS, FSTS_PFO | FSTS_QUEUE);
	return 0;
}

static int set_irta(struct vtd_unit *u)
{
	vtd_write64(u, VTD_IRTA,
		    vtd.irte_pa | (vtd.eim ? IRTA_EIME : 0) | VTD_IRTA_SIZE);
	return 0;
}

static int flush_irtes(struct vtd_unit *u)
{
	return vtd_queue_run(u, desc_iec_all());
}

static int set_root(struct vtd_unit *u)
{
	vtd_write64(u, VTD_RTADDR, u->segment ? vtd.blocked_pa : vtd.root_pa);
	return 0;
}

static int flush_contexts(struct vtd_unit *u)
{
	vtd_flush_buffers(u);
	return vtd_queue_run(u, desc_context_all());
}

static int flush_iotlb(struct vtd_unit *u)
{
	return vtd_queue_run(u, desc_iotlb_all(u->cap));
}

static int stop_protection(struct vtd_unit *u)
{
	if (!(u->cap & CAP_PMR))
		return 0;
	vtd_write32(u, VTD_PMEN, vtd_read32(u, VTD_PMEN) & ~(u32)PMEN_EPM);
	return vtd_await(u, VTD_PMEN, PMEN_PRS, 0);
}

/*
 * Nobody is a bus master, so nothing slips through while translation is off.
 * Protected memory is the last to go, or there would be a gap.
 */
static const struct step {
	const char *what;
	int (*run)(struct vtd_unit *u);
	u32 on, off;	 /* then these controls, in this order */
	bool interrupts; /* only where they are remapped */
} steps[] = {
	{ "faults", .run = quiet_faults },
	{ "translation off", .off = GCMD_TE },
	{ "interrupt remapping off", .off = GCMD_IRE },
	{ "queue off", .run = vtd_queue_stop },
	{ "queue on", .run = vtd_queue_start },
	{ "interrupt table", .run = set_irta, .on = GCMD_SIRTP,
	  .interrupts = true },
	{ "flush of interrupts", .run = flush_irtes, .interrupts = true },
	{ "interrupt remapping on", .on = GCMD_IRE, .off = GCMD_CFI,
	  .interrupts = true },
	{ "root table", .run = set_root, .on = GCMD_SRTP },
	{ "flush of contexts", .run = flush_contexts },
	{ "flush of translations", .run = flush_iotlb },
	{ "translation on", .on = GCMD_TE },
	{ "protected memory off", .run = stop_protection },
};

static int run_step(struct vtd_unit *u, const struct step *s)
{
	int err = s->run ? s->run(u) : 0;

	if (!err && s->on)
		err = vtd_control(u, s->on, true);
	if (!err && s->off)
		err = vtd_control(u, s->off, false);
	return err;
}

static int take_over_unit(struct vtd_unit *u, char *error, size_t size)
{
	const struct step *s;
	int err = 0;

	for (s = steps; !err && s < steps + ARRAY_SIZE(steps); s++) {
		if (s->interrupts && !vtd.remaps)
			continue;
		err = run_step(u, s);
		if (err)
			fmt_snprintf(error, size,
				     "the IOMMU at %lxh fails: %s (%d); switch "
				     "VT-d off in the firmware's setup",
				     u->base, s->what, -err);
	}
	return err;
}

/* Is there a reason not to remap interrupts? */
static void choose_remapping(const struct acpi_info *acpi)
{
	char why[96] = "";

	if (!(vtd.dmar->flags & DMAR_INTR_REMAP))
		fmt_snprintf(why, sizeof(why), "the firmware says so");
	else if (!(vtd.ecap & ECAP_IR))
		fmt_snprintf(why, sizeof(why), "not all IOMMUs can");
	else
		vtd_remap_prepare(acpi, why, sizeof(why));
	vtd.remaps = !why[0];
	if (!vtd.remaps)
		log_printf("warning: vtd: interrupts are not remapped, devices "
			   "can send any: %s",
			   why);
}

/* 8.1: the firmware may have its reasons against 32-bit destinations. */
static void report_units(void)
{
	if (vtd.dmar->flags & DMAR_X2APIC_OPT_OUT)
		log_printf("warning: vtd: the firmware wants no x2APIC, which "
			   "Ashlar needs; only its form of interrupts is left "
			   "out");
	log_printf("vtd: %u unit%s, %u bits%s%s%s%s", vtd.nr,
		   vtd.nr == 1 ? "" : "s", vtd.width,
		   vtd.cap & CAP_2M ? "" : ", no large pages",
		   vtd.caching ? ", caching mode" : "",
		   vtd.remaps ? ", interrupts remapped" : "",
		   vtd.remaps && !vtd.eim ? " for APIC ids up to 254" : "");
}

int vtd_take_over(const struct acpi_info *acpi, char *error, size_t size)
{
	u32 i;
	int err;

	vtd.eim = (vtd.ecap & ECAP_EIM) &&
		  !(vtd.dmar->flags & DMAR_X2APIC_OPT_OUT);
	choose_remapping(acpi);
	err = vtd_dma_prepare(error, size);
	if (!(vtd.ecap & ECAP_C))
		vtd_write_back_all();
	for (i = 0; !err && i < vtd.nr; i++)
		err = take_over_unit(&vtd.unit[i], error, size);
	if (err)
		return err;
	vtd.on = true;
	report_units();
	return 0;
}

bool vtd_on(void)
{
	return vtd.on;
}

bool vtd_remaps(void)
{
	return vtd.remaps;
}
