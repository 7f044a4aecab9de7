/* SPDX-License-Identifier: BSD-2-Clause */
/* What the workloads of the payload `bench` share. */
#ifndef BENCH_H
#define BENCH_H

#include "lib/payload.h"
#include "lib/samples.h"

/* Any; of a class of their own. */
#define BENCH_VECTOR 0x51
#define PONG_VECTOR  0x61
/* Longer is lost, on a busy host too where its time is the guest's. */
#define WAIT_TICKS 2000000000UL

/* Figures kept of each turn, in ticks of the TSC. */
enum figure {
	LATENCY, /* from the cause to the handler, or there and back */
	ACT,	 /* the instruction that is the cause: to arm, to send */
	EOI,	 /* the instruction that ends the handler's work */
	NR_FIGURES,
};
extern struct samples figures[NR_FIGURES];

/* What is measured, with marks B and E around it. */
void window_begin(void);
void window_end(void);

/* Interrupts taken, and when the last handler began. */
extern volatile u64 taken, entered;
/* Counts one; in a handler, first of all. */
static inline void interrupt_taken(void)
{
	entered = rdtsc();
	taken++;
}
/* EOI, timed; not inline, so the same for all handlers. */
__attribute__((noinline)) void interrupt_end(void);
/* A handler that is just these two. */
INTERRUPT void on_interrupt(struct interrupt_frame *frame);
/* Until so many are taken; the payload fails if one is lost. */
void wait_taken(u64 number);

/* The workloads: `count` turns. */
void bench_timer(u64 count);
void bench_oneshot(u64 count);
void bench_self(u64 count);
void bench_icr(u64 count);
void bench_pingpong(u64 count);
void bench_device(u64 count);
void bench_loop(u64 count);

#endif
