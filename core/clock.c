// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TSC: its frequency, and delays by it.
 *
 * docs/decisions.md: The measured TSC frequency wins.
 */
#include "core/clock.h"
#include "core/frequency.h"
#include "core/io.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/x86.h"

#define PM_TIMER_HZ 3579545UL
#define PIT_HZ	    1193182UL
#define FEMTO	    1000000000000000UL
#define MHZ	    1000000UL
/* Length of a trial; the PIT wraps after 54 ms. */
#define TRIAL_MS 20
/* Of so many looks at the counters the one that took least time counts. */
#define LOOKS 8
/*
 * A reference that has not moved for so many looks, and ticks of a TSC of
 * unknown speed, is dead: of 5 GHz that is 0.8 ms, a thousand ticks of the
 * slowest.  One that has not come far enough after the limit is no use.
 */
#define DEAD_LOOKS  100
#define DEAD_TICKS  4000000UL
#define LIMIT_TICKS 1000000000UL
/* What CPUID says is believed within so many millionths of the measured. */
#define BELIEF_PPM 1000

/* HPET specification 1.0a, section 2.3 */
#define HPET_CAPABILITIES 0x000
#define HPET_PERIOD	  0x004
#define HPET_CONFIG	  0x010
#define HPET_COUNTER	  0x0f0
#define HPET_TIMER(n)	  (0x100 + 0x20 * (n))
#define HPET_ENABLE	  BIT(0)
#define HPET_LEGACY_ROUTE BIT(1)
#define HPET_TIMER_ENABLE BIT(2)
#define HPET_TIMER_FSB	  BIT(14)

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

static volatile u32 *hpet_register(u32 offset)
{
	return (volatile u32 *)(hpet + offset);
}

static u32 read_hpet(void)
{
	return *hpet_register(HPET_COUNTER);
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

/* It counts and does nothing else, whatever the firmware used it for. */
static void hpet_quiet(void)
{
	u32 timers = (*hpet_register(HPET_CAPABILITIES) >> 8 & 31) + 1;
	u32 i;

	for (i = 0; i < timers; i++)
		*hpet_register(HPET_TIMER(i)) &= ~(u32)(HPET_TIMER_ENABLE |
							HPET_TIMER_FSB);
	*hpet_register(HPET_CONFIG) &= ~(u32)HPET_LEGACY_ROUTE;
	*hpet_register(HPET_CONFIG) |= HPET_ENABLE;
}

static bool use_hpet(const struct acpi_info *acpi, struct reference *r)
{
	u32 period;

	if (!acpi->has_hpet || acpi->hpet_address >> 32)
		return false;
	hpet = phys_to_virt(acpi->hpet_address);
	period = *hpet_register(HPET_PERIOD);
	/* At most 100 ns, and not dead. */
	if (!period || period > 100000000)
		return false;
	hpet_quiet();
	*r = (struct reference){ "HPET", read_hpet, FEMTO / period, ~0U };
	return true;
}

static bool use_pm_timer(const struct acpi_info *acpi, struct reference *r)
{
	pm_timer_port = acpi->pm_timer_port;
	*r = (struct reference){ "PM timer", read_pm_timer, PM_TIMER_HZ,
				 0xffffff };
	return acpi->has_pm_timer;
}

/* Gate on, speaker off; mode 0, both bytes, count from FFFF. */
static bool use_pit(const struct acpi_info *acpi, struct reference *r)
{
	(void)acpi;
	outb(PORT_B, (u8)((inb(PORT_B) & ~2) | 1));
	outb(PIT_MODE, 0xb0);
	outb(PIT_CH2, 0xff);
	outb(PIT_CH2, 0xff);
	*r = (struct reference){ "PIT", read_pit, PIT_HZ, 0xffff };
	return true;
}

/* The best first. */
static bool (*const references[])(const struct acpi_info *acpi,
				  struct reference *r) = {
	use_hpet,
	use_pm_timer,
	use_pit,
};

/* No reference: CPUID's word is taken for the TSC, which then is one. */
static u32 read_tsc(void)
{
	return (u32)rdtsc();
}

/* Waits until the reference has moved by `ticks`; it must keep moving. */
static int wait_reference(const struct reference *r, u32 ticks)
{
	u32 start = r->read(), last = start, now = start, looks = 0;
	u64 began = rdtsc(), moved = began, tsc = began;

	while (((now - start) & r->mask) < ticks) {
		if (now != last) {
			last = now;
			moved = tsc;
			looks = 0;
		}
		if ((looks++ > DEAD_LOOKS && tsc - moved > DEAD_TICKS) ||
		    tsc - began > LIMIT_TICKS)
			return -ENODEV;
		cpu_pause();
		tsc = rdtsc();
		now = r->read();
	}
	return 0;
}

static struct frequency_reading look(const struct reference *r)
{
	struct frequency_reading x, best = { .after = ~0UL };
	u32 i;

	for (i = 0; i < LOOKS; i++) {
		x.before = rdtsc_ordered();
		x.reference = r->read();
		x.timer = (u32)rdmsr(APIC_MSR(APIC_TMCCT));
		x.after = rdtsc_ordered();
		if (x.after - x.before < best.after - best.before)
			best = x;
	}
	return best;
}

static int try_once(const struct reference *r, struct frequency_trial *x)
{
	wrmsr(APIC_MSR(APIC_TMICT), 0xffffffff);
	x->from = look(r);
	if (wait_reference(r, (u32)(r->hz * TRIAL_MS / 1000)))
		return -ENODEV;
	x->to = look(r);
	return 0;
}

static void say_disagree(const struct frequency_trials *t,
			 const struct reference *r, const struct frequency *f)
{
	log_printf("warning: clock: %u trials against the %s, %u of them "
		   "undisturbed, do not agree: taking %lu kHz, APIC timer %lu "
		   "kHz",
		   t->nr, r->name, t->nr_sharp, f->tsc_hz / 1000,
		   f->timer_hz / 1000);
}

static int measure(const struct reference *r, struct frequency *f)
{
	struct frequency_trials t = { .reference_hz = r->hz,
				      .reference_mask = r->mask };
	struct frequency_trial x;
	u64 start = rdtsc();
	int err;

	/* Divided by 1. */
	wrmsr(APIC_MSR(APIC_TDCR), 0xb);
	do
		err = try_once(r, &x);
	while (!err && frequency_add(&t, &x));
	wrmsr(APIC_MSR(APIC_TMICT), 0);
	clock_add(CLOCK_REFERENCE_WAIT, rdtsc() - start);
	if (err)
		log_printf("warning: clock: the %s does not count; check the "
			   "firmware's ACPI tables",
			   r->name);
	else if (!frequency_take(&t, f))
		say_disagree(&t, r, f);
	return err;
}

static bool believable(u64 claimed, u64 measured)
{
	return frequency_ppm(claimed, measured) <= BELIEF_PPM;
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

/* CPUID leaf 16h: the base frequency, of which the TSC's is near. */
static u64 cpuid_base(void)
{
	u32 max, a, b, c, d;

	cpuid(0, 0, &max, &b, &c, &d);
	if (max < 0x16)
		return 0;
	cpuid(0x16, 0, &a, &b, &c, &d);
	return (a & 0xffff) * MHZ;
}

/* The first reference that counts, else CPUID; NULL: neither. */
static const char *find_frequency(const struct acpi_info *acpi, u64 claimed,
				  struct frequency *f)
{
	struct reference r;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(references); i++)
		if (references[i](acpi, &r) && !measure(&r, f))
			return r.name;
	r = (struct reference){ "CPUID", read_tsc,
				claimed ? claimed : cpuid_base(), ~0U };
	if (!r.hz || measure(&r, f))
		return NULL;
	log_printf("warning: clock: no timer counts: believing CPUID, which "
		   "says %lu kHz",
		   f->tsc_hz / 1000);
	return r.name;
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
	u64 crystal = 0, claimed = cpuid_tsc(&crystal);
	struct frequency f = { 0, 0 };
	const char *by = find_frequency(acpi, claimed, &f);
	struct host_clock *hc = &host_clock;

	if (!by || !f.tsc_hz || !f.timer_hz) {
		fmt_snprintf(error, size,
			     "clock: %s; a firmware update may "
			     "help",
			     by ? "the local APIC's timer does not count" :
				  "no timer counts, and CPUID names no "
				  "frequency");
		return -ENODEV;
	}
	hc->tsc_hz = f.tsc_hz;
	hc->crystal_hz = believable(f.timer_hz, f.tsc_hz) ? f.tsc_hz :
							    f.timer_hz;
	if (claimed && believable(claimed, f.tsc_hz)) {
		hc->tsc_hz = claimed;
		if (believable(crystal, f.timer_hz))
			hc->crystal_hz = crystal;
	} else if (claimed) {
		log_printf("clock: CPUID claims %lu kHz, the %s says %lu kHz: "
			   "taking the latter",
			   claimed / 1000, by, f.tsc_hz / 1000);
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
