// SPDX-License-Identifier: BSD-2-Clause
/*
 * devices/assign.c with messages that name an entry of another's: that of the
 * log port's pin, an NMI to CPU 0 where there is no sidecore.
 */
#include "vtd/vtd.h"

#define PIN 4

static u32 foreign_address(u32 index)
{
	(void)index;
	return vtd_message_address(PIN);
}

#define vtd_message_address foreign_address
#include "devices/assign.c"
