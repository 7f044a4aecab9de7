// SPDX-License-Identifier: BSD-2-Clause
/* The decision where each device's interrupt goes. */
#include "eli/route.h"
#include "apic/ioapic.h"
#include "core/lapic.h"
#include "core/log.h"
#include "core/percpu.h"
#include "eli/eli.h"

/* Vectors that messages may have when the host takes them. */
#define FIRST_TAKEN 0x20
#define LAST_TAKEN  0xcf

static struct route *routes;
static s32 relay_cpu;
/*
 * Guards all routes; a domain's lock is taken before it.  Held for one route at
 * a time, and so for one flush: domains share it.
 */
static struct spinlock lock;

void routes_init(s32 sidecore)
{
	relay_cpu = sidecore;
}

void route_add(struct route *r)
{
	r->out.masked = true;
	r->next = routes;
	routes = r;
}

/* The first of a domain's from r on; NULL: none. */
static struct route *of_domain(struct route *r, const struct irq_domain *d)
{
	while (r && r->domain != d)
		r = r->next;
	return r;
}

#define for_each_route(r, d) \
	for (r = of_domain(routes, d); r; r = of_domain(r->next, d))

static bool holds_level(const struct route_out *out, u8 vector)
{
	return out->level && out->vector == vector;
}

/*
 * Would a level-triggered source share its vector with another domain's, as
 * that is or when the host takes it?  What one has been offered is its own to
 * those who have not.
 */
static bool level_clash(const struct route *mine)
{
	u8 vector = mine->want.vector;
	const struct route *r;

	if (!mine->want.level)
		return false;
	for (r = routes; r; r = r->next)
		if (r->domain != mine->domain &&
		    (vector == r->host_vector || holds_level(&r->out, vector) ||
		     (r->offered == vector && mine->offered != vector)))
			return true;
	return false;
}

/* Is the guest's vector, on that core, what the host takes another by? */
static bool stands_in(const struct route *mine)
{
	const struct route *r;

	for_each_route(r, mine->domain)
	{
		if (r != mine && r->vcpu == mine->vcpu &&
		    r->how == ROUTE_TAKEN &&
		    r->want.vector != mine->want.vector &&
		    r->out.vector == mine->want.vector)
			return true;
	}
	return false;
}

/* By which the host can take a message; 0: all are in use. */
static u8 free_vector(const struct route *mine)
{
	u64 used[VECTOR_WORDS] = { 0 };
	u8 vector = mine->want.vector;
	const struct route *r;

	if (vector >= FIRST_TAKEN && vector <= LAST_TAKEN && !stands_in(mine))
		return vector;
	for_each_route(r, mine->domain)
	{
		if (r != mine && r->vcpu == mine->vcpu && r->how != ROUTE_OFF)
			vectors_set(used, r->out.vector);
	}
	for (vector = LAST_TAKEN; vector >= FIRST_TAKEN; vector--)
		if (!vectors_test(used, vector))
			return vector;
	return 0;
}

static void take_message(struct route *r)
{
	r->out.vector = free_vector(r);
	if (r->out.vector)
		eli_know(r->domain, r->vcpu, r->out.vector, r->want.vector);
	else
		r->out.masked = true;
}

/* Mode `did`, and the change to it is through. */
static bool owns_core(const struct route *r)
{
	return r->domain->mode == MODE_DID &&
	       domain_owns_apic(r->domain, r->vcpu);
}

/* By the guest's vector, which the host still takes on its way to `did`. */
static bool can_come_through(u8 vector)
{
	return vector >= FIRST_TAKEN && vector != HOST_TIMER_VECTOR;
}

/* Can the guest have the source to itself?  In mode `eli` its vCPU is told. */
static bool can_be_direct(const struct route *r)
{
	struct irq_domain *d = r->domain;

	if (d->mode == MODE_EXIT || level_clash(r))
		return false;
	if (d->mode == MODE_DID)
		return owns_core(r) ||
		       (can_come_through(r->want.vector) && !stands_in(r));
	/* A stand-in must not reach the guest as its own. */
	return !stands_in(r) && eli_own(d, r->vcpu, r->want.vector, true);
}

static bool can_relay(void)
{
	return relay_cpu >= 0 && ioapic_reaches(cpu_public[relay_cpu].apic_id);
}

/*
 * A core in mode `did` takes no interrupts for the host, so the first sidecore
 * does; but not before the EOIs of the vCPU exit, which end the interrupt.
 */
static void relay(struct route *r)
{
	r->clash = true;
	if (!can_relay()) {
		r->out.masked = true;
		return;
	}
	r->how = ROUTE_RELAYED;
	r->out.apic_id = cpu_public[relay_cpu].apic_id;
	r->out.vector = r->host_vector;
	if (!(r->domain->eois_exit >> r->vcpu & 1))
		r->out.masked = true;
}

/* Whatever is wanted now: the EOI comes from where it went. */
static bool is_bound(const struct route *r)
{
	return r->held && r->how == ROUTE_RELAYED;
}

static void decide(struct route *r)
{
	struct irq_domain *d = r->domain;
	u64 targets = domain_targets(d, &r->want);

	if (is_bound(r)) {
		r->out.masked = true;
		return;
	}
	r->how = ROUTE_OFF;
	r->clash = false;
	/* Masked; a line that rises meanwhile is remembered as what it is. */
	r->out = (struct route_out){
		.level = r->want.level,
		.active_low = r->want.active_low,
		.masked = true,
	};
	if (!targets)
		return;
	r->vcpu = (u32)__builtin_ctzl(targets);
	r->out.apic_id = d->apic_id[r->vcpu];
	r->out.vector = r->want.vector;
	r->out.masked = r->want.masked || r->held;
	if (can_be_direct(r)) {
		r->how = ROUTE_DIRECT;
	} else if (owns_core(r)) {
		relay(r);
	} else {
		r->how = ROUTE_TAKEN;
		r->out.vector = r->host_vector;
		if (!r->host_vector)
			take_message(r);
		else if (!r->want.level)
			eli_know(d, r->vcpu, r->host_vector, r->want.vector);
	}
}

/*
 * Who waits for a level vector that is free now is told to look again, on its
 * own core.  Until then it is kept, or whoever gives it up and takes it in turn
 * would make exits of others at any rate.
 */
static void offer(const struct irq_domain *d, u8 vector)
{
	struct route *r;
	u64 running;

	for (r = routes; r; r = r->next) {
		if (r->domain == d || !r->clash || r->want.vector != vector ||
		    r->offered)
			continue;
		running = __atomic_load_n(&r->domain->running,
					  __ATOMIC_ACQUIRE);
		r->offered = running ? vector : 0;
		if (level_clash(r))
			r->offered = 0;
		if (r->offered)
			domain_request(r->domain, running & -running, REQ_EOIS);
	}
}

static bool same_direct(const struct route *a, const struct route *b)
{
	return b->how == ROUTE_DIRECT && a->vcpu == b->vcpu &&
	       a->out.vector == b->out.vector;
}

/* In mode `eli` the vCPU loses the vector, unless it comes another way, too. */
static void disown(const struct route *old)
{
	struct irq_domain *d = old->domain;
	const struct route *r;

	if (d->mode != MODE_ELI || old->how != ROUTE_DIRECT)
		return;
	for_each_route(r, d) if (same_direct(old, r)) return;
	eli_own(d, old->vcpu, old->out.vector, false);
}

/* The source is told what has changed since `old`. */
static void carry_out(struct route *r, const struct route *old)
{
	const struct route_out *a = &old->out, *b = &r->out;
	bool moved = a->apic_id != b->apic_id || a->vector != b->vector ||
		     a->level != b->level || a->active_low != b->active_low;

	if (a->level && !holds_level(b, a->vector))
		offer(r->domain, a->vector);
	if (old->offered && !r->offered && !holds_level(b, old->offered))
		offer(r->domain, old->offered);
	if (moved)
		r->source->set(r->where, b);
	else if (a->masked != b->masked)
		r->source->mask(r->where, b);
	disown(old);
}

static void look_again(struct route *r)
{
	struct route old = *r;

	decide(r);
	if (!is_bound(r))
		r->offered = 0;
	carry_out(r, &old);
}

void route_want(struct route *r, const struct irq_msg *m, bool held)
{
	spin_lock(&lock);
	r->want = *m;
	r->held = held;
	look_again(r);
	spin_unlock(&lock);
}

/* The vCPUs whose EOIs are to exit have changed: their cores are told. */
static void want_eois(struct irq_domain *d)
{
	u64 wanted = 0, changed;
	const struct route *r;

	for_each_route(r, d) if (r->how == ROUTE_RELAYED)
		wanted |= BIT(r->vcpu);
	changed = wanted ^ d->eois_wanted;
	d->eois_wanted = wanted;
	domain_request(d, changed, REQ_EOIS);
}

void routes_settle(struct irq_domain *d)
{
	spin_lock(&lock);
	want_eois(d);
	spin_unlock(&lock);
}

void routes_update(struct irq_domain *d)
{
	struct route *r;

	for_each_route(r, d)
	{
		spin_lock(&lock);
		look_again(r);
		spin_unlock(&lock);
	}
	routes_settle(d);
}

void routes_off(struct irq_domain *d)
{
	static const struct route_out off = { .masked = true };
	struct route *r, old;

	for_each_route(r, d)
	{
		spin_lock(&lock);
		old = *r;
		r->how = ROUTE_OFF;
		r->want = (struct irq_msg){ .masked = true };
		r->held = r->clash = r->said = false;
		r->offered = 0;
		r->out = off;
		carry_out(r, &old);
		spin_unlock(&lock);
	}
	d->eois_wanted = 0;
	d->eois_exit = 0;
}

void routes_pause(struct irq_domain *d)
{
	struct route *r;

	for_each_route(r, d)
	{
		if (r->how != ROUTE_DIRECT || !r->out.level || r->out.masked)
			continue;
		spin_lock(&lock);
		r->out.masked = true;
		r->source->mask(r->where, &r->out);
		spin_unlock(&lock);
	}
}

bool routes_carry(struct irq_domain *d, u32 vcpu, u8 vector)
{
	bool level = false;
	struct route *r;

	spin_lock(&d->lock);
	for_each_route(r, d)
	{
		if (r->vcpu != vcpu || r->want.vector != vector ||
		    !r->want.level)
			continue;
		if (r->how == ROUTE_DIRECT)
			r->held |= r->source->taken(r->where);
		level |= r->held;
	}
	spin_unlock(&d->lock);
	return level;
}

/* A line in the log may lead to any domain's lock. */
void routes_report(const struct irq_domain *d)
{
	struct route *r;

	for_each_route(r, d)
	{
		if (likely(!r->clash || r->said))
			continue;
		r->said = true;
		log_printf("partition %s: GSI %u: another partition has its "
			   "level vector: %s",
			   d->name, r->where,
			   can_relay() ? "by the sidecore, with exits" :
					 "masked, as there is no sidecore for "
					 "it; add one or use interrupts = eli");
	}
}

void routes_serve_eois(struct vcpu *v)
{
	struct irq_domain *d = v->domain;
	u64 bit = BIT(v->index);

	spin_lock(&d->lock);
	v->eois_exit = d->eois_wanted & bit;
	backend->set_msrs(v);
	d->eois_exit = (d->eois_exit & ~bit) | (d->eois_wanted & bit);
	routes_update(d);
	spin_unlock(&d->lock);
	routes_report(d);
}

/* Until the guest's EOI. */
static void hold(struct route *r)
{
	spin_lock(&lock);
	r->held = true;
	r->out.masked = true;
	r->source->mask(r->where, &r->out);
	spin_unlock(&lock);
}

/* With the domain's lock held. */
static void take(struct route *r)
{
	/*
	 * Sent before it was masked, once more: Bochs has no remote IRR.  A
	 * line that is high sends again when it is unmasked.
	 */
	if (r->out.level && r->out.masked)
		return;
	if (!r->source->taken(r->where))
		return;
	/* Masked before the guest can know of it. */
	if (r->want.level)
		hold(r);
	if (r->how == ROUTE_RELAYED)
		domain_send(r->domain, BIT(r->vcpu), r->want.vector, true);
	else
		domain_deliver(r->domain, &r->want);
}

/* Could it have sent this to the core?  A pin's own vector says so anywhere. */
static bool sends(const struct route *r, u32 vcpu, u32 vector)
{
	if (r->out.vector != vector)
		return false;
	return r->vcpu == vcpu || (r->host_vector && r->how != ROUTE_DIRECT);
}

bool route_taken(struct irq_domain *d, u32 vcpu, u32 vector)
{
	bool found = false;
	struct route *r;

	spin_lock(&d->lock);
	/* A vector of the guest's may be that of several: any can have sent. */
	for_each_route(r, d) if (sends(r, vcpu, vector))
	{
		found = true;
		take(r);
	}
	spin_unlock(&d->lock);
	return found;
}

/*
 * What is not relayed any more came late: the line, if it is still high, has
 * sent again.
 */
void route_relay(u32 vector)
{
	struct route *r = routes;

	while (r && r->host_vector != vector)
		r = r->next;
	if (!r)
		return;
	spin_lock(&r->domain->lock);
	if (r->how == ROUTE_RELAYED)
		take(r);
	spin_unlock(&r->domain->lock);
}
