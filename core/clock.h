/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's clock is the TSC.  Its frequency is measured against a timer of
 * the machine; what CPUID claims is believed only if the measurement agrees, or
 * if no timer counts.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/acpi.h"
#include "core/types.h"

struct host_clock {
	u64 tsc_hz;
	u64 crystal_hz; /* of the local APIC timer before its divider */
	u64 wall;	/* seconds since 1970 at TSC 0, from the RTC */
};
extern struct host_clock host_clock;

/* TSC ticks of so many milliseconds, once clock_init() is done. */
static inline u64 clock_ms(u64 ms)
{
	return ms * host_clock.tsc_hz / 1000;
}

/*
 * Boot, BSP, after lapic_enable().  Uses the HPET, the PM timer or the PIT,
 * whichever counts, else CPUID.
 * 0, or -ENODEV with a line in error.
 */
int __must_check clock_init(const struct acpi_info *acpi, char *error,
			    size_t size);

/* Any context after clock_init(). */
void clock_delay_us(u64 us);

/*
 * Waits for hardware between entry and the first guest instruction, in TSC
 * ticks.  Brackets do not nest.
 */
enum clock_phase {
	CLOCK_REFERENCE_WAIT,
	CLOCK_IPI_WAIT,
	CLOCK_UART_WAIT,
	CLOCK_PHASES,
};
extern u64 clock_spent[CLOCK_PHASES];
extern u64 boot_entry_tsc; /* TSC at entry */

static inline void clock_add(enum clock_phase phase, u64 ticks)
{
	clock_spent[phase] += ticks;
}

#endif
