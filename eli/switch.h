/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A running partition changes its mode.  All its cores are in root mode and
 * take the steps below together (partition/switch.c); none waits for its guest.
 *
 * What the core's own local APIC holds for the guest moves into the virtual
 * one, and each vCPU goes on as in mode `exit`.  To `did` it goes by itself, as
 * soon as nothing is in service that the core's own does not know of: an EOI
 * can be given to it, an interrupt in service can't.
 *
 * docs/decisions.md: A running partition changes its mode.
 */
#ifndef ELI_SWITCH_H
#define ELI_SWITCH_H

#include "guest/vcpu.h"

/* 1. One core of the partition: nothing comes by IPI from now on. */
void switch_begin(struct irq_domain *d);
/* 2. Each with a vCPU on it.  False: its interrupts do not end. */
bool switch_from_core(struct vcpu *v);
/* 3. One: all sources are told. */
void switch_routes(struct irq_domain *d, enum irq_mode mode);
/* 4. Each with a vCPU on it. */
void switch_state(struct vcpu *v);

/*
 * Exit path, in a domain of mode `did`: can the vCPU's APIC be the core's own
 * now?  Then it is.
 */
bool switch_to_core(struct vcpu *v);

/*
 * Kicked in mode `did`: what was posted by those who had not yet seen that its
 * APIC is the core's own.
 */
void switch_forward(struct vcpu *v);

#endif
