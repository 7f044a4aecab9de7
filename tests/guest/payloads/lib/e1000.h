/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network card 82540EM, as far as it raises interrupts on demand: Intel,
 * "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's
 * Manual", section 13.4.
 */
#ifndef E1000_H
#define E1000_H

#include "core/types.h"

#define E1000_ICR      0x00c0 /* causes; reading clears them, and the line */
#define E1000_ICS      0x00c8 /* sets causes */
#define E1000_IMS      0x00d0 /* unmasks */
#define E1000_IMC      0x00d8 /* masks */
#define E1000_ICR_TXQE BIT(1)
#define E1000_ICR_RXT0 BIT(7)

/* Its registers. */
extern volatile u32 *e1000_regs;

static inline u32 e1000_read(u32 reg)
{
	return e1000_regs[reg / 4];
}

static inline void e1000_write(u32 reg, u32 value)
{
	e1000_regs[reg / 4] = value;
}

/*
 * Finds the card on bus 0, turns its memory space on and unmasks these causes,
 * none of which is set.  The payload fails where there is none.
 */
void e1000_init(u32 causes);

/* The IO-APIC's pin: `pin=N` on the command line, else as Bochs wires it. */
u32 e1000_pin(void);

#endif
