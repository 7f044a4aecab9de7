// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest that does everything to its interrupt descriptor table that a guest
 * can do, while its timer and IPIs to itself run.  Each entry into a handler
 * must have a source, ISR and IRR must hold what they should, and the table
 * must read as it was written, but for the P bit of vectors from 32 up.
 *
 * Command line: ticks=N, how many timer interrupts come while the guest is
 * busy, between the marks B and E, each delay=N after it is asked for; spin=N,
 * how long the guest keeps interrupts off while one is due; cpus=2 with a
 * second CPU; tcg=1 on QEMU's TCG, which never sets EXT in an error code.
 */
#include "lib/descriptors.h"
#include "lib/payload.h"
#include "lib/probe.h"

#define GATES	 256
#define FIRST	 32
#define PATIENCE 20000000000UL
#define ROUNDS	 20
#define DELAY	 3000

#define GATE_TYPE  0x1f00
#define TYPE_SHIFT 8
/* IST and type, of a gate that is not present. */
#define GATE_ABSENT 0x0e00

#define PTE_P		  BIT(0)
#define PTE_W		  BIT(1)
#define WINDOW		  0x8000000000UL /* the second entry of the top table */
#define IDT_ERROR(vector) (8UL * (vector) + 2)
#define EXTERNAL	  1UL

/* In the order in which they are tried. */
static struct gate tables[3][GATES] __aligned(4096);
/* What `tables[n]` must read as, but for the P bits. */
static struct gate written[GATES];
static u64 window_pdpt[512] __aligned(4096);
static u64 window_pd[512] __aligned(4096);
static u64 window_pt[512] __aligned(4096);

/* EXT of an error code, SDM vol. 3 section 6.13 */
static u64 external = 1;
static u8 tick_vector = 0x51, self_vector = 0x62;
static volatile u64 ticks, selfs, strays, stray_vector;
static volatile bool tick_due, self_due;
static volatile u64 wrong_isr, wrong_irr;
static const char *phase = "start";

/* --- the local APIC --- */

/* ISR or IRR must have these bits, and no others. */
static bool apic_holds(u32 reg, s32 vector1, s32 vector2)
{
	u32 i, want;

	for (i = 0; i < 8; i++) {
		want = 0;
		if (vector1 >= 0 && (u32)vector1 / 32 == i)
			want |= 1U << vector1 % 32;
		if (vector2 >= 0 && (u32)vector2 / 32 == i)
			want |= 1U << vector2 % 32;
		if ((u32)rdmsr(X2APIC_MSR(reg + i)) != want)
			return false;
	}
	return true;
}

/* The other of the two may be pending meanwhile, if it is due. */
static void in_handler(u8 vector, u8 other, bool other_due)
{
	if (!apic_holds(APIC_REG_ISR, vector, -1))
		wrong_isr++;
	if (!apic_holds(APIC_REG_IRR, -1, -1) &&
	    !(other_due && apic_holds(APIC_REG_IRR, other, -1)))
		wrong_irr++;
	x2apic_eoi();
	if (!apic_holds(APIC_REG_ISR, -1, -1))
		wrong_isr++;
}

static void stray(u64 vector)
{
	strays++;
	stray_vector = vector;
	x2apic_eoi();
}

static void take_tick(void)
{
	if (!tick_due)
		stray(tick_vector);
	tick_due = false;
	ticks++;
	in_handler(tick_vector, self_vector, self_due);
}

static INTERRUPT void on_tick(struct interrupt_frame *frame)
{
	(void)frame;
	take_tick();
}

static INTERRUPT void on_self(struct interrupt_frame *frame)
{
	(void)frame;
	if (!self_due)
		stray(self_vector);
	self_due = false;
	selfs++;
	in_handler(self_vector, tick_vector, tick_due);
}

/* --- tables --- */

static void load(const void *table, u32 limit)
{
	const struct descriptor_register r = { (u16)limit, (u64)table };

	asm volatile("lidt %0" : : "m"(r) : "memory");
}

static void check_register(const void *table, u32 limit)
{
	struct descriptor_register r;

	asm volatile("sidt %0" : "=m"(r));
	if (r.base != (u64)table || r.limit != limit)
		payload_fail("%s: SIDT says %lx, %x", phase, r.base, r.limit);
}

static void set(struct gate *table, u8 vector, u64 handler, u16 type)
{
	written[vector] = gate_to(handler, type);
	table[vector] = written[vector];
}

static void set_sources(struct gate *table)
{
	set(table, tick_vector, (u64)on_tick, GATE_INTERRUPT);
	set(table, self_vector, (u64)on_self, GATE_INTERRUPT);
}

/* The library's: exceptions fail, other vectors are strays. */
static void fill(struct gate *table)
{
	struct descriptor_register r;

	asm volatile("sidt %0" : "=m"(r));
	memcpy(table, (const void *)r.base, sizeof(written));
	memcpy(written, (const void *)r.base, sizeof(written));
	set_sources(table);
}

static bool is_gate(const struct gate *g)
{
	u16 type = (g->type & GATE_TYPE) >> TYPE_SHIFT;

	return type == 14 || type == 15;
}

/* Must read as written; a gate of no valid type may get one, still absent. */
static void check_table(const struct gate *table)
{
	struct gate got;
	u32 v;

	for (v = 0; v < GATES; v++) {
		got = table[v];
		if (v >= FIRST) {
			got.type |= written[v].type & GATE_PRESENT;
			if (!is_gate(&written[v]) &&
			    (got.type & (GATE_TYPE | GATE_PRESENT)) ==
				    GATE_ABSENT)
				got.type = written[v].type;
		}
		if (memcmp(&got, &written[v], sizeof(got)))
			payload_fail("%s: gate %x reads as type %x, not %x",
				     phase, v, table[v].type, written[v].type);
	}
}

/* --- interrupts, all that are asked for and no others --- */

static void complain(const char *what)
{
	payload_fail("%s: %s, %lu ticks, %lu selfs, %lu strays (%lx), "
		     "ISR %lu, IRR %lu",
		     phase, what, ticks, selfs, strays, stray_vector, wrong_isr,
		     wrong_irr);
}

static void await(volatile bool *due)
{
	u64 start = rdtsc();

	while (*due)
		if (rdtsc() - start > PATIENCE)
			complain("lost");
}

static void send_tick(u32 delay)
{
	tick_due = true;
	wrmsr(X2APIC_MSR(APIC_REG_TMICT), delay);
}

static void send_self(bool direct)
{
	self_due = true;
	if (direct)
		wrmsr(X2APIC_MSR(0x3f), self_vector);
	else
		wrmsr(X2APIC_ICR, ICR_SELF | self_vector);
}

/* With IF clear it waits in IRR, alone, and nothing is in service. */
static void pending_self(void)
{
	interrupts_off();
	send_self(true);
	if (!apic_holds(APIC_REG_IRR, self_vector, -1) ||
	    !apic_holds(APIC_REG_ISR, -1, -1))
		complain("not in IRR alone");
	interrupts_on();
	await(&self_due);
}

static void exercise(u32 rounds)
{
	u32 i;

	interrupts_on();
	for (i = 0; i < rounds; i++) {
		send_tick(DELAY);
		send_self(i & 1);
		await(&self_due);
		await(&tick_due);
		pending_self();
	}
	interrupts_off();
	if (strays || wrong_isr || wrong_irr)
		complain("wrong");
}

static void begin(const char *name)
{
	phase = name;
	say("idt: %s", name);
}

/* --- the phases --- */

static void plain(u32 count, u32 delay)
{
	u32 i;

	begin("plain");
	fill(tables[0]);
	load(tables[0], sizeof(tables[0]) - 1);
	exercise(ROUNDS);
	check_register(tables[0], sizeof(tables[0]) - 1);
	check_table(tables[0]);
	/* Nothing but the timer, in a guest that is busy. */
	interrupts_on();
	mark('B');
	for (i = 0; i < count; i++) {
		send_tick(delay);
		await(&tick_due);
	}
	mark('E');
	interrupts_off();
	exercise(1);
	check_table(tables[0]);
}

/* For `spin` TSC ticks the timer can't be taken; then it is, once. */
static void held_back(u64 spin)
{
	u64 start = rdtsc();

	begin("held back");
	send_tick(DELAY);
	while (rdtsc() - start < spin)
		cpu_pause();
	if (!tick_due)
		complain("with interrupts off");
	interrupts_on();
	await(&tick_due);
	interrupts_off();
	exercise(1);
}

static volatile u64 others_seen;

static INTERRUPT void on_tick_too(struct interrupt_frame *frame)
{
	(void)frame;
	others_seen++;
	take_tick();
}

/* By stores of each size, and by a string instruction. */
static void rewrite(void)
{
	struct gate g = gate_to((u64)on_tick_too, GATE_INTERRUPT);
	struct gate *table = tables[0], *to = &table[tick_vector];
	u32 i, way;
	u64 n;

	begin("rewrites");
	for (way = 0; way < 4; way++) {
		written[tick_vector] = g;
		for (i = 0; way == 0 && i < 16; i++)
			((volatile u8 *)to)[i] = ((const u8 *)&g)[i];
		for (i = 0; way == 1 && i < 8; i++)
			((volatile u16 *)to)[i] = ((const u16 *)&g)[i];
		for (i = 0; way == 2 && i < 2; i++)
			((volatile u64 *)to)[i] = ((const u64 *)&g)[i];
		if (way == 3) {
			const void *from = written;
			void *all = table;

			n = sizeof(written) / 8;
			asm volatile("rep movsq"
				     : "+S"(from), "+D"(all), "+c"(n)
				     :
				     : "memory");
		}
		others_seen = 0;
		exercise(2);
		if (others_seen != 2)
			complain("by the old gate");
		check_table(table);
		set_sources(table);
		exercise(1);
		if (others_seen != 2)
			complain("by a gate that is gone");
	}
	/* A locked read-modify-write, of a gate that no source uses. */
	__atomic_fetch_xor(&table[0x99].type, GATE_USER, __ATOMIC_SEQ_CST);
	written[0x99].type ^= GATE_USER;
	check_table(table);
}

static void reload(void)
{
	u32 i;

	begin("lidt");
	memcpy(tables[1], written, sizeof(written));
	for (i = 0; i < 6; i++) {
		load(tables[i & 1], sizeof(written) - 1);
		exercise(2);
		check_register(tables[i & 1], sizeof(written) - 1);
		check_table(tables[i & 1]);
	}
}

static void two_pages(void)
{
	struct gate *table = &tables[1][GATES / 2];

	begin("two pages");
	memcpy(table, written, sizeof(written));
	load(table, sizeof(written) - 1);
	exercise(ROUNDS);
	check_register(table, sizeof(written) - 1);
	check_table(table);
	memcpy(tables[1], written, sizeof(written));
	memcpy(tables[2], written, sizeof(written));
}

static void run(struct probe *p, const void *code, bool user)
{
	*p = (struct probe){ .code = code, .user = user, .loaded_idt = true };
	probe_run(p);
}

/* RIP is then so far behind the CPUID. */
static void expect(const struct probe *p, const u8 *code, u32 behind,
		   u64 vector, u64 error)
{
	code += 2;
	if (p->vector != vector || p->error != error ||
	    p->rip != (u64)code + behind)
		payload_fail("%s: vector %lx error %lx at +%ld, not %lx %lx",
			     phase, p->vector, p->error,
			     (long)(p->rip - (u64)code), vector, error);
}

/*
 * CPUID exits: so Ashlar gets the choice of state right before what is
 * tried.  INT n for each n, four bytes apart.
 */
asm(".pushsection .text\n"
    "int_n:\n"
    ".set vector, 0\n"
    ".rept 256\n"
    "cpuid\n"
    ".byte 0xcd, vector\n"
    ".set vector, vector + 1\n"
    ".endr\n"
    "load_ds: cpuid\n"
    "mov %esi, %ds\n"
    "invalid: cpuid\n"
    "ud2\n"
    "let_in: cpuid\n"
    "sti\n"
    "nop\n"
    "nop\n"
    "int $0x20\n"
    "wait_user: cpuid\n"
    "mov wait_for, %rax\n"
    "1: testb $1, (%rax)\n"
    "jnz 1b\n"
    "int $0x20\n"
    "wait_end:\n"
    ".popsection\n");
extern const u8 int_n[][4], load_ds[], invalid[], let_in[], wait_end[];
extern const u8 wait_user[];
volatile bool *wait_for;

static void set_probes(struct gate *table, u16 type)
{
	u32 v;

	for (v = 0; v < GATES; v++)
		set(table, (u8)v, probe_stub((u8)v), type);
	set_sources(table);
}

/* By an instruction that Ashlar does not know. */
static void vector_store(void)
{
	struct gate g = gate_to((u64)on_tick_too, GATE_INTERRUPT);

	begin("vector store");
	load(tables[0], sizeof(written) - 1);
	exercise(2);
	write_cr4(read_cr4() | CR4_OSFXSR);
	others_seen = 0;
	asm volatile("movups %1, %%xmm0\n\t"
		     "movups %%xmm0, %0"
		     : "=m"(tables[0][tick_vector])
		     : "m"(g));
	exercise(2);
	if (others_seen != 2)
		complain("by the old gate");
	set_sources(tables[0]);
	check_table(tables[0]);
}

/* Nothing happens that needs the table. */
static void unmapped(void)
{
	u32 a, b, c, d;

	begin("unmapped");
	load((void *)(WINDOW + 9 * PAGE_SIZE), sizeof(written) - 1);
	cpuid(0, 0, &a, &b, &c, &d);
	load(tables[0], sizeof(written) - 1);
	exercise(2);
}

/* Gates up to 8Fh; what is above is #GP. */
static void short_limit(void)
{
	u32 limit = 0x90 * 16 - 1;
	struct probe p;

	begin("short limit");
	load(tables[0], limit);
	exercise(ROUNDS);
	set(tables[0], VEC_GP, probe_stub(VEC_GP), GATE_INTERRUPT);
	run(&p, int_n[0x90], false);
	expect(&p, int_n[0x90], 0, VEC_GP, IDT_ERROR(0x90));
	check_register(tables[0], limit);
	check_table(tables[0]);
}

static void zero_gates(void)
{
	struct probe p;
	u32 v;

	begin("zero gates");
	load(tables[1], sizeof(written) - 1);
	for (v = FIRST; v < GATES; v++)
		tables[0][v] = written[v] = (struct gate){ 0 };
	set_sources(tables[0]);
	load(tables[0], sizeof(written) - 1);
	exercise(ROUNDS);
	for (v = FIRST; v < GATES; v++) {
		if (v == tick_vector || v == self_vector)
			continue;
		run(&p, int_n[v], false);
		expect(&p, int_n[v], 0, VEC_GP, IDT_ERROR(v));
	}
	check_table(tables[0]);
	exercise(2);
}

/* A page of the window shows another page of memory. */
static void show(u32 page, const void *memory, u64 bits)
{
	window_pt[page] = (u64)memory | bits | PTE_P;
	invlpg(WINDOW + page * PAGE_SIZE);
}

static void open_window(void)
{
	u64 *top = (u64 *)(read_cr3() & PAGE_MASK);

	window_pd[0] = (u64)window_pt | PTE_W | PTE_P;
	window_pdpt[0] = (u64)window_pd | PTE_W | PTE_P;
	top[WINDOW >> 39 & 511] = (u64)window_pdpt | PTE_W | PTE_P;
	write_cr3(read_cr3());
}

/* The table moves to another page; its address stays. */
static void moved(void)
{
	u32 i;

	begin("moved by page tables");
	memcpy(written, tables[1], sizeof(written));
	set_sources(tables[1]);
	memcpy(tables[2], tables[1], sizeof(written));
	show(0, tables[1], PTE_W);
	load((void *)WINDOW, sizeof(written) - 1);
	for (i = 0; i < 6; i++) {
		show(0, tables[1 + (i & 1)], PTE_W);
		exercise(2);
		check_table((void *)WINDOW);
	}
	/* The one that is left is the guest's as any other memory is. */
	memset(tables[1 + (i & 1)], 0x5a, 64);
	exercise(2);
	check_table((void *)WINDOW);
	memcpy(tables[1 + (i & 1)], written, 64);
}

/* As Linux has it: loaded by a read-only address, written by another. */
static void alias(void)
{
	begin("read-only alias");
	show(1, tables[1], 0);
	load((void *)(WINDOW + PAGE_SIZE), sizeof(written) - 1);
	exercise(ROUNDS);
	set(tables[1], tick_vector, (u64)on_tick_too, GATE_INTERRUPT);
	others_seen = 0;
	exercise(2);
	if (others_seen != 2)
		complain("by the old gate");
	set_sources(tables[1]);
	check_table((void *)(WINDOW + PAGE_SIZE));
	check_register((void *)(WINDOW + PAGE_SIZE), sizeof(written) - 1);
}

/* The vectors that push an error code, which INT n does not. */
#define WITH_ERROR (BIT(8) | 0x1fUL << 10 | BIT(17) | BIT(21))

/* Even vectors from 32 up are for CPL 3, too. */
static void int_each(bool user)
{
	struct probe p;
	bool allowed;
	u32 v;

	begin(user ? "int n at CPL 3" : "int n at CPL 0");
	set_probes(tables[0], GATE_INTERRUPT);
	for (v = FIRST; v < GATES; v += 2)
		if (v != tick_vector && v != self_vector)
			set(tables[0], (u8)v, probe_stub((u8)v),
			    GATE_INTERRUPT | GATE_USER);
	load(tables[0], sizeof(written) - 1);
	for (v = 0; v < GATES; v++) {
		if (v == tick_vector || v == self_vector ||
		    (!user && v < FIRST && WITH_ERROR >> v & 1))
			continue;
		allowed = !user || (v >= FIRST && !(v & 1));
		run(&p, int_n[v], user);
		if (allowed)
			expect(&p, int_n[v], 2, v, 0);
		else
			expect(&p, int_n[v], 0, VEC_GP, IDT_ERROR(v));
	}
	check_table(tables[0]);
	exercise(2);
}

/* Interrupts that find the processor at CPL 3. */
static void ticks_in_user(void)
{
	struct probe p = { .code = wait_user,
			   .user = true,
			   .rflags = RFLAGS_IF,
			   .loaded_idt = true };
	u32 i;

	begin("ticks at CPL 3");
	set(tables[0], 0x20, probe_stub(0x20), GATE_INTERRUPT | GATE_USER);
	wait_for = &tick_due;
	for (i = 0; i < ROUNDS; i++) {
		send_tick(DELAY);
		probe_run(&p);
		expect(&p, wait_user, (u32)(wait_end - wait_user) - 2, 0x20, 0);
	}
	exercise(1);
}

/* Not-present gates and segments of the guest's own. */
static void not_present(bool user)
{
	struct probe p = { .code = load_ds,
			   .user = user,
			   .loaded_idt = true,
			   .gpr[PROBE_RSI] = PROBE_ABSENT_SELECTOR };
	u16 absent = GATE_ABSENT | GATE_USER;

	begin(user ? "not present, CPL 3" : "not present, CPL 0");
	exercise(1);
	probe_run(&p);
	expect(&p, load_ds, 0, VEC_NP, PROBE_ABSENT_SELECTOR);
	set(tables[0], 0x90, probe_stub(0x90), absent);
	run(&p, int_n[0x90], user);
	expect(&p, int_n[0x90], 0, VEC_NP, IDT_ERROR(0x90));
	set(tables[0], VEC_UD, probe_stub(VEC_UD), absent);
	run(&p, invalid, user);
	expect(&p, invalid, 0, VEC_NP, IDT_ERROR(VEC_UD) | external);
	set(tables[0], VEC_UD, probe_stub(VEC_UD), GATE_INTERRUPT);
	check_table(tables[0]);
	exercise(2);
}

/* An interrupt without a gate: #NP, with the vector in service. */
static void absent_interrupt(void)
{
	struct probe p;

	begin("interrupt without gate");
	set(tables[0], self_vector, 0, GATE_ABSENT);
	send_self(true);
	run(&p, let_in, false);
	if (p.vector != VEC_NP ||
	    p.error != (IDT_ERROR(self_vector) | external))
		payload_fail("%s: vector %lx error %lx", phase, p.vector,
			     p.error);
	if (!apic_holds(APIC_REG_ISR, self_vector, -1))
		complain("not in service");
	x2apic_eoi();
	self_due = false;
	set_sources(tables[0]);
	exercise(ROUNDS);
	check_table(tables[0]);
}

/* --- with a second CPU --- */

static void (*volatile job)(void);

static void other_cpu(u32 id)
{
	(void)id;
	x2apic_enable();
	for (;;) {
		if (job) {
			job();
			job = NULL;
		}
		cpu_pause();
	}
}

static void on_other(void (*what)(void))
{
	u64 start = rdtsc();

	job = what;
	while (job)
		if (rdtsc() - start > PATIENCE)
			complain("the other CPU hangs");
}

static void set_gates(void)
{
	set(tables[0], tick_vector, (u64)on_tick_too, GATE_INTERRUPT);
}

static void load_same(void)
{
	load(tables[0], sizeof(written) - 1);
}

static void load_another(void)
{
	load(tables[2], sizeof(written) - 1);
}

/* One table for both, each its own, and each writes to the other's. */
static void two_cpus(void)
{
	void (*const loads[])(void) = { load_same, load_another, load_same };
	u32 i;

	begin("two CPUs");
	if (!cpu_start(1, other_cpu))
		payload_fail("the second CPU does not start");
	memcpy(tables[2], written, sizeof(written));
	for (i = 0; i < ARRAY_SIZE(loads); i++) {
		on_other(loads[i]);
		exercise(2);
		others_seen = 0;
		on_other(set_gates);
		exercise(2);
		if (others_seen != 2)
			complain("by the old gate");
		set_sources(tables[0]);
		exercise(2);
		if (others_seen != 2)
			complain("by a gate that is gone");
		check_table(tables[0]);
	}
	/* Not an IDT any more, for either. */
	load_another();
	on_other(load_another);
	memset(tables[0], 0, 16);
	exercise(2);
	check_table(tables[2]);
}

static void use_vectors(u8 tick, u8 self)
{
	tick_vector = tick;
	self_vector = self;
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), tick_vector);
}

PAYLOAD("idt")
{
	u32 count = (u32)cmdline_number("ticks", 100);

	external = !cmdline_number("tcg", 0);
	x2apic_enable();
	wrmsr(X2APIC_MSR(APIC_REG_TDCR), 0xb);
	use_vectors(tick_vector, self_vector);
	idt_set_others(stray);
	probe_init();
	open_window();
	plain(count, (u32)cmdline_number("delay", DELAY));
	held_back(cmdline_number("spin", DELAY));
	rewrite();
	reload();
	two_pages();
	vector_store();
	unmapped();
	short_limit();
	zero_gates();
	moved();
	alias();
	int_each(false);
	int_each(true);
	/* Those two were left out. */
	use_vectors(0x53, 0x64);
	int_each(false);
	int_each(true);
	ticks_in_user();
	not_present(false);
	not_present(true);
	absent_interrupt();
	if (cmdline_number("cpus", 1) > 1)
		two_cpus();
	payload_ok("ticks=%lu selfs=%lu", ticks, selfs);
}
