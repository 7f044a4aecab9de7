// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a guest leaves in the echo device's page for its next life: says how
 * much it finds there, fills the page and resets.  With run=1 it runs code in
 * it instead, which must not return.
 */
#include "guest/layout.h"
#include "lib/payload.h"

#define WORDS (PAGE_SIZE / 8)
#define FIRST 3 /* behind the device's registers */
#define SEED  0x5ec2e75ec2e70000UL
#define RET   0xc3

static void run_there(u8 *page)
{
	page[PAGE_SIZE - 16] = RET;
	asm volatile("call *%0" : : "r"(page + PAGE_SIZE - 16) : "memory");
	payload_fail("the page can be run");
}

PAYLOAD("keepsake")
{
	volatile u64 *page = (void *)GUEST_ECHO;
	u32 i, found = 0;

	if (cmdline_number("run", 0))
		run_there((u8 *)GUEST_ECHO);
	for (i = FIRST; i < WORDS; i++)
		found += page[i] == SEED + i;
	say("keepsake: found %u", found);
	for (i = FIRST; i < WORDS; i++)
		page[i] = SEED + i;
	outb(0xcf9, 6);
	for (;;)
		asm volatile("hlt");
}
