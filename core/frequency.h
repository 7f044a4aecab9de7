/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast the TSC and the local APIC's timer run, from several trials against
 * a reference.  A trial may have been disturbed (an SMI, an emulator's host),
 * and may not show it: two must agree.  Pure; any context.
 */
#ifndef CORE_FREQUENCY_H
#define CORE_FREQUENCY_H

#include "core/types.h"

/* At least and at most so many trials. */
#define FREQUENCY_TRIALS     3
#define FREQUENCY_MAX_TRIALS 15
/* Two agree if they are at most so many millionths apart. */
#define FREQUENCY_AGREE_PPM 200
/* Of a trial: what its two ends together may be uncertain by. */
#define FREQUENCY_BLUR_PPM 500

/* The counters at one moment, between two looks at the TSC. */
struct frequency_reading {
	u64 before, after;
	u32 reference; /* counts up */
	u32 timer;     /* counts down */
};

struct frequency_trial {
	struct frequency_reading from, to;
};

struct frequency {
	u64 tsc_hz, timer_hz;
};

struct frequency_trials {
	u64 reference_hz;
	u32 reference_mask;
	u32 nr;
	/* Those whose ends are sharp. */
	u32 nr_sharp;
	struct frequency sharp[FREQUENCY_MAX_TRIALS];
	/* In case there are none: the sharpest of the others, and its blur. */
	struct frequency blurred;
	u64 blur;
};

/* Starts from { .reference_hz, .reference_mask }; false: no more, please. */
bool frequency_add(struct frequency_trials *t, const struct frequency_trial *x);

/*
 * After one trial at least.  True: two agree, and *f is their mean.  Else *f
 * is the median of the sharp ones, or the sharpest.
 */
bool frequency_take(const struct frequency_trials *t, struct frequency *f);

/* By how many millionths of the smaller one they are apart. */
u64 frequency_ppm(u64 a, u64 b);

#endif
