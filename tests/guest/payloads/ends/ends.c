// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest whose end prints as much as it can: each CPU makes exits of as many
 * kinds as there are; then a reset.  Command line: cpus=N.
 */
#include "lib/ioapic.h"
#include "lib/payload.h"

#define NO_DEVICE 0xd0000000UL

static volatile u32 ready;

static void touch(u64 address)
{
	(void)*(volatile u32 *)address;
}

static void exits(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	inb(0x3fd);
	inb(0x61);
	rdmsr(MSR_IA32_APIC_BASE);
	wrmsr(X2APIC_SVR, 0x1ff);
	wrmsr(X2APIC_ICR, ICR_SELF | 0x51);
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), LVT_MASKED | 0x51);
	mark('x');
	write_cr4(read_cr4() | CR4_OSXSAVE);
	xsetbv(1);
	asm volatile("wbinvd");
	touch(IOAPIC_BASE);
	touch(NO_DEVICE);
	write_cr0(read_cr0() ^ BIT(30));
}

static void other(u32 id)
{
	(void)id;
	x2apic_enable();
	exits();
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	for (;;)
		asm volatile("cli; hlt");
}

PAYLOAD("ends")
{
	u32 i, n = (u32)cmdline_number("cpus", 1);

	x2apic_enable();
	for (i = 1; i < n; i++)
		cpu_start(i, other);
	exits();
	while (ready < n - 1)
		cpu_pause();
	outb(0xcf9, 6);
	for (;;)
		asm volatile("hlt");
}
