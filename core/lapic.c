// SPDX-License-Identifier: BSD-2-Clause
/* This core's local APIC, in x2APIC mode. */
#include "core/lapic.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/lib.h"
#include "core/x86.h"

#define HOST_SPURIOUS	 0xff
#define TDCR_DIVIDE_BY_1 0xb

int lapic_enable(char *error, size_t size)
{
	u32 a, b, c, d;
	u64 base = rdmsr(MSR_IA32_APIC_BASE);

	cpuid(1, 0, &a, &b, &c, &d);
	if (!(c & BIT(21)) || !(base & APIC_BASE_ENABLE)) {
		fmt_snprintf(error, size,
			     "APIC: no x2APIC on this CPU "
			     "(IA32_APIC_BASE = %lx); enable it in the "
			     "firmware or use a CPU that has it",
			     base);
		return -ENODEV;
	}
	wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_X2APIC);
	lapic_quiet();
	wrmsr(APIC_MSR(APIC_SVR), APIC_SVR_ENABLE | HOST_SPURIOUS);
	return 0;
}

u32 lapic_id(void)
{
	return (u32)rdmsr(APIC_MSR(APIC_ID));
}

bool lapic_test(u32 reg, u32 vector)
{
	return rdmsr(APIC_MSR(reg + vector / 32)) >> vector % 32 & 1;
}

s32 lapic_highest(u32 reg, u8 from)
{
	s32 i, vector = -1;
	u32 bits;

	for (i = 7; i >= from / 32 && vector < 0; i--) {
		bits = (u32)rdmsr(APIC_MSR(reg + (u32)i));
		if (bits)
			vector = 32 * i + 31 - __builtin_clz(bits);
	}
	return vector >= from ? vector : -1;
}

void lapic_eoi(void)
{
	wrmsr(APIC_MSR(APIC_EOI), 0);
}

void lapic_quiet(void)
{
	u32 max_lvt = (u32)rdmsr(APIC_MSR(APIC_VERSION)) >> 16 & 0xff;
	u32 reg;

	for (reg = APIC_LVT_TIMER; reg <= APIC_LVT_ERROR; reg++)
		if (reg != APIC_LVT_THERMAL || max_lvt >= 5)
			wrmsr(APIC_MSR(reg), APIC_LVT_MASKED);
	if (max_lvt >= 6)
		wrmsr(APIC_MSR(APIC_LVT_CMCI), APIC_LVT_MASKED);
	/* Leaving deadline mode (above) has disarmed the deadline. */
	wrmsr(APIC_MSR(APIC_TMICT), 0);
	wrmsr(APIC_MSR(APIC_TDCR), 0);
	wrmsr(APIC_MSR(APIC_TPR), 0);
}

static bool has_deadline(void)
{
	return host_features & FEATURE_DEADLINE;
}

void lapic_timer_init(void)
{
	wrmsr(APIC_MSR(APIC_SVR), APIC_SVR_ENABLE | HOST_SPURIOUS);
	wrmsr(APIC_MSR(APIC_TDCR), TDCR_DIVIDE_BY_1);
	wrmsr(APIC_MSR(APIC_LVT_TIMER),
	      HOST_TIMER_VECTOR |
		      (has_deadline() ? APIC_LVT_TIMER_DEADLINE : 0));
}

void lapic_timer_arm(u64 tsc)
{
	u64 now, count;

	if (has_deadline()) {
		wrmsr(MSR_IA32_TSC_DEADLINE, tsc);
		return;
	}
	now = rdtsc();
	count = tsc > now ? mul_div(tsc - now, host_clock.crystal_hz,
				    host_clock.tsc_hz) +
				    1 :
			    1;
	wrmsr(APIC_MSR(APIC_TMICT), tsc ? MIN(count, 0xffffffffUL) : 0);
}

/*
 * WRMSR to an x2APIC register does not wait for the stores before it (SDM vol.
 * 3 section 11.12.3): what the receiver is to find must be there first.
 */
void lapic_send(u32 apic_id, u32 low)
{
	asm volatile("mfence; lfence" : : : "memory");
	wrmsr(APIC_MSR(APIC_ICR), (u64)apic_id << 32 | low);
}
