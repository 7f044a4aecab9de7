/* SPDX-License-Identifier: BSD-2-Clause */
/* What the attacks share. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "lib/payload.h"
#include "lib/random.h"

struct attack {
	const char *name;
	/* Returns how many things it did, or never. */
	u64 (*run)(struct random *rnd, u64 count);
	u64 count; /* unless the line says otherwise */
};

/* Each file's own, up to one without a name. */
extern const struct attack apic_attacks[], msr_attacks[], memory_attacks[],
	table_attacks[], cpu_attacks[], loop_attacks[], wild_attacks[];

/* The attack goes on for ever from here: said once, and only then. */
void on_its_way(void);

/* --- the second CPU --- */

/* It runs `job` again and again, until told otherwise; NULL: it halts. */
void helper_do(void (*job)(void));
/* Brings it up, from whatever state it is in. */
void helper_start(void);

/* One instruction that may fault; false when it did. */
bool try_rdmsr(u32 msr, u64 *value);
bool try_wrmsr(u32 msr, u64 value);

#endif
