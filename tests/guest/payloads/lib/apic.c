// SPDX-License-Identifier: BSD-2-Clause
/* The local APIC in either mode, and starting CPUs by it. */
#include "lib/ap.h"
#include "lib/internal.h"
#include "lib/payload.h"

#define APIC_PAGE 0xfee00000UL
#define SVR_ON	  0x1ff
#define AP_STACK  0x4000
/* In ticks of the TSC: long enough for any machine. */
#define UP_TICKS 20000000000UL

extern u8 ap_begin[], ap_end[], ap_cr3[], ap_stack[];

static u8 stacks[CPU_MAX][AP_STACK] __aligned(16);
static void (*ap_code)(u32 id);
static u32 ap_up;
u64 ap_cr8;

bool apic_is_x2apic(void)
{
	return rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC;
}

static volatile u32 *mmio(u32 reg)
{
	return (volatile u32 *)(APIC_PAGE + (u64)reg * 16);
}

u32 apic_read(u32 reg)
{
	return apic_is_x2apic() ? (u32)rdmsr(X2APIC_MSR(reg)) : *mmio(reg);
}

void apic_write(u32 reg, u32 value)
{
	if (apic_is_x2apic())
		wrmsr(X2APIC_MSR(reg), value);
	else
		*mmio(reg) = value;
}

void apic_send(u32 id, u32 low)
{
	if (apic_is_x2apic()) {
		wrmsr(X2APIC_ICR, (u64)id << 32 | low);
		return;
	}
	*mmio(APIC_REG_ICR2) = id << 24;
	*mmio(APIC_REG_ICR) = low;
}

u32 apic_enable(void)
{
	u32 id = apic_read(APIC_REG_ID);

	apic_write(APIC_REG_TPR, 0);
	apic_write(APIC_REG_SVR, SVR_ON);
	return apic_is_x2apic() ? id : id >> 24;
}

u32 x2apic_enable(void)
{
	wrmsr(MSR_IA32_APIC_BASE,
	      rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	return apic_enable();
}

void ap_entry(void)
{
	u32 id;

	ap_cr8 = read_cr8();
	id = apic_enable();
	tables_init(id);
	__atomic_fetch_add(&ap_up, 1, __ATOMIC_SEQ_CST);
	ap_code(id);
	payload_fail("CPU %u returned", id);
}

static void prepare(u32 id, void (*code)(u32 id))
{
	u64 cr3 = read_cr3(), stack = (u64)stacks[id] + AP_STACK;
	u8 *page = (u8 *)AP_START;

	ap_code = code;
	memcpy(page, ap_begin, (size_t)(ap_end - ap_begin));
	memcpy(page + (ap_cr3 - ap_begin), &cr3, sizeof(cr3));
	memcpy(page + (ap_stack - ap_begin), &stack, sizeof(stack));
}

static bool wait_up(u32 count)
{
	u64 start = rdtsc();

	while (__atomic_load_n(&ap_up, __ATOMIC_SEQ_CST) < count)
		if (rdtsc() - start > UP_TICKS)
			return false;
	return true;
}

bool cpu_start(u32 id, void (*code)(u32 id))
{
	u32 before = __atomic_load_n(&ap_up, __ATOMIC_SEQ_CST);

	if (id >= CPU_MAX)
		return false;
	prepare(id, code);
	apic_send(id, ICR_INIT);
	apic_send(id, ICR_SIPI | AP_START >> 12);
	return wait_up(before + 1);
}
