/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a device's interrupt goes: physical source -> (domain, vCPU, vector).
 * This is the one place that decides; sources carry it out.
 *
 * In mode `did` the source carries the guest's vector to the core of the vCPU
 * that the guest's entry names: no exit for arrival or EOI.  So it does in mode
 * `eli`; while the vCPU is injecting, and always in mode `exit`, where the
 * vector is the host's, Ashlar takes the interrupt, and masks a level-triggered
 * source until the guest's EOI.  A message that the host takes has the guest's
 * vector, if that is free on the core.
 *
 * An EOI is broadcast by vector: it clears remote IRR of every level entry with
 * that vector.  So no two domains hold level entries with one vector: the
 * second one's source gets the host's, as in mode `exit`.  In mode `did` the
 * first sidecore takes it and sends the guest's vector by IPI, and the vCPU's
 * EOIs exit; without a sidecore the source stays masked.  Either is logged.
 *
 * docs/decisions.md: A device's interrupt that comes while injecting exits;
 * Two partitions with one level vector.
 */
#ifndef ELI_ROUTE_H
#define ELI_ROUTE_H

#include "apic/domain.h"
#include "apic/source.h"
#include "core/types.h"
#include "guest/vcpu.h"

enum route_how {
	ROUTE_OFF,
	ROUTE_DIRECT,  /* carries the guest's vector, to its core */
	ROUTE_TAKEN,   /* by the host on that core, which injects it */
	ROUTE_RELAYED, /* by the first sidecore, which sends an IPI */
};

/* Guarded by the domain's lock; by that of the routes what others look at. */
struct route {
	/* Set while booting. */
	const struct route_source *source;
	u32 where;	/* as the source counts */
	u8 host_vector; /* 0: one that is free on the core */
	struct irq_domain *domain;
	struct route *next;

	struct irq_msg want; /* as the guest has written it */
	/* Taken, level-triggered, and not ended by the guest yet. */
	bool held;

	enum route_how how;
	u32 vcpu;
	bool clash; /* mode `did`: another domain has the level vector */
	u8 offered; /* 0, or the vector that it waited for and is to take */
	bool said;  /* the clash, since the guest's start */
	struct route_out out;
};

/* --- boot, BSP --- */

/* The core that relays; -1: there is none. */
void routes_init(s32 sidecore);
/* The first members are filled in; the source is masked. */
void route_add(struct route *r);

/* --- with the domain's lock held, any core, any context but NMI --- */

/*
 * What the guest wants, or whether the interrupt is held, may have changed;
 * after the last of them routes_settle().
 */
void route_want(struct route *r, const struct irq_msg *m, bool held);
void routes_settle(struct irq_domain *d);
/* A vCPU has come or gone, or its EOIs exit: all are looked at again. */
void routes_update(struct irq_domain *d);
/* All masked; what they had sent has reached the local APICs. */
void routes_off(struct irq_domain *d);
/* Level-triggered sources that are the guest's own: masked until an update. */
void routes_pause(struct irq_domain *d);

/* --- without it --- */

/* Exit path, after a change: a line in the log for each new clash. */
void routes_report(const struct irq_domain *d);
/*
 * REQ_EOIS, before a vCPU's first entry, and when its APIC has changed: its MSR
 * set, as its EOIs exit or do not; and all are looked at again, since a vector
 * or this vCPU may be there now.
 */
void routes_serve_eois(struct vcpu *v);
/*
 * Ashlar has taken this vector on the core of a vCPU: true if a source of the
 * domain sent it.
 */
bool route_taken(struct irq_domain *d, u32 vcpu, u32 vector);
/*
 * Paused, and what the vCPU's core has of this vector is Ashlar's to deliver:
 * true if level-triggered sources sent it, which are held until the EOI.
 */
bool routes_carry(struct irq_domain *d, u32 vcpu, u8 vector);
/* The first sidecore has taken this vector, for whomever it belongs to. */
void route_relay(u32 vector);

#endif
