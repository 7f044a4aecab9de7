/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A limit on what a guest can make happen: `burst` times at once, and once more
 * every `step` ticks.  Pure; the caller serialises the calls on one limit.
 */
#ifndef CORE_RATE_H
#define CORE_RATE_H

#include "core/types.h"

/* Zeros: nothing has happened yet. */
struct rate {
	u64 paid; /* the time up to which steps are used up */
};

/*
 * 0: it may happen now, and is counted.  Else the ticks until it may, and
 * nothing is counted.  burst > 0.
 */
u64 rate_take(struct rate *r, u64 now, u64 step, u32 burst);

#endif
