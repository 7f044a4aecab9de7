/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC's timer, computed from the TSC (SDM vol. 3 section 11.5.4):
 * one-shot, periodic and TSC-deadline mode.
 *
 * Pure.  Times are TSC values of the host, which are the guest's too.  `now`
 * does not run backwards.
 */
#ifndef APIC_VTIMER_H
#define APIC_VTIMER_H

#include "core/types.h"

enum vtimer_mode {
	VTIMER_ONE_SHOT,
	VTIMER_PERIODIC,
	VTIMER_DEADLINE,
};

struct vtimer {
	u64 tsc_hz, apic_hz;
	enum vtimer_mode mode;
	u32 initial; /* TMICT */
	u32 divide;  /* TDCR, as written */
	u64 expiry;  /* TSC of the next interrupt; 0: none is due */
};

/* At reset.  Both frequencies are not 0. */
void vtimer_init(struct vtimer *t, u64 tsc_hz, u64 apic_hz);

/* LVT bits 18:17; any change to or from deadline mode disarms. */
void vtimer_set_mode(struct vtimer *t, enum vtimer_mode mode);
void vtimer_set_divide(struct vtimer *t, u32 tdcr, u64 now);
/* TMICT; ignored in deadline mode. */
void vtimer_set_count(struct vtimer *t, u32 count, u64 now);
/* IA32_TSC_DEADLINE; ignored in the other modes. */
void vtimer_set_deadline(struct vtimer *t, u64 tsc);

/*
 * As another timer was at `now`: initial count and divider as its registers
 * were, `left` of the count or, in deadline mode, the deadline.
 */
void vtimer_restore(struct vtimer *t, enum vtimer_mode mode, u32 initial,
		    u32 divide, u64 left, u64 now);

/* What the registers read as. */
u32 vtimer_count(const struct vtimer *t, u64 now);
u64 vtimer_deadline(const struct vtimer *t);

/*
 * True if the interrupt was due at `now`: once, however many periods have
 * passed; the next is then in the future or there is none.
 */
bool vtimer_expired(struct vtimer *t, u64 now);

#endif
