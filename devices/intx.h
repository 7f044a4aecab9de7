/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt lines of assigned devices: physical IO-APIC pins that follow the
 * guest's redirection table.  GSI n is pin n of the guest's IO-APIC.
 *
 * In mode `did` the pin carries the guest's vector to the core of the vCPU that
 * it names: no exit for arrival or EOI.  So it does in mode `eli`; while there
 * the vCPU is in injection mode, and always in mode `exit`, where the vector is
 * the host's, Ashlar takes the interrupt and masks the pin until the guest's
 * EOI.
 *
 * An EOI is broadcast by vector: it clears remote IRR of every level entry with
 * that vector.  So no two partitions hold level entries with one vector: the
 * second one's pin gets the host's, as in mode `exit`.  In mode `did` the first
 * sidecore takes it and sends the guest's vector by IPI, and the vCPU's EOIs
 * exit; without a sidecore the pin stays masked.  Either is logged.
 */
#ifndef DEVICES_INTX_H
#define DEVICES_INTX_H

#include "core/types.h"

struct partition;
struct vcpu;

/* The vector of the host's for a pin that Ashlar takes. */
#define INTX_VECTOR(gsi) (0xd0U + (gsi))

/* Boot: the pin becomes p's; -EBUSY: it is another's, -ENOENT: no such pin. */
int __must_check intx_claim(struct partition *p, u32 gsi);

/* --- with the partition's lock held, any core, any context but NMI --- */

/* A register of the guest's IO-APIC has been written. */
void intx_update(struct partition *p);
/* All pins masked; what they had sent has reached the local APICs. */
void intx_mask(struct partition *p);
/* The entry's lower half as the guest reads it, with the pin's remote IRR. */
u64 intx_remote_irr(const struct partition *p, u32 pin, u64 rte);
/* Before the guest's EOI of a level vector reaches its IO-APIC. */
void intx_eoi(struct partition *p, u8 vector);
/* The guest has written its IO-APIC's EOI register. */
void intx_ioapic_eoi(const struct partition *p, u8 vector);

/* --- without it: exit path --- */

/* After a register of the guest's IO-APIC was written: a line in the log. */
void intx_report(const struct partition *p);

/*
 * REQ_EOIS, and before a vCPU's first entry: do its EOIs exit?  And the pins
 * are looked at again, since a vector or this vCPU may be there now.
 */
void intx_serve_eois(struct vcpu *v);

/*
 * Ashlar has taken this vector on the core of a vCPU: true if a pin that leads
 * there sent it.
 */
bool intx_arrived(const struct vcpu *v, u32 vector);

/* The first sidecore has taken this vector, for whoever the pin belongs to. */
void intx_relay(u32 vector);

#endif
