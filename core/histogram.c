// SPDX-License-Identifier: BSD-2-Clause
/* Histograms of latencies. */
#include "core/histogram.h"
#include "core/lib.h"

#define LATENCY_NAME(id, name) [LATENCY_##id] = name,
static const char *const names[] = { LATENCIES(LATENCY_NAME) };

void histogram_snapshot(struct histogram *out, const struct histogram *h)
{
	u32 i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		out->count[i] = __atomic_load_n(&h->count[i], __ATOMIC_RELAXED);
	out->max = __atomic_load_n(&h->max, __ATOMIC_RELAXED);
}

static u64 total(const struct histogram *h)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum += h->count[i];
	return sum;
}

void latency_print(const struct histogram *h, const char *name, u32 vcpu,
		   void (*line)(void *ctx, const char *text), void *ctx)
{
	char text[LATENCY_LINE_MAX];
	u32 kind, i;
	size_t n;

	for (kind = 0; kind < LATENCY_COUNT; kind++, h++) {
		if (!total(h))
			continue;
		n = fmt_snprintf(text, sizeof(text),
				 "latency %.15s/%u %s count=%lu max=%lu", name,
				 vcpu, names[kind], total(h), h->max);
		for (i = 0; i < HISTOGRAM_BUCKETS; i++)
			if (h->count[i])
				n += fmt_snprintf(text + n, sizeof(text) - n,
						  " %lu=%lu", BIT(i) & ~1UL,
						  h->count[i]);
		line(ctx, text);
	}
}
