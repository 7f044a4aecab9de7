// SPDX-License-Identifier: BSD-2-Clause
/* Model-specific registers, ports and CPUID leaves: all of them. */
#include "hostile/hostile.h"

static const struct {
	u32 first, last;
} ranges[] = {
	{ 0, 0x1fff },
	{ 0x40000000, 0x400000ff },
	{ 0x4b564d00, 0x4b564dff },
	{ 0xc0000000, 0xc0001fff },
	{ 0xc0010000, 0xc0011fff },
};

/* Those that would only hurt this guest: its own attacks are elsewhere. */
static bool leave_alone(u32 msr)
{
	return msr == X2APIC_ICR || msr == MSR_IA32_APIC_BASE ||
	       msr == MSR_IA32_EFER || msr == X2APIC_SVR;
}

/* Of the processor, and never a guest's: VMX, SVM, memory types, firmware. */
static bool forbidden(u32 msr)
{
	return (msr >= 0x480 && msr <= 0x491) ||
	       (msr >= 0x200 && msr <= 0x26f) || msr == 0x9e ||
	       msr == 0xc0010111 || msr == 0xc0010114 || msr == 0xc0010117;
}

static u64 all_msrs(struct random *rnd, u64 count)
{
	u64 value, done = 0;
	u32 i, msr;

	(void)count;
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		for (msr = ranges[i].first; msr <= ranges[i].last; msr++) {
			done += try_rdmsr(msr, &value);
			if (forbidden(msr) && try_rdmsr(msr, &value))
				say("hostile: SEEN MSR %x: %lx", msr, value);
			if (leave_alone(msr))
				continue;
			done += try_wrmsr(msr, random_value(rnd));
			done += try_wrmsr(msr, value);
		}
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), LVT_MASKED);
	wrmsr(X2APIC_TPR, 0);
	return done;
}

static u64 efer_games(struct random *rnd, u64 count)
{
	u64 i, done = 0, good = rdmsr(MSR_IA32_EFER);

	for (i = 0; i < count; i++) {
		done += try_wrmsr(MSR_IA32_EFER, good ^ BIT(i % 64));
		done += try_wrmsr(MSR_IA32_EFER, random_value(rnd));
		wrmsr(MSR_IA32_EFER, good);
	}
	return done;
}

/* Reset and power-off have an attack of their own. */
static bool ends_it(u32 port)
{
	return (port & ~3U) == 0xcf8 || port == 0x64 || port == 0x92 ||
	       (port & ~7U) == 0x600 || (port & ~7U) == 0x3f8;
}

static void read_port(u16 port, u64 size)
{
	if (size == 0)
		inb(port);
	else if (size == 1)
		inw(port);
	else
		inl(port);
}

static void write_port(u16 port, u64 size, u64 value)
{
	if (size == 0)
		outb(port, (u8)value);
	else if (size == 1)
		outw(port, (u16)value);
	else
		outl(port, (u32)value);
}

static u64 access_port(struct random *rnd, u32 port, u64 size)
{
	read_port((u16)port, size);
	if (ends_it(port) || ends_it(port + 1) || ends_it(port + 2) ||
	    ends_it(port + 3))
		return 1;
	write_port((u16)port, size, random_value(rnd));
	return 2;
}

/* Every port; below 1000h by bytes, words and doublewords. */
static u64 all_ports(struct random *rnd, u64 count)
{
	u64 size, done = 0;
	u32 port;

	(void)count;
	for (port = 0; port < 0x10000; port++) {
		if (port >= 0x1000) {
			done += access_port(rnd, port, random_below(rnd, 3));
			continue;
		}
		for (size = 0; size < 3; size++)
			done += access_port(rnd, port, size);
	}
	return done;
}

static u64 string_ports(struct random *rnd, u64 count)
{
	static u8 buffer[4096];
	u64 n = sizeof(buffer), to = (u64)buffer;
	u16 port = (u16)random_value(rnd);

	(void)count;
	asm volatile("rep insb" : "+c"(n), "+D"(to) : "d"(port) : "memory");
	n = sizeof(buffer);
	to = (u64)buffer;
	asm volatile("rep outsb" : "+c"(n), "+S"(to) : "d"(port) : "memory");
	return 2;
}

static u64 marks(struct random *rnd, u64 count)
{
	(void)count;
	on_its_way();
	for (;;)
		mark((u8)random_next(rnd));
	return 0;
}

/* The console's lines, its registers and its interrupt, as fast as can be. */
static u64 console_flood(struct random *rnd, u64 count)
{
	u64 i;

	(void)count;
	on_its_way();
	for (;;)
		for (i = 0; i < 64; i++)
			outb(0x3f8, (u8)(' ' + random_below(rnd, 95)));
	return 0;
}

static u64 serial_games(struct random *rnd, u64 count)
{
	u64 i;

	for (i = 0; i < count; i++) {
		outb((u16)(0x3f8 + random_below(rnd, 8)),
		     (u8)random_value(rnd));
		inb((u16)(0x3f8 + random_below(rnd, 8)));
	}
	outb(0x3f8 + 1, 0);
	outb(0x3f8 + 3, 3);
	outb(0x3f8 + 1, 0);
	outb(0x3f8 + 4, 0);
	say("%s", ""); /* the end of a line of rubbish */
	return count;
}

static u64 leaves(struct random *rnd, u64 count)
{
	static const u32 bases[] = { 0,		 0x40000000, 0x40000100,
				     0x80000000, 0xc0000000, 0x8fffff00 };
	u32 a, b, c, d;
	u64 i, leaf;

	for (i = 0; i < count; i++) {
		leaf = i / 4 % 64;
		if (i & 1)
			leaf = random_value(rnd);
		else
			leaf += bases[i / 256 % ARRAY_SIZE(bases)];
		cpuid((u32)leaf, (u32)(i & 2 ? random_value(rnd) : i / 4 % 32),
		      &a, &b, &c, &d);
	}
	return count;
}

const struct attack msr_attacks[] = {
	{ "msr", all_msrs, 0 },
	{ "efer", efer_games, 256 },
	{ "ports", all_ports, 0 },
	{ "string", string_ports, 0 },
	{ "marks", marks, 0 },
	{ "flood", console_flood, 0 },
	{ "serial", serial_games, 4000 },
	{ "cpuid", leaves, 8000 },
	{ NULL, NULL, 0 },
};
