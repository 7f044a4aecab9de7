/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the guest's IDTs are, and their shadows; for eli/ only. */
#ifndef ELI_TRACK_H
#define ELI_TRACK_H

#include "eli/shadow.h"
#include "eli/view.h"
#include "guest/vcpu.h"

/*
 * Of a partition; its lock guards all that is not atomic.  Seen by its own
 * cores only, at ELI_VMA, in a row with the second-level tables.
 */
struct eli_partition {
	struct views views;
	const struct guest_ram *ram;
	u64 shadows; /* physical address, a page per vCPU */
	u32 gate_size[MAX_VCPUS];
	u64 owned[MAX_VCPUS][VECTOR_WORDS];
	/*
	 * What a vector on the vCPU's core is, or was last since its start, to
	 * the guest: a vector, or 0.
	 */
	u8 known_as[MAX_VCPUS][VECTOR_COUNT];
	/* Atomic: a page that is no IDT, whatever the guest's IDTR says. */
	u64 refused[MAX_VCPUS];
	/*
	 * Atomic.  The second-level tables are of this generation; each core
	 * has flushed its TLB since that one.
	 */
	u64 generation;
	u64 flushed[MAX_VCPUS];
};

/* The tables have changed?  To be called before the guest is entered. */
void track_catch_up(struct vcpu *v);

/*
 * INJECT_NONE when the IDT that the guest uses now is shadowed and all views
 * are in order, else the reason why not.
 */
enum cause track_idt(struct vcpu *v);

/* Before the vCPU starts. */
void track_reset(struct vcpu *v);

/* The vCPU has no IDT that is shadowed. */
void track_none(struct vcpu *v);

#endif
