// SPDX-License-Identifier: BSD-2-Clause
/*
 * The local APIC's registers and modes, with a home that only notes what it is
 * told: SDM vol. 3 sections 11.4.3, 11.4.7, 11.5.3, 11.12.1, 11.12.5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/cpu.h"
#include "core/lib.h"
#include "apic/domain.c" /* NOLINT(bugprone-suspicious-include) */
#include "apic/vlapic.c" /* NOLINT(bugprone-suspicious-include) */

#define BASE	 0xfee00100UL /* of vCPU 0 */
#define DISABLED BASE
#define XAPIC	 (BASE | 0x800)
#define X2APIC	 (BASE | 0xc00)

/* What the others and the hardware are told. */
u32 host_features = FEATURE_DEADLINE;
struct percpu this_cpu;
static u32 resets, changes, sent_to[MAX_VCPUS], requested[MAX_VCPUS];
static u32 written_reg, written_value, hardware_esr;

void lapic_send(u32 apic_id, u32 low)
{
	sent_to[apic_id] = low;
}

void cpu_request(u32 cpu, u32 bits)
{
	requested[cpu] |= bits;
}

static void home_reset(struct vlapic *l)
{
	(void)l;
	resets++;
}

static u32 home_read(struct vlapic *l, u32 reg)
{
	u32 value = reg == APIC_ESR ? hardware_esr : reg;

	(void)l;
	if (reg == APIC_ESR)
		hardware_esr = 0;
	return value;
}

static void home_write(struct vlapic *l, u32 reg, u32 value)
{
	(void)l;
	written_reg = reg;
	written_value = value;
}

static void home_apply(struct vlapic *l)
{
	(void)l;
}

static const struct vlapic_home home = { home_reset, home_read, home_write,
					 home_apply };
static struct irq_domain domain;
static struct vapic_posted posted[3];
static struct vlapic apic;

static void note_change(void)
{
	changes++;
}

/* vCPU 0 of three; the others run, and accept. */
static int begin(void **state)
{
	u32 n;

	(void)state;
	domain = (struct irq_domain){
		.nr = 3,
		.mode = MODE_DID,
		.direct = 7,
		.posted = posted,
		.running = 7,
		.accepts = 6,
		.apic_changed = note_change,
	};
	for (n = 0; n < 3; n++)
		domain.cpu[n] = (u8)(domain.apic_id[n] = n);
	memset(sent_to, 0, sizeof(sent_to));
	memset(requested, 0, sizeof(requested));
	hardware_esr = 0;
	vlapic_reset(&apic, &domain, 0, &home);
	resets = changes = written_reg = 0;
	return 0;
}

static void write_base(u64 value)
{
	assert_int_equal(vlapic_write_base(&apic, value), 0);
	assert_int_equal(apic.base, value);
}

static void write_msr(u32 reg, u64 value)
{
	assert_int_equal(vlapic_msr_write(&apic, reg, value), 0);
}

static u64 read_msr(u32 reg)
{
	u64 value = 0;

	assert_int_equal(vlapic_msr_read(&apic, reg, &value), 0);
	return value;
}

static void to_x2apic(void)
{
	write_base(X2APIC);
	write_msr(APIC_SVR, 0x1ff);
}

/* Table 11-5: which writes of the two bits are valid in which state. */
static void test_transitions(void **state)
{
	static const u64 states[] = { DISABLED, XAPIC, X2APIC };
	static const bool valid[3][4] = {
		/* to 00, EXTD alone, EN alone, both */
		{ true, false, true, false }, /* from disabled */
		{ true, false, true, true },
		{ true, false, false, true },
	};
	u32 from, to;

	for (from = 0; from < 3; from++)
		for (to = 0; to < 4; to++) {
			begin(state);
			if (from != 1)
				write_base(states[from]);
			assert_int_equal(
				!vlapic_write_base(&apic, BASE | to << 10),
				valid[from][to]);
			if (!valid[from][to])
				assert_int_equal(apic.base, states[from]);
		}
}

/* Neither moved nor given away: #GP. */
static void test_base_is_fixed(void **state)
{
	u32 bit;

	(void)state;
	for (bit = 0; bit < 64; bit++)
		if (bit != 10 && bit != 11)
			assert_int_equal(
				vlapic_write_base(&apic, XAPIC ^ 1UL << bit),
				-EINVAL);
	assert_int_equal(changes, 0);
}

static void test_disabled_has_no_msrs(void **state)
{
	static const u64 states[] = { XAPIC, DISABLED };
	u32 i, reg;
	u64 value;

	(void)state;
	for (i = 0; i < 2; i++) {
		write_base(states[i]);
		for (reg = 0; reg < 0x100; reg++) {
			assert_int_equal(vlapic_msr_read(&apic, reg, &value),
					 -EINVAL);
			assert_int_equal(vlapic_msr_write(&apic, reg, 0),
					 -EINVAL);
		}
		assert_int_equal(vlapic_write_icr(&apic, 0x40), -EINVAL);
		assert_int_equal(vlapic_write_eoi(&apic, 0), -EINVAL);
	}
}

/* The page is there in xAPIC mode alone. */
static void test_page(void **state)
{
	(void)state;
	assert_int_equal(vlapic_mmio_read(&apic, 0xf0), 0xff);
	vlapic_mmio_write(&apic, 0xf0, 0x1fe);
	assert_int_equal(vlapic_mmio_read(&apic, 0xf0), 0x1fe);
	write_base(X2APIC);
	assert_true(vlapic_mmio_read(&apic, 0xf0) == ~0UL);
	vlapic_mmio_write(&apic, 0xf0, 0xfd);
	assert_int_equal(read_msr(APIC_SVR), 0x1fe);
	write_base(DISABLED);
	assert_true(vlapic_mmio_read(&apic, 0xf0) == ~0UL);
	vlapic_mmio_write(&apic, 0x310, 1 << 24);
	vlapic_mmio_write(&apic, 0x300, 0x45);
	assert_int_equal(sent_to[1], 0);
}

static void test_disabling_resets(void **state)
{
	u32 n;

	(void)state;
	to_x2apic();
	for (n = 0; n < VLAPIC_LVTS; n++)
		write_msr(APIC_LVT_TIMER + n, 0x31);
	write_msr(APIC_ICR, 1UL << 32 | 0x45);
	write_msr(APIC_ICR, 0x05);
	assert_true(vlapic_timer_on(&apic));
	assert_int_equal(domain.accepts, 7);
	assert_int_equal(domain.x2apic, 1);
	changes = 0;
	write_base(DISABLED);
	assert_int_equal(resets, 1);
	assert_int_equal(changes, 1);
	assert_int_equal(domain.accepts, 6);
	assert_int_equal(domain.x2apic, 0);
	assert_int_equal(domain.off, 1);
	assert_false(vlapic_timer_on(&apic));
	write_base(XAPIC);
	assert_int_equal(domain.off, 0);
	write_base(X2APIC);
	assert_int_equal(read_msr(APIC_SVR), 0xff);
	assert_int_equal(read_msr(APIC_ICR), 0);
	write_msr(APIC_ESR, 0);
	assert_int_equal(read_msr(APIC_ESR), 0);
	for (n = 0; n < VLAPIC_LVTS; n++)
		assert_int_equal(read_msr(APIC_LVT_TIMER + n), 0x10000);
}

static void test_svr(void **state)
{
	(void)state;
	write_base(X2APIC);
	changes = 0;
	write_msr(APIC_SVR, 0x1ff);
	assert_int_equal(domain.accepts, 7);
	write_msr(APIC_SVR, 0x1fe);
	assert_int_equal(changes, 1);
	write_msr(APIC_LVT_TIMER, 0x31);
	write_msr(APIC_SVR, 0xff);
	assert_int_equal(changes, 2);
	assert_int_equal(domain.accepts, 6);
	assert_int_equal(read_msr(APIC_LVT_TIMER), 0x10031);
	/* To itself: not accepted; to others: sent. */
	write_msr(APIC_ICR, 0x45);
	write_msr(APIC_SELF_IPI, 0x45);
	assert_int_equal(sent_to[0], 0);
	assert_int_equal(written_reg, 0);
	write_msr(APIC_ICR, 1UL << 32 | 0x45);
	assert_int_equal(sent_to[1], 0x45);
	/* NMIs are. */
	write_msr(APIC_ICR, 0x400);
	assert_int_equal(requested[0], REQ_NMI);
	assert_int_equal(vlapic_msr_write(&apic, APIC_SVR, 0x400), -EINVAL);
}

static void test_errors(void **state)
{
	(void)state;
	to_x2apic();
	write_msr(APIC_SELF_IPI, 0x0f);
	assert_int_equal(written_reg, 0);
	assert_int_equal(read_msr(APIC_ESR), 0);
	write_msr(APIC_ESR, 0);
	assert_int_equal(read_msr(APIC_ESR), 0x20);
	/* What no exit has seen, once. */
	hardware_esr = 0x40;
	write_msr(APIC_ESR, 0);
	assert_int_equal(read_msr(APIC_ESR), 0x40);
	write_msr(APIC_ESR, 0);
	assert_int_equal(read_msr(APIC_ESR), 0);
	assert_int_equal(vlapic_msr_write(&apic, APIC_ESR, 1), -EINVAL);
	assert_int_equal(vlapic_msr_write(&apic, APIC_SELF_IPI, 0x145),
			 -EINVAL);
	write_msr(APIC_SELF_IPI, 0x45);
	assert_int_equal(written_reg, APIC_SELF_IPI);
	assert_int_equal(written_value, 0x45);
}

/* Section 11.12.5.1: INIT resets the registers, and keeps the mode. */
static void test_init_keeps_the_mode(void **state)
{
	(void)state;
	to_x2apic();
	vlapic_reset(&apic, &domain, 0, &home);
	assert_int_equal(apic.base, X2APIC);
	assert_int_equal(read_msr(APIC_SVR), 0xff);
	assert_int_equal(domain.accepts, 6);
}

/* One served and one latched: SDM vol. 3 section 6.7.1. */
static void test_nmis(void **state)
{
	(void)state;
	assert_int_equal(domain_take_nmis(&domain, 1), 0);
	domain_nmi(&domain, 2);
	assert_int_equal(domain_take_nmis(&domain, 1), 1);
	assert_int_equal(domain_take_nmis(&domain, 1), 0);
	domain_nmi(&domain, 6);
	domain_nmi(&domain, 2);
	assert_int_equal(domain_take_nmis(&domain, 1), 2);
	assert_int_equal(domain_take_nmis(&domain, 2), 1);
	domain_nmi(&domain, 2);
	domain_nmi(&domain, 2);
	domain_nmi(&domain, 2);
	assert_int_equal(domain_take_nmis(&domain, 1), 2);
	assert_int_equal(requested[1], REQ_NMI);
	assert_int_equal(requested[0], 0);
}

static void test_leave(void **state)
{
	const struct irq_msg m = { .vector = 0x45, .dest = 1 };

	(void)state;
	assert_int_equal(domain_targets(&domain, &m), 2);
	domain_accept(&domain, 1, false);
	assert_int_equal(domain_targets(&domain, &m), 0);
	domain_accept(&domain, 1, true);
	domain_leave(&domain, 1);
	assert_int_equal(domain_targets(&domain, &m), 0);
	assert_int_equal(domain.running, 5);
	assert_int_equal(domain.accepts, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_transitions, begin),
		cmocka_unit_test_setup(test_base_is_fixed, begin),
		cmocka_unit_test_setup(test_disabled_has_no_msrs, begin),
		cmocka_unit_test_setup(test_page, begin),
		cmocka_unit_test_setup(test_disabling_resets, begin),
		cmocka_unit_test_setup(test_svr, begin),
		cmocka_unit_test_setup(test_errors, begin),
		cmocka_unit_test_setup(test_init_keeps_the_mode, begin),
		cmocka_unit_test_setup(test_nmis, begin),
		cmocka_unit_test_setup(test_leave, begin),
	};

	return cmocka_run_group_tests_name("vlapic", tests, NULL, NULL);
}
