// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ICR filter against a model written the other way round: it asks each
 * vCPU in turn whether the message is for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "apic/icr.h"

#define FLAT	0xffffffffU
#define CLUSTER 0x0fffffffU

struct machine {
	u32 ldr[64];
	u32 dfr[64];
	struct icr_env env;
};

static void machine_init(struct machine *m, u32 vcpus, u64 running, u32 self,
			 bool x2apic)
{
	u32 n;

	for (n = 0; n < 64; n++) {
		m->ldr[n] = n < 8 ? 1U << (24 + n) : 0;
		m->dfr[n] = FLAT;
	}
	m->env = (struct icr_env){ .self = self,
				   .nr_vcpus = vcpus,
				   .running = running,
				   .accepts = running,
				   .x2apic = x2apic,
				   .ldr = m->ldr,
				   .dfr = m->dfr };
}

static bool model_accepts(const struct icr_env *e, u64 icr, u32 n)
{
	u32 shorthand = icr >> 18 & 3;
	u32 dest = (u32)(icr >> (e->x2apic ? 32 : 56));
	u32 id;

	if (shorthand == 1)
		return n == e->self;
	if (shorthand == 2)
		return true;
	if (shorthand == 3)
		return n != e->self;
	if (dest == (e->x2apic ? 0xffffffffU : 0xffU))
		return true;
	if (!(icr >> 11 & 1))
		return dest == n;
	if (e->x2apic) {
		id = (n >> 4) << 16 | 1U << (n & 15);
		return id >> 16 == dest >> 16 && (id & dest & 0xffff);
	}
	id = e->ldr[n] >> 24;
	if (e->dfr[n] >> 28 == 0xf)
		return (id & dest) != 0;
	return id / 16 == dest / 16 && ((id % 16) & (dest % 16)) != 0;
}

static enum icr_kind model_kind(const struct icr_env *e, u64 icr, u8 *esr)
{
	u32 shorthand = icr >> 18 & 3, mode = icr >> 8 & 7;
	bool to_self = shorthand == 1 || shorthand == 2;
	u32 bit;

	*esr = 0;
	for (bit = 0; e->x2apic && bit < 32; bit++)
		if ((icr >> bit & 1) &&
		    (bit == 13 || bit == 16 || bit == 17 || bit >= 20))
			return ICR_GP;
	/* SDM vol. 3 table 11-3: these columns have fixed only. */
	if (to_self && mode)
		return ICR_NONE;
	switch (mode) {
	case 0:
	case 1:
		if ((icr & 0xff) >= 16)
			return ICR_FIXED;
		*esr = 0x20;
		return ICR_NONE;
	case 4:
		return ICR_NMI;
	case 5:
		if ((icr >> 15 & 1) && !(icr >> 14 & 1))
			return ICR_NONE;
		return ICR_INIT;
	case 6:
		return ICR_SIPI;
	default:
		return ICR_NONE;
	}
}

static void model(const struct icr_env *e, u64 icr, struct icr_plan *p)
{
	bool lowest = (icr >> 8 & 7) == 1;
	u32 n;

	p->kind = model_kind(e, icr, &p->esr);
	p->vector = (u8)icr;
	p->targets = 0;
	if (p->kind == ICR_NONE || p->kind == ICR_GP)
		return;
	for (n = 0; n < e->nr_vcpus; n++) {
		if (!model_accepts(e, icr, n))
			continue;
		if (p->kind == ICR_FIXED && !(e->accepts >> n & 1))
			continue;
		if (p->kind == ICR_NMI && !(e->running >> n & 1))
			continue;
		if (e->off >> n & 1)
			continue;
		p->targets |= 1ULL << n;
		if (lowest)
			break;
	}
}

/*
 * What the exit path sends without decoding must be what the model sends; and
 * it must be every plain IPI, or the short way is not taken.
 */
static void compare_plain(const struct icr_env *e, u64 icr,
			  const struct icr_plan *want)
{
	bool physical = !(icr >> 11 & 1) && !(icr >> 18 & 3);
	bool plain = want->kind == ICR_FIXED && !(icr >> 8 & 7) && physical &&
		     icr >> 32 < e->nr_vcpus;

	if (icr_is_plain(icr, e->nr_vcpus) != plain)
		fail_msg("icr %016lx: plain is %d", icr, !plain);
	if (plain && want->targets != (1UL << (icr >> 32) & e->accepts))
		fail_msg("icr %016lx: plain, but targets %lx", icr,
			 want->targets);
}

static void compare(const struct icr_env *e, u64 icr)
{
	struct icr_plan got = { .kind = 99, .targets = ~0UL, .esr = 0xff };
	struct icr_plan want;

	icr_decode(e, icr, &got);
	model(e, icr, &want);
	if (e->x2apic)
		compare_plain(e, icr, &want);
	if (got.kind == want.kind && got.esr == want.esr &&
	    got.targets == want.targets &&
	    ((got.kind != ICR_FIXED && got.kind != ICR_SIPI) ||
	     got.vector == want.vector))
		return;
	fail_msg("icr %016lx x2apic %d: kind %d/%d targets %lx/%lx esr %x/%x",
		 icr, e->x2apic, got.kind, want.kind, got.targets, want.targets,
		 got.esr, want.esr);
}

static void sweep(const struct icr_env *e, u64 upper)
{
	u64 low;

	for (low = 0; low < 1UL << 20; low++)
		compare(e, upper | low);
}

static void test_x2apic_all_low_bits(void **state)
{
	static const u32 dest[] = {
		0,	1,	    5,		19,	    20,	       63,
		64,	0x10000,    0x1000f,	0x2ffff,    0x30001,   0x40001,
		0xffff, 0xffff0000, 0xffffffff, 0x80000000, 0xfffffffe
	};
	struct machine m;
	u32 i;

	(void)state;
	machine_init(&m, 20, 0xd7ffd, 2, true);
	for (i = 0; i < ARRAY_SIZE(dest); i++)
		sweep(&m.env, (u64)dest[i] << 32);
}

static void test_x2apic_64_vcpus(void **state)
{
	static const u32 dest[] = { 63, 64, 0x3ffff, 0x38000, 0xffffffff };
	struct machine m;
	u32 i;

	(void)state;
	machine_init(&m, 64, ~0UL, 63, true);
	for (i = 0; i < ARRAY_SIZE(dest); i++)
		sweep(&m.env, (u64)dest[i] << 32);
}

static void test_xapic_all_low_bits(void **state)
{
	static const u32 dest[] = { 0,	  1,	7,    8,    0x0f,
				    0x10, 0x13, 0x81, 0xfe, 0xff };
	struct machine m;
	u32 i;

	(void)state;
	machine_init(&m, 9, 0x1bf, 3, false);
	for (i = 0; i < ARRAY_SIZE(dest); i++)
		sweep(&m.env, (u64)dest[i] << 56 | 0xabcdef00000000UL);
}

/* Every destination of every model, for a few commands. */
static void test_xapic_destinations(void **state)
{
	static const u32 low[] = { 0x30, 0x830, 0x930, 0xc00, 0xd00, 0xe08 };
	struct machine m;
	u32 i, dest, n;

	(void)state;
	machine_init(&m, 16, 0xffef, 0, false);
	for (n = 0; n < 16; n++) {
		m.ldr[n] = (n / 4) << 28 | 1U << (24 + n % 4);
		m.dfr[n] = CLUSTER;
	}
	m.ldr[3] = 0xffffffff;
	m.ldr[4] = 0;
	for (i = 0; i < ARRAY_SIZE(low); i++)
		for (dest = 0; dest < 256; dest++)
			compare(&m.env, (u64)dest << 56 | low[i]);
	for (n = 0; n < 16; n += 2)
		m.dfr[n] = FLAT;
	for (i = 0; i < ARRAY_SIZE(low); i++)
		for (dest = 0; dest < 256; dest++)
			compare(&m.env, (u64)dest << 56 | low[i]);
}

static void test_x2apic_destinations(void **state)
{
	static const u32 low[] = { 0x30, 0x830, 0x930, 0xc00, 0xd00, 0xe08 };
	struct machine m;
	u32 i, cluster, bits;

	(void)state;
	machine_init(&m, 37, 0x1e0f0ff0ffUL, 36, true);
	for (i = 0; i < ARRAY_SIZE(low); i++)
		for (cluster = 0; cluster < 6; cluster++)
			for (bits = 0; bits <= 0xffff; bits++)
				compare(&m.env, (u64)(cluster << 16 | bits)
								<< 32 |
							low[i]);
}

static u64 random_next(u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void test_random(void **state)
{
	u64 seed = 0x9e3779b97f4a7c15;
	struct machine m;
	u32 i, n;

	(void)state;
	for (i = 0; i < 300000; i++) {
		u32 vcpus = 1 + random_next(&seed) % 64;
		u64 icr = random_next(&seed);

		machine_init(&m, vcpus, random_next(&seed),
			     (u32)random_next(&seed) % vcpus, i & 1);
		/* Some are disabled by SVR, others globally; not the sender. */
		m.env.off = random_next(&seed) & icr & ~(1UL << m.env.self);
		m.env.accepts &= ~m.env.off & random_next(&seed);
		for (n = 0; n < 64 && !(i & 1); n++) {
			m.ldr[n] = (u32)random_next(&seed);
			m.dfr[n] = (u32)random_next(&seed) | (n << 28);
		}
		compare(&m.env, icr);
		/* Most have reserved bits set; once more without. */
		compare(&m.env, icr & 0xffffffff000cdfffUL);
		compare(&m.env, icr & 0x3f000cdfffUL);
	}
}

static struct icr_plan decode(const struct machine *m, u64 icr)
{
	struct icr_plan plan;

	icr_decode(&m->env, icr, &plan);
	return plan;
}

/* By hand, so that model and code can't share a mistake. */
static void test_fixed_examples(void **state)
{
	struct machine m;
	struct icr_plan p;

	(void)state;
	machine_init(&m, 4, 0xb, 1, true);
	p = decode(&m, 0x00000003000000fdUL);
	assert_int_equal(p.kind, ICR_FIXED);
	assert_int_equal(p.vector, 0xfd);
	assert_int_equal(p.targets, 0x8);
	assert_int_equal(p.esr, 0);
	/* not running; no such vCPU; itself */
	assert_int_equal(decode(&m, 0x00000002000000fdUL).targets, 0);
	assert_int_equal(decode(&m, 0x00000004000000fdUL).targets, 0);
	assert_int_equal(decode(&m, 0x00000004000000fdUL).kind, ICR_FIXED);
	assert_int_equal(decode(&m, 0x00000001000000fdUL).targets, 0x2);
	/* logical cluster 0, members 0, 2, 3 */
	assert_int_equal(decode(&m, 0x0000000d000008fdUL).targets, 0x9);
	/* lowest priority: one of them */
	assert_int_equal(decode(&m, 0x0000000e000009fdUL).targets, 0x2);
	/* broadcast, both ways */
	assert_int_equal(decode(&m, 0xffffffff000000fdUL).targets, 0xb);
	assert_int_equal(decode(&m, 0xffffffff000008fdUL).targets, 0xb);
	/* shorthands ignore the destination */
	assert_int_equal(decode(&m, 0x00000003000440fdUL).targets, 0x2);
	assert_int_equal(decode(&m, 0x00000003000840fdUL).targets, 0xb);
	assert_int_equal(decode(&m, 0x00000003000c40fdUL).targets, 0x9);
}

static void test_illegal_vector(void **state)
{
	struct machine m;
	struct icr_plan p;

	(void)state;
	machine_init(&m, 2, 3, 0, true);
	p = decode(&m, 0x000000010000000fUL);
	assert_int_equal(p.kind, ICR_NONE);
	assert_int_equal(p.targets, 0);
	assert_int_equal(p.esr, ESR_SEND_ILLEGAL_VECTOR);
	p = decode(&m, 0x0000000100000010UL);
	assert_int_equal(p.kind, ICR_FIXED);
	assert_int_equal(p.esr, 0);
	assert_int_equal(decode(&m, 0x000000010000010fUL).esr,
			 ESR_SEND_ILLEGAL_VECTOR);
	/* NMI has no vector to be illegal. */
	assert_int_equal(decode(&m, 0x0000000100000400UL).kind, ICR_NMI);
	assert_int_equal(decode(&m, 0x0000000100000400UL).esr, 0);
}

static void test_reserved_bits(void **state)
{
	struct machine x2, x1;
	u32 bit;

	(void)state;
	machine_init(&x2, 2, 3, 0, true);
	machine_init(&x1, 2, 3, 0, false);
	for (bit = 12; bit < 32; bit++) {
		bool reserved = bit == 13 || bit == 16 || bit == 17 ||
				bit >= 20;
		u64 icr = 1UL << bit | 0x30;

		assert_int_equal(decode(&x2, icr | 1UL << 32).kind,
				 reserved ? ICR_GP : ICR_FIXED);
		assert_int_equal(decode(&x1, icr | 1UL << 56).kind, ICR_FIXED);
	}
	/* #GP goes before every other complaint and sends nothing. */
	assert_int_equal(decode(&x2, 0xffffffffffffffffUL).kind, ICR_GP);
	assert_int_equal(decode(&x2, 0xffffffffffffffffUL).targets, 0);
	assert_int_equal(decode(&x2, 0x2000).esr, 0);
}

/* SDM vol. 3 table 11-3: to the sender by a shorthand only fixed is valid. */
static void test_shorthands(void **state)
{
	static const struct {
		u32 mode;
		enum icr_kind self, rest;
	} modes[] = {
		{ 0, ICR_FIXED, ICR_FIXED }, { 1, ICR_NONE, ICR_FIXED },
		{ 2, ICR_NONE, ICR_NONE },   { 3, ICR_NONE, ICR_NONE },
		{ 4, ICR_NONE, ICR_NMI },    { 5, ICR_NONE, ICR_INIT },
		{ 6, ICR_NONE, ICR_SIPI },   { 7, ICR_NONE, ICR_NONE },
	};
	struct machine m;
	u32 i;

	(void)state;
	machine_init(&m, 2, 3, 0, true);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		u64 icr = modes[i].mode << 8 | 0x40;

		assert_int_equal(decode(&m, icr | 0x40000).kind, modes[i].self);
		assert_int_equal(decode(&m, icr | 0x80000).kind, modes[i].self);
		assert_int_equal(decode(&m, icr | 0xc0000).kind, modes[i].rest);
	}
	/* Not sent, so no illegal vector is either. */
	assert_int_equal(decode(&m, 0x40105).esr, 0);
	/* By number an NMI to oneself is valid. */
	assert_int_equal(decode(&m, 0x400).targets, 1);
}

/* SDM vol. 3 11.4.7.2 and 11.4.3: three vCPUs, 1 without SVR, 2 without all. */
static void test_disabled(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, 3, 7, 0, true);
	m.env.accepts = 1;
	m.env.off = 4;
	assert_int_equal(decode(&m, 0xffffffff00000040UL).targets, 1);
	assert_int_equal(decode(&m, 0x0000000100000040UL).targets, 0);
	assert_int_equal(decode(&m, 0xffffffff00000400UL).targets, 3);
	assert_int_equal(decode(&m, 0x00000000000c4500UL).targets, 2);
	assert_int_equal(decode(&m, 0x00000000000c0608UL).targets, 2);
	assert_int_equal(decode(&m, 0x0000000200004500UL).targets, 0);
	assert_int_equal(decode(&m, 0x0000000200000608UL).targets, 0);
}

/* What Linux does to start an AP, as each mode writes it. */
static void test_startup(void **state)
{
	struct machine m;
	struct icr_plan p;

	(void)state;
	machine_init(&m, 2, 1, 0, false);
	p = decode(&m, ICR_XAPIC_DEST(1) | 0xc500);
	assert_int_equal(p.kind, ICR_INIT);
	assert_int_equal(p.targets, 2);
	p = decode(&m, ICR_XAPIC_DEST(1) | 0x8500);
	assert_int_equal(p.kind, ICR_NONE);
	assert_int_equal(p.targets, 0);
	p = decode(&m, ICR_XAPIC_DEST(1) | 0x0699);
	assert_int_equal(p.kind, ICR_SIPI);
	assert_int_equal(p.vector, 0x99);
	assert_int_equal(p.targets, 2);
	m.env.x2apic = true;
	p = decode(&m, ICR_X2APIC_DEST(1) | 0xc500);
	assert_int_equal(p.kind, ICR_INIT);
	assert_int_equal(p.targets, 2);
	p = decode(&m, ICR_X2APIC_DEST(1) | 0x8500);
	assert_int_equal(p.kind, ICR_NONE);
	p = decode(&m, ICR_X2APIC_DEST(1) | 0x0608);
	assert_int_equal(p.kind, ICR_SIPI);
	assert_int_equal(p.targets, 2);
	/* all others, as small kernels do; never by a shorthand with self */
	assert_int_equal(decode(&m, 0xc4500).targets, 2);
	assert_int_equal(decode(&m, 0x84500).kind, ICR_NONE);
	assert_int_equal(decode(&m, 0x44608).kind, ICR_NONE);
	/* NMI does not reach a vCPU that waits for SIPI. */
	assert_int_equal(decode(&m, ICR_X2APIC_DEST(1) | 0x400).targets, 0);
	/* SMI and the reserved modes vanish. */
	assert_int_equal(decode(&m, 0x200).kind, ICR_NONE);
	assert_int_equal(decode(&m, 0x340).kind, ICR_NONE);
	assert_int_equal(decode(&m, 0x740).kind, ICR_NONE);
}

/* Bits of `running` beyond the partition's vCPUs reach nobody. */
static void test_never_beyond_the_partition(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m, 3, ~0UL, 0, true);
	assert_int_equal(decode(&m, 0xffffffff00000030UL).targets, 7);
	assert_int_equal(decode(&m, 0x0000ffff00000830UL).targets, 7);
	assert_int_equal(decode(&m, 0x0000000300000030UL).targets, 0);
	assert_int_equal(decode(&m, 0x0000000000080030UL).targets, 7);
	assert_int_equal(decode(&m, 0x00000000000c0500UL).targets, 6);
	m.env.x2apic = false;
	m.ldr[5] = 0xff000000;
	assert_int_equal(decode(&m, 0xff00000000000830UL).targets, 7);
	assert_int_equal(decode(&m, 0xfe00000000000830UL).targets, 6);
	assert_int_equal(decode(&m, 0x0300000000000030UL).targets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x2apic_all_low_bits),
		cmocka_unit_test(test_x2apic_64_vcpus),
		cmocka_unit_test(test_xapic_all_low_bits),
		cmocka_unit_test(test_xapic_destinations),
		cmocka_unit_test(test_x2apic_destinations),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_fixed_examples),
		cmocka_unit_test(test_illegal_vector),
		cmocka_unit_test(test_reserved_bits),
		cmocka_unit_test(test_shorthands),
		cmocka_unit_test(test_disabled),
		cmocka_unit_test(test_startup),
		cmocka_unit_test(test_never_beyond_the_partition),
	};

	return cmocka_run_group_tests_name("icr", tests, NULL, NULL);
}
