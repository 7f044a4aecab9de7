// SPDX-License-Identifier: BSD-2-Clause
/*
 * The second-level tables, against tables in an arena that can run out, and
 * against a flat list of what was mapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "core/lib.h"
#include "tests/unit/slat_lookup.h"

/* Permission and memory type bits, as EPT has them; they mean nothing here. */
#define RWX	   0x37UL
#define READ_ONLY  0x31UL
#define TABLE_BITS 0x467UL
/* Physical addresses of table pages: nothing that a test maps. */
#define TABLES	   0x7000000000UL
#define MAX_TABLES 4096
#define SIZE_512G  (1UL << 39)
#define SIZE_256T  (1UL << 48)

struct arena {
	u64 (*pages)[512];
	u32 used, limit;
	bool stray; /* table() was asked for a page that was not handed out */
};

static void *arena_alloc(void *ctx, u64 *phys)
{
	struct arena *a = ctx;

	if (a->used == a->limit)
		return NULL;
	*phys = TABLES + a->used * PAGE_SIZE;
	return a->pages[a->used++];
}

static u64 *arena_table(void *ctx, u64 phys)
{
	struct arena *a = ctx;
	u64 n = (phys - TABLES) / PAGE_SIZE;

	if (phys < TABLES || phys % PAGE_SIZE || n >= a->used) {
		a->stray = true;
		n = 0;
	}
	return a->pages[n];
}

struct fixture {
	struct arena arena;
	struct slat slat;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->arena.pages = calloc(MAX_TABLES, sizeof(*f->arena.pages));
	f->arena.limit = MAX_TABLES;
	f->slat = (struct slat){ .alloc = arena_alloc,
				 .table = arena_table,
				 .ctx = &f->arena,
				 .table_bits = TABLE_BITS,
				 .large_1g = true };
	*state = f;
	return f->arena.pages ? slat_init(&f->slat) : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	bool stray = f->arena.stray;

	free(f->arena.pages);
	free(f);
	return stray ? -1 : 0;
}

static void clear(struct fixture *f, bool large_1g)
{
	memset(f->arena.pages, 0, MAX_TABLES * sizeof(*f->arena.pages));
	f->arena.used = 0;
	f->arena.limit = MAX_TABLES;
	f->slat.large_1g = large_1g;
	assert_int_equal(slat_init(&f->slat), 0);
}

/* Size of the leaf that maps gpa to hpa with these bits; fails otherwise. */
static u64 leaf_size(struct fixture *f, u64 gpa, u64 hpa, u64 bits)
{
	u64 size = 0;
	u64 entry = slat_lookup(&f->slat, gpa, &size);

	if (size > PAGE_SIZE)
		bits |= SLAT_LARGE;
	assert_int_equal(entry, (hpa & ~(size - 1)) | bits);
	assert_int_equal((gpa ^ hpa) & (size - 1), 0);
	return size;
}

static void assert_unmapped(struct fixture *f, u64 gpa)
{
	u64 size = 0x5a5a;

	assert_int_equal(slat_lookup(&f->slat, gpa, &size), 0);
}

static void test_empty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->arena.used, 1);
	assert_int_equal(f->slat.root, TABLES);
	assert_unmapped(f, 0);
	assert_unmapped(f, SIZE_256T - 1);
	assert_int_equal(slat_map(&f->slat, 0, 0, 0, RWX), 0);
	assert_int_equal(f->arena.used, 1);
}

/* One row: a range, and the leaf at its start and at its last page. */
static void test_leaf_sizes(void **state)
{
	static const struct {
		u64 gpa, hpa, size, first, last;
	} cases[] = {
		{ 0, 0, SIZE_1G, SIZE_1G, SIZE_1G },
		{ 0, SIZE_2M, SIZE_1G, SIZE_2M, SIZE_2M },
		{ 0, PAGE_SIZE, SIZE_2M, PAGE_SIZE, PAGE_SIZE },
		{ SIZE_1G, 5 * SIZE_1G, SIZE_1G - PAGE_SIZE, SIZE_2M,
		  PAGE_SIZE },
		{ SIZE_2M, SIZE_1G + SIZE_2M, SIZE_1G, SIZE_2M, SIZE_2M },
		{ SIZE_1G - SIZE_2M, 3 * SIZE_1G - SIZE_2M, SIZE_1G + SIZE_2M,
		  SIZE_2M, SIZE_1G },
		{ SIZE_1G - PAGE_SIZE, 2 * SIZE_1G - PAGE_SIZE,
		  SIZE_1G + 2 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE },
		{ SIZE_2M - PAGE_SIZE, SIZE_1G - PAGE_SIZE, SIZE_2M + PAGE_SIZE,
		  PAGE_SIZE, SIZE_2M },
		{ 7 * PAGE_SIZE, 9 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE,
		  PAGE_SIZE },
		{ SIZE_512G - SIZE_1G, 0, 2 * SIZE_1G, SIZE_1G, SIZE_1G },
		{ SIZE_256T - SIZE_1G, 0, SIZE_1G, SIZE_1G, SIZE_1G },
	};
	struct fixture *f = *state;
	u64 end, i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		end = cases[i].size - PAGE_SIZE;
		clear(f, true);
		assert_int_equal(slat_map(&f->slat, cases[i].gpa, cases[i].hpa,
					  cases[i].size, RWX),
				 0);
		assert_int_equal(leaf_size(f, cases[i].gpa, cases[i].hpa, RWX),
				 cases[i].first);
		assert_int_equal(leaf_size(f, cases[i].gpa + end,
					   cases[i].hpa + end, RWX),
				 cases[i].last);
		assert_unmapped(f, cases[i].gpa + cases[i].size);
		if (cases[i].gpa)
			assert_unmapped(f, cases[i].gpa - 1);
	}
}

static void test_no_1g(void **state)
{
	struct fixture *f = *state;

	clear(f, false);
	assert_int_equal(slat_map(&f->slat, 0, 0, 2 * SIZE_1G, RWX), 0);
	assert_int_equal(leaf_size(f, 0, 0, RWX), SIZE_2M);
	assert_int_equal(leaf_size(f, SIZE_1G, SIZE_1G, RWX), SIZE_2M);
	/* PML4, PDPT, two directories */
	assert_int_equal(f->arena.used, 4);
}

static void test_small_only(void **state)
{
	struct fixture *f = *state;

	clear(f, true);
	f->slat.small_only = true;
	assert_int_equal(slat_map(&f->slat, 0, 0, SIZE_2M, RWX), 0);
	assert_int_equal(leaf_size(f, 0, 0, RWX), PAGE_SIZE);
	assert_int_equal(f->arena.used, 4);
}

/* Large leaves save tables: nothing below the level of the leaf. */
static void test_tables_used(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(slat_map(&f->slat, 0, 0, 512 * SIZE_1G, RWX), 0);
	assert_int_equal(f->arena.used, 2);
	assert_int_equal(slat_map(&f->slat, SIZE_512G, 0, SIZE_1G / 2, RWX), 0);
	assert_int_equal(f->arena.used, 4);
	assert_int_equal(slat_map(&f->slat, 2 * SIZE_512G, 0, PAGE_SIZE, RWX),
			 0);
	assert_int_equal(f->arena.used, 7);
}

static void test_bits(void **state)
{
	static const u64 bits[] = {
		0x1, 0x33, 0x34, 0x37, 0x8000000000000067,
	};
	struct fixture *f = *state;
	u64 gpa, i;

	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		gpa = i * SIZE_1G;
		assert_int_equal(
			slat_map(&f->slat, gpa, gpa, PAGE_SIZE, bits[i]), 0);
		assert_int_equal(slat_map(&f->slat, gpa + SIZE_2M, gpa, SIZE_2M,
					  bits[i]),
				 0);
		assert_int_equal(leaf_size(f, gpa, gpa, bits[i]), PAGE_SIZE);
		assert_int_equal(leaf_size(f, gpa + SIZE_2M, gpa, bits[i]),
				 SIZE_2M);
	}
}

static void test_invalid(void **state)
{
	static const struct {
		u64 gpa, hpa, size;
	} cases[] = {
		{ 1, 0, PAGE_SIZE },
		{ 0, 0x800, PAGE_SIZE },
		{ 0, 0, PAGE_SIZE + 1 },
		{ 0, 0, 1 },
		{ SIZE_256T, 0, PAGE_SIZE },
		{ SIZE_256T, 0, 0 },
		{ SIZE_256T - PAGE_SIZE, 0, 2 * PAGE_SIZE },
		{ PAGE_SIZE, 0, SIZE_256T },
		{ SIZE_1G, 0, ~0UL & PAGE_MASK },
		{ ~0UL & PAGE_MASK, 0, 2 * PAGE_SIZE },
	};
	struct fixture *f = *state;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(slat_map(&f->slat, cases[i].gpa, cases[i].hpa,
					  cases[i].size, RWX),
				 -EINVAL);
	assert_int_equal(f->arena.used, 1);
	assert_unmapped(f, SIZE_256T);
	assert_unmapped(f, ~0UL);
}

/* Each pair of sizes on top of each other, both ways round. */
static void test_overlap(void **state)
{
	static const u64 sizes[] = { PAGE_SIZE, SIZE_2M, SIZE_1G };
	struct fixture *f = *state;
	u64 at = 4 * SIZE_1G;
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			clear(f, true);
			assert_int_equal(
				slat_map(&f->slat, at, 0, sizes[i], RWX), 0);
			assert_int_equal(slat_map(&f->slat, at, SIZE_1G,
						  sizes[j], READ_ONLY),
					 -EBUSY);
			assert_int_equal(leaf_size(f, at, 0, RWX), sizes[i]);
		}
}

/* In the middle of what is there, and running into it from below. */
static void test_partial_overlap(void **state)
{
	struct fixture *f = *state;
	u64 at = SIZE_1G + 16 * PAGE_SIZE;

	assert_int_equal(slat_map(&f->slat, SIZE_1G, 0, SIZE_1G, RWX), 0);
	assert_int_equal(slat_map(&f->slat, at, 0, PAGE_SIZE, RWX), -EBUSY);
	assert_int_equal(slat_map(&f->slat, SIZE_1G - 2 * PAGE_SIZE, 0,
				  3 * PAGE_SIZE, RWX),
			 -EBUSY);
	/* What was mapped before the clash stays. */
	assert_int_equal(leaf_size(f, SIZE_1G - PAGE_SIZE, PAGE_SIZE, RWX),
			 PAGE_SIZE);
	assert_int_equal(leaf_size(f, at, 16 * PAGE_SIZE, RWX), SIZE_1G);
	/* Right behind it is free. */
	assert_int_equal(slat_map(&f->slat, 2 * SIZE_1G, 0, PAGE_SIZE, RWX), 0);
}

/* A range that needs tables of every level, with ever more memory. */
static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	u64 gpa = SIZE_512G - PAGE_SIZE;
	u64 size = SIZE_1G + SIZE_2M + 2 * PAGE_SIZE;
	u32 need, limit;

	clear(f, false);
	assert_int_equal(slat_map(&f->slat, gpa, gpa, size, RWX), 0);
	need = f->arena.used;
	/* PML4, two PDPTs, three directories, page tables at both ends */
	assert_int_equal(need, 8);
	f->arena.used = 0;
	f->arena.limit = 0;
	assert_int_equal(slat_init(&f->slat), -ENOMEM);
	for (limit = 1; limit < need; limit++) {
		clear(f, false);
		f->arena.limit = limit;
		assert_int_equal(slat_map(&f->slat, gpa, gpa, size, RWX),
				 -ENOMEM);
		assert_int_equal(f->arena.used, limit);
		assert_unmapped(f, gpa + size - PAGE_SIZE);
	}
	clear(f, false);
	f->arena.limit = need;
	assert_int_equal(slat_map(&f->slat, gpa, gpa, size, RWX), 0);
}

/* --- random maps against a flat list --- */

#define MAX_RANGES 48

struct range {
	u64 gpa, hpa, size, bits;
};

struct model {
	struct range ranges[MAX_RANGES];
	u32 nr;
};

static u64 seed;

static u64 next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static const struct range *model_find(const struct model *m, u64 gpa)
{
	const struct range *r;

	for (r = m->ranges; r < m->ranges + m->nr; r++)
		if (gpa >= r->gpa && gpa - r->gpa < r->size)
			return r;
	return NULL;
}

static bool model_clashes(const struct model *m, const struct range *n)
{
	const struct range *r;

	for (r = m->ranges; r < m->ranges + m->nr; r++)
		if (n->gpa < r->gpa + r->size && r->gpa < n->gpa + n->size)
			return true;
	return false;
}

/* Aligned by one of the sizes, and a few units of another long. */
static struct range random_range(void)
{
	static const u64 units[] = { PAGE_SIZE, SIZE_2M, SIZE_1G };
	u64 unit = units[next() % 3];
	u64 align = units[next() % 3];
	struct range r = {
		.gpa = next() % (16 * SIZE_1G) & ~(align - 1),
		.size = (1 + next() % 5) * unit,
		.bits = next() % 2 ? RWX : READ_ONLY,
	};

	/*
	 * Often with the same offset in the larger leaf, or none can be.  GiB
	 * in pages of 4 KiB would take too many tables.
	 */
	align = units[unit == SIZE_1G ? 1 + next() % 2 : next() % 3];
	r.hpa = (next() % (64 * SIZE_1G) & ~(align - 1)) +
		(unit == SIZE_1G || next() % 4 ? r.gpa & (align - 1) : 0);
	return r;
}

/* The largest aligned block around gpa that lies in its range whole. */
static u64 best_leaf(const struct range *r, u64 gpa, bool large_1g)
{
	u64 size = large_1g ? SIZE_1G : SIZE_2M;
	u64 start = gpa & ~(size - 1);

	while (size > PAGE_SIZE &&
	       (((r->gpa ^ r->hpa) & (size - 1)) || start < r->gpa ||
		start + size > r->gpa + r->size)) {
		size /= 512;
		start = gpa & ~(size - 1);
	}
	return size;
}

static void compare_at(struct fixture *f, const struct model *m, u64 gpa)
{
	const struct range *r = model_find(m, gpa);

	if (r)
		assert_int_equal(
			leaf_size(f, gpa, r->hpa + (gpa - r->gpa), r->bits),
			best_leaf(r, gpa, f->slat.large_1g));
	else
		assert_unmapped(f, gpa);
}

/* Every entry that names a table has the back end's bits and no others. */
static void check_tables(const struct fixture *f)
{
	u64 entry, offset;
	u32 i, j;

	for (i = 0; i < f->arena.used; i++)
		for (j = 0; j < 512; j++) {
			entry = f->arena.pages[i][j];
			offset = (entry & SLAT_ADDRESS) - TABLES;
			if (offset < f->arena.used * PAGE_SIZE)
				assert_int_equal(entry & ~SLAT_ADDRESS,
						 TABLE_BITS);
		}
}

static void compare(struct fixture *f, const struct model *m)
{
	const struct range *r;
	u32 i;

	for (r = m->ranges; r < m->ranges + m->nr; r++) {
		compare_at(f, m, r->gpa);
		compare_at(f, m, r->gpa + r->size - 1);
		compare_at(f, m, r->gpa + r->size);
		compare_at(f, m, r->gpa - 1);
		for (i = 0; i < 8; i++)
			compare_at(f, m, r->gpa + next() % r->size);
	}
	for (i = 0; i < 64; i++)
		compare_at(f, m, next() % (32 * SIZE_1G));
}

static void test_random(void **state)
{
	struct fixture *f = *state;
	struct model m;
	struct range r;
	u32 round, busy = 0;

	for (round = 0; round < 150; round++) {
		seed = 0x9e3779b97f4a7c15UL + round;
		m.nr = 0;
		clear(f, round % 3);
		while (m.nr < MAX_RANGES) {
			r = random_range();
			if (model_clashes(&m, &r)) {
				busy++;
				/* What came before the clash would stay. */
				if (model_find(&m, r.gpa))
					assert_int_equal(
						slat_map(&f->slat, r.gpa, r.hpa,
							 r.size, r.bits),
						-EBUSY);
				if (busy % 16 == 0)
					break;
				continue;
			}
			assert_int_equal(slat_map(&f->slat, r.gpa, r.hpa,
						  r.size, r.bits),
					 0);
			m.ranges[m.nr++] = r;
		}
		compare(f, &m);
		check_tables(f);
	}
	assert_true(busy > 100);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_empty),	    TEST(test_leaf_sizes),
		TEST(test_no_1g),	    TEST(test_small_only),
		TEST(test_tables_used),	    TEST(test_bits),
		TEST(test_invalid),	    TEST(test_overlap),
		TEST(test_partial_overlap), TEST(test_no_memory),
		TEST(test_random),
	};

	return cmocka_run_group_tests_name("slat", tests, NULL, NULL);
}
