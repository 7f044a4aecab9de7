// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest that writes to COM1 without ever looking whether there is room, by
 * all its CPUs.  Command line: cpus=N.
 */
#include "lib/payload.h"

#define COM1  0x3f8
#define WIDTH 60

static void __noreturn pour(u32 id)
{
	u32 i;

	for (;;) {
		for (i = 0; i < WIDTH; i++)
			outb(COM1, (u8)('a' + id));
		outb(COM1, '\n');
	}
}

static void other(u32 id)
{
	pour(id);
}

PAYLOAD("torrent")
{
	u32 i, n = (u32)cmdline_number("cpus", 1);

	say("torrent: begins");
	for (i = 1; i < n; i++)
		if (!cpu_start(i, other))
			payload_fail("no CPU %u", i);
	pour(0);
}
