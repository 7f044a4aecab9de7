// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two CPUs store into one IDT page by an instruction that is not emulated: both
 * exit, and the second finds that the page is no IDT any more.  duel: ok rounds
 * N, from the command line.
 */
#include "lib/descriptors.h"
#include "lib/payload.h"

static struct gate table[256] __aligned(4096);
static volatile bool stop, up;

static inline void store(void)
{
	asm volatile("movups %%xmm0, %0" : "=m"(table[255]) : : "memory");
}

static void other(u32 id)
{
	(void)id;
	write_cr4(read_cr4() | CR4_OSFXSR);
	x2apic_enable();
	up = true;
	while (!stop)
		store();
	for (;;)
		asm volatile("cli; hlt");
}

PAYLOAD("duel")
{
	const struct descriptor_register r = { sizeof(table) - 1, (u64)table };
	struct descriptor_register old;
	u64 i, n = cmdline_number("rounds", 200);
	u32 a, b, c, d;

	write_cr4(read_cr4() | CR4_OSFXSR);
	x2apic_enable();
	asm volatile("sidt %0" : "=m"(old));
	memcpy(table, (void *)old.base, MIN(sizeof(table), old.limit + 1UL));
	if (!cpu_start(1, other))
		payload_fail("no second CPU");
	while (!up)
		cpu_pause();
	for (i = 0; i < n; i++) {
		asm volatile("lidt %0" : : "m"(r) : "memory");
		cpuid(1, 0, &a, &b, &c, &d);
		cpuid(1, 0, &a, &b, &c, &d);
		store();
	}
	stop = true;
	asm volatile("lidt %0" : : "m"(old) : "memory");
	payload_ok("rounds %lu", n);
}
