// SPDX-License-Identifier: BSD-2-Clause
/* The views, against tables in an arena and a flat list of what is an IDT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/lib.h"
#include "eli/view.h"
#include "tests/guest/payloads/lib/random.h"
#include "tests/unit/slat_lookup.h"

#define RWX	   0x37UL
#define TABLE_BITS 0x7UL
#define TABLES	   0x7000000000UL
#define MAX_TABLES 64
#define VCPUS	   4
#define SHADOW(n)  (0x6000000000UL + (n)*PAGE_SIZE)
/* The guest has 1 GiB in one leaf, 4 MiB in two, and 8 KiB in two. */
#define LARGE	 SIZE_1G
#define MEDIUM	 (3 * SIZE_1G)
#define SMALL	 (3 * SIZE_1G + 2 * SIZE_2M)
#define HPA(gpa) ((gpa) + 8 * SIZE_1G)

struct arena {
	u64 pages[MAX_TABLES][512];
	u32 used;
};

static struct arena arena;
static struct views views;
static struct slat slat;

static void *arena_alloc(void *ctx, u64 *phys)
{
	struct arena *a = ctx;

	assert_true(a->used < MAX_TABLES);
	*phys = TABLES + a->used * PAGE_SIZE;
	return a->pages[a->used++];
}

static u64 *arena_table(void *ctx, u64 phys)
{
	struct arena *a = ctx;
	u64 n = (phys - TABLES) / PAGE_SIZE;

	assert_true(phys >= TABLES && phys % PAGE_SIZE == 0 && n < a->used);
	return a->pages[n];
}

static int setup(void **state)
{
	u64 tables;

	(void)state;
	memset(&arena, 0, sizeof(arena));
	slat = (struct slat){
		.alloc = arena_alloc,
		.table = arena_table,
		.ctx = &arena,
		.table_bits = TABLE_BITS,
		.large_1g = true,
	};
	assert_int_equal(slat_init(&slat), 0);
	assert_int_equal(slat_map(&slat, LARGE, HPA(LARGE), SIZE_1G, RWX), 0);
	assert_int_equal(slat_map(&slat, MEDIUM, HPA(MEDIUM), 2 * SIZE_2M, RWX),
			 0);
	assert_int_equal(slat_map(&slat, SMALL, HPA(SMALL), 2 * PAGE_SIZE, RWX),
			 0);
	tables = TABLES + arena.used * PAGE_SIZE;
	arena.used += VIEW_TABLES * VCPUS;
	assert_true(arena.used <= MAX_TABLES);
	views_init(&views, &slat, VCPUS, tables);
	return 0;
}

/* Where gpa leads, and with which rights, whatever the size of the leaf. */
static u64 walk(u64 root, u64 gpa)
{
	struct slat view = slat;
	u64 size = 0, leaf;

	view.root = root;
	leaf = slat_lookup(&view, gpa, &size);
	if (!leaf)
		return 0;
	if (size > PAGE_SIZE)
		leaf &= ~SLAT_LARGE;
	return leaf + (gpa & (size - 1) & PAGE_MASK);
}

static u64 size_at(u64 gpa)
{
	u64 size = 0;

	slat_lookup(&slat, gpa, &size);
	return size;
}

static const u64 places[] = {
	LARGE,
	LARGE + PAGE_SIZE,
	LARGE + 5 * SIZE_2M,
	LARGE + SIZE_1G - PAGE_SIZE,
	MEDIUM,
	MEDIUM + 511 * PAGE_SIZE,
	MEDIUM + SIZE_2M,
	SMALL,
	SMALL + PAGE_SIZE,
};

static bool is_idt(u64 gpa)
{
	u32 n;

	for (n = 0; n < VCPUS; n++)
		if (views.page[n] == gpa)
			return true;
	return false;
}

/* All places, their neighbours, in all views. */
static void check(void)
{
	u64 gpa, want, root;
	u32 i, n;

	for (i = 0; i < 2 * ARRAY_SIZE(places); i++) {
		gpa = places[i / 2] ^ (i % 2 ? PAGE_SIZE : 0);
		want = HPA(gpa) | (is_idt(gpa) ? RWX & ~SLAT_WRITE : RWX);
		assert_int_equal(walk(slat.root, gpa), want);
		for (n = 0; n < VCPUS; n++) {
			if (views.page[n] == VIEW_NO_PAGE)
				continue;
			root = views_build(&views, n, SHADOW(n));
			assert_int_equal(walk(root, gpa),
					 views.page[n] == gpa ?
						 SHADOW(n) |
							 (RWX & ~SLAT_WRITE) :
						 want);
		}
	}
}

static void test_one_page(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(views_protect(&views, 0, places[i]), 1);
		assert_int_equal(size_at(places[i]), PAGE_SIZE);
		assert_true(views_protected(&views, places[i]));
		assert_true(views_protected(&views, places[i] + 0xfff));
		assert_false(views_protected(&views, places[i] + PAGE_SIZE));
		check();
		assert_true(views_release(&views, 0));
		check();
		assert_int_equal(size_at(LARGE), SIZE_1G);
		assert_int_equal(size_at(MEDIUM), SIZE_2M);
		views_flushed(&views);
	}
	assert_false(views_release(&views, 0));
}

static void test_unmapped(void **state)
{
	(void)state;
	assert_int_equal(views_protect(&views, 0, 0), -EFAULT);
	assert_int_equal(views_protect(&views, 0, SMALL + 2 * PAGE_SIZE),
			 -EFAULT);
	assert_int_equal(views.page[0], VIEW_NO_PAGE);
	check();
}

/* The page of one is the page of all, until the last lets it go. */
static void test_common_page(void **state)
{
	u32 n;

	(void)state;
	for (n = 0; n < VCPUS; n++)
		assert_int_equal(views_protect(&views, n, LARGE), n == 0);
	check();
	for (n = 0; n < VCPUS; n++) {
		assert_int_equal(views_release(&views, n), n == VCPUS - 1);
		check();
	}
}

/* Tables that may be in a TLB are not used for anything else. */
static void test_stale_tables(void **state)
{
	u64 table;
	u32 n, level = 2;

	(void)state;
	for (n = 0; n < VCPUS; n++)
		assert_int_equal(
			views_protect(&views, n, LARGE + n * 7 * SIZE_2M), 1);
	table = *slat_find(&slat, LARGE, &level) & SLAT_ADDRESS;
	assert_int_equal(level, 2);
	for (n = 0; n < VCPUS; n++)
		assert_true(views_release(&views, n));
	/* One PD and four PTs of eight tables: two more pages of 2 MiB. */
	assert_int_equal(views_protect(&views, 0, MEDIUM), 1);
	assert_int_equal(views_protect(&views, 1, MEDIUM + SIZE_2M), 1);
	level = 2;
	assert_int_not_equal(*slat_find(&slat, MEDIUM, &level) & SLAT_ADDRESS,
			     table);
	assert_int_equal(views_protect(&views, 2, LARGE), -EBUSY);
	assert_int_equal(views.page[2], VIEW_NO_PAGE);
	assert_int_equal(size_at(LARGE), SIZE_1G);
	check();
	views_flushed(&views);
	assert_int_equal(views_protect(&views, 2, LARGE), 1);
	check();
}

/* Changes at random; with a flush after each there is always room. */
static void test_random(void **state)
{
	struct random rnd = { 1 };
	u32 i, n;
	u64 gpa;

	(void)state;
	for (i = 0; i < 3000; i++) {
		n = (u32)random_below(&rnd, VCPUS);
		gpa = places[random_below(&rnd, ARRAY_SIZE(places))];
		views_release(&views, n);
		views_flushed(&views);
		if (random_below(&rnd, 4))
			assert_true(views_protect(&views, n, gpa) >= 0);
		check();
	}
	for (n = 0; n < VCPUS; n++)
		views_release(&views, n);
	check();
	assert_int_equal(size_at(LARGE), SIZE_1G);
	assert_int_equal(size_at(MEDIUM), SIZE_2M);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_page, setup),
		cmocka_unit_test_setup(test_unmapped, setup),
		cmocka_unit_test_setup(test_common_page, setup),
		cmocka_unit_test_setup(test_stale_tables, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
