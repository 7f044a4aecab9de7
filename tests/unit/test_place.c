// SPDX-License-Identifier: BSD-2-Clause
/* Memory placement: examples, then invariants over seeded random machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "partition/place.h"

#define M(n) ((u64)(n) << 20)
#define G(n) ((u64)(n) << 30)

static struct place_map map, before;
static struct place_memory out[MAX_PARTITIONS];
static struct place_shortage shortage;

static int setup(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	memset(out, 0, sizeof(out));
	return 0;
}

static void add(u64 base, u64 size)
{
	assert_int_equal(place_add(&map, base, size), 0);
}

static void subtract(u64 base, u64 size)
{
	assert_int_equal(place_subtract(&map, base, size), 0);
}

static void assert_range(u32 i, u64 base, u64 size)
{
	assert_true(i < map.nr);
	assert_int_equal(map.range[i].base, base);
	assert_int_equal(map.range[i].size, size);
}

static void assert_chunk(u32 request, u32 i, u64 hpa, u64 size)
{
	assert_true(i < out[request].nr);
	assert_int_equal(out[request].chunk[i].hpa, hpa);
	assert_int_equal(out[request].chunk[i].size, size);
}

static void test_add_merges(void **state)
{
	(void)state;
	add(0x5000, 0x1000);
	add(0x1000, 0x1000);
	add(0x3000, 0x1000);
	assert_int_equal(map.nr, 3);
	add(0x2000, 0x1000);
	assert_int_equal(map.nr, 2);
	assert_range(0, 0x1000, 0x3000);
	add(0x3000, 0x3000);
	assert_int_equal(map.nr, 1);
	assert_range(0, 0x1000, 0x5000);
	add(0x2000, 0x1000);
	assert_range(0, 0x1000, 0x5000);
}

static void test_add_rounds_inwards(void **state)
{
	(void)state;
	add(0x1001, 0x2fff);
	assert_range(0, 0x2000, 0x2000);
	add(0x10001, 0xffe);
	add(0x20000, 0xfff);
	add(0x30000, 0);
	assert_int_equal(map.nr, 1);
}

static void test_low_page(void **state)
{
	(void)state;
	assert_int_equal(place_low_page(&map), 0);
	add(M(1), M(16));
	assert_int_equal(place_low_page(&map), 0);
	/* A SIPI can't tell page 0 from none. */
	add(0, 0x1000);
	assert_int_equal(place_low_page(&map), 0);
	add(0x1000, 0x9ec00);
	assert_int_equal(place_low_page(&map), 0x9e000);
	subtract(0x9e800, 1);
	assert_int_equal(place_low_page(&map), 0x9d000);
	add(0x9f000, 0x1000);
	assert_int_equal(place_low_page(&map), 0x9f000);
	subtract(0x3000, 0x9d000);
	assert_int_equal(place_low_page(&map), 0x2000);
}

static void test_low_page_is_no_rom(void **state)
{
	(void)state;
	add(0, M(4));
	assert_int_equal(place_low_page(&map), 0x9f000);
	subtract(0x1000, 0x9f000);
	assert_int_equal(place_low_page(&map), 0);
}

static void test_subtract_rounds_outwards(void **state)
{
	(void)state;
	add(0, 0x10000);
	subtract(0x2fff, 2);
	assert_int_equal(map.nr, 2);
	assert_range(0, 0, 0x2000);
	assert_range(1, 0x4000, 0xc000);
}

static void test_subtract_cases(void **state)
{
	(void)state;
	add(0x10000, 0x4000);
	add(0x20000, 0x4000);
	add(0x30000, 0x4000);
	subtract(0x14000, 0xc000);
	subtract(0x13000, 0);
	assert_int_equal(map.nr, 3);
	subtract(0x13000, 0xe000);
	assert_range(0, 0x10000, 0x3000);
	assert_range(1, 0x21000, 0x3000);
	subtract(0x11000, 0x22000);
	assert_int_equal(map.nr, 2);
	assert_range(0, 0x10000, 0x1000);
	assert_range(1, 0x33000, 0x1000);
	subtract(0, UINT64_MAX);
	assert_int_equal(map.nr, 0);
}

static void test_extreme_addresses(void **state)
{
	(void)state;
	add(PHYS_LIMIT - 0x2000, UINT64_MAX);
	add(UINT64_MAX, UINT64_MAX);
	add(PHYS_LIMIT, 0x1000);
	assert_int_equal(map.nr, 1);
	assert_range(0, PHYS_LIMIT - 0x2000, 0x2000);
	subtract(PHYS_LIMIT - 1, UINT64_MAX);
	subtract(UINT64_MAX, 1);
	assert_range(0, PHYS_LIMIT - 0x2000, 0x1000);
}

static void fill_map(void)
{
	u64 i;

	for (i = 0; i < PLACE_RANGES; i++)
		add(M(16) + i * M(16), M(8));
	assert_int_equal(map.nr, PLACE_RANGES);
}

static void test_full_map(void **state)
{
	(void)state;
	fill_map();
	before = map;
	assert_int_equal(place_add(&map, 0, 0x1000), -ENOSPC);
	assert_int_equal(place_subtract(&map, M(20), 0x1000), -ENOSPC);
	assert_memory_equal(&map, &before, sizeof(map));
	subtract(M(16), 0x1000);
	add(M(24), M(8));
	assert_int_equal(map.nr, PLACE_RANGES - 1);
}

static void test_take(void **state)
{
	u64 hpa = 0;

	(void)state;
	add(0, M(64));
	add(G(4), G(4));
	assert_int_equal(place_take(&map, M(4), M(2), PLACE_BELOW_4G, &hpa), 0);
	assert_int_equal(hpa, M(2));
	assert_int_equal(place_take(&map, 0x1000, 0x1000, PLACE_BELOW_4G, &hpa),
			 0);
	assert_int_equal(hpa, M(1));
	assert_int_equal(place_take(&map, M(128), M(2), PLACE_BELOW_4G, &hpa),
			 -ENOMEM);
	assert_int_equal(place_take(&map, M(128), M(2), PLACE_ANYWHERE, &hpa),
			 0);
	assert_int_equal(hpa, G(4));
	assert_int_equal(place_take(&map, G(2), G(1), PLACE_ANYWHERE, &hpa), 0);
	assert_int_equal(hpa, G(5));
}

/* A block that would cross the limit does not count as below it. */
static void test_take_limit(void **state)
{
	u64 hpa = 0;

	(void)state;
	add(G(4) - M(2), M(8));
	assert_int_equal(place_take(&map, M(4), M(2), PLACE_BELOW_4G, &hpa),
			 -ENOMEM);
	assert_int_equal(place_take(&map, M(2), M(2), PLACE_BELOW_4G, &hpa), 0);
	assert_int_equal(hpa, G(4) - M(2));
}

static void test_take_never_low(void **state)
{
	u64 hpa = 0;

	(void)state;
	add(0, M(1));
	assert_int_equal(place_take(&map, 0x1000, 0x1000, PLACE_ANYWHERE, &hpa),
			 -ENOMEM);
}

static void test_take_bad(void **state)
{
	static const u64 bad[][2] = {
		{ 0, 0x1000 },	    { 0x800, 0x1000 },	{ 0x1000, 0 },
		{ 0x1000, 0x800 },  { 0x1000, 0x3000 }, { UINT64_MAX, 0x1000 },
		{ 0x1000, BIT(63) }
	};
	u64 hpa;
	size_t i;

	(void)state;
	add(0, G(8));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(place_take(&map, bad[i][0], bad[i][1],
					    PLACE_ANYWHERE, &hpa),
				 -EINVAL);
	assert_range(0, 0, G(8));
}

static void test_identity(void **state)
{
	(void)state;
	add(0, M(1));
	add(M(1) + 0x1000, M(2));
	add(M(5), M(20));
	add(G(4), G(1));
	assert_int_equal(place_identity(&map, M(16), G(3), out), 0);
	assert_int_equal(out[0].nr, 2);
	assert_chunk(0, 1, M(6), M(16));
	/* its first MiB is elsewhere, aligned to 2 MiB, too */
	assert_chunk(0, 0, M(2), M(1));
	assert_range(map.nr - 1, G(4), G(1));
}

static void test_identity_refused(void **state)
{
	(void)state;
	add(M(2), M(16));
	add(G(3), G(1));
	before = map;
	assert_int_equal(place_identity(&map, 0, G(3), out), -EINVAL);
	assert_int_equal(place_identity(&map, M(3), G(3), out), -EINVAL);
	/* it is not all below the limit */
	assert_int_equal(place_identity(&map, M(18), G(3), out), -ENOMEM);
	assert_memory_equal(&map, &before, sizeof(map));
	/* no place is left for the first MiB */
	subtract(G(3), G(1));
	before = map;
	assert_int_equal(place_identity(&map, M(16), G(3), out), -ENOMEM);
	assert_int_equal(map.nr, before.nr);
	assert_range(0, M(2), M(16));
}

static void test_small_goes_to_small_hole(void **state)
{
	static const u64 size[] = { M(512) };

	(void)state;
	add(M(1), M(600));
	add(G(4), G(4));
	assert_int_equal(place_memory(&map, size, 1, out, &shortage), 0);
	assert_int_equal(out[0].nr, 1);
	assert_chunk(0, 0, M(2), M(512));
}

static void test_gib_first(void **state)
{
	static const u64 size[] = { G(2) + M(256) };

	(void)state;
	add(M(1), G(3) - M(1));
	add(G(4) + M(512), G(4));
	assert_int_equal(place_memory(&map, size, 1, out, &shortage), 0);
	assert_int_equal(out[0].chunk[0].hpa % SIZE_1G, 0);
	assert_int_equal(out[0].chunk[0].size, G(2));
	assert_int_equal(out[0].nr, 2);
}

static void test_touching_chunks_are_one(void **state)
{
	static const u64 size[] = { G(1) + M(512) };

	(void)state;
	add(G(4), G(2));
	assert_int_equal(place_memory(&map, size, 1, out, &shortage), 0);
	assert_int_equal(out[0].nr, 1);
	assert_chunk(0, 0, G(4), G(1) + M(512));
}

static void test_scattered(void **state)
{
	static const u64 size[] = { M(12), M(4) };

	(void)state;
	add(M(16), M(8));
	add(M(32), M(4));
	add(M(64), M(4));
	assert_int_equal(place_memory(&map, size, 2, out, &shortage), 0);
	assert_int_equal(out[0].nr, 2);
	assert_chunk(0, 0, M(16), M(8));
	assert_chunk(0, 1, M(32), M(4));
	assert_chunk(1, 0, M(64), M(4));
	assert_int_equal(map.nr, 0);
}

static void test_missing(void **state)
{
	static const u64 size[] = { M(8), M(16), M(8) };

	(void)state;
	add(0, M(16) + 0x1000);
	before = map;
	assert_int_equal(place_usable(&map), M(14));
	assert_int_equal(place_memory(&map, size, 3, out, &shortage), -ENOMEM);
	assert_int_equal(shortage.request, 1);
	assert_int_equal(shortage.missing, M(18));
	assert_memory_equal(&map, &before, sizeof(map));
}

static void test_bad_sizes(void **state)
{
	static const u64 bad[] = {
		0, M(1), M(2) + 1, UINT64_MAX, UINT64_MAX - M(2) + 1, PHYS_LIMIT
	};
	u64 size[2] = { M(2), 0 };
	size_t i;

	(void)state;
	add(M(2), M(16));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		size[1] = bad[i];
		assert_int_equal(place_memory(&map, size, 2, out, &shortage),
				 -EINVAL);
		assert_int_equal(shortage.request, 1);
	}
	assert_range(0, M(2), M(16));
}

static void test_too_fragmented(void **state)
{
	static const u64 size[] = { M(8), M(8) * 20 };

	(void)state;
	fill_map();
	before = map;
	assert_int_equal(place_memory(&map, size, 2, out, &shortage), -ENOSPC);
	assert_int_equal(shortage.request, 1);
	assert_int_equal(shortage.missing, M(8) * 4);
	assert_memory_equal(&map, &before, sizeof(map));
}

/* Aligned GiBs alone would use up the chunks; whole ranges do not. */
static void test_fewer_chunks_when_needed(void **state)
{
	static const u64 size[] = { G(24) };
	u64 i;

	(void)state;
	for (i = 0; i < 20; i++)
		add(G(4 * i + 4) + M(512), G(1) + M(1022));
	assert_int_equal(place_memory(&map, size, 1, out, &shortage), 0);
	assert_true(out[0].nr <= PLACE_CHUNKS);
}

static void test_no_requests(void **state)
{
	(void)state;
	assert_int_equal(place_memory(&map, NULL, 0, out, &shortage), 0);
}

/* xorshift64*: the same machines in every run. */
static u64 seed;

static u64 rnd(u64 below)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * 0x2545f4914f6cdd1dULL) % below;
}

static void assert_canonical(void)
{
	u32 i;

	for (i = 0; i < map.nr; i++) {
		assert_int_not_equal(map.range[i].size, 0);
		assert_int_equal(map.range[i].base % PAGE_SIZE, 0);
		assert_int_equal(map.range[i].size % PAGE_SIZE, 0);
		if (i)
			assert_true(map.range[i - 1].base +
					    map.range[i - 1].size <
				    map.range[i].base);
	}
}

static bool inside(const struct place_map *m, u64 base, u64 size)
{
	u32 i;

	for (i = 0; i < m->nr; i++)
		if (base >= m->range[i].base &&
		    base + size <= m->range[i].base + m->range[i].size)
			return true;
	return false;
}

static bool touches(const struct place_map *m, u64 base, u64 size)
{
	u32 i;

	for (i = 0; i < m->nr; i++)
		if (base < m->range[i].base + m->range[i].size &&
		    m->range[i].base < base + size)
			return true;
	return false;
}

/* A page map in plain bytes checks add and subtract. */
static void test_random_set(void **state)
{
	static bool model[256];
	u32 round, i;
	u64 base, size;

	(void)state;
	seed = 1;
	for (round = 0; round < 3000; round++) {
		base = rnd(256);
		size = 1 + rnd(256 - base);
		if (rnd(2)) {
			add(base * PAGE_SIZE, size * PAGE_SIZE);
			memset(model + base, true, size);
		} else {
			subtract(base * PAGE_SIZE, size * PAGE_SIZE);
			memset(model + base, false, size);
		}
		assert_canonical();
		for (i = 0; i < 256; i++)
			assert_int_equal(
				touches(&map, i * PAGE_SIZE, PAGE_SIZE),
				model[i]);
	}
}

static void random_machine(void)
{
	u64 n = 1 + rnd(20);

	memset(&map, 0, sizeof(map));
	while (n--)
		add(rnd(G(64)), rnd(rnd(2) ? G(6) : M(64)));
	n = rnd(20);
	while (n--)
		subtract(rnd(G(64)), rnd(rnd(2) ? G(1) : M(4)));
}

static void check_partition(const struct place_memory *mem, u64 size)
{
	u64 sum = 0;
	u32 i;

	assert_in_range(mem->nr, 1, PLACE_CHUNKS);
	for (i = 0; i < mem->nr; i++) {
		const struct place_chunk *c = &mem->chunk[i];

		assert_int_not_equal(c->size, 0);
		assert_int_equal(c->hpa % SIZE_2M, 0);
		assert_int_equal(c->size % SIZE_2M, 0);
		assert_true(c->hpa >= M(1));
		assert_true(inside(&before, c->hpa, c->size));
		assert_false(touches(&map, c->hpa, c->size));
		sum += c->size;
	}
	assert_int_equal(sum, size);
}

/* Giving every chunk back once must restore the machine: no two overlap. */
static void check_disjoint(u32 nr, u64 usable, u64 total)
{
	u32 i, j;

	assert_int_equal(place_usable(&map), usable - total);
	for (i = 0; i < nr; i++) {
		for (j = 0; j < out[i].nr; j++) {
			assert_false(touches(&map, out[i].chunk[j].hpa,
					     out[i].chunk[j].size));
			add(out[i].chunk[j].hpa, out[i].chunk[j].size);
		}
	}
	assert_int_equal(map.nr, before.nr);
	assert_memory_equal(map.range, before.range,
			    map.nr * sizeof(map.range[0]));
}

static void test_random_machines(void **state)
{
	static struct place_memory again[MAX_PARTITIONS];
	u64 size[MAX_PARTITIONS], total, usable;
	u32 round, i, nr, placed = 0, refused = 0;
	int err;

	(void)state;
	seed = 42;
	for (round = 0; round < 4000; round++) {
		random_machine();
		before = map;
		usable = place_usable(&map);
		nr = 1 + (u32)rnd(MAX_PARTITIONS);
		for (i = 0, total = 0; i < nr; i++) {
			size[i] = SIZE_2M * (1 + rnd(rnd(2) ? 64 : 4096));
			total += size[i];
		}
		err = place_memory(&map, size, nr, out, &shortage);
		assert_canonical();
		if (err) {
			refused++;
			assert_int_equal(map.nr, before.nr);
			assert_memory_equal(map.range, before.range,
					    map.nr * sizeof(map.range[0]));
			assert_true(shortage.request < nr);
			assert_int_equal(err == -ENOMEM, total > usable);
			if (err == -ENOMEM)
				assert_int_equal(shortage.missing,
						 total - usable);
			continue;
		}
		placed++;
		for (i = 0; i < nr; i++)
			check_partition(&out[i], size[i]);
		check_disjoint(nr, usable, total);
		assert_int_equal(place_memory(&map, size, nr, again, &shortage),
				 0);
		for (i = 0; i < nr; i++)
			assert_memory_equal(again[i].chunk, out[i].chunk,
					    out[i].nr *
						    sizeof(out[i].chunk[0]));
	}
	assert_true(placed > 1000);
	assert_true(refused > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_add_merges, setup),
		cmocka_unit_test_setup(test_add_rounds_inwards, setup),
		cmocka_unit_test_setup(test_low_page, setup),
		cmocka_unit_test_setup(test_low_page_is_no_rom, setup),
		cmocka_unit_test_setup(test_subtract_rounds_outwards, setup),
		cmocka_unit_test_setup(test_subtract_cases, setup),
		cmocka_unit_test_setup(test_extreme_addresses, setup),
		cmocka_unit_test_setup(test_full_map, setup),
		cmocka_unit_test_setup(test_take, setup),
		cmocka_unit_test_setup(test_take_limit, setup),
		cmocka_unit_test_setup(test_take_never_low, setup),
		cmocka_unit_test_setup(test_take_bad, setup),
		cmocka_unit_test_setup(test_identity, setup),
		cmocka_unit_test_setup(test_identity_refused, setup),
		cmocka_unit_test_setup(test_small_goes_to_small_hole, setup),
		cmocka_unit_test_setup(test_gib_first, setup),
		cmocka_unit_test_setup(test_touching_chunks_are_one, setup),
		cmocka_unit_test_setup(test_scattered, setup),
		cmocka_unit_test_setup(test_missing, setup),
		cmocka_unit_test_setup(test_bad_sizes, setup),
		cmocka_unit_test_setup(test_too_fragmented, setup),
		cmocka_unit_test_setup(test_fewer_chunks_when_needed, setup),
		cmocka_unit_test_setup(test_no_requests, setup),
		cmocka_unit_test_setup(test_random_set, setup),
		cmocka_unit_test_setup(test_random_machines, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
