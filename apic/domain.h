/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vCPUs that the interrupts of one partition can reach, and the ways to
 * them.  Any core, any context but NMI, unless it says otherwise.
 */
#ifndef APIC_DOMAIN_H
#define APIC_DOMAIN_H

#include "apic/irq_msg.h"
#include "apic/vapic.h"
#include "core/irq_mode.h"
#include "core/spinlock.h"
#include "core/types.h"

struct eli_partition;

struct irq_domain {
	/*
	 * FIFO; the partition's: guards its devices, routes and state.  Taken
	 * before any lock that partitions share.
	 */
	struct spinlock lock;
	const char *name;
	/* Set while booting: vCPUs, and the core of each with its APIC id. */
	u32 nr;
	u16 cpu[MAX_VCPUS];
	u32 apic_id[MAX_VCPUS];
	/* Changes while all its cores are in root mode: eli/switch.h. */
	enum irq_mode mode;
	/*
	 * Atomic, bit n of vCPU n.  running: it is not waiting for INIT or
	 * SIPI.  accepts: and takes fixed interrupts, as SVR has it.  x2apic,
	 * off: by its IA32_APIC_BASE; off stands for globally disabled.
	 */
	u64 running, accepts, x2apic, off;
	/*
	 * Atomic, likewise: its local APIC is the core's own.  Mode `did`, but
	 * not at once after a change to it.  A bit is set with the lock held.
	 */
	u64 direct;
	/* xAPIC mode: written by each vCPU, read by senders. */
	u32 ldr[MAX_VCPUS], dfr[MAX_VCPUS];
	/* On its way to each vCPU: vectors to inject; the vector of a SIPI. */
	struct vapic_posted *posted; /* nr of them */
	u8 sipi_vector[MAX_VCPUS];
	u8 nmis[MAX_VCPUS];	   /* atomic: as many bits, at most two */
	struct eli_partition *eli; /* mode `eli`, eli/track.h; on its cores */
	/* Mode `did`: bit n, vCPU n's EOIs are to exit; they do.  eli/route.h
	 */
	u64 eois_wanted, eois_exit;
	/* A local APIC's EOI of a level-triggered vector, for the IO-APIC. */
	void (*eoi)(void *ctx, u8 vector);
	void *eoi_ctx;
	/* This core's vCPU: which interrupts reach it, or its APIC's mode. */
	void (*apic_changed)(void);
};

/* Is this vCPU's local APIC the core's own? */
static inline bool domain_owns_apic(const struct irq_domain *d, u32 vcpu)
{
	return __atomic_load_n(&d->direct, __ATOMIC_ACQUIRE) >> vcpu & 1;
}

/*
 * The guest's vector to each vCPU in the set: by an IPI that carries it where
 * its local APIC is the core's own, else for injection.  `level` is for the
 * latter: the IO-APIC wants to hear of the EOI.
 */
void domain_send(struct irq_domain *d, u64 vcpus, u8 vector, bool level);
void domain_send_one(struct irq_domain *d, u32 vcpu, u8 vector, bool level);
/* An enum cpu_request to the core of each vCPU in the set. */
void domain_request(struct irq_domain *d, u64 vcpus, u32 request);
/* The same for REQ_SIPI. */
void domain_sipi(struct irq_domain *d, u64 vcpus, u8 vector);
/*
 * The same for REQ_NMI.  A bit would not do: of two NMIs before the vCPU looks
 * it takes one and latches the other (SDM vol. 3 section 6.7.1), but no more.
 */
void domain_nmi(struct irq_domain *d, u64 vcpus);
/* How many have come; by the vCPU's core. */
u8 domain_take_nmis(struct irq_domain *d, u32 vcpu);

/* Any core's.  The vCPU's APIC does, or does not, accept fixed interrupts. */
void domain_accept(struct irq_domain *d, u32 vcpu, bool on);
/* By its IA32_APIC_BASE. */
void domain_set_mode(struct irq_domain *d, u32 vcpu, bool x2apic, bool off);
/* Its local APIC is, or is not, the core's own. */
void domain_own_apic(struct irq_domain *d, u32 vcpu, bool own);
/* It takes nothing any more, until its next start. */
void domain_leave(struct irq_domain *d, u32 vcpu);
/*
 * The vCPUs that the message would reach now.  Empty for delivery modes and
 * vectors that do not reach a guest.
 */
u64 domain_targets(const struct irq_domain *d, const struct irq_msg *m);
/* The message to all of them. */
void domain_deliver(struct irq_domain *d, const struct irq_msg *m);

#endif
