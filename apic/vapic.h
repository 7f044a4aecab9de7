/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a local APIC does with vectors once they have arrived: requested, in
 * service, priorities (SDM vol. 3 section 11.8).  Used where Ashlar delivers
 * interrupts itself, by event injection.
 *
 * Pure.  The state belongs to one vCPU and is touched by its core only; what
 * other cores send waits in a struct vapic_posted.
 */
#ifndef APIC_VAPIC_H
#define APIC_VAPIC_H

#include "core/types.h"
#include "core/vectorset.h"

struct vapic {
	u64 irr[VECTOR_WORDS];
	u64 isr[VECTOR_WORDS];
	u64 tmr[VECTOR_WORDS];
	u64 since[VECTOR_COUNT]; /* TSC when it became pending */
	u8 tpr;
	u8 floor; /* class of what is in service in the core's own APIC */
};

/* Vectors on their way to a vCPU; all fields atomic, any core. */
struct vapic_posted {
	u64 irr[VECTOR_WORDS];
	u64 level[VECTOR_WORDS]; /* trigger mode, written before irr */
	u64 since[VECTOR_COUNT]; /* likewise: TSC of the last time */
	u32 any;		 /* not 0 when a bit of irr may be set */
};

void vapic_reset(struct vapic *a);

/*
 * The vector becomes pending, or did at TSC `since`.  True if it was not
 * pending before.
 */
bool vapic_accept(struct vapic *a, u8 vector, bool level, u64 since);

/* Nothing is pending or in service. */
bool vapic_idle(const struct vapic *a);

/* The processor priority, section 11.8.3.1. */
u8 vapic_ppr(const struct vapic *a);

/* The vector to deliver now if the guest takes interrupts, -1 for none. */
s32 vapic_next(const struct vapic *a);

/* The same by what is in service alone: TPR is the processor's business. */
s32 vapic_next_above_isr(const struct vapic *a);

/* Delivered: from pending to in service.  Since when it was pending. */
u64 vapic_deliver(struct vapic *a, u8 vector);

/*
 * EOI: the highest vector in service is done with; -1: there was none.
 * *level tells whether IO-APICs must hear of it.
 */
s32 vapic_eoi(struct vapic *a, bool *level);

/* Any core.  True if the receiver must be told to look. */
bool vapic_post(struct vapic_posted *p, u8 vector, bool level, u64 since);

/* The receiver.  True if anything has come. */
bool vapic_take_posted(struct vapic *a, struct vapic_posted *p);

#endif
