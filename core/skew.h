/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far the TSCs of two cores are apart.  Both sides pass a turn on: the TSC
 * that the other read must lie between two of this core's.
 *
 * Pure, but for RDTSC: while booting, or two threads on the host.
 */
#ifndef CORE_SKEW_H
#define CORE_SKEW_H

#include "core/types.h"

/* What firmware and sockets may leave, in ticks. */
#define SKEW_TOLERANCE 500

struct skew {
	volatile u32 turn;
	volatile u64 other;
};

/*
 * Ticks that the other core, which is in skew_answer(), is ahead, at the least:
 * the best of a few comparisons.  0: nothing speaks against their being equal.
 */
s64 skew_measure(struct skew *s);
void skew_answer(struct skew *s);

#endif
