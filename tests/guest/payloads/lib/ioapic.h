/* SPDX-License-Identifier: BSD-2-Clause */
/* The first IO-APIC, at its usual place: 82093AA data sheet. */
#ifndef IOAPIC_H
#define IOAPIC_H

#include "core/types.h"

#define IOAPIC_BASE 0xfec00000UL
#define IOREGSEL    (*(volatile u32 *)IOAPIC_BASE)
#define IOWIN	    (*(volatile u32 *)(IOAPIC_BASE + 0x10))

#define IOREDTBL(pin)	(0x10 + 2 * (pin))
#define RTE_LEVEL_LOW	(BIT(13) | BIT(15))
#define RTE_MASKED	BIT(16)
#define RTE_DESTINATION 24

static inline void ioapic_write(u32 reg, u32 value)
{
	IOREGSEL = reg;
	IOWIN = value;
}

/* A PCI interrupt, level and active low, as a fixed one to an APIC. */
static inline void ioapic_route(u32 pin, u8 vector, u32 id)
{
	ioapic_write(IOREDTBL(pin) + 1, id << RTE_DESTINATION);
	ioapic_write(IOREDTBL(pin), RTE_LEVEL_LOW | vector);
}

/* No interrupt from one that was routed so. */
static inline void ioapic_mask(u32 pin, u8 vector)
{
	ioapic_write(IOREDTBL(pin), RTE_LEVEL_LOW | RTE_MASKED | vector);
}

/* An edge interrupt. */
static inline void ioapic_route_edge(u32 pin, u8 vector, u32 id)
{
	ioapic_write(IOREDTBL(pin) + 1, id << RTE_DESTINATION);
	ioapic_write(IOREDTBL(pin), vector);
}

#endif
