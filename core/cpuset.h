/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of the machine's CPUs.  Pure; any context. */
#ifndef CORE_CPUSET_H
#define CORE_CPUSET_H

#include "core/types.h"

/* CPU n is bit n % 64 of word n / 64. */
struct cpu_set {
	u64 word[MAX_CPUS / 64];
};

static inline void cpu_set_add(struct cpu_set *s, u32 cpu)
{
	s->word[cpu / 64] |= BIT(cpu % 64);
}

static inline bool cpu_set_has(const struct cpu_set *s, u32 cpu)
{
	return cpu < MAX_CPUS && (s->word[cpu / 64] >> cpu % 64 & 1);
}

#endif
