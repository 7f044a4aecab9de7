/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of processors that a microcode update cures.  Pure. */
#ifndef CORE_ERRATA_H
#define CORE_ERRATA_H

#include "core/types.h"

/*
 * Intel parts: may the deadline mode of the local APIC's timer be used?
 * signature is EAX of CPUID leaf 1, revision that of the microcode: 0 is an
 * emulator's, since firmware always loads some.  *needed: from which on.
 */
bool errata_deadline_works(u32 signature, u32 revision, u32 *needed);

#endif
