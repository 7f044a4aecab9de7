// SPDX-License-Identifier: BSD-2-Clause
/*
 * What devices reach: root table, contexts, domains; chapters 3, 6 and 9 of the
 * VT-d specification.  All units share them: a unit has no use for the entries
 * of others' functions.
 */
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "drivers/pci_regs.h"
#include "vtd/unit.h"

#define FUNCTIONS 256
#define PTE_BITS  (PTE_READ | PTE_WRITE)

/* Guards contexts that are in use, and the order of their flushes. */
static struct spinlock lock;
/* What the firmware's devices reach. */
static struct dma_domain reserved;

static struct vtd_entry *context_of(u16 address)
{
	struct vtd_entry *bus = vtd.contexts[address >> 8];

	return bus ? &bus[address & 0xff] : NULL;
}

void vtd_format(struct slat *t)
{
	t->table_bits = PTE_BITS;
	t->large_1g = vtd.cap & CAP_1G;
	t->small_only = !(vtd.cap & CAP_2M);
}

u64 vtd_leaf(void)
{
	return PTE_BITS | (vtd.ecap & ECAP_SC ? PTE_SNOOP : 0);
}

/* Domain 0 is not used: units in caching mode have it for themselves (6.1). */
int vtd_domain(struct dma_domain *d, const struct slat *t)
{
	const u64 *top = t->table(t->ctx, t->root);
	u32 i;

	if (vtd.nr_domains + 1U >= vtd.domains)
		return -ENOSPC;
	d->table = t->root;
	if (vtd.levels == 3) {
		for (i = 1; i < SLAT_ENTRIES; i++)
			if (top[i])
				return -ERANGE;
		d->table = top[0] & SLAT_ADDRESS;
	}
	d->id = ++vtd.nr_domains;
	if (!(vtd.ecap & ECAP_C))
		vtd_write_back_all();
	return 0;
}

/* --- attach --- */

/* In this order, each complete before the next (6.5.3.3). */
static void flush_function(u16 address, u16 context_domain, u16 domain)
{
	struct vtd_unit *u;

	for (u = vtd.unit; u < vtd.unit + vtd.nr; u++) {
		if (u->segment)
			continue;
		vtd_flush(u, desc_context(context_domain, address));
		vtd_flush(u, desc_iotlb(u->cap, domain));
	}
}

/* In caching mode one that was not there is remembered, too, with its FPD. */
static void block(struct vtd_entry *e, u16 address, u64 fpd)
{
	bool cached = (e->lo & VTD_PRESENT) || vtd.caching;

	*(volatile u64 *)&e->lo = fpd;
	vtd_written(e, sizeof(*e));
	if (cached && vtd.on)
		flush_function(address, context_domain(e), context_domain(e));
	e->hi = 0;
}

/* The upper half first; then a unit sees all of it or nothing. */
static void set_context(struct vtd_entry *e, u16 address,
			const struct dma_domain *d)
{
	struct vtd_entry new = context_entry(d->table, vtd.levels, d->id);
	struct vtd_unit *u;

	*(volatile u64 *)&e->hi = new.hi;
	*(volatile u64 *)&e->lo = new.lo;
	vtd_written(e, sizeof(*e));
	if (!vtd.on)
		return;
	for (u = vtd.unit; u < vtd.unit + vtd.nr; u++)
		vtd_flush_buffers(u);
	/* Such units remember, as domain 0's, that it was not there (6.1). */
	if (vtd.caching)
		flush_function(address, 0, d->id);
}

void vtd_attach(u16 address, const struct dma_domain *d)
{
	struct vtd_entry *e = context_of(address);

	if (!e)
		panic("vtd: nobody has claimed %04x", address);
	spin_lock(&lock);
	block(e, address, 0);
	if (d)
		set_context(e, address, d);
	spin_unlock(&lock);
}

void vtd_quarantine(u16 address)
{
	struct vtd_entry *e = context_of(address);

	if (!e)
		return;
	spin_lock(&lock);
	block(e, address, VTD_FPD);
	spin_unlock(&lock);
}

static u32 present_on(const struct vtd_entry *bus)
{
	u32 i, n = 0;

	for (i = 0; bus && i < FUNCTIONS; i++)
		n += bus[i].lo & VTD_PRESENT;
	return n;
}

void vtd_use(struct vtd_use *use)
{
	u32 bus;

	*use = (struct vtd_use){
		.domains = vtd.nr_domains,
		.entries = vtd_entries_present(),
	};
	for (bus = 0; bus < PCI_BUSES; bus++)
		use->contexts += present_on(vtd.contexts[bus]);
}

/* --- boot --- */

/* From now on a function has a context, for the domain or NULL. */
static int make_context(u16 address, const struct dma_domain *d)
{
	u32 bus = address >> 8;
	u64 phys;

	if (!vtd.contexts[bus]) {
		vtd.contexts[bus] = vtd_alloc(FUNCTIONS * sizeof(*vtd.root),
					      &phys);
		if (!vtd.contexts[bus])
			return -ENOMEM;
		vtd_written(vtd.contexts[bus], FUNCTIONS * sizeof(*vtd.root));
		*(volatile u64 *)&vtd.root[bus].lo = root_entry(phys).lo;
		vtd_written(&vtd.root[bus], sizeof(*vtd.root));
	}
	vtd_attach(address, d);
	return 0;
}

static bool is_reserved(u16 address)
{
	struct dmar_reserved r;
	u32 at = 0;

	while (dmar_next_reserved(vtd.dmar, &at, &r))
		if (!r.segment &&
		    dmar_holds(vtd.dmar, r.scopes, address, vtd.read))
			return true;
	return false;
}

/* Whose driver takes the device away from the firmware. */
static bool is_handed_over(u16 address)
{
	u32 class = vtd.read(address, PCI_REVISION);

	return class >> PCI_SUBCLASS_SHIFT == PCI_SUBCLASS_USB ||
	       class >> PCI_CLASS_SHIFT == PCI_CLASS_DISPLAY;
}

int vtd_claim(u16 address)
{
	if (dmar_unit_of(vtd.dmar, address, vtd.read) < 0)
		return -ENODEV;
	if (is_reserved(address) && !is_handed_over(address))
		return -EBUSY;
	return make_context(address, NULL);
}

/* Several may be the same, for several devices. */
static int map_reserved(struct slat *t)
{
	struct dmar_reserved r;
	u32 at = 0;
	u64 base;
	int err;

	while (dmar_next_reserved(vtd.dmar, &at, &r)) {
		base = ALIGN_DOWN(r.base, PAGE_SIZE);
		err = slat_map(t, base, base,
			       ALIGN_UP(r.limit + 1, PAGE_SIZE) - base,
			       vtd_leaf());
		if (err && err != -EBUSY)
			return err;
	}
	return 0;
}

static int attach_reserved(const struct dmar_reserved *r)
{
	struct dmar_scopes scopes = r->scopes;
	struct dmar_scope s;
	s32 address;
	int err = 0;

	while (!err && dmar_next_scope(vtd.dmar, &scopes, &s)) {
		address = dmar_address(vtd.dmar, &s, vtd.read);
		if (s.type == DMAR_ENDPOINT && address >= 0)
			err = make_context((u16)address, &reserved);
	}
	return err;
}

static int prepare_reserved(void)
{
	struct slat t = { .alloc = pool_table, .table = pool_table_at };
	struct dmar_reserved r;
	u32 at = 0;
	int err;

	vtd_format(&t);
	err = slat_init(&t);
	if (!err)
		err = map_reserved(&t);
	if (!err)
		err = vtd_domain(&reserved, &t);
	while (!err && dmar_next_reserved(vtd.dmar, &at, &r))
		if (!r.segment)
			err = attach_reserved(&r);
	return err;
}

int vtd_dma_prepare(char *error, size_t size)
{
	const u64 bytes = PCI_BUSES * sizeof(*vtd.root);
	int err = -ENOMEM;

	vtd.root = vtd_alloc(bytes, &vtd.root_pa);
	if (vtd.root && vtd_alloc(bytes, &vtd.blocked_pa))
		err = prepare_reserved();
	if (err)
		fmt_snprintf(error, size,
			     "vtd: the memory of the firmware's devices can't "
			     "be mapped (%d)",
			     -err);
	return err;
}
