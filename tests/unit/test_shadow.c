// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/x86.h"
#include "eli/shadow.h"

#define WORDS  (PAGE_SIZE / 8)
#define GATE_P BIT(47)
#define DPL_3  (3UL << 45)
#define TYPE   (0x1fUL << 40)
/* Present interrupt gate, selector 10h, offset 12345678h in its halves. */
#define GATE 0x12348e0000105678UL

static u64 guest[WORDS], shadow[WORDS];
static u64 owned[VECTOR_WORDS];

static int setup(void **state)
{
	u32 i;

	(void)state;
	memset(owned, 0, sizeof(owned));
	for (i = 0; i < WORDS; i++)
		guest[i] = i % 2 ? 0xffffffffUL : GATE;
	memset(shadow, 0xa5, sizeof(shadow));
	return 0;
}

static void own(u32 vector)
{
	owned[vector / 64] |= BIT(vector % 64);
}

static void build(u32 gate_size)
{
	shadow_update(shadow, guest, gate_size, owned, 0, PAGE_SIZE);
}

static enum cause refusal(u64 cr0, u64 efer, u64 base, u32 limit, u32 *size)
{
	const struct idt_register r = {
		.cr0 = cr0, .efer = efer, .base = base, .limit = limit
	};

	*size = 0;
	return shadow_refusal(&r, size);
}

static void test_refusals(void **state)
{
	const u64 pe = CR0_PE, lma = EFER_LME | EFER_LMA;
	u32 size;

	(void)state;
	assert_int_equal(refusal(0, 0, 0, 0x3ff, &size), CAUSE_INJECT_REAL);
	assert_int_equal(refusal(pe, lma, 0x1000, 0xfff, &size), INJECT_NONE);
	assert_int_equal(size, GATE_SIZE_LONG);
	assert_int_equal(refusal(pe, lma, 0x1000, 0xffff, &size), INJECT_NONE);
	assert_int_equal(refusal(pe, lma, 0x1000, 0xffe, &size),
			 CAUSE_INJECT_SHORT);
	assert_int_equal(refusal(pe, lma, 0x1000, 0, &size),
			 CAUSE_INJECT_SHORT);
	assert_int_equal(refusal(pe, lma, 0x1010, 0xfff, &size),
			 CAUSE_INJECT_UNALIGNED);
	assert_int_equal(refusal(pe, 0, 0xfffff000, 0x7ff, &size), INJECT_NONE);
	assert_int_equal(size, GATE_SIZE_LEGACY);
	assert_int_equal(refusal(pe, EFER_LME, 0x1000, 0x7ff, &size),
			 INJECT_NONE);
	assert_int_equal(size, GATE_SIZE_LEGACY);
	assert_int_equal(refusal(pe, 0, 0x1000, 0x7fe, &size),
			 CAUSE_INJECT_SHORT);
	assert_int_equal(refusal(pe, 0, 0x1800, 0x7ff, &size),
			 CAUSE_INJECT_UNALIGNED);
}

/* Exceptions and owned vectors as they are, the others without P. */
static void test_long_gates(void **state)
{
	u32 v;

	(void)state;
	own(0x31);
	own(0xff);
	build(GATE_SIZE_LONG);
	for (v = 0; v < IDT_VECTORS; v++) {
		assert_int_equal(shadow[2 * v],
				 v < 32 || v == 0x31 || v == 0xff ?
					 GATE :
					 GATE & ~GATE_P);
		assert_int_equal(shadow[2 * v + 1], guest[2 * v + 1]);
	}
}

static void test_legacy_gates(void **state)
{
	u32 v;

	(void)state;
	own(0x80);
	for (v = 0; v < WORDS; v++)
		guest[v] = GATE;
	build(GATE_SIZE_LEGACY);
	for (v = 0; v < IDT_VECTORS; v++)
		assert_int_equal(shadow[v],
				 v < 32 || v == 0x80 ? GATE : GATE & ~GATE_P);
	/* Not gates, so not touched. */
	for (; v < WORDS; v++)
		assert_int_equal(shadow[v], GATE);
}

/* Every type: what is valid stays, the rest becomes an interrupt gate. */
static void test_types(void **state)
{
	static const struct {
		u32 size;
		u64 valid;
	} modes[] = {
		{ GATE_SIZE_LONG, BIT(14) | BIT(15) },
		{ GATE_SIZE_LEGACY,
		  BIT(5) | BIT(6) | BIT(7) | BIT(14) | BIT(15) },
	};
	u64 type, want, got;
	u32 m, at;

	(void)state;
	for (m = 0; m < ARRAY_SIZE(modes); m++)
		for (type = 0; type < 32; type++) {
			at = 0x40 * modes[m].size / 8;
			guest[at] = (GATE & ~TYPE) | type << 40 | DPL_3;
			build(modes[m].size);
			got = shadow[at];
			want = modes[m].valid >> type & 1 ? type : 14;
			assert_int_equal(got & TYPE, want << 40);
			assert_int_equal(got & DPL_3, DPL_3);
			assert_int_equal((got ^ guest[at]) & ~TYPE, GATE_P);
		}
}

static void test_zero_gates(void **state)
{
	u32 v;

	(void)state;
	memset(guest, 0, sizeof(guest));
	build(GATE_SIZE_LONG);
	for (v = 0; v < IDT_VECTORS; v++) {
		assert_int_equal(shadow[2 * v], v < 32 ? 0 : 14UL << 40);
		assert_int_equal(shadow[2 * v + 1], 0);
	}
}

/* A store of any size at any place, against a shadow made anew. */
static void test_updates(void **state)
{
	static u64 want[WORDS];
	u32 at, size;

	(void)state;
	own(0x21);
	build(GATE_SIZE_LONG);
	for (at = 0; at < PAGE_SIZE; at += 3)
		for (size = 1; size <= 8 && at + size <= PAGE_SIZE; size *= 2) {
			memset((u8 *)guest + at, (int)(at ^ size), size);
			shadow_update(shadow, guest, GATE_SIZE_LONG, owned, at,
				      size);
			shadow_update(want, guest, GATE_SIZE_LONG, owned, 0,
				      PAGE_SIZE);
			assert_memory_equal(shadow, want, PAGE_SIZE);
		}
}

/* Nothing outside the words of the range is written. */
static void test_update_is_local(void **state)
{
	u32 i;

	(void)state;
	shadow_update(shadow, guest, GATE_SIZE_LONG, owned, 0x407, 2);
	for (i = 0; i < WORDS; i++)
		assert_int_equal(shadow[i] == 0xa5a5a5a5a5a5a5a5UL,
				 i != 0x80 && i != 0x81);
}

static void test_shared(void **state)
{
	u32 i;

	(void)state;
	assert_false(shadow_page_shared(guest, GATE_SIZE_LONG));
	assert_true(shadow_page_shared(guest, GATE_SIZE_LEGACY));
	for (i = WORDS / 2; i < WORDS; i++)
		guest[i] = 0;
	assert_false(shadow_page_shared(guest, GATE_SIZE_LEGACY));
	guest[WORDS - 1] = 1;
	assert_true(shadow_page_shared(guest, GATE_SIZE_LEGACY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test_setup(test_long_gates, setup),
		cmocka_unit_test_setup(test_legacy_gates, setup),
		cmocka_unit_test_setup(test_types, setup),
		cmocka_unit_test_setup(test_zero_gates, setup),
		cmocka_unit_test_setup(test_updates, setup),
		cmocka_unit_test_setup(test_update_is_local, setup),
		cmocka_unit_test_setup(test_shared, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
