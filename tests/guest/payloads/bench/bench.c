// SPDX-License-Identifier: BSD-2-Clause
/*
 * The benchmarks' workloads, the same image bare and under Ashlar in each
 * mode.  `work=NAME` on the command line says which, `count=N` how many turns.
 */
#include "bench/bench.h"

#define ROOM 32768

struct workload {
	const char *name;
	void (*run)(u64 count);
};
static const struct workload workloads[] = {
	{ "timer", bench_timer },	{ "oneshot", bench_oneshot },
	{ "self", bench_self },		{ "icr", bench_icr },
	{ "pingpong", bench_pingpong }, { "device", bench_device },
	{ "loop", bench_loop },
};

static const char *const names[NR_FIGURES] = { "latency", "act", "eoi" };
static u64 room[NR_FIGURES][ROOM];
struct samples figures[NR_FIGURES] = {
	{ room[LATENCY], ROOM, 0 },
	{ room[ACT], ROOM, 0 },
	{ room[EOI], ROOM, 0 },
};
volatile u64 taken, entered;
static u64 begun, ticks;

void window_begin(void)
{
	mark('B');
	begun = rdtsc();
}

void window_end(void)
{
	ticks = rdtsc() - begun;
	mark('E');
}

void interrupt_end(void)
{
	u64 start = rdtsc();

	x2apic_eoi();
	samples_add(&figures[EOI], rdtsc() - start);
}

INTERRUPT void on_interrupt(struct interrupt_frame *frame)
{
	(void)frame;
	interrupt_taken();
	interrupt_end();
}

void wait_taken(u64 number)
{
	u64 start = rdtsc();

	while (taken < number)
		if (rdtsc() - start > WAIT_TICKS)
			payload_fail("interrupt %lu lost", number);
}

static void print(enum figure f)
{
	struct samples *s = &figures[f];

	if (!s->count)
		return;
	if (s->count > s->room)
		payload_fail("%lu samples of %s", s->count, names[f]);
	samples_sort(s);
	say("bench %s min=%lu median=%lu p99=%lu max=%lu", names[f],
	    samples_quantile(s, 0), samples_quantile(s, 500),
	    samples_quantile(s, 990), samples_quantile(s, 1000));
}

static const struct workload *chosen(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++)
		if (cmdline_is("work", workloads[i].name))
			return &workloads[i];
	payload_fail("work=NAME is missing or not known");
}

PAYLOAD("bench")
{
	const struct workload *w = chosen();
	u64 count = cmdline_number("count", 1000);
	enum figure f;

	w->run(count);
	for (f = 0; f < NR_FIGURES; f++)
		print(f);
	payload_ok("work=%s count=%lu ticks=%lu interrupts=%lu", w->name, count,
		   ticks, taken);
}
