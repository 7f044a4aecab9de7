// SPDX-License-Identifier: BSD-2-Clause
/* Boots, speaks, and shows that the command line arrived. */
#include "lib/payload.h"

PAYLOAD("hello")
{
	payload_ok("number=%lu", cmdline_number("number", 0));
}
