// SPDX-License-Identifier: BSD-2-Clause
/*
 * Exactness: `count` interrupts of the network card by its cause-set register,
 * each with its number in memory.  The handler sees every number once, in
 * order, and nothing else: no entry without a cause, none too many, none left
 * in the local APIC at the end.  It begins after `delay` ticks and keeps its
 * pin for `hold` ticks more.
 */
#include "lib/e1000.h"
#include "lib/ioapic.h"
#include "lib/payload.h"

#define VECTOR	   0x41
#define WAIT_TICKS 100000000UL
/* For an interrupt too many to show up. */
#define REST_TICKS 100000UL

static volatile u64 number, seen, wrong, causeless;

static INTERRUPT void on_card(struct interrupt_frame *frame)
{
	(void)frame;
	if (!(e1000_read(E1000_ICR) & E1000_ICR_RXT0))
		causeless++;
	else if (number != seen + 1)
		wrong++;
	else
		seen = number;
	x2apic_eoi();
}

static void raise(u64 n)
{
	u64 start = rdtsc();

	number = n;
	e1000_write(E1000_ICS, E1000_ICR_RXT0);
	while (seen != n)
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("%lu raised, %lu seen, wrong %lu", n, seen,
				     wrong);
}

static bool pending(u32 reg)
{
	return apic_read(reg + VECTOR / 32) >> VECTOR % 32 & 1;
}

static void pass(u64 ticks)
{
	u64 start = rdtsc();

	while (rdtsc() - start < ticks)
		;
}

PAYLOAD("ics")
{
	u64 count = cmdline_number("count", 1000);
	u32 id = x2apic_enable();
	u64 i;

	pass(cmdline_number("delay", 0));
	idt_set(VECTOR, on_card);
	e1000_init(E1000_ICR_RXT0);
	ioapic_route(e1000_pin(), VECTOR, id);
	interrupts_on();
	mark('B');
	for (i = 1; i <= count; i++)
		raise(i);
	pass(REST_TICKS);
	mark('E');
	pass(cmdline_number("hold", 0));
	interrupts_off();
	if (seen != count || wrong || causeless)
		payload_fail("%lu raised, %lu seen, wrong %lu, without a cause "
			     "%lu",
			     count, seen, wrong, causeless);
	if (pending(APIC_REG_IRR) || pending(APIC_REG_ISR))
		payload_fail("vector %x is still pending or in service",
			     VECTOR);
	payload_ok("raised=%lu seen=%lu", count, seen);
}
