// SPDX-License-Identifier: BSD-2-Clause
/*
 * A triple fault: an exception without an IDT.  Ashlar parks the partition, so
 * there is no result line but one that says that it went on.
 */
#include "lib/payload.h"

PAYLOAD("shutdown")
{
	const struct __packed {
		u16 limit;
		u64 base;
	} none = { 0, 0 };

	say("shutdown: now");
	asm volatile("lidt %0; ud2" : : "m"(none));
	payload_fail("still running");
}
