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

#define VAPIC_VECTORS 256
#define VAPIC_WORDS   (VAPIC_VECTORS / 64)

struct vapic {
	u64 irr[VAPIC_WORDS];
	u64 isr[VAPIC_WORDS];
	u64 tmr[VAPIC_WORDS];
	u64 since[VAPIC_VECTORS]; /* TSC when it became pending */
	u8 tpr;
	u8 floor; /* class of what is in service in the core's own APIC */
};

/* Vectors on their way to a vCPU; all fields atomic, any core. */
struct vapic_posted {
	u64 irr[VAPIC_WORDS];
	u64 level[VAPIC_WORDS];	  /* trigger mode, written before irr */
	u64 since[VAPIC_VECTORS]; /* likewise: TSC of the last time */
	u32 any;		  /* not 0 when a bit of irr may be set */
};

/* Vector n is bit n % 64 of word n / 64. */
static inline void vapic_set(u64 *bits, u32 vector)
{
	bits[vector / 64] |= BIT(vector % 64);
}

static inline void vapic_clear(u64 *bits, u32 vector)
{
	bits[vector / 64] &= ~BIT(vector % 64);
}

static inline bool vapic_test(const u64 *bits, u32 vector)
{
	return bits[vector / 64] >> vector % 64 & 1;
}

/* Register n of the eight that the guest sees. */
static inline u32 vapic_register(const u64 *bits, u32 n)
{
	return (u32)(bits[n / 2] >> 32 * (n % 2));
}

/* The highest vector that is set, -1 for none. */
static inline s32 vapic_highest(const u64 *bits)
{
	s32 i;

	for (i = VAPIC_WORDS - 1; i >= 0; i--)
		if (bits[i])
			return 64 * i + 63 - __builtin_clzl(bits[i]);
	return -1;
}

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

/* The receiver, while nobody sends to it. */
void vapic_forget_posted(struct vapic_posted *p);

#endif
