// SPDX-License-Identifier: BSD-2-Clause
#include "core/intx.h"
#include "apic/ioapic.h"
#include "apic/vioapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/partition.h"
#include "eli/eli.h"

/* Owners are set while booting. */
static struct {
	struct partition *owner;
	u64 rte;     /* as the physical entry was written */
	bool direct; /* it carries the guest's vector, to this vCPU */
	u32 vcpu;
	bool refused; /* said so, since the guest's start */
} pins[VIOAPIC_PINS];

/* Guards all entries' rte: a partition's lock is taken before it. */
static struct spinlock lock;

int intx_claim(struct partition *p, u32 gsi)
{
	if (gsi >= VIOAPIC_PINS || !ioapic_has(gsi))
		return -ENOENT;
	if (gsi == GUEST_COM1_GSI || gsi == GUEST_ECHO_GSI ||
	    (pins[gsi].owner && pins[gsi].owner != p))
		return -EBUSY;
	pins[gsi].owner = p;
	pins[gsi].rte = RTE_MASKED;
	return 0;
}

static bool owns(const struct partition *p, u32 gsi)
{
	return gsi < VIOAPIC_PINS && pins[gsi].owner == p;
}

/* Where a pin goes. */
struct route {
	u64 rte;
	bool direct;
	u32 vcpu;
};

static const struct route masked = { .rte = RTE_MASKED };

static bool level_clash(u32 gsi, u64 rte)
{
	u32 i;

	for (i = 0; i < VIOAPIC_PINS && (rte & RTE_LEVEL); i++)
		if (pins[i].owner && pins[i].owner != pins[gsi].owner &&
		    (pins[i].rte & RTE_LEVEL) &&
		    (pins[i].rte & RTE_VECTOR) == (rte & RTE_VECTOR))
			return true;
	return false;
}

/* In mode `eli` the vCPU is told which vectors are its own. */
static bool own(struct partition *p, const struct route *r, bool is)
{
	return p->mode != TABLE_ELI ||
	       eli_own(p, r->vcpu, (u8)(r->rte & RTE_VECTOR), is);
}

/* The physical entry for the guest's as it stands. */
static struct route find_route(struct partition *p, u32 gsi)
{
	u64 guest = p->ioapic.rte[gsi];
	struct route r = {
		.rte = guest & (RTE_LEVEL | RTE_ACTIVE_LOW | RTE_MASKED),
	};
	struct vioapic_msg msg;
	u64 targets;
	u8 vector;

	vioapic_message(&p->ioapic, gsi, &msg);
	targets = partition_targets(p, &msg, &vector);
	if (msg.delivery_mode > RTE_DM_LOWEST || !targets)
		return (struct route){ .rte = RTE_MASKED };
	r.vcpu = (u32)__builtin_ctzl(targets);
	r.rte |= (u64)p->apic_id[r.vcpu] << RTE_DEST_SHIFT | vector;
	/* From its arrival at Ashlar until the guest's EOI. */
	if ((guest & RTE_REMOTE_IRR) || (p->ioapic.lines >> gsi & 1))
		r.rte |= RTE_MASKED;
	r.direct = p->mode == TABLE_DID ||
		   (p->mode == TABLE_ELI && !level_clash(gsi, r.rte) &&
		    own(p, &r, true));
	if (!r.direct)
		r.rte = (r.rte & ~RTE_VECTOR) | INTX_VECTOR(gsi);
	return r;
}

/* The vector may come by another pin, too. */
static void disown(struct partition *p, const struct route *r)
{
	u32 i;

	for (i = 0; i < VIOAPIC_PINS; i++)
		if (owns(p, i) && pins[i].direct && pins[i].vcpu == r->vcpu &&
		    (pins[i].rte & RTE_VECTOR) == (r->rte & RTE_VECTOR))
			return;
	own(p, r, false);
}

static void set_route(struct partition *p, u32 gsi, const struct route *r)
{
	struct route old = { pins[gsi].rte, pins[gsi].direct, pins[gsi].vcpu };

	pins[gsi].rte = r->rte;
	pins[gsi].direct = r->direct;
	pins[gsi].vcpu = r->vcpu;
	if (old.rte != r->rte)
		ioapic_route(gsi, r->rte);
	if (old.direct)
		disown(p, &old);
}

static void update_pin(struct partition *p, u32 gsi)
{
	struct route r = find_route(p, gsi);

	if (!level_clash(gsi, r.rte)) {
		set_route(p, gsi, &r);
		return;
	}
	if (!pins[gsi].refused)
		log_printf("partition %s: GSI %u stays masked: another "
			   "partition has a level interrupt with vector %02lx",
			   p->config->name, gsi, r.rte & RTE_VECTOR);
	pins[gsi].refused = true;
	set_route(p, gsi, &masked);
}

void intx_update(struct partition *p)
{
	u32 gsi;

	spin_lock(&lock);
	for (gsi = 0; gsi < VIOAPIC_PINS; gsi++)
		if (owns(p, gsi))
			update_pin(p, gsi);
	spin_unlock(&lock);
}

void intx_mask(struct partition *p)
{
	u32 gsi;

	spin_lock(&lock);
	for (gsi = 0; gsi < VIOAPIC_PINS; gsi++) {
		if (!owns(p, gsi))
			continue;
		set_route(p, gsi, &masked);
		pins[gsi].refused = false;
	}
	spin_unlock(&lock);
}

u64 intx_remote_irr(const struct partition *p, u32 pin, u64 rte)
{
	if (!owns(p, pin) || !pins[pin].direct)
		return rte;
	return (rte & ~RTE_REMOTE_IRR) | (ioapic_state(pin) & RTE_REMOTE_IRR);
}

void intx_ioapic_eoi(const struct partition *p, u8 vector)
{
	u32 gsi;

	for (gsi = 0; gsi < VIOAPIC_PINS; gsi++)
		if (owns(p, gsi) && pins[gsi].direct &&
		    (pins[gsi].rte & RTE_LEVEL) &&
		    (pins[gsi].rte & RTE_VECTOR) == vector)
			ioapic_eoi(gsi);
}

/* One of p's pins that carries the vector, VIOAPIC_PINS for none. */
static u32 pin_of(const struct partition *p, u32 vector)
{
	u32 gsi;

	for (gsi = 0; gsi < VIOAPIC_PINS; gsi++)
		if (owns(p, gsi) && (pins[gsi].rte & RTE_VECTOR) == vector)
			break;
	return gsi;
}

bool intx_arrived(struct partition *p, u32 vector)
{
	u32 gsi;

	spin_lock(&p->lock);
	gsi = pin_of(p, vector);
	if (gsi < VIOAPIC_PINS) {
		partition_set_line(p, gsi, true);
		/* The device holds a level line; of an edge all is known. */
		if (!(p->ioapic.rte[gsi] & RTE_LEVEL))
			partition_set_line(p, gsi, false);
		intx_update(p);
	}
	spin_unlock(&p->lock);
	return gsi < VIOAPIC_PINS;
}

void intx_eoi(struct partition *p, u8 vector)
{
	u32 gsi;

	for (gsi = 0; gsi < VIOAPIC_PINS; gsi++)
		if (owns(p, gsi) && (p->ioapic.rte[gsi] & RTE_REMOTE_IRR) &&
		    (p->ioapic.rte[gsi] & RTE_VECTOR) == vector)
			partition_set_line(p, gsi, false);
}
