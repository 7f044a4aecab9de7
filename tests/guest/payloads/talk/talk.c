// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest with a lot to say: marks, then lines, as fast as it can.
 * Command line: marks=N lines=N.
 */
#include "lib/payload.h"

PAYLOAD("talk")
{
	u64 marks = cmdline_number("marks", 0);
	u64 lines = cmdline_number("lines", 0);
	u64 i;

	for (i = 0; i < marks; i++)
		mark('t');
	for (i = 0; i < lines; i++)
		say("talk: %lu lines of %lu, and no end of it in sight", i,
		    lines);
	payload_ok("marks=%lu lines=%lu", marks, lines);
}
