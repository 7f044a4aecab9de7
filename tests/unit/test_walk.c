// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest page-table walker on tables built in an array, one case or more
 * for each rule of SDM vol. 3, chapter 4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "guest/walk.h"

#define CR0_WP	  BIT(16)
#define CR0_PG	  BIT(31)
#define CR4_PSE	  BIT(4)
#define CR4_PAE	  BIT(5)
#define CR4_LA57  BIT(12)
#define CR4_SMEP  BIT(20)
#define CR4_SMAP  BIT(21)
#define EFER_LMA  BIT(10)
#define EFER_NXE  BIT(11)
#define RFLAGS_AC BIT(18)

#define P   BIT(0)
#define RW  BIT(1)
#define US  BIT(2)
#define PS  BIT(7)
#define XD  BIT(63)
#define ALL (P | RW | US)

/* Guest memory: 16 pages from 0; tables at these. */
#define PAGES  16
#define ROOT   0x1000
#define SECOND 0x2000
#define THIRD  0x3000
#define FOURTH 0x4000

static u64 memory[PAGES * PAGE_SIZE / 8];
static size_t reads;
static size_t read_size;

static int read_entry(void *ctx, u64 gpa, void *buf, size_t len)
{
	assert_ptr_equal(ctx, memory);
	assert_true(len == 4 || len == 8);
	assert_int_equal(gpa % len, 0);
	reads++;
	read_size = len;
	if (gpa > sizeof(memory) - len)
		return -ENOENT;
	memcpy(buf, (u8 *)memory + gpa, len);
	return 0;
}

static void put_64(u64 table, u64 index, u64 entry)
{
	memory[(table + index * 8) / 8] = entry;
}

static void put_32(u64 table, u64 index, u32 entry)
{
	memcpy((u8 *)memory + table + index * 4, &entry, 4);
}

static int walk(const struct walk_state *state, u64 linear, u32 access,
		struct walk_result *out)
{
	reads = 0;
	memset(out, 0xa5, sizeof(*out));
	return guest_walk(state, linear, access, read_entry, memory, out);
}

static void maps(const struct walk_state *state, u64 linear, u64 gpa,
		 u64 page_size)
{
	struct walk_result out;

	assert_int_equal(walk(state, linear, WALK_READ, &out), 0);
	assert_int_equal(out.gpa, gpa);
	assert_int_equal(out.page_size, page_size);
	assert_int_equal(out.pf_error, 0);
}

static void faults(const struct walk_state *state, u64 linear, u32 access,
		   u64 pf_error)
{
	struct walk_result out;

	assert_int_equal(walk(state, linear, access, &out), -EFAULT);
	assert_int_equal(out.pf_error, pf_error);
}

static int clear_memory(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	return 0;
}

static struct walk_state paging_32(void)
{
	return (struct walk_state){ .cr0 = CR0_PG | CR0_WP,
				    .cr3 = ROOT,
				    .cr4 = CR4_PSE,
				    .phys_bits = 46 };
}

static struct walk_state paging_pae(void)
{
	return (struct walk_state){ .cr0 = CR0_PG | CR0_WP,
				    .cr3 = ROOT,
				    .cr4 = CR4_PAE,
				    .efer = EFER_NXE,
				    .phys_bits = 46 };
}

static struct walk_state paging_4_level(void)
{
	struct walk_state s = paging_pae();

	s.efer |= EFER_LMA;
	return s;
}

/* Linear address from the four indices and an offset. */
static u64 linear_4(u64 i4, u64 i3, u64 i2, u64 i1, u64 offset)
{
	return i4 << 39 | i3 << 30 | i2 << 21 | i1 << 12 | offset;
}

static void test_no_paging(void **state)
{
	struct walk_state s = { .cr3 = ROOT, .cr4 = CR4_PAE };

	(void)state;
	maps(&s, 0xfee00300, 0xfee00300, PAGE_SIZE);
	maps(&s, 0x1fee00300, 0xfee00300, PAGE_SIZE);
	assert_int_equal(reads, 0);
}

static void test_32_bit(void **state)
{
	struct walk_state s = paging_32();

	(void)state;
	s.cr3 |= 0x18; /* PWT, PCD */
	put_32(ROOT, 0x3fb, SECOND | ALL);
	put_32(SECOND, 0x200, 0xfee00000 | ALL);
	maps(&s, 0xfee00300, 0xfee00300, PAGE_SIZE);
	assert_int_equal(reads, 2);
	assert_int_equal(read_size, 4);
	/* The upper half of the linear address is not looked at. */
	maps(&s, 0xffffffff00000000 | 0xfee00300, 0xfee00300, PAGE_SIZE);
	faults(&s, 0xfee01300, WALK_READ, 0);
	faults(&s, 0xfe000000, WALK_WRITE, PF_WRITE);
	/* No XD, and bit 7 of a PTE is PAT. */
	put_32(SECOND, 0x200, 0xfee00000 | ALL | PS);
	s.efer = EFER_NXE;
	maps(&s, 0xfee00300, 0xfee00300, PAGE_SIZE);
	faults(&s, 0xfee01300, WALK_FETCH, 0);
}

static void test_32_bit_large(void **state)
{
	struct walk_state s = paging_32();

	(void)state;
	put_32(ROOT, 1, 0x00c00000 | PS | ALL);
	maps(&s, 0x7abcde, 0xfabcde, 4UL << 20);
	assert_int_equal(reads, 1);
	/* PAT (bit 12) is not an address bit. */
	put_32(ROOT, 1, 0x00c01000 | PS | ALL);
	maps(&s, 0x7abcde, 0xfabcde, 4UL << 20);
	/* Without CR4.PSE bit 7 is ignored, and this is a table. */
	s.cr4 = 0;
	put_32(ROOT, 1, SECOND | PS | ALL);
	put_32(SECOND, 0x3ab, 0x5000 | P);
	maps(&s, 0x7abcde, 0x5cde, PAGE_SIZE);
}

static void test_pse36(void **state)
{
	struct walk_state s = paging_32();
	u32 entry = 0x00c00000 | PS | ALL;

	(void)state;
	put_32(ROOT, 0, entry | 0x1fe000);
	s.phys_bits = 40;
	maps(&s, 0x1234, 0xff00c01234, 4UL << 20);
	s.phys_bits = 39;
	faults(&s, 0x1234, WALK_READ, PF_PRESENT | PF_RESERVED);
	put_32(ROOT, 0, entry | 0x1e000);
	s.phys_bits = 36;
	maps(&s, 0x1234, 0xf00c01234, 4UL << 20);
	/* Bit 21 is reserved with any number of address bits. */
	put_32(ROOT, 0, entry | 0x200000);
	s.phys_bits = 52;
	faults(&s, 0x1234, WALK_READ, PF_PRESENT | PF_RESERVED);
	/* A small page has no reserved bits. */
	put_32(ROOT, 0, SECOND | ALL);
	put_32(SECOND, 1, 0xfffff000 | ALL);
	maps(&s, 0x1234, 0xfffff234, PAGE_SIZE);
}

static void test_pae(void **state)
{
	struct walk_state s = paging_pae();

	(void)state;
	s.cr3 = ROOT | 0x7e0; /* the PDPTEs need not start a page */
	put_64(ROOT + 0x7e0, 3, SECOND | P);
	put_64(SECOND, 0x1f7, THIRD | ALL);
	put_64(THIRD, 0, 0x3ffffee00000 | ALL);
	maps(&s, 0xfee00300, 0x3ffffee00300, PAGE_SIZE);
	assert_int_equal(reads, 3);
	assert_int_equal(read_size, 8);
	/* 2 MiB, with PAT; CR4.PSE is not needed. */
	put_64(SECOND, 0x1f7, 0x40001000 | PS | ALL);
	maps(&s, 0xfeefffff, 0x400fffff, SIZE_2M);
	/* CR3 has 32 bits. */
	s.cr3 |= 1UL << 32;
	maps(&s, 0xfeefffff, 0x400fffff, SIZE_2M);
}

static void test_pae_reserved(void **state)
{
	static const u64 pdpte[] = { RW,      US,      BIT(6),	PS, BIT(8),
				     BIT(46), BIT(52), BIT(62), XD };
	static const u64 pde[] = { BIT(46), BIT(51), BIT(52), BIT(62) };
	struct walk_state s = paging_pae();
	size_t i;

	(void)state;
	put_64(SECOND, 0, THIRD | ALL);
	put_64(THIRD, 0, 0x5000 | ALL);
	for (i = 0; i < ARRAY_SIZE(pdpte); i++) {
		put_64(ROOT, 0, SECOND | P | pdpte[i]);
		faults(&s, 0, WALK_READ, PF_PRESENT | PF_RESERVED);
	}
	/* PWT, PCD, ignored; and bit 5, which TCG sets */
	put_64(ROOT, 0, SECOND | P | 0xe38);
	maps(&s, 0, 0x5000, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(pde); i++) {
		put_64(SECOND, 0, THIRD | ALL | pde[i]);
		faults(&s, 0, WALK_READ, PF_PRESENT | PF_RESERVED);
		put_64(SECOND, 0, THIRD | ALL);
		put_64(THIRD, 0, 0x5000 | ALL | pde[i]);
		faults(&s, 0, WALK_READ, PF_PRESENT | PF_RESERVED);
		put_64(THIRD, 0, 0x5000 | ALL);
	}
	put_64(SECOND, 0, BIT(13) | PS | ALL);
	faults(&s, 0, WALK_READ, PF_PRESENT | PF_RESERVED);
	put_64(SECOND, 0, BIT(20) | PS | ALL);
	faults(&s, 0, WALK_READ, PF_PRESENT | PF_RESERVED);
}

/* Maps one 4 KiB page by four tables, at indices 1, 2, 3, 4. */
static u64 map_4_level(u64 frame)
{
	put_64(ROOT, 1, SECOND | ALL);
	put_64(SECOND, 2, THIRD | ALL);
	put_64(THIRD, 3, FOURTH | ALL);
	put_64(FOURTH, 4, frame | ALL);
	return linear_4(1, 2, 3, 4, 0x567);
}

static void test_4_level(void **state)
{
	struct walk_state s = paging_4_level();
	u64 linear = map_4_level(0xfee00000);

	(void)state;
	s.cr3 |= 0xfff; /* PCID */
	maps(&s, linear, 0xfee00567, PAGE_SIZE);
	assert_int_equal(reads, 4);
	assert_int_equal(read_size, 8);
	faults(&s, linear_4(1, 2, 3, 5, 0), WALK_READ, 0);
	faults(&s, linear_4(1, 2, 4, 4, 0), WALK_READ, 0);
	faults(&s, linear_4(1, 3, 3, 4, 0), WALK_READ, 0);
	faults(&s, linear_4(2, 2, 3, 4, 0), WALK_READ, 0);
	/* Ignored bits: 11:8 and 62:52; global and PAT in the PTE. */
	put_64(FOURTH, 4, 0xfee00000 | ALL | 0x7ff0000000000f80);
	maps(&s, linear, 0xfee00567, PAGE_SIZE);
	/* Top half, last entries. */
	put_64(ROOT, 511, SECOND | ALL);
	put_64(SECOND, 511, THIRD | ALL);
	put_64(THIRD, 511, FOURTH | ALL);
	put_64(FOURTH, 511, 0x7000 | ALL);
	maps(&s, ~0UL, 0x7fff, PAGE_SIZE);
}

static void test_4_level_large(void **state)
{
	struct walk_state s = paging_4_level();
	u64 linear = map_4_level(0);

	(void)state;
	put_64(THIRD, 3, 0x40201000 | PS | ALL); /* with PAT */
	maps(&s, linear, 0x40204567, SIZE_2M);
	put_64(SECOND, 2, 0x1c0001000 | PS | ALL);
	maps(&s, linear, 0x1c0604567, SIZE_1G);
	put_64(SECOND, 2, BIT(29) | PS | ALL);
	faults(&s, linear, WALK_READ, PF_PRESENT | PF_RESERVED);
	put_64(SECOND, 2, BIT(13) | PS | ALL);
	faults(&s, linear, WALK_READ, PF_PRESENT | PF_RESERVED);
	put_64(SECOND, 2, THIRD | ALL);
	put_64(THIRD, 3, BIT(20) | PS | ALL);
	faults(&s, linear, WALK_READ, PF_PRESENT | PF_RESERVED);
	put_64(THIRD, 3, FOURTH | ALL);
	maps(&s, linear, 0x567, PAGE_SIZE);
	put_64(ROOT, 1, SECOND | PS | ALL);
	faults(&s, linear, WALK_READ, PF_PRESENT | PF_RESERVED);
}

/* Each level: address bits above MAXPHYADDR, and XD without NXE. */
static void test_4_level_reserved(void **state)
{
	static const u64 where[4][2] = {
		{ ROOT, 1 }, { SECOND, 2 }, { THIRD, 3 }, { FOURTH, 4 }
	};
	static const u64 next[4] = { SECOND, THIRD, FOURTH, 0x5000 };
	struct walk_state s = paging_4_level();
	u64 linear = map_4_level(0x5000);
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		put_64(where[i][0], where[i][1], next[i] | ALL | BIT(46));
		faults(&s, linear, WALK_READ, PF_PRESENT | PF_RESERVED);
		put_64(where[i][0], where[i][1], next[i] | ALL | BIT(51));
		faults(&s, linear, WALK_READ, PF_PRESENT | PF_RESERVED);
		/* Nothing is reserved in an entry that is not present. */
		put_64(where[i][0], where[i][1], ~P);
		faults(&s, linear, WALK_READ, 0);
		put_64(where[i][0], where[i][1], next[i] | ALL | XD);
		maps(&s, linear, 0x5567, PAGE_SIZE);
		faults(&s, linear, WALK_FETCH, PF_PRESENT | PF_FETCH);
		s.efer &= ~EFER_NXE;
		faults(&s, linear, WALK_FETCH, PF_PRESENT | PF_RESERVED);
		s.efer |= EFER_NXE;
		put_64(where[i][0], where[i][1], next[i] | ALL);
	}
	maps(&s, linear, 0x5567, PAGE_SIZE);
	/* With all 52 bits none of them is reserved. */
	put_64(FOURTH, 4, 0x000ffffffffff000 | ALL);
	s.phys_bits = 52;
	maps(&s, linear, 0x000ffffffffff567, PAGE_SIZE);
	s.phys_bits = 255;
	maps(&s, linear, 0x000ffffffffff567, PAGE_SIZE);
	s.phys_bits = 0;
	faults(&s, linear, WALK_READ, PF_PRESENT | PF_RESERVED);
}

static void test_not_canonical(void **state)
{
	struct walk_state s = paging_4_level();
	struct walk_result out;

	(void)state;
	put_64(ROOT, 255, 0);
	faults(&s, 0x00007fffffffffff, WALK_READ, 0);
	faults(&s, 0xffff800000000000, WALK_READ, 0);
	assert_int_equal(walk(&s, 0x0000800000000000, WALK_READ, &out),
			 -EINVAL);
	assert_int_equal(walk(&s, 0xffff7fffffffffff, WALK_READ, &out),
			 -EINVAL);
	assert_int_equal(walk(&s, 0x0100000000001000, WALK_READ, &out),
			 -EINVAL);
	assert_int_equal(out.pf_error, 0);
	assert_int_equal(reads, 0);
}

static void test_5_level_refused(void **state)
{
	struct walk_state s = paging_4_level();
	struct walk_result out;

	(void)state;
	s.cr4 |= CR4_LA57;
	assert_int_equal(walk(&s, 0, WALK_READ, &out), -ENOSYS);
	assert_int_equal(reads, 0);
}

/* The root, then a lower table, outside of guest memory. */
static void test_read_fails(void **state)
{
	struct walk_state s = paging_4_level();
	struct walk_result out;

	(void)state;
	s.cr3 = 0x3ffffffff000;
	assert_int_equal(walk(&s, 0, WALK_READ, &out), -EIO);
	assert_int_equal(out.pf_error, 0);
	s.cr3 = ROOT;
	put_64(ROOT, 0, 0x3ffffffff000 | ALL);
	assert_int_equal(walk(&s, 0, WALK_READ, &out), -EIO);
	assert_int_equal(reads, 2);
	s = paging_32();
	s.cr3 = 0xfffff000;
	assert_int_equal(walk(&s, ~0UL, WALK_READ, &out), -EIO);
}

/* Tables that point to themselves end like any others. */
static void test_recursive(void **state)
{
	struct walk_state s = paging_4_level();

	(void)state;
	put_64(ROOT, 0x1ed, ROOT | ALL);
	maps(&s, 0xffff000000000000 | linear_4(0x1ed, 0x1ed, 0x1ed, 0x1ed, 8),
	     ROOT + 8, PAGE_SIZE);
	assert_int_equal(reads, 4);
}

/* RW or US missing at one level is missing. */
static void test_rights_combine(void **state)
{
	static const u64 where[4][2] = {
		{ ROOT, 1 }, { SECOND, 2 }, { THIRD, 3 }, { FOURTH, 4 }
	};
	static const u64 next[4] = { SECOND, THIRD, FOURTH, 0x5000 };
	struct walk_state s = paging_4_level();
	u64 linear = map_4_level(0x5000);
	int i;

	(void)state;
	s.cpl = 3;
	for (i = 0; i < 4; i++) {
		put_64(where[i][0], where[i][1], next[i] | P | US);
		maps(&s, linear, 0x5567, PAGE_SIZE);
		faults(&s, linear, WALK_WRITE, PF_PRESENT | PF_WRITE | PF_USER);
		put_64(where[i][0], where[i][1], next[i] | P | RW);
		faults(&s, linear, WALK_READ, PF_PRESENT | PF_USER);
		put_64(where[i][0], where[i][1], next[i] | ALL);
	}
	maps(&s, linear, 0x5567, PAGE_SIZE);
}

/* One point of the space of rights: bits of a counter. */
struct rights {
	bool user_page, writable, xd;
	bool wp, smep, smap, ac, nxe;
	bool cpl3, implicit;
	u32 access;
};

/* SDM vol. 3, 4.6.1, sentence by sentence. */
static bool sdm_allows(const struct rights *r)
{
	bool supervisor = !r->cpl3 || r->implicit;
	bool xd = r->xd && r->nxe;

	if (supervisor && !r->user_page) {
		if (r->access == WALK_READ)
			return true;
		if (r->access == WALK_WRITE)
			return !r->wp || r->writable;
		return !xd;
	}
	if (supervisor) {
		if (r->access == WALK_FETCH)
			return !r->smep && !xd;
		if (r->smap && (r->implicit || !r->ac))
			return false;
		return r->access == WALK_READ || !r->wp || r->writable;
	}
	if (!r->user_page)
		return false;
	if (r->access == WALK_FETCH)
		return !xd;
	return r->access == WALK_READ || r->writable;
}

static u64 sdm_error(const struct rights *r)
{
	u64 error = PF_PRESENT;

	if (r->access == WALK_WRITE)
		error |= PF_WRITE;
	if (r->cpl3 && !r->implicit)
		error |= PF_USER;
	if (r->access == WALK_FETCH && (r->smep || r->nxe))
		error |= PF_FETCH;
	return error;
}

static void check_rights(const struct rights *r)
{
	struct walk_state s = paging_4_level();
	u64 linear = map_4_level(0x5000);
	u32 access = r->access | (r->implicit ? WALK_IMPLICIT : 0);
	struct walk_result out;

	s.cr0 = CR0_PG | (r->wp ? CR0_WP : 0);
	s.cr4 |= (r->smep ? CR4_SMEP : 0) | (r->smap ? CR4_SMAP : 0);
	s.efer = EFER_LMA | (r->nxe ? EFER_NXE : 0);
	s.rflags = r->ac ? RFLAGS_AC : 0;
	s.cpl = r->cpl3 ? 3 : 0;
	put_64(FOURTH, 4,
	       0x5000 | P | (r->user_page ? US : 0) | (r->writable ? RW : 0) |
		       (r->xd && r->nxe ? XD : 0));
	if (sdm_allows(r)) {
		assert_int_equal(walk(&s, linear, access, &out), 0);
		assert_int_equal(out.gpa, 0x5567);
	} else {
		faults(&s, linear, access, sdm_error(r));
	}
}

static void test_rights(void **state)
{
	static const u32 accesses[] = { WALK_READ, WALK_WRITE, WALK_FETCH };
	u32 i;

	(void)state;
	for (i = 0; i < 3 * 1024; i++) {
		struct rights r = {
			.user_page = i & 1,
			.writable = i & 2,
			.xd = i & 4,
			.wp = i & 8,
			.smep = i & 0x10,
			.smap = i & 0x20,
			.ac = i & 0x40,
			.nxe = i & 0x80,
			.cpl3 = i & 0x100,
			.implicit = i & 0x200,
			.access = accesses[i >> 10],
		};

		check_rights(&r);
	}
}

/* Rights in the other modes: a PDPTE has none, 32-bit paging has no XD. */
static void test_rights_legacy(void **state)
{
	struct walk_state s = paging_pae();
	struct walk_result out;

	(void)state;
	s.cpl = 3;
	put_64(ROOT, 0, SECOND | P);
	put_64(SECOND, 0, THIRD | ALL);
	put_64(THIRD, 0, 0x5000 | ALL | XD);
	assert_int_equal(walk(&s, 0, WALK_WRITE, &out), 0);
	faults(&s, 0, WALK_FETCH, PF_PRESENT | PF_USER | PF_FETCH);
	s.efer = 0;
	faults(&s, 0, WALK_FETCH, PF_PRESENT | PF_USER | PF_RESERVED);

	clear_memory(NULL);
	s = paging_32();
	s.efer = EFER_NXE;
	put_32(ROOT, 0, SECOND | ALL);
	put_32(SECOND, 0, 0x5000 | P | RW);
	s.cpl = 3;
	faults(&s, 0, WALK_FETCH, PF_PRESENT | PF_USER);
	s.cpl = 2;
	assert_int_equal(walk(&s, 0, WALK_FETCH, &out), 0);
	put_32(SECOND, 0, 0x5000 | ALL);
	s.cr4 |= CR4_SMEP;
	faults(&s, 0, WALK_FETCH, PF_PRESENT | PF_FETCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_paging, clear_memory),
		cmocka_unit_test_setup(test_32_bit, clear_memory),
		cmocka_unit_test_setup(test_32_bit_large, clear_memory),
		cmocka_unit_test_setup(test_pse36, clear_memory),
		cmocka_unit_test_setup(test_pae, clear_memory),
		cmocka_unit_test_setup(test_pae_reserved, clear_memory),
		cmocka_unit_test_setup(test_4_level, clear_memory),
		cmocka_unit_test_setup(test_4_level_large, clear_memory),
		cmocka_unit_test_setup(test_4_level_reserved, clear_memory),
		cmocka_unit_test_setup(test_not_canonical, clear_memory),
		cmocka_unit_test_setup(test_5_level_refused, clear_memory),
		cmocka_unit_test_setup(test_read_fails, clear_memory),
		cmocka_unit_test_setup(test_recursive, clear_memory),
		cmocka_unit_test_setup(test_rights_combine, clear_memory),
		cmocka_unit_test_setup(test_rights, clear_memory),
		cmocka_unit_test_setup(test_rights_legacy, clear_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
