/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Latencies of a vCPU, in TSC ticks: a histogram of powers of two for each
 * kind, kept where things happen anyway, so that keeping them costs no exit.
 * Shown by the monitor's `latency`; docs/ledger.md explains each.
 *
 * Those of a vCPU are written by its own core only.  Others read them at any
 * time, as they do the ledger.
 */
#ifndef CORE_HISTOGRAM_H
#define CORE_HISTOGRAM_H

#include "core/types.h"

/* X(suffix of the enum constant, name in the output) */
#define LATENCIES(X)              \
	X(EXIT, "exit")           \
	X(INJECTION, "injection") \
	X(BOUNCE, "bounce")

#define LATENCY_ENUM(id, name) LATENCY_##id,
enum latency {
	LATENCIES(LATENCY_ENUM) LATENCY_COUNT
};
#undef LATENCY_ENUM

/*
 * Bucket n counts values from 2^n to below twice that; the first has 0 too, the
 * last all that are greater.
 */
#define HISTOGRAM_BUCKETS 32

struct histogram {
	u64 count[HISTOGRAM_BUCKETS];
	u64 max;
};

/* Longest line of latency_print, its terminator included. */
#define LATENCY_LINE_MAX (128 + HISTOGRAM_BUCKETS * 32)

/* On the exit path. */
static inline void histogram_add(struct histogram *h, u64 value)
{
	u32 bucket = 63 - (u32)__builtin_clzl(value | 1);

	h->count[MIN(bucket, HISTOGRAM_BUCKETS - 1U)]++;
	if (value > h->max)
		h->max = value;
}

/* Copies a histogram that its owner may be writing. */
void histogram_snapshot(struct histogram *out, const struct histogram *h);

/*
 * Prints the stable form of a vCPU's histograms, indexed by enum latency: a
 * line (without newline) per call for each that is not empty.
 *   latency NAME/VCPU KIND count=N max=N FROM=N ...
 */
void latency_print(const struct histogram *h, const char *name, u32 vcpu,
		   void (*line)(void *ctx, const char *text), void *ctx);

#endif
