// SPDX-License-Identifier: BSD-2-Clause
#include "devices/intx.h"
#include "apic/ioapic.h"
#include "apic/vioapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "partition/partition.h"
#include "console/logport.h"
#include "eli/eli.h"

/* Where a pin goes. */
struct route {
	u64 rte;      /* of the physical entry */
	bool direct;  /* it carries the guest's vector, to this vCPU */
	bool clash;   /* mode `did`: another partition has the level vector */
	bool relayed; /* so to the sidecore, which sends this vCPU an IPI */
	u32 vcpu;
};

static const struct route masked = { .rte = RTE_MASKED };

/* Owners are set while booting. */
static struct {
	struct partition *owner;
	struct route route; /* as written */
	bool said;	    /* the clash, since the guest's start */
} pins[VIOAPIC_PINS];

/* Guards all routes: a partition's lock is taken before it. */
static struct spinlock lock;
/* With it: a level vector has become free. */
static bool released;

int intx_claim(struct partition *p, u32 gsi)
{
	if (gsi >= VIOAPIC_PINS || !ioapic_has(gsi))
		return -ENOENT;
	if (gsi == GUEST_COM1_GSI || gsi == GUEST_ECHO_GSI ||
	    (pins[gsi].owner && pins[gsi].owner != p))
		return -EBUSY;
	pins[gsi].owner = p;
	pins[gsi].route = masked;
	p->gsis |= 1U << gsi;
	return 0;
}

/* The lowest pin of a set that is not empty, which is then without it. */
static u32 next_pin(u32 *set)
{
	u32 gsi = (u32)__builtin_ctz(*set);

	*set &= *set - 1;
	return gsi;
}

/*
 * An EOI is broadcast by vector: would this level entry share its vector with
 * another partition's pin, as it is or when the host takes it?
 */
static bool level_clash(const struct partition *p, u64 rte)
{
	u32 vector = rte & RTE_VECTOR, i;

	for (i = 0; i < VIOAPIC_PINS && (rte & RTE_LEVEL); i++)
		if (pins[i].owner && pins[i].owner != p &&
		    (vector == INTX_VECTOR(i) ||
		     ((pins[i].route.rte & RTE_LEVEL) &&
		      vector == (pins[i].route.rte & RTE_VECTOR))))
			return true;
	return false;
}

/* In mode `eli` the vCPU is told which vectors are its own. */
static bool own(struct partition *p, const struct route *r, bool is)
{
	return p->mode != TABLE_ELI ||
	       eli_own(p, r->vcpu, (u8)(r->rte & RTE_VECTOR), is);
}

/* Can the guest have the pin to itself? */
static bool is_direct(struct partition *p, const struct route *r)
{
	switch (p->mode) {
	case TABLE_DID:
		return !level_clash(p, r->rte);
	case TABLE_ELI:
		return !level_clash(p, r->rte) && own(p, r, true);
	default:
		return false;
	}
}

static bool can_relay(void)
{
	s32 cpu = port_sidecore();

	return cpu >= 0 && cpu_public[cpu].apic_id <= IOAPIC_MAX_DEST;
}

/* Masked; but a line that rises meanwhile is remembered only as what it is. */
static struct route nowhere(u64 guest)
{
	return (struct route){
		.rte = (guest & (RTE_LEVEL | RTE_ACTIVE_LOW)) | RTE_MASKED,
	};
}

/*
 * A core in mode `did` takes no interrupts for the host, so the first sidecore
 * does; but not before the EOIs of the vCPU exit, which end the interrupt.
 */
static struct route clashing(const struct partition *p, u32 gsi, u32 vcpu)
{
	u64 guest = p->ioapic.rte[gsi];
	struct route r = nowhere(guest);

	r.clash = true;
	if (!can_relay())
		return r;
	r.relayed = true;
	r.vcpu = vcpu;
	r.rte |= (u64)cpu_public[port_sidecore()].apic_id << RTE_DEST_SHIFT |
		 INTX_VECTOR(gsi);
	if (!(guest & RTE_MASKED) && (p->eois_exit >> vcpu & 1))
		r.rte &= ~RTE_MASKED;
	return r;
}

/* The physical entry for the guest's as it stands. */
static struct route find_route(struct partition *p, u32 gsi)
{
	u64 guest = p->ioapic.rte[gsi];
	/* From its arrival at Ashlar until the guest's EOI. */
	bool held = guest & RTE_REMOTE_IRR;
	struct route r = pins[gsi].route;
	struct vioapic_msg msg;
	u64 targets;
	u8 vector;

	/* Whatever the entry says now: the EOI comes from where it went. */
	if (held && r.relayed) {
		r.rte |= RTE_MASKED;
		return r;
	}
	vioapic_message(&p->ioapic, gsi, &msg);
	targets = partition_targets(p, &msg, &vector);
	if (msg.delivery_mode > RTE_DM_LOWEST || !targets)
		return nowhere(guest);
	r = nowhere(guest);
	r.vcpu = (u32)__builtin_ctzl(targets);
	r.rte |= (u64)p->apic_id[r.vcpu] << RTE_DEST_SHIFT | vector;
	if (!held && !(guest & RTE_MASKED))
		r.rte &= ~RTE_MASKED;
	r.direct = is_direct(p, &r);
	if (!r.direct && p->mode == TABLE_DID)
		return clashing(p, gsi, r.vcpu);
	if (!r.direct)
		r.rte = (r.rte & ~RTE_VECTOR) | INTX_VECTOR(gsi);
	return r;
}

/* The vector may come by another pin, too. */
static void disown(struct partition *p, const struct route *r)
{
	const struct route *other;
	u32 set;

	for (set = p->gsis; set;) {
		other = &pins[next_pin(&set)].route;
		if (other->direct && other->vcpu == r->vcpu &&
		    (other->rte & RTE_VECTOR) == (r->rte & RTE_VECTOR))
			return;
	}
	own(p, r, false);
}

static void set_route(struct partition *p, u32 gsi, const struct route *r)
{
	struct route old = pins[gsi].route;

	pins[gsi].route = *r;
	if ((old.rte & RTE_LEVEL) &&
	    ((old.rte ^ r->rte) & (RTE_LEVEL | RTE_VECTOR)))
		released = true;
	if ((old.rte ^ r->rte) == RTE_MASKED)
		ioapic_set_mask(gsi, (u32)r->rte);
	else if (old.rte != r->rte)
		ioapic_route(gsi, r->rte);
	if (old.direct)
		disown(p, &old);
}

/*
 * What the guest's entry does not hold is the physical line's business, which
 * sends again when the pin is unmasked.
 */
static void update_pin(struct partition *p, u32 gsi)
{
	struct route r;

	if (!(p->ioapic.rte[gsi] & RTE_REMOTE_IRR))
		partition_set_line(p, gsi, false);
	r = find_route(p, gsi);
	set_route(p, gsi, &r);
}

/* The vCPUs whose EOIs are to exit have changed: their cores are told. */
static void want_eois(struct partition *p)
{
	u64 wanted = 0, changed;
	u32 set, gsi;

	for (set = p->gsis; set;) {
		gsi = next_pin(&set);
		if (pins[gsi].route.relayed)
			wanted |= BIT(pins[gsi].route.vcpu);
	}
	changed = wanted ^ p->eois_wanted;
	p->eois_wanted = wanted;
	partition_request(p, changed, REQ_EOIS, 0);
}

/* Who waits for a vector that p has given up looks again, on its own core. */
static void offer_released(const struct partition *p)
{
	struct partition *q;
	u64 running;
	u32 gsi;

	for (gsi = 0; released && gsi < VIOAPIC_PINS; gsi++) {
		q = pins[gsi].owner;
		if (!q || q == p || !pins[gsi].route.clash)
			continue;
		running = __atomic_load_n(&q->running, __ATOMIC_ACQUIRE);
		partition_request(q, running & -running, REQ_EOIS, 0);
	}
	released = false;
}

void intx_update(struct partition *p)
{
	u32 set;

	if (!p->gsis)
		return;
	spin_lock(&lock);
	for (set = p->gsis; set;)
		update_pin(p, next_pin(&set));
	want_eois(p);
	offer_released(p);
	spin_unlock(&lock);
}

/* A line in the log may lead to any partition's lock. */
void intx_report(const struct partition *p)
{
	u32 set, gsi;

	for (set = p->gsis; set;) {
		gsi = next_pin(&set);
		if (likely(!pins[gsi].route.clash || pins[gsi].said))
			continue;
		pins[gsi].said = true;
		log_printf("partition %s: GSI %u: another partition has its "
			   "level vector: %s",
			   p->config->name, gsi,
			   can_relay() ? "by the sidecore, with exits" :
					 "masked, as there is no sidecore for "
					 "it; add one or use interrupts = eli");
	}
}

void intx_serve_eois(struct vcpu *v)
{
	struct partition *p = v->part;
	u64 bit = BIT(v->index);

	spin_lock(&p->lock);
	v->eois_exit = p->eois_wanted & bit;
	backend->set_msr_view(v);
	p->eois_exit = (p->eois_exit & ~bit) | (p->eois_wanted & bit);
	intx_update(p);
	spin_unlock(&p->lock);
	intx_report(p);
}

void intx_mask(struct partition *p)
{
	u32 set, gsi;

	spin_lock(&lock);
	for (set = p->gsis; set;) {
		gsi = next_pin(&set);
		set_route(p, gsi, &masked);
		pins[gsi].said = false;
	}
	p->eois_wanted = 0;
	p->eois_exit = 0;
	offer_released(p);
	spin_unlock(&lock);
}

static bool owns(const struct partition *p, u32 gsi)
{
	return gsi < VIOAPIC_PINS && pins[gsi].owner == p;
}

u64 intx_remote_irr(const struct partition *p, u32 pin, u64 rte)
{
	if (!owns(p, pin) || !pins[pin].route.direct)
		return rte;
	return rte | (ioapic_state(pin) & RTE_REMOTE_IRR);
}

void intx_ioapic_eoi(const struct partition *p, u8 vector)
{
	const struct route *r;
	u32 set, gsi;

	for (set = p->gsis; set;) {
		gsi = next_pin(&set);
		r = &pins[gsi].route;
		if (r->direct && (r->rte & RTE_LEVEL) &&
		    (r->rte & RTE_VECTOR) == vector)
			ioapic_eoi(gsi);
	}
}

/* The pin has sent; with the partition's lock held. */
static void arrived(struct partition *p, u32 gsi)
{
	const struct route *r = &pins[gsi].route;
	const u64 level_masked = RTE_LEVEL | RTE_MASKED;
	struct vioapic_msg msg;
	bool sent;

	/*
	 * Sent before it was masked, once more: Bochs has no remote IRR.  A
	 * line that is high sends again when it is unmasked.
	 */
	if ((r->rte & level_masked) == level_masked)
		return;
	sent = vioapic_set_line(&p->ioapic, gsi, true, &msg);
	/* Masked before the guest can know of it. */
	spin_lock(&lock);
	update_pin(p, gsi);
	spin_unlock(&lock);
	if (sent && r->relayed)
		partition_send(p, BIT(r->vcpu), msg.vector, true);
	else if (sent)
		partition_deliver(p, &msg);
}

bool intx_arrived(const struct vcpu *v, u32 vector)
{
	struct partition *p = v->part;
	const struct route *r;
	bool found = false;
	u32 set, gsi;

	spin_lock(&p->lock);
	/* A vector of the guest's may be that of several: any can have sent. */
	for (set = p->gsis; set;) {
		gsi = next_pin(&set);
		r = &pins[gsi].route;
		if ((r->rte & RTE_VECTOR) != vector ||
		    (r->direct && r->vcpu != v->index))
			continue;
		found = true;
		arrived(p, gsi);
	}
	spin_unlock(&p->lock);
	return found;
}

/*
 * What is not relayed any more came late: the line, if it is still high, has
 * sent again.
 */
void intx_relay(u32 vector)
{
	u32 gsi = vector - INTX_VECTOR(0);
	struct partition *p = gsi < VIOAPIC_PINS ? pins[gsi].owner : NULL;

	if (!p)
		return;
	spin_lock(&p->lock);
	if (pins[gsi].route.relayed)
		arrived(p, gsi);
	spin_unlock(&p->lock);
}

void intx_eoi(struct partition *p, u8 vector)
{
	u32 set, gsi;
	u64 rte;

	for (set = p->gsis; set;) {
		gsi = next_pin(&set);
		rte = p->ioapic.rte[gsi];
		if ((rte & RTE_REMOTE_IRR) && (rte & RTE_VECTOR) == vector)
			partition_set_line(p, gsi, false);
	}
}
