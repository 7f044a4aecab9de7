/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that follow from a seed: SplitMix64 (Steele, Lea, Flood: "Fast
 * splittable pseudorandom number generators", OOPSLA 2014).
 */
#ifndef RANDOM_H
#define RANDOM_H

#include "core/types.h"

/* A good hash of x, too. */
static inline u64 mix(u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
	return x ^ x >> 31;
}

struct random {
	u64 state;
};

static inline u64 random_next(struct random *r)
{
	r->state += 0x9e3779b97f4a7c15UL;
	return mix(r->state);
}

/* One of 0 to n - 1; n is not 0. */
static inline u64 random_below(struct random *r, u64 n)
{
	return random_next(r) % n;
}

/* Any length is as likely as any other: small values, masks, all ones. */
static inline u64 random_value(struct random *r)
{
	u64 v = random_next(r);

	switch (v & 7) {
	case 0:
		return 0;
	case 1:
		return ~0UL;
	case 2:
		return 1UL << (v >> 3 & 63);
	default:
		return random_next(r) >> (v >> 3 & 63);
	}
}

#endif
