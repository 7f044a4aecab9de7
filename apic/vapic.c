// SPDX-License-Identifier: BSD-2-Clause
/* Vectors that have arrived: pending, in service, priorities. */
#include "apic/vapic.h"
#include "core/lib.h"

#define CLASS(vector) ((vector)&0xf0U)

void vapic_reset(struct vapic *a)
{
	memset(a, 0, sizeof(*a));
}

bool vapic_accept(struct vapic *a, u8 vector, bool level, u64 since)
{
	bool fresh = !vectors_test(a->irr, vector);

	if (fresh)
		a->since[vector] = since;
	vectors_set(a->irr, vector);
	if (level)
		vectors_set(a->tmr, vector);
	else
		vectors_clear(a->tmr, vector);
	return fresh;
}

static u64 any(const u64 *bits)
{
	_Static_assert(VECTOR_WORDS == 4, "all of them");
	return bits[0] | bits[1] | bits[2] | bits[3];
}

bool vapic_idle(const struct vapic *a)
{
	return !(any(a->irr) | any(a->isr));
}

static u32 isr_class(const struct vapic *a)
{
	s32 isr = vectors_highest(a->isr);

	return isr < 0 ? a->floor : MAX(CLASS((u32)isr), a->floor);
}

u8 vapic_ppr(const struct vapic *a)
{
	u32 isr = isr_class(a);

	return CLASS(a->tpr) >= isr ? a->tpr : (u8)isr;
}

s32 vapic_next(const struct vapic *a)
{
	s32 irr = vectors_highest(a->irr);

	return irr >= 0 && CLASS((u32)irr) > CLASS(vapic_ppr(a)) ? irr : -1;
}

s32 vapic_next_above_isr(const struct vapic *a)
{
	s32 irr = vectors_highest(a->irr);

	return irr >= 0 && CLASS((u32)irr) > isr_class(a) ? irr : -1;
}

u64 vapic_deliver(struct vapic *a, u8 vector)
{
	vectors_clear(a->irr, vector);
	vectors_set(a->isr, vector);
	return a->since[vector];
}

s32 vapic_eoi(struct vapic *a, bool *level)
{
	s32 vector = vectors_highest(a->isr);

	*level = false;
	if (vector < 0)
		return -1;
	vectors_clear(a->isr, (u32)vector);
	*level = vectors_test(a->tmr, (u32)vector);
	return vector;
}

bool vapic_post(struct vapic_posted *p, u8 vector, bool level, u64 since)
{
	u64 bit = BIT(vector % 64);
	u32 i = vector / 64;

	if (level)
		__atomic_fetch_or(&p->level[i], bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&p->level[i], ~bit, __ATOMIC_SEQ_CST);
	__atomic_store_n(&p->since[vector], since, __ATOMIC_RELAXED);
	__atomic_fetch_or(&p->irr[i], bit, __ATOMIC_SEQ_CST);
	return !__atomic_exchange_n(&p->any, 1, __ATOMIC_SEQ_CST);
}

static void take_times(struct vapic *a, const struct vapic_posted *p, u32 word,
		       u64 fresh)
{
	u32 vector;

	for (; fresh; fresh &= fresh - 1) {
		vector = 64 * word + (u32)__builtin_ctzl(fresh);
		a->since[vector] = __atomic_load_n(&p->since[vector],
						   __ATOMIC_RELAXED);
	}
}

bool vapic_take_posted(struct vapic *a, struct vapic_posted *p)
{
	u64 bits, level;
	u32 i;

	if (likely(!__atomic_load_n(&p->any, __ATOMIC_ACQUIRE)))
		return false;
	__atomic_store_n(&p->any, 0, __ATOMIC_SEQ_CST);
	for (i = 0; i < VECTOR_WORDS; i++) {
		bits = __atomic_exchange_n(&p->irr[i], 0, __ATOMIC_SEQ_CST);
		if (!bits)
			continue;
		level = __atomic_load_n(&p->level[i], __ATOMIC_SEQ_CST);
		take_times(a, p, i, bits & ~a->irr[i]);
		a->irr[i] |= bits;
		a->tmr[i] = (a->tmr[i] & ~bits) | (level & bits);
	}
	return true;
}
