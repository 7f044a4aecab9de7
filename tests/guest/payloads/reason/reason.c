// SPDX-License-Identifier: BSD-2-Clause
/*
 * Exits for reasons that no emulator has, by VMCALL: for the image of
 * tests/variants/vmx-any-reason.c.  First those that are #UD for the guest; the
 * last one is the end of the machine.
 */
#include "lib/payload.h"

#define SEAMCALL	    76
#define TDCALL		    77
#define ENTRY_MACHINE_CHECK 41

static void call(void *reason)
{
	asm volatile("vmcall" : : "a"(reason) : "memory");
}

static void expect_undefined(u64 reason)
{
	struct fault fault;

	if (attempt(call, (void *)reason, &fault) || fault.vector != VEC_UD)
		payload_fail("%lu: vector %lu", reason, fault.vector);
	say("reason %lu: undefined", reason);
}

PAYLOAD("reason")
{
	expect_undefined(SEAMCALL);
	expect_undefined(TDCALL);
	call((void *)ENTRY_MACHINE_CHECK);
	payload_fail("goes on after a machine check");
}
