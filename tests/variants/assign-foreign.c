// SPDX-License-Identifier: BSD-2-Clause
/*
 * devices/assign.c with messages that name an entry of another's: that of the
 * log port's pin, an NMI to CPU 0 where there is no sidecore.
 */
#include "vtd/entry.h"

#define PIN 4

static u32 foreign_address(u16 index)
{
	(void)index;
	return msi_address(PIN);
}

#define msi_address foreign_address
#include "devices/assign.c"
