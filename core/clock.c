// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TSC: its frequency, and delays by it.
 *
 * docs/decisions.md: The measured TSC frequency wins.
 */
#include "core/clock.h"
#include "core/io.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/x86.h"

#define PM_TIMER_HZ 3579545UL
#define PIT_HZ	    1193182UL
#define FEMTO	    1000000000000000UL
/* Length of the measurement, and how often a dead timer is read. */
#define WINDOW_MS 10
#define MAX_READS 200000000UL
/* What CPUID says is believed within this fraction of what is measured. */
#define BELIEF 1000

/* HPET specification 1.0a, section 2.3 */
#define HPET_PERIOD  0x004
#define HPET_CONFIG  0x010
#define HPET_COUNTER 0x0f0

#define PIT_CH2	 0x42
#define PIT_MODE 0x43
#define PORT_B	 0x61

struct host_clock host_clock;
u64 clock_spent[CLOCK_PHASES];
/* From boot/entry.S. */
u64 boot_entry_tsc;

/* A counter of the machine: its value, its frequency, its width. */
struct reference {
	const char *name;
	u32 (*read)(void);
	u64 hz;
	u32 mask;
};

static u16 pm_timer_port;
static volatile u8 *hpet;

static u32 read_pm_timer(void)
{
	return inl(pm_timer_port);
}

static u32 read_hpet(void)
{
	return *(volatile u32 *)(hpet + HPET_COUNTER);
}

/* Counts down; latch and read channel 2. */
static u32 read_pit(void)
{
	u32 v;

	outb(PIT_MODE, 0x80);
	v = inb(PIT_CH2);
	v |= (u32)inb(PIT_CH2) << 8;
	return 0xffff - v;
}

static bool use_hpet(const struct acpi_info *acpi, struct reference *r)
{
	u32 period;

	if (!acpi->has_hpet || acpi->hpet_address >> 32)
		return false;
	hpet = phys_to_virt(acpi->hpet_address);
	period = *(volatile u32 *)(hpet + HPET_PERIOD);
	/* At most 100 ns, and not dead. */
	if (!period || period > 100000000)
		return false;
	*(volatile u32 *)(hpet + HPET_CONFIG) |= 1;
	*r = (struct reference){ "HPET", read_hpet, FEMTO / period, ~0U };
	return true;
}

static void choose_reference(const struct acpi_info *acpi, struct reference *r)
{
	if (acpi->has_pm_timer) {
		pm_timer_port = acpi->pm_timer_port;
		*r = (struct reference){ "PM timer", read_pm_timer, PM_TIMER_HZ,
					 0xffffff };
	} else if (!use_hpet(acpi, r)) {
		/* Gate on, speaker off; mode 0, both bytes, count from FFFF. */
		outb(PORT_B, (u8)((inb(PORT_B) & ~2) | 1));
		outb(PIT_MODE, 0xb0);
		outb(PIT_CH2, 0xff);
		outb(PIT_CH2, 0xff);
		*r = (struct reference){ "PIT", read_pit, PIT_HZ, 0xffff };
	}
}

/* Waits until the reference has moved by `ticks` from `start`. */
static int wait_reference(const struct reference *r, u32 start, u32 ticks,
			  u32 *now)
{
	u64 reads;

	for (reads = 0; reads < MAX_READS; reads++) {
		*now = r->read();
		if (((*now - start) & r->mask) >= ticks)
			return 0;
		cpu_pause();
	}
	return -ENODEV;
}

static int measure(const struct reference *r, u64 *tsc_hz, u64 *lapic_hz)
{
	u32 ticks = (u32)(r->hz * WINDOW_MS / 1000);
	u32 start, end;
	u64 tsc, lapic, elapsed;

	/* Begin on an edge of the reference. */
	if (wait_reference(r, r->read(), 1, &start))
		return -ENODEV;
	wrmsr(APIC_MSR(APIC_TDCR), 0xb);
	wrmsr(APIC_MSR(APIC_TMICT), 0xffffffff);
	tsc = rdtsc();
	if (wait_reference(r, start, ticks, &end))
		return -ENODEV;
	elapsed = rdtsc() - tsc;
	lapic = 0xffffffff - rdmsr(APIC_MSR(APIC_TMCCT));
	wrmsr(APIC_MSR(APIC_TMICT), 0);
	ticks = (end - start) & r->mask;
	*tsc_hz = elapsed * r->hz / ticks;
	*lapic_hz = lapic * r->hz / ticks;
	return 0;
}

static bool agrees(u64 claimed, u64 measured)
{
	u64 d = claimed > measured ? claimed - measured : measured - claimed;

	return d <= measured / BELIEF;
}

/* CPUID leaf 15h: TSC / crystal ratio and crystal, 0 where not told. */
static u64 cpuid_tsc(u64 *crystal)
{
	u32 max, a, b, c, d;

	cpuid(0, 0, &max, &b, &c, &d);
	if (max < 0x15)
		return 0;
	cpuid(0x15, 0, &a, &b, &c, &d);
	*crystal = c;
	return a && b ? (u64)c * b / a : 0;
}

static u64 bcd(u64 v)
{
	return (v >> 4) * 10 + (v & 15);
}

static u64 rtc_read(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

/* Days from 1970 to the first of a month: the civil calendar. */
static u64 days(u64 year, u64 month)
{
	static const u16 before[] = { 0,   31,	59,  90,  120, 151,
				      181, 212, 243, 273, 304, 334 };
	u64 y = month > 2 ? year + 1 : year;

	return (year - 1970) * 365 + (y - 1 - 1968) / 4 - (y > 2100) +
	       before[(month - 1) % 12];
}

/* The RTC's time; a reading during its update is repeated a few times. */
static u64 read_wall(void)
{
	u64 part[6], again[6];
	static const u8 regs[] = { 0, 2, 4, 7, 8, 9 };
	bool binary = rtc_read(11) & 4;
	u32 tries, i;

	for (tries = 0; tries < 10; tries++) {
		for (i = 0; i < 6; i++)
			part[i] = rtc_read(regs[i]);
		for (i = 0; i < 6; i++)
			again[i] = rtc_read(regs[i]);
		if (!memcmp(part, again, sizeof(part)))
			break;
	}
	for (i = 0; i < 6 && !binary; i++)
		part[i] = bcd(part[i]);
	return ((days(2000 + part[5], part[4]) + part[3] - 1) * 24 + part[2]) *
		       3600 +
	       part[1] * 60 + part[0];
}

int clock_init(const struct acpi_info *acpi, char *error, size_t size)
{
	u64 lapic_hz, crystal = 0, claimed = cpuid_tsc(&crystal);
	struct host_clock *hc = &host_clock;
	struct reference r;

	choose_reference(acpi, &r);
	if (measure(&r, &hc->tsc_hz, &lapic_hz) || !hc->tsc_hz || !lapic_hz) {
		fmt_snprintf(error, size,
			     "clock: the %s does not count; "
			     "check the firmware's ACPI tables",
			     r.name);
		return -ENODEV;
	}
	hc->crystal_hz = agrees(lapic_hz, hc->tsc_hz) ? hc->tsc_hz : lapic_hz;
	if (claimed && agrees(claimed, hc->tsc_hz)) {
		hc->tsc_hz = claimed;
		hc->crystal_hz = crystal;
	} else if (claimed) {
		log_printf("clock: CPUID claims %lu kHz, the %s says %lu kHz: "
			   "taking the latter",
			   claimed / 1000, r.name, hc->tsc_hz / 1000);
	}
	log_printf("clock: TSC %lu kHz, APIC timer %lu kHz", hc->tsc_hz / 1000,
		   hc->crystal_hz / 1000);
	hc->wall = read_wall() - rdtsc() / hc->tsc_hz;
	return 0;
}

void clock_delay_us(u64 us)
{
	u64 start = rdtsc(), ticks = us * host_clock.tsc_hz / 1000000;

	while (rdtsc() - start < ticks)
		cpu_pause();
}
