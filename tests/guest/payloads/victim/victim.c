// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest that notices everything: a pattern over its memory, which it checks
 * and replaces again and again; timer ticks and IPIs, each of which must come
 * exactly once; and no vector that it did not ask for.
 *
 * Command line: seed=N; cpus=2 for IPIs to a second CPU; deadline=1 for the
 * TSC-deadline timer; rounds=N ends it after so many.  A line typed on its
 * console is answered with the counts so far; `quit` ends it.
 */
#include "lib/payload.h"
#include "lib/random.h"

#define TICK_VECTOR  0x51
#define SELF_VECTOR  0x62
#define OTHER_VECTOR 0x73
#define CHUNK	     0x10000UL
#define MIN_DELAY    1000
#define MAX_DELAY    50000
/* In ticks of the TSC; an interrupt that takes longer is lost. */
#define PATIENCE    20000000000UL
#define POLL_ROUNDS 8

static struct {
	volatile u64 ticks, selfs, others;
} sent, taken;
static volatile u64 strays, stray_vector;
static u64 words, passes, wrong_words, wrong_at, wrong_value;
static u64 lost;
static struct random rnd;
static u64 seed, cpus;
static bool deadline;

static INTERRUPT void on_tick(struct interrupt_frame *frame)
{
	(void)frame;
	taken.ticks++;
	x2apic_eoi();
}

static INTERRUPT void on_self(struct interrupt_frame *frame)
{
	(void)frame;
	taken.selfs++;
	x2apic_eoi();
}

static INTERRUPT void on_other(struct interrupt_frame *frame)
{
	(void)frame;
	taken.others++;
	x2apic_eoi();
}

static void on_stray(u64 vector)
{
	strays++;
	stray_vector = vector;
	x2apic_eoi();
}

static u64 pattern(u64 address, u64 pass)
{
	return mix(address + seed) ^ mix(pass + 1);
}

/* Where the pattern is: RAM from 1 MiB up, but for the payload itself. */
static struct {
	u64 base, end;
} areas[8];
static u32 nr_areas;

static void add_area(u64 base, u64 end)
{
	if (base < end && nr_areas < ARRAY_SIZE(areas)) {
		areas[nr_areas].base = base;
		areas[nr_areas++].end = end;
	}
}

static void find_areas(void)
{
	u64 first = (u64)payload_start, last = ((u64)bss_end | 0xfff) + 1;
	const struct ram *r;
	u64 end;
	u32 i;

	for (i = 0; (r = ram_entry(i)); i++) {
		if (r->type != 1 || r->base < 0x100000 || r->base >> 32)
			continue;
		end = r->base + r->size;
		if (first < r->base || first >= end) {
			add_area(r->base, end);
			continue;
		}
		add_area(r->base, first);
		add_area(last, end);
	}
}

static void fill(void)
{
	u32 i;
	u64 a;

	for (i = 0; i < nr_areas; i++)
		for (a = areas[i].base; a < areas[i].end; a += 8)
			*(volatile u64 *)a = pattern(a, 0);
}

static void wrong(u64 address, u64 value)
{
	if (!wrong_words++) {
		wrong_at = address;
		wrong_value = value;
	}
}

static void check_chunk(u64 from, u64 to)
{
	u64 a, v;

	for (a = from; a < to; a += 8) {
		v = *(volatile u64 *)a;
		if (v != pattern(a, passes))
			wrong(a, v);
		*(volatile u64 *)a = pattern(a, passes + 1);
	}
	words += (to - from) / 8;
}

/* The next chunk; at the end of the last area a new pass begins. */
static void check_memory(void)
{
	static u32 area;
	static u64 offset;
	u64 from = areas[area].base + offset;

	check_chunk(from, MIN(from + CHUNK, areas[area].end));
	offset += CHUNK;
	if (areas[area].base + offset < areas[area].end)
		return;
	offset = 0;
	if (++area == nr_areas) {
		area = 0;
		passes++;
	}
}

/* Halted now and then: a wake-up that is lost shows, too. */
static void wait_for(volatile u64 *counter, u64 count, bool halt)
{
	u64 start = rdtsc();

	while (*counter < count) {
		interrupts_off();
		if (halt && *counter < count)
			asm volatile("sti; hlt" : : : "memory");
		interrupts_on();
		if (rdtsc() - start > PATIENCE) {
			lost += count - *counter;
			*counter = count;
		}
		cpu_pause();
	}
}

static void tick(bool halt)
{
	u64 delay = MIN_DELAY + random_below(&rnd, MAX_DELAY - MIN_DELAY);

	sent.ticks++;
	if (deadline)
		wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() + delay);
	else
		wrmsr(X2APIC_MSR(APIC_REG_TMICT), delay);
	wait_for(&taken.ticks, sent.ticks, halt);
}

static void self_ipi(bool direct)
{
	sent.selfs++;
	if (direct)
		wrmsr(X2APIC_SELF_IPI, SELF_VECTOR);
	else
		wrmsr(X2APIC_ICR, ICR_SELF | SELF_VECTOR);
	wait_for(&taken.selfs, sent.selfs, false);
}

static void other_ipi(void)
{
	sent.others++;
	wrmsr(X2APIC_ICR, 1UL << 32 | OTHER_VECTOR);
	wait_for(&taken.others, sent.others, false);
}

static void other_cpu(u32 id)
{
	(void)id;
	x2apic_enable();
	interrupts_on();
	for (;;)
		asm volatile("hlt");
}

static bool exact(void)
{
	return !lost && !strays && !wrong_words && sent.ticks == taken.ticks &&
	       sent.selfs == taken.selfs && sent.others == taken.others;
}

static void report(const char *tag)
{
	say("victim: %s %s ticks=%lu/%lu selfs=%lu/%lu others=%lu/%lu "
	    "words=%lu passes=%lu",
	    exact() ? "exact" : "WRONG", tag, taken.ticks, sent.ticks,
	    taken.selfs, sent.selfs, taken.others, sent.others, words, passes);
	if (!exact())
		say("victim: lost=%lu strays=%lu vector=%lx wrong=%lu at=%lx "
		    "value=%lx",
		    lost, strays, stray_vector, wrong_words, wrong_at,
		    wrong_value);
}

static bool asked_to_quit(void)
{
	char line[40];

	if (!console_line(line, sizeof(line)))
		return false;
	report(line);
	return !strcmp(line, "quit");
}

static void prepare(void)
{
	seed = cmdline_number("seed", 1);
	cpus = cmdline_number("cpus", 1);
	deadline = cmdline_number("deadline", 0);
	rnd.state = seed;
	idt_set_others(on_stray);
	idt_set(TICK_VECTOR, on_tick);
	idt_set(SELF_VECTOR, on_self);
	idt_set(OTHER_VECTOR, on_other);
	if (cpus > 1 && !cpu_start(1, other_cpu))
		payload_fail("the second CPU does not start");
	x2apic_enable();
	wrmsr(X2APIC_MSR(APIC_REG_TDCR), 0xb);
	wrmsr(X2APIC_MSR(APIC_REG_TIMER),
	      TICK_VECTOR | (deadline ? TIMER_DEADLINE : 0));
}

PAYLOAD("victim")
{
	u64 round, rounds = cmdline_number("rounds", ~0UL);

	prepare();
	find_areas();
	fill();
	interrupts_on();
	say("victim: ready");
	for (round = 0; round < rounds; round++) {
		check_memory();
		tick(round & 7);
		self_ipi(round & 1);
		if (cpus > 1)
			other_ipi();
		if (round % POLL_ROUNDS == 0 && asked_to_quit())
			break;
	}
	report("end");
	if (!exact())
		payload_fail("see above");
	payload_ok("ticks=%lu words=%lu", taken.ticks, words);
}
