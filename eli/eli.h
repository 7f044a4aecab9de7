/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery of interrupts to guests, and taking a core back from one.  Delivery
 * in `did` needs no code here: vectors go to the guest's own IDT.
 *
 * In mode `eli` a vCPU is in one of two states.  While nothing has to be
 * injected it is shadowed: it runs by its own view of memory, in which the page
 * of its IDT is a shadow.  Interrupts do not exit then: the guest's own vectors
 * find its gates, any other a gate that is not present, and that #NP exits (a
 * bounce).  What can't be done so is done while injecting, as in mode `exit`:
 * interrupts to inject, an IDT that can't be shadowed, an instruction that must
 * see the processor as it is.  The vCPU is shadowed again as soon as an exit
 * allows it.
 *
 * docs/decisions.md: What can't be done shadowed is done injecting; TPR and
 * CR8 are direct while shadowed.
 */
#ifndef ELI_ELI_H
#define ELI_ELI_H

#include "core/types.h"
#include "guest/vcpu.h"

/* Why a vCPU is not shadowed, one of enum cause: it could be. */
#define INJECT_NONE CAUSE_COUNT

struct slat;

#define ELI_WALK_LEVELS 4

/* An entry of the guest's page tables: host-physical, without A and D. */
struct eli_entry {
	u64 at;
	u64 value;
};

/* Of a vCPU; its core only. */
struct eli_vcpu {
	bool bounced;	   /* this exit brought a vector of the host's */
	bool built;	   /* view and shadow are those of the IDT as tracked */
	enum cause once;   /* why it is injecting until the next exit */
	enum cause reason; /* why it is injecting, for the ledger */
	struct idt_register idt; /* as tracked */
	/* How 4-level tables lead to it; 0 levels: not known. */
	u32 levels;
	struct eli_entry walk[ELI_WALK_LEVELS];
};

/* --- boot, BSP --- */

void eli_init(void);

/*
 * Takes all memory that mode `eli` needs, for second-level tables that are all
 * there: a partition may be switched to it.  After the seal its own cores, and
 * no others, see that memory and the tables.  0 or -ENOMEM.
 */
int __must_check eli_build(struct irq_domain *d, const struct guest_ram *ram,
			   const struct slat *t);

/* --- the core of a vCPU that is not running --- */

/*
 * On a core that has left its guest for good, once nothing sends to it any
 * more: whatever the guest left in the local APIC is taken out.  Bounded; false
 * if there is more of it.
 */
bool eli_hand_back(void);

/*
 * The same, of a vCPU that goes on: what was pending is in this_cpu.taken, what
 * was in service has ended.
 */
void eli_empty_core(void);

/* Accepts what waits, as inject_take() does, and exceptions' vectors, too. */
void eli_accept(void);

/*
 * The hook of a domain, on the core of a vCPU that has exited: its MSR set and
 * the routes to it follow; what a globally disabled APIC held is taken out.
 */
void eli_apic_changed(void);

/* Before a vCPU starts: registers that VM entry does not load, as at reset. */
void eli_reset_core(void);
/* Before a vCPU starts: its state in mode `eli`, which begins injecting. */
void eli_reset(struct vcpu *v);
/* While no vCPU of the partition runs: there are no IDTs. */
void eli_reset_domain(struct irq_domain *d);
/*
 * While all are stopped, with the lock held: likewise, and whatever a core has
 * got by a vector that is not known is the guest's, by that one.
 */
void eli_change_domain(struct irq_domain *d);

/* --- exit path, mode `eli` --- */

/*
 * Before any handler: the exit has cut short the delivery of this external
 * interrupt.  True if it was the host's, which is then done with.
 */
bool eli_bounced(struct vcpu *v, u8 vector);

/* It is no longer shadowed, until an exit allows it. */
void eli_end_shadowed(struct vcpu *v);

/* #NP while shadowed; `soft`: INT n was on its way. */
void eli_not_present(struct vcpu *v, bool soft);

/* An instruction that can't pass while shadowed: it does while injecting. */
void eli_let_pass(struct vcpu *v);

/*
 * Before the guest is entered, with all that is pending collected: chooses
 * between the two.  True: shadowed, and nothing is injected.
 */
bool eli_choose_state(struct vcpu *v);

/*
 * A vector that no source has any more.  If it is known for the guest's, it was
 * sent before the source was given another.
 */
void eli_late_vector(struct vcpu *v, u8 vector);

/* External-interrupt exit: will it be delivered once shadowed? */
bool eli_will_deliver(struct vcpu *v);

/* HLT exit: need not be one, since the vCPU can be shadowed now? */
bool eli_sleeps_itself(struct vcpu *v);

/* The emulated home, and with it what the core's own APIC holds. */
extern const struct vlapic_home vlapic_eli;

/*
 * A violation of the second-level tables at gpa.  True if the page is there and
 * read-only for being an IDT; then the access is emulated or, where it can't
 * be, the page given up.
 */
bool eli_protects(const struct vcpu *v, u64 gpa);
/*
 * The page of gpa is nobody's IDT any more: it has other uses.  True if there
 * is RAM, so that what has exited for it can be tried again.
 */
bool eli_give_up(struct vcpu *v, u64 gpa);
/* Emulation has written to RAM. */
void eli_wrote(struct vcpu *v, u64 gpa, u32 size);

/* --- a core of the domain, with its lock held --- */

/*
 * The vector is from now on one that comes straight from a device to this
 * vCPU's core, or no longer.  False: the host needs the vector itself.
 */
bool eli_own(struct irq_domain *d, u32 vcpu, u8 vector, bool own);

/* By this vector on the vCPU's core the host takes the guest's `as`. */
void eli_know(struct irq_domain *d, u32 vcpu, u8 vector, u8 as);

/* --- exit path, modes `exit` and `eli`: eli/inject.c --- */

/*
 * Before every entry: injects what is pending; and while the guest is halted
 * waits for it, or for a kick.
 */
void inject_interrupts(struct vcpu *v);
void inject_wait(struct vcpu *v);

/* Takes the interrupts that wait at the core's own APIC. */
void inject_take(struct vcpu *v);
/* All of them, whatever their class, with nothing in service there. */
void inject_take_all(struct vcpu *v);

/* A vector that the core's own APIC has in service for the host: EOIs it. */
void inject_host_interrupt(struct vcpu *v, u8 vector);

#endif
