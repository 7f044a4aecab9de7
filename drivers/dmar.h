/* SPDX-License-Identifier: BSD-2-Clause */
/* The DMAR table: where the IOMMUs are.  Pure; while booting. */
#ifndef DRIVERS_DMAR_H
#define DRIVERS_DMAR_H

#include "core/types.h"

/*
 * Register bases of the remapping units, at most max: how many there are.
 * dmar is the whole table; a structure that is malformed ends it.
 */
u32 dmar_units(const u8 *dmar, u32 length, u64 *base, u32 max);

#endif
