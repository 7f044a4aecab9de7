/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be told where to send an interrupt: a pin of an IO-APIC, an entry of
 * an interrupt-remapping table.  eli/route.h decides where; a source only
 * carries it out.
 */
#ifndef APIC_SOURCE_H
#define APIC_SOURCE_H

#include "core/types.h"

/* Where a source sends. */
struct route_out {
	u32 apic_id; /* the host's */
	u8 vector;
	bool level, active_low;
	bool masked;
};

/*
 * Any core, with the domain's lock and that of the routes held.  When one is
 * told to mask, what it had sent has reached the local APIC when this returns.
 */
struct route_source {
	void (*set)(u32 where, const struct route_out *out);
	/* Nothing but out->masked has changed. */
	void (*mask)(u32 where, const struct route_out *out);
	/*
	 * Ashlar has taken an interrupt of it: does the guest's own entry let
	 * it through, and holds it until the EOI where it is level-triggered?
	 */
	bool (*taken)(u32 where);
};

#endif
