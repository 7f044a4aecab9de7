// SPDX-License-Identifier: BSD-2-Clause
/*
 * Streams of instructions that follow from the seed, in ring 0.  The second
 * CPU breaks those that do not end by an NMI.
 */
#include "hostile/hostile.h"

#define STREAM	  64
#define STUCK	  20000000UL /* ticks */
#define UNDEFINED 0x0b0f     /* UD2 */

static u8 stream[4096] __aligned(4096);
static u8 scratch[2][4096] __aligned(4096);
static volatile u64 number;
static volatile bool armed;
static u64 registers[16];

/* Openings of what exits or changes the CPU's state; the rest is random. */
static const struct {
	u8 length, bytes[3];
} openings[] = {
	{ 2, { 0x0f, 0x01 } },
	{ 2, { 0x0f, 0x00 } },
	{ 2, { 0x0f, 0x20 } },
	{ 2, { 0x0f, 0x22 } },
	{ 2, { 0x0f, 0x21 } },
	{ 2, { 0x0f, 0x23 } },
	{ 2, { 0x0f, 0x30 } },
	{ 2, { 0x0f, 0x32 } },
	{ 2, { 0x0f, 0xa2 } },
	{ 2, { 0x0f, 0xc7 } },
	{ 2, { 0x0f, 0xae } },
	{ 1, { 0xcd } },
	{ 1, { 0xfb } },
	{ 1, { 0xfa } },
	{ 1, { 0xf4 } },
	{ 1, { 0xec } },
	{ 1, { 0xee } },
	{ 1, { 0x9d } },
	{ 1, { 0xcf } },
	{ 2, { 0x48, 0xcf } },
	{ 1, { 0x8e } },
	{ 2, { 0x0f, 0x05 } },
	{ 2, { 0x0f, 0x34 } },
	{ 1, { 0xf1 } },
	{ 3, { 0x66, 0x0f, 0x38 } },
};

static void make_stream(struct random *rnd)
{
	u64 i, n, word;

	for (i = 0; i < STREAM; i += n) {
		n = random_below(rnd, ARRAY_SIZE(openings));
		word = random_next(rnd);
		memcpy(stream + i, &word, 8);
		if (word >> 60 < 6) {
			memcpy(stream + i, openings[n].bytes,
			       openings[n].length);
			n = openings[n].length + (word >> 50 & 3);
		} else {
			n = 1 + (word >> 50 & 7);
		}
	}
	for (i = STREAM; i < sizeof(stream); i += 2)
		memcpy(stream + i, &(u16){ UNDEFINED }, 2);
}

static void make_registers(struct random *rnd)
{
	u32 i;

	for (i = 0; i < 16; i++)
		registers[i] = random_below(rnd, 4) ?
				       (u64)scratch[0] +
					       random_below(rnd, 4096) :
				       random_value(rnd);
	/* RCX chooses an MSR; RDX is often a port. */
	registers[1] = random_below(rnd, 4) ?
			       0xc0000080 + random_below(rnd, 8) :
			       0x800 + random_below(rnd, 0x40);
	if (registers[1] == X2APIC_ICR)
		registers[1] = MSR_IA32_APIC_BASE;
}

static void go(void *arg)
{
	(void)arg;
	asm volatile("lea 4096 + %1, %%rsp\n\t"
		     "mov 0 + %0, %%rax\n\t"
		     "mov 8 + %0, %%rcx\n\t"
		     "mov 16 + %0, %%rdx\n\t"
		     "mov 24 + %0, %%rbx\n\t"
		     "mov 40 + %0, %%rbp\n\t"
		     "mov 48 + %0, %%rsi\n\t"
		     "mov 56 + %0, %%rdi\n\t"
		     "mov 64 + %0, %%r8\n\t"
		     "mov 72 + %0, %%r9\n\t"
		     "mov 80 + %0, %%r10\n\t"
		     "mov 88 + %0, %%r11\n\t"
		     "mov 96 + %0, %%r12\n\t"
		     "mov 104 + %0, %%r13\n\t"
		     "mov 112 + %0, %%r14\n\t"
		     "mov 120 + %0, %%r15\n\t"
		     "jmp stream"
		     :
		     : "m"(registers[0]), "m"(scratch[1][0])
		     : "memory");
}

/* Out of the stream: what it interrupted is never gone back to. */
static INTERRUPT void on_watchdog(struct interrupt_frame *frame)
{
	if (!armed)
		return;
	frame->rip = (u64)stream + STREAM;
	frame->cs = 0x10;
	frame->ss = 0;
	frame->rflags = 2;
	frame->rsp = (u64)scratch[1] + 4096;
}

static void watch(void)
{
	static u64 seen, since;

	if (seen != number) {
		seen = number;
		since = rdtsc();
	} else if (rdtsc() - since > STUCK) {
		wrmsr(X2APIC_ICR, ICR_NMI);
		since = rdtsc();
	}
	cpu_pause();
}

static u64 wild(struct random *rnd, u64 count)
{
	struct fault fault;

	idt_set(2, on_watchdog);
	helper_do(watch);
	for (number = 1; number <= count; number++) {
		make_stream(rnd);
		make_registers(rnd);
		armed = true;
		attempt(go, NULL, &fault);
		armed = false;
	}
	helper_do(NULL);
	return count;
}

const struct attack wild_attacks[] = {
	{ "wild", wild, 2000 },
	{ NULL, NULL, 0 },
};
