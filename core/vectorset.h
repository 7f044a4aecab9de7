/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of interrupt vectors: u64[VECTOR_WORDS], vector n is bit n % 64 of word
 * n / 64.  Pure; any context.
 */
#ifndef CORE_VECTORSET_H
#define CORE_VECTORSET_H

#include "core/types.h"

#define VECTOR_COUNT 256
#define VECTOR_WORDS (VECTOR_COUNT / 64)

static inline void vectors_set(u64 *set, u32 vector)
{
	set[vector / 64] |= BIT(vector % 64);
}

static inline void vectors_clear(u64 *set, u32 vector)
{
	set[vector / 64] &= ~BIT(vector % 64);
}

static inline bool vectors_test(const u64 *set, u32 vector)
{
	return set[vector / 64] >> vector % 64 & 1;
}

/* The highest, -1 for none. */
static inline s32 vectors_highest(const u64 *set)
{
	s32 i;

	for (i = VECTOR_WORDS - 1; i >= 0; i--)
		if (set[i])
			return 64 * i + 63 - __builtin_clzl(set[i]);
	return -1;
}

/* As register n of the eight that a local APIC has for ISR, TMR or IRR. */
static inline u32 vectors_register(const u64 *set, u32 n)
{
	return (u32)(set[n / 2] >> 32 * (n % 2));
}

#endif
