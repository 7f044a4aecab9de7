// SPDX-License-Identifier: BSD-2-Clause
/*
 * Follows each vCPU's IDT from page to page.
 *
 * The second-level tables are shared, and other cores may have a page in their
 * TLB as writable that is an IDT now.  Nobody waits for them: the tables have a
 * generation, every core flushes before it enters its guest again, and until
 * all that run have, the vCPU stays injecting.
 *
 * docs/decisions.md: Where the IDT is; Writes to an IDT are emulated; No
 * waiting for TLBs.
 */
#include "eli/track.h"
#include "apic/domain.h"
#include "apic/icr.h"
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "guest/memory.h"

/* Page-table entries, SDM vol. 3 section 4.5; accessed and dirty come and go.
 */
#define PTE_ADDRESS 0x000ffffffffff000UL
#define PTE_LARGE   BIT(7)
#define PTE_HISTORY (BIT(5) | BIT(6))

/* A page of what eli_build() has shown to this core. */
static u64 *own_page(const struct eli_partition *e, u64 phys)
{
	return (u64 *)(ELI_VMA + (phys - e->views.slat.root));
}

static u64 *table_at(void *ctx, u64 phys)
{
	return own_page(ctx, phys);
}

static u64 *shadow_of(const struct eli_partition *e, u32 vcpu)
{
	return own_page(e, e->shadows + vcpu * PAGE_SIZE);
}

/* With the lock held: the others are to flush before they run on. */
static void tables_changed(struct vcpu *v)
{
	struct irq_domain *d = v->domain;
	u64 others = __atomic_load_n(&d->running, __ATOMIC_ACQUIRE) &
		     ~BIT(v->index);

	__atomic_fetch_add(&d->eli->generation, 1, __ATOMIC_SEQ_CST);
	for (; others; others &= others - 1)
		cpu_request(d->cpu[__builtin_ctzl(others)], REQ_INTERRUPT);
}

void track_catch_up(struct vcpu *v)
{
	struct eli_partition *e = v->domain->eli;
	u64 now = __atomic_load_n(&e->generation, __ATOMIC_SEQ_CST);

	if (likely(e->flushed[v->index] == now))
		return;
	backend->flush_views();
	v->eli->built = false;
	__atomic_store_n(&e->flushed[v->index], now, __ATOMIC_SEQ_CST);
}

static bool all_flushed(const struct irq_domain *d)
{
	const struct eli_partition *e = d->eli;
	u64 now = __atomic_load_n(&e->generation, __ATOMIC_SEQ_CST);
	u64 running = __atomic_load_n(&d->running, __ATOMIC_SEQ_CST);

	for (; running; running &= running - 1)
		if (__atomic_load_n(&e->flushed[__builtin_ctzl(running)],
				    __ATOMIC_SEQ_CST) != now)
			return false;
	return true;
}

static void release(struct vcpu *v)
{
	if (views_release(&v->domain->eli->views, v->index))
		tables_changed(v);
	v->eli->built = false;
}

void track_none(struct vcpu *v)
{
	struct irq_domain *d = v->domain;

	if (d->eli->views.page[v->index] == VIEW_NO_PAGE)
		return;
	spin_lock(&d->lock);
	release(v);
	spin_unlock(&d->lock);
}

void track_reset(struct vcpu *v)
{
	struct eli_partition *e = v->domain->eli;

	track_none(v);
	__atomic_store_n(&e->refused[v->index], VIEW_NO_PAGE, __ATOMIC_RELEASE);
	/* No generation: whatever was flushed was another life's. */
	__atomic_store_n(&e->flushed[v->index], 0, __ATOMIC_SEQ_CST);
}

/* No vCPU has an IDT, or vectors of its own. */
static void forget(struct irq_domain *d)
{
	struct eli_partition *e = d->eli;
	u32 n;

	for (n = 0; n < d->nr; n++)
		views_release(&e->views, n);
	memset(e->owned, 0, sizeof(e->owned));
	__atomic_fetch_add(&e->generation, 1, __ATOMIC_SEQ_CST);
}

void eli_reset_domain(struct irq_domain *d)
{
	forget(d);
	memset(d->eli->known_as, 0, sizeof(d->eli->known_as));
}

void eli_change_domain(struct irq_domain *d)
{
	u32 n, vector;
	u8 *known;

	forget(d);
	for (n = 0; n < d->nr; n++) {
		known = d->eli->known_as[n];
		for (vector = ICR_FIRST_VECTOR; vector < VECTOR_COUNT; vector++)
			if (d->mode == MODE_DID || !known[vector])
				known[vector] = (u8)vector;
	}
}

/* With the lock held. */
static enum cause follow(struct vcpu *v, u64 page, u32 gate_size)
{
	struct eli_partition *e = v->domain->eli;
	u64 left;
	int err;

	release(v);
	if (shadow_page_shared(guest_map(v->ram, page, &left), gate_size))
		return CAUSE_INJECT_SHARED;
	if (all_flushed(v->domain))
		views_flushed(&e->views);
	err = views_protect(&e->views, v->index, page);
	if (err < 0)
		return err == -EBUSY ? CAUSE_INJECT_SETTLING :
				       CAUSE_INJECT_UNMAPPED;
	if (err)
		tables_changed(v);
	e->gate_size[v->index] = gate_size;
	return INJECT_NONE;
}

/*
 * Entry i of the way to the IDT is that of the table; 0: no RAM there.  SDM
 * vol. 3 section 4.5.4.
 */
static u64 entry_at(const struct vcpu *v, u64 table, u64 base, u32 i)
{
	u32 shift = PAGE_SHIFT + 9 * (ELI_WALK_LEVELS - 1 - i);
	u64 left;

	return guest_hpa(v->ram,
			 (table & PTE_ADDRESS) + 8 * (base >> shift & 511),
			 &left);
}

static u64 entry_value(u64 at)
{
	return *(u64 *)window_map(at) & ~PTE_HISTORY;
}

/*
 * Takes down the way that a full walk has just gone to this page, unless
 * another core of the guest's has changed it meanwhile.  No levels are known.
 */
static void note_walk(struct vcpu *v, const struct idt_register *r, u64 page)
{
	struct eli_entry *e = v->eli->walk;
	u64 table = r->cr3, size = BIT(PAGE_SHIFT + 9 * ELI_WALK_LEVELS);
	u32 levels = 0;

	v->eli->idt = *r;
	if (!(r->efer & EFER_LMA) || (r->cr4 & CR4_LA57))
		return;
	do {
		size >>= 9;
		e->at = entry_at(v, table, r->base, levels++);
		if (!e->at)
			return;
		e->value = table = entry_value(e->at);
		e++;
	} while (size > PAGE_SIZE && !(levels > 1 && (table & PTE_LARGE)));
	if ((table & PTE_ADDRESS & -size) + r->base % size == page)
		v->eli->levels = levels;
}

/* Other page tables, that nearly always share all but the top one. */
static bool same_top(struct vcpu *v, u64 cr3)
{
	u64 top = entry_at(v, cr3, v->eli->idt.base, 0);

	if (!top || entry_value(top) != v->eli->walk[0].value)
		return false;
	v->eli->walk[0].at = top;
	v->eli->idt.cr3 = cr3;
	return true;
}

/*
 * Is the IDT where it was?  Every exit asks, and the answer is nearly always
 * yes: registers and page-table entries are those of the last full walk.
 */
static bool unmoved(struct vcpu *v, const struct idt_register *r)
{
	const struct idt_register *was = &v->eli->idt;
	const struct eli_entry *e = v->eli->walk;
	const struct eli_entry *end = e + v->eli->levels;

	if (e == end || r->base != was->base || r->limit != was->limit ||
	    (r->cr0 ^ was->cr0) & CR0_PE || (r->cr4 ^ was->cr4) & CR4_LA57 ||
	    (r->efer ^ was->efer) & EFER_LMA)
		return false;
	if (r->cr3 != was->cr3 && !same_top(v, r->cr3))
		return false;
	for (; e < end; e++)
		if (entry_value(e->at) != e->value)
			return false;
	return true;
}

/* Where the guest's IDT is, if it is mapped RAM. */
static enum cause locate(struct vcpu *v, const struct idt_register *r,
			 u64 *page)
{
	struct vcpu_state s;
	struct walk_result w;
	u64 left;

	backend->get_state(&s);
	if (guest_translate(v, &s, r->base, WALK_IMPLICIT, &w) ||
	    !guest_hpa(v->ram, w.gpa, &left))
		return CAUSE_INJECT_UNMAPPED;
	*page = w.gpa;
	if (__atomic_load_n(&v->domain->eli->refused[v->index],
			    __ATOMIC_ACQUIRE) == *page)
		return CAUSE_INJECT_SHARED;
	note_walk(v, r, *page);
	return INJECT_NONE;
}

/*
 * The vCPU's view and shadow, by the tables and the IDT as they are.  False:
 * another core has given up the page meanwhile.
 */
static bool build(struct vcpu *v)
{
	struct irq_domain *d = v->domain;
	struct eli_partition *e = d->eli;
	u32 n = v->index;
	bool tracked;
	u64 left;

	spin_lock(&d->lock);
	tracked = e->views.page[n] != VIEW_NO_PAGE;
	if (!tracked)
		goto out;
	v->own_view = views_build(&e->views, n, e->shadows + n * PAGE_SIZE);
	shadow_update(shadow_of(e, n),
		      guest_map(e->ram, e->views.page[n], &left),
		      e->gate_size[n], e->owned[n], 0, PAGE_SIZE);
	v->eli->built = true;
out:
	spin_unlock(&d->lock);
	backend->flush_views();
	return tracked;
}

/* By a full walk of the guest's tables. */
static enum cause search(struct vcpu *v, const struct idt_register *r)
{
	struct irq_domain *d = v->domain;
	struct eli_partition *e = d->eli;
	enum cause reason;
	u32 gate_size;
	u64 page;

	v->eli->levels = 0;
	reason = shadow_refusal(r, &gate_size);
	if (reason == INJECT_NONE)
		reason = locate(v, r, &page);
	if (reason != INJECT_NONE) {
		track_none(v);
		return reason;
	}
	if (e->views.page[v->index] != page ||
	    e->gate_size[v->index] != gate_size) {
		spin_lock(&d->lock);
		reason = follow(v, page, gate_size);
		spin_unlock(&d->lock);
		if (reason != INJECT_NONE)
			return reason;
		track_catch_up(v);
	}
	if (!all_flushed(d) || (!v->eli->built && !build(v)))
		return CAUSE_INJECT_SETTLING;
	return INJECT_NONE;
}

enum cause track_idt(struct vcpu *v)
{
	struct idt_register r;

	backend->get_idt(&r);
	/* Built since the tables changed last, and all had flushed then. */
	if (likely(v->eli->built && unmoved(v, &r)))
		return INJECT_NONE;
	return search(v, &r);
}

bool eli_protects(const struct vcpu *v, u64 gpa)
{
	return v->mode == MODE_ELI &&
	       views_protected(&v->domain->eli->views, gpa);
}

bool eli_give_up(struct vcpu *v, u64 gpa)
{
	u64 page = ALIGN_DOWN(gpa, PAGE_SIZE);
	struct irq_domain *d = v->domain;
	struct eli_partition *e = d->eli;
	bool found = false;
	u64 left;
	u32 n;

	if (v->mode != MODE_ELI)
		return false;
	spin_lock(&d->lock);
	for (n = 0; n < d->nr; n++) {
		if (e->views.page[n] != page)
			continue;
		found = true;
		views_release(&e->views, n);
		__atomic_store_n(&e->refused[n], page, __ATOMIC_RELEASE);
	}
	if (found)
		tables_changed(v);
	spin_unlock(&d->lock);
	/* Another core has been faster: this one's TLB does not know. */
	if (!found && guest_hpa(v->ram, gpa, &left)) {
		backend->flush_views();
		found = true;
	}
	return found;
}

/* With the lock held: the shadow follows the guest's page. */
static void update(struct irq_domain *d, u32 n, u32 offset, u32 size)
{
	struct eli_partition *e = d->eli;
	u64 left;

	shadow_update(shadow_of(e, n),
		      guest_map(e->ram, e->views.page[n], &left),
		      e->gate_size[n], e->owned[n], offset, size);
}

void eli_wrote(struct vcpu *v, u64 gpa, u32 size)
{
	u64 page = ALIGN_DOWN(gpa, PAGE_SIZE);
	struct irq_domain *d = v->domain;
	u32 offset = gpa % PAGE_SIZE;
	bool shared = false;
	u32 n;

	if (!eli_protects(v, gpa))
		return;
	v->cause = CAUSE_EPT_IDT;
	spin_lock(&d->lock);
	for (n = 0; n < d->nr; n++) {
		if (d->eli->views.page[n] != page)
			continue;
		update(d, n, offset, size);
		shared |= offset + size > IDT_VECTORS * d->eli->gate_size[n];
	}
	spin_unlock(&d->lock);
	if (shared)
		eli_give_up(v, gpa);
}

void eli_know(struct irq_domain *d, u32 vcpu, u8 vector, u8 as)
{
	d->eli->known_as[vcpu][vector] = as;
}

bool eli_own(struct irq_domain *d, u32 vcpu, u8 vector, bool own)
{
	struct eli_partition *e = d->eli;

	if (vector < FIRST_INTERRUPT || vector == HOST_TIMER_VECTOR)
		return false;
	if (own)
		vectors_set(e->owned[vcpu], vector);
	else
		vectors_clear(e->owned[vcpu], vector);
	eli_know(d, vcpu, vector, vector);
	if (e->views.page[vcpu] != VIEW_NO_PAGE)
		update(d, vcpu, vector * e->gate_size[vcpu],
		       e->gate_size[vcpu]);
	return true;
}

/* To the cores of the partition. */
static int show(const struct irq_domain *d, u64 phys, u64 size)
{
	int err = 0;
	u32 n;

	for (n = 0; !err && n < d->nr; n++)
		err = paging_add_shared(d->cpu[n], ELI_VMA, phys, size);
	return err;
}

int eli_build(struct irq_domain *d, const struct guest_ram *ram,
	      const struct slat *t)
{
	u32 vcpus = d->nr, n;
	struct slat own = *t;
	struct eli_partition *e;
	u64 tables, self;

	if (!pool_alloc(VIEW_TABLES * vcpus, &tables))
		return -ENOMEM;
	e = pool_alloc(ALIGN_UP(sizeof(*e), PAGE_SIZE) / PAGE_SIZE, &self);
	if (!e || !pool_alloc(vcpus, &e->shadows))
		return -ENOMEM;
	d->eli = (struct eli_partition *)(ELI_VMA + (self - t->root));
	own.table = table_at;
	own.ctx = d->eli;
	views_init(&e->views, &own, vcpus, tables);
	e->ram = ram;
	e->generation = 1;
	for (n = 0; n < vcpus; n++)
		e->refused[n] = VIEW_NO_PAGE;
	/* The pool has handed out all of it, and the tables, in a row. */
	return show(d, t->root, e->shadows + vcpus * PAGE_SIZE - t->root);
}
