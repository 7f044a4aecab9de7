/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The physical local APIC of this core, in x2APIC mode (SDM vol. 3 section
 * 11.12).
 */
#ifndef CORE_LAPIC_H
#define CORE_LAPIC_H

#include "core/types.h"

/* x2APIC registers: MSR 800h + n; xAPIC registers: offset n << 4. */
enum {
	APIC_ID = 0x02,
	APIC_VERSION = 0x03,
	APIC_TPR = 0x08,
	APIC_PPR = 0x0a,
	APIC_EOI = 0x0b,
	APIC_LDR = 0x0d,
	APIC_DFR = 0x0e,
	APIC_SVR = 0x0f,
	APIC_ISR = 0x10,
	APIC_TMR = 0x18,
	APIC_IRR = 0x20,
	APIC_ESR = 0x28,
	APIC_LVT_CMCI = 0x2f,
	APIC_ICR = 0x30,
	APIC_ICR2 = 0x31,
	APIC_LVT_TIMER = 0x32,
	APIC_LVT_THERMAL = 0x33,
	APIC_LVT_PERF = 0x34,
	APIC_LVT_LINT0 = 0x35,
	APIC_LVT_LINT1 = 0x36,
	APIC_LVT_ERROR = 0x37,
	APIC_TMICT = 0x38,
	APIC_TMCCT = 0x39,
	APIC_TDCR = 0x3e,
	APIC_SELF_IPI = 0x3f,
};

#define APIC_MSR(reg)	(0x800 + (u32)(reg))
#define APIC_SVR_ENABLE BIT(8)
#define APIC_LVT_MASKED BIT(16)

/* LVT timer entry, bits 18:17 */
#define APIC_LVT_TIMER_MODE	(3UL << 17)
#define APIC_LVT_TIMER_DEADLINE (2UL << 17)

#define APIC_DM_NMI  0x400U
#define APIC_DM_INIT 0x500U
#define APIC_DM_SIPI 0x600U
#define APIC_ASSERT  0x4000U

/*
 * Boot, each core: turns x2APIC mode on, masks every LVT, enables the unit.
 * 0, or -ENODEV with a line in error.
 */
int __must_check lapic_enable(char *error, size_t size);

u32 lapic_id(void);

/* The bit of a vector in ISR, TMR or IRR. */
bool lapic_test(u32 reg, u32 vector);
/* The highest there, -1 if it is below `from`. */
s32 lapic_highest(u32 reg, u8 from);
/* The highest vector in service of this core is done with. */
void lapic_eoi(void);

/* Masks every LVT, stops the timer, TPR 0.  Any context. */
void lapic_quiet(void);

/*
 * The core's timer for the host's use, one shot at a time with the vector
 * HOST_TIMER_VECTOR.  `tsc` is when it fires, at the earliest a little later
 * than now; far times may fire early.  0: never.
 */
#define HOST_TIMER_VECTOR 0xef
void lapic_timer_init(void);
void lapic_timer_arm(u64 tsc);

/* Any context, any core.  One physical IPI; `low` is the ICR's lower half. */
void lapic_send(u32 apic_id, u32 low);

#endif
