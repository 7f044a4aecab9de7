// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest that tries to hurt others.  A line on its console,
 *
 *	NAME [SEED [COUNT]]
 *
 * starts an attack; all that it does follows from the seed.  It says
 *
 *	hostile NAME: begun
 *	hostile NAME: on its way	when it will never end
 *	hostile NAME: done N		when it has done N things
 *
 * unless it is parked, or kills itself, in between.  Two CPUs.
 */
#include "hostile/hostile.h"

#define WAKE_VECTOR 0x41

static const struct attack *const groups[] = {
	apic_attacks, msr_attacks,  memory_attacks, table_attacks,
	cpu_attacks,  loop_attacks, wild_attacks,
};
static const char *name;

static void (*volatile helper_job)(void);

static void ignore(u64 vector)
{
	(void)vector;
	x2apic_eoi();
}

static INTERRUPT void on_nmi(struct interrupt_frame *frame)
{
	(void)frame;
}

static void helper(u32 id)
{
	void (*job)(void);

	(void)id;
	x2apic_enable();
	for (;;) {
		job = helper_job;
		if (job)
			job();
		else
			asm volatile("sti; hlt; cli" : : : "memory");
	}
}

void helper_do(void (*job)(void))
{
	helper_job = job;
	wrmsr(X2APIC_ICR, 1UL << 32 | WAKE_VECTOR);
}

void helper_start(void)
{
	helper_job = NULL;
	if (!cpu_start(1, helper))
		payload_fail("the second CPU does not start");
}

struct msr_access {
	u32 msr;
	u64 value;
};

static void do_rdmsr(void *arg)
{
	struct msr_access *a = arg;

	a->value = rdmsr(a->msr);
}

static void do_wrmsr(void *arg)
{
	const struct msr_access *a = arg;

	wrmsr(a->msr, a->value);
}

bool try_rdmsr(u32 msr, u64 *value)
{
	struct msr_access a = { .msr = msr };
	struct fault fault;
	bool ok = attempt(do_rdmsr, &a, &fault);

	*value = a.value;
	return ok;
}

bool try_wrmsr(u32 msr, u64 value)
{
	struct msr_access a = { msr, value };
	struct fault fault;

	return attempt(do_wrmsr, &a, &fault);
}

void on_its_way(void)
{
	say("hostile %s: on its way", name);
}

static const struct attack *find(const char *line)
{
	const struct attack *a;
	size_t n;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		for (a = groups[i]; a->name; a++) {
			n = strlen(a->name);
			if (strlen(line) >= n && !memcmp(line, a->name, n) &&
			    (!line[n] || line[n] == ' '))
				return a;
		}
	return NULL;
}

static const char *next_word(const char *text)
{
	while (*text && *text != ' ')
		text++;
	return *text ? text + 1 : text;
}

static void run(const char *line)
{
	const struct attack *a = find(line);
	const char *second = next_word(line);
	struct random rnd = { parse_number(second, 1) };
	u64 n;

	if (!a) {
		say("hostile: no attack %s", line);
		return;
	}
	name = a->name;
	say("hostile %s: begun", name);
	n = a->run(&rnd, parse_number(next_word(second), a->count));
	interrupts_off();
	say("hostile %s: done %lu", name, n);
}

PAYLOAD("hostile")
{
	char line[80];

	idt_set_others(ignore);
	/* Vectors are legal from 16; no such exception is raised here. */
	idt_set_from(16);
	idt_set(2, on_nmi);
	x2apic_enable();
	helper_start();
	/* Behind whatever the one before left unfinished. */
	say("\nhostile: ready");
	for (;;) {
		if (console_line(line, sizeof(line)))
			run(line);
		cpu_pause();
	}
}
