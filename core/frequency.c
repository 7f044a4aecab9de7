// SPDX-License-Identifier: BSD-2-Clause
/* Which of several trials of a clock to believe. */
#include "core/frequency.h"
#include "core/lib.h"

#define MILLION 1000000UL

u64 frequency_ppm(u64 a, u64 b)
{
	u64 low = MIN(a, b);

	return low ? mul_div(MAX(a, b) - low, MILLION, low) : a != b ? ~0UL : 0;
}

static u64 middle(const struct frequency_reading *r)
{
	return r->before + (r->after - r->before) / 2;
}

static u64 elapsed(const struct frequency_trial *x)
{
	return middle(&x->to) - middle(&x->from);
}

/* In millionths of the trial. */
static u64 blur_of(const struct frequency_trial *x)
{
	u64 width = x->from.after - x->from.before + x->to.after - x->to.before;
	u64 ticks = elapsed(x);

	return ticks ? mul_div(width, MILLION, ticks) : ~0UL;
}

static struct frequency evaluate(const struct frequency_trials *t,
				 const struct frequency_trial *x)
{
	u32 ticks = (x->to.reference - x->from.reference) & t->reference_mask;
	u32 timer = x->from.timer - x->to.timer;

	if (!ticks)
		return (struct frequency){ 0, 0 };
	return (struct frequency){
		.tsc_hz = mul_div(elapsed(x), t->reference_hz, ticks),
		.timer_hz = mul_div(timer, t->reference_hz, ticks),
	};
}

/* How far two trials are apart, in either of the two. */
static u64 apart(const struct frequency *a, const struct frequency *b)
{
	return MAX(frequency_ppm(a->tsc_hz, b->tsc_hz),
		   frequency_ppm(a->timer_hz, b->timer_hz));
}

/* The two that are closest, if they agree. */
static bool closest(const struct frequency_trials *t, u32 *first, u32 *second)
{
	u64 best = FREQUENCY_AGREE_PPM + 1, d;
	u32 i, j;

	for (i = 0; i < t->nr_sharp; i++)
		for (j = 0; j < i; j++) {
			d = apart(&t->sharp[i], &t->sharp[j]);
			if (d >= best)
				continue;
			best = d;
			*first = j;
			*second = i;
		}
	return best <= FREQUENCY_AGREE_PPM;
}

bool frequency_add(struct frequency_trials *t, const struct frequency_trial *x)
{
	struct frequency f = evaluate(t, x);
	u64 blur = blur_of(x);
	u32 a, b;

	t->nr++;
	if (blur <= FREQUENCY_BLUR_PPM) {
		t->sharp[t->nr_sharp++] = f;
	} else if (t->nr == t->nr_sharp + 1 || blur < t->blur) {
		t->blurred = f;
		t->blur = blur;
	}
	return t->nr < FREQUENCY_TRIALS ||
	       (t->nr < FREQUENCY_MAX_TRIALS && !closest(t, &a, &b));
}

static bool comes_before(const struct frequency_trials *t, u32 a, u32 b)
{
	u64 first = t->sharp[a].tsc_hz, second = t->sharp[b].tsc_hz;

	return first < second || (first == second && a < b);
}

/* By the TSC: as many are below it as above. */
static const struct frequency *median(const struct frequency_trials *t)
{
	u32 i, j, below;

	for (i = 0; i < t->nr_sharp; i++) {
		for (j = 0, below = 0; j < t->nr_sharp; j++)
			below += comes_before(t, j, i);
		if (below == t->nr_sharp / 2)
			return &t->sharp[i];
	}
	return &t->blurred;
}

bool frequency_take(const struct frequency_trials *t, struct frequency *f)
{
	const struct frequency *a, *b;
	u32 first, second;

	if (!closest(t, &first, &second)) {
		*f = *median(t);
		return false;
	}
	a = &t->sharp[first];
	b = &t->sharp[second];
	f->tsc_hz = a->tsc_hz / 2 + b->tsc_hz / 2;
	f->timer_hz = a->timer_hz / 2 + b->timer_hz / 2;
	return true;
}
