/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shadow of a guest's interrupt descriptor table.  It is the guest's page,
 * with the gates of the vectors that are not the guest's made not-present: an
 * interrupt of the host's then ends in #NP, which exits.
 *
 * Pure; any context.
 *
 * docs/decisions.md: A gate of no valid type reads as one.
 */
#ifndef ELI_SHADOW_H
#define ELI_SHADOW_H

#include "core/trap.h"
#include "core/types.h"
#include "core/vectorset.h"
#include "eli/eli.h"

#define FIRST_INTERRUPT	 32 /* below are exceptions */
#define GATE_SIZE_LEGACY 8  /* SDM vol. 3 figure 6-2 */
#define GATE_SIZE_LONG	 16 /* SDM vol. 3 figure 6-8 */

/*
 * What decides whether an IDT can be shadowed: INJECT_NONE, with the size of a
 * gate in *gate_size, or the reason why it must be injecting.  Whether the
 * base is mapped, and what else is in the page, is not looked at.
 */
enum cause shadow_refusal(const struct idt_register *r, u32 *gate_size);

/*
 * Makes the shadow follow the guest's page in [offset, offset + size), which
 * is within the page.  Both are one page; `owned` is the set of the guest's
 * vectors.  Whole words are written, so that a processor that reads a gate
 * meanwhile sees what the guest's own stores would have shown it.
 */
void shadow_update(u64 *shadow, const u64 *guest, u32 gate_size,
		   const u64 *owned, u32 offset, u32 size);

/* Is there anything in the page behind the table? */
bool shadow_page_shared(const u64 *guest, u32 gate_size);

#endif
