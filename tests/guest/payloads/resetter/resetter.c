// SPDX-License-Identifier: BSD-2-Clause
/* Fills its console, of which not all is out when it resets, for ever. */
#include "lib/payload.h"

#define COM1   0x3f8
#define LETTER 60 /* in a line */

PAYLOAD("resetter")
{
	u64 i, n = cmdline_number("letters", 20000);

	for (i = 0; i < n; i++)
		outb(COM1, i % LETTER ? 'r' : '\n');
	outb(0xcf9, 6);
	for (;;)
		asm volatile("hlt");
}
