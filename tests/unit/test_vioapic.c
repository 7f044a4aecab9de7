// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "apic/vioapic.h"

#define MASK	   0x10000U
#define LEVEL	   0x8000U
#define REMOTE_IRR 0x4000U

static u32 reg_read(struct vioapic *v, u8 reg)
{
	assert_int_equal(vioapic_write(v, 0x00, reg), 0);
	return vioapic_read(v, 0x10);
}

static u32 reg_write(struct vioapic *v, u8 reg, u32 value)
{
	assert_int_equal(vioapic_write(v, 0x00, reg), 0);
	return vioapic_write(v, 0x10, value);
}

static u32 rte_low(struct vioapic *v, u32 pin)
{
	return reg_read(v, (u8)(0x10 + 2 * pin));
}

static u32 set_rte(struct vioapic *v, u32 pin, u32 high, u32 low)
{
	assert_int_equal(reg_write(v, (u8)(0x11 + 2 * pin), high), 0);
	return reg_write(v, (u8)(0x10 + 2 * pin), low);
}

static void test_registers_at_reset(void **state)
{
	struct vioapic v;
	u32 pin, reg;

	(void)state;
	vioapic_init(&v, 9);
	assert_int_equal(reg_read(&v, 0), 0x09000000);
	assert_int_equal(reg_read(&v, 1), 0x00170020);
	assert_int_equal(reg_read(&v, 2), 0x09000000);
	for (pin = 0; pin < 24; pin++) {
		assert_int_equal(rte_low(&v, pin), MASK);
		assert_int_equal(reg_read(&v, (u8)(0x11 + 2 * pin)), 0);
	}
	for (reg = 0x40; reg < 0x100; reg++) {
		assert_int_equal(reg_write(&v, (u8)reg, ~0U), 0);
		assert_int_equal(reg_read(&v, (u8)reg), 0);
	}
	for (reg = 3; reg < 0x10; reg++)
		assert_int_equal(reg_read(&v, (u8)reg), 0);
	assert_int_equal(vioapic_read(&v, 0), 0xf);
}

static void test_read_only_and_reserved(void **state)
{
	struct vioapic v;

	(void)state;
	vioapic_init(&v, 0);
	reg_write(&v, 1, 0xffffffff);
	assert_int_equal(reg_read(&v, 1), 0x00170020);
	reg_write(&v, 0, 0xffffffff);
	assert_int_equal(reg_read(&v, 0), 0x0f000000);
	reg_write(&v, 2, 0x05000000);
	assert_int_equal(reg_read(&v, 2), 0x0f000000);
	assert_int_equal(set_rte(&v, 5, 0xffffffff, 0xffffffff), 0);
	assert_int_equal(rte_low(&v, 5), 0x1afff);
	assert_int_equal(reg_read(&v, 0x1b), 0xffff0000);
	set_rte(&v, 5, 0, 0);
	assert_int_equal(rte_low(&v, 5), 0);
	assert_int_equal(reg_read(&v, 0x1b), 0);
	/* the neighbours stay as they were */
	assert_int_equal(rte_low(&v, 4), MASK);
	assert_int_equal(rte_low(&v, 6), MASK);
}

static void test_other_offsets(void **state)
{
	struct vioapic v, before;
	u32 offset;

	(void)state;
	vioapic_init(&v, 3);
	assert_int_equal(vioapic_write(&v, 0, 0xffffff01), 0);
	assert_int_equal(vioapic_read(&v, 0), 1);
	before = v;
	for (offset = 0; offset < 0x2000; offset++) {
		if (offset == 0 || offset == 0x10 || offset == 0x40)
			continue;
		assert_int_equal(vioapic_read(&v, offset), 0);
		assert_int_equal(vioapic_write(&v, offset, ~0U), 0);
	}
	assert_int_equal(vioapic_write(&v, 0xffffffff, ~0U), 0);
	assert_int_equal(vioapic_read(&v, 0x40), 0);
	assert_memory_equal(&v, &before, sizeof(v));
}

static void test_edge(void **state)
{
	struct irq_msg m;
	struct vioapic v;

	(void)state;
	vioapic_init(&v, 0);
	set_rte(&v, 4, 0x03000000, 0x0924);
	assert_true(vioapic_set_line(&v, 4, true, &m));
	assert_int_equal(m.vector, 0x24);
	assert_int_equal(m.mode, 1);
	assert_true(m.logical);
	assert_int_equal(m.dest, 3);
	assert_false(m.level);
	/* high stays high; a fall is nothing; a rise is new, without EOI */
	assert_false(vioapic_set_line(&v, 4, true, &m));
	assert_false(vioapic_set_line(&v, 4, false, &m));
	assert_true(vioapic_set_line(&v, 4, true, &m));
	assert_int_equal(rte_low(&v, 4), 0x0924);
	assert_int_equal(vioapic_eoi(&v, 0x24), 0);
	set_rte(&v, 4, 0xff000000, 0x0024);
	assert_false(vioapic_set_line(&v, 4, false, &m));
	assert_true(vioapic_set_line(&v, 4, true, &m));
	assert_int_equal(m.dest, 0xff);
	assert_false(m.logical);
	assert_int_equal(m.mode, 0);
}

static void test_masked_edge_is_lost(void **state)
{
	struct irq_msg m;
	struct vioapic v;

	(void)state;
	vioapic_init(&v, 0);
	set_rte(&v, 4, 0, MASK | 0x24);
	assert_false(vioapic_set_line(&v, 4, true, &m));
	assert_int_equal(set_rte(&v, 4, 0, 0x24), 0);
	assert_false(vioapic_set_line(&v, 4, true, &m));
	assert_false(vioapic_set_line(&v, 4, false, &m));
	assert_true(vioapic_set_line(&v, 4, true, &m));
}

static void test_level(void **state)
{
	struct irq_msg m;
	struct vioapic v;

	(void)state;
	vioapic_init(&v, 0);
	set_rte(&v, 16, 0x01000000, LEVEL | 0x2000 | 0x31);
	assert_true(vioapic_set_line(&v, 16, true, &m));
	assert_true(m.level);
	assert_int_equal(m.vector, 0x31);
	assert_int_equal(m.dest, 1);
	assert_int_equal(rte_low(&v, 16), LEVEL | 0x2000 | REMOTE_IRR | 0x31);
	/* nothing more until EOI, whatever the line does */
	assert_false(vioapic_set_line(&v, 16, true, &m));
	assert_false(vioapic_set_line(&v, 16, false, &m));
	assert_false(vioapic_set_line(&v, 16, true, &m));
	/* another vector's EOI is not ours */
	assert_int_equal(vioapic_eoi(&v, 0x32), 0);
	assert_true(rte_low(&v, 16) & REMOTE_IRR);
	/* still asserted: again */
	assert_int_equal(vioapic_eoi(&v, 0x31), 1 << 16);
	vioapic_message(&v, 16, &m);
	assert_int_equal(m.vector, 0x31);
	assert_true(rte_low(&v, 16) & REMOTE_IRR);
	assert_false(vioapic_set_line(&v, 16, false, &m));
	assert_int_equal(vioapic_eoi(&v, 0x31), 0);
	assert_false(rte_low(&v, 16) & REMOTE_IRR);
	assert_int_equal(vioapic_eoi(&v, 0x31), 0);
	assert_true(vioapic_set_line(&v, 16, true, &m));
}

static void test_level_masked(void **state)
{
	struct irq_msg m;
	struct vioapic v;

	(void)state;
	vioapic_init(&v, 0);
	set_rte(&v, 10, 0, MASK | LEVEL | 0x40);
	assert_false(vioapic_set_line(&v, 10, true, &m));
	/* unmasked while asserted: due now, once */
	assert_int_equal(reg_write(&v, 0x24, LEVEL | 0x40), 1 << 10);
	assert_int_equal(reg_write(&v, 0x24, LEVEL | 0x40), 0);
	/* masked over the EOI, as Linux does when it moves an interrupt */
	assert_int_equal(reg_write(&v, 0x24, MASK | LEVEL | 0x40), 0);
	assert_true(rte_low(&v, 10) & REMOTE_IRR);
	assert_int_equal(vioapic_eoi(&v, 0x40), 0);
	assert_false(rte_low(&v, 10) & REMOTE_IRR);
	assert_int_equal(reg_write(&v, 0x24, LEVEL | 0x40), 1 << 10);
	/* gone before it is unmasked: nothing */
	reg_write(&v, 0x24, MASK | LEVEL | 0x40);
	assert_int_equal(vioapic_eoi(&v, 0x40), 0);
	assert_false(vioapic_set_line(&v, 10, false, &m));
	assert_int_equal(reg_write(&v, 0x24, LEVEL | 0x40), 0);
}

/* One EOI answers for every pin with the vector, by either way. */
static void test_eoi_of_shared_vector(void **state)
{
	struct irq_msg m;
	struct vioapic v;

	(void)state;
	vioapic_init(&v, 0);
	set_rte(&v, 0, 0, LEVEL | 0x50);
	set_rte(&v, 11, 0, LEVEL | 0x50);
	set_rte(&v, 23, 0, LEVEL | 0x50);
	set_rte(&v, 12, 0, LEVEL | 0x51);
	assert_true(vioapic_set_line(&v, 0, true, &m));
	assert_true(vioapic_set_line(&v, 11, true, &m));
	assert_true(vioapic_set_line(&v, 23, true, &m));
	assert_true(vioapic_set_line(&v, 12, true, &m));
	assert_false(vioapic_set_line(&v, 11, false, &m));
	assert_int_equal(vioapic_write(&v, 0x40, 0xffffff50), 1 << 0 | 1 << 23);
	assert_false(rte_low(&v, 11) & REMOTE_IRR);
	assert_true(rte_low(&v, 12) & REMOTE_IRR);
	assert_int_equal(vioapic_write(&v, 0x40, 0x51), 1 << 12);
}

/*
 * What Linux does to each pin at boot, after a kernel that died with an
 * interrupt in flight: mask, make it level, EOI register, write the masked
 * entry, look at remote IRR.
 */
static void test_linux_clear_pin(void **state)
{
	struct irq_msg m;
	struct vioapic v;
	u32 pin, low;

	(void)state;
	vioapic_init(&v, 0);
	for (pin = 0; pin < 24; pin++) {
		set_rte(&v, pin, 0, LEVEL | (0x30 + pin));
		assert_true(vioapic_set_line(&v, pin, true, &m));
	}
	assert_true(reg_read(&v, 1) >> 16 == 23);
	assert_true((reg_read(&v, 1) & 0xff) >= 0x20);
	for (pin = 0; pin < 24; pin++) {
		low = rte_low(&v, pin);
		assert_int_equal(
			reg_write(&v, (u8)(0x10 + 2 * pin), low | MASK), 0);
		low = rte_low(&v, pin);
		assert_true(low & REMOTE_IRR);
		assert_int_equal(vioapic_write(&v, 0x40, low & 0xff), 0);
		assert_int_equal(set_rte(&v, pin, 0, MASK), 0);
		assert_int_equal(rte_low(&v, pin), MASK);
	}
	/* then: edge for COM1, high half first */
	assert_false(vioapic_set_line(&v, 4, false, &m));
	assert_int_equal(set_rte(&v, 4, 0x01000000, 0x22), 0);
	assert_true(vioapic_set_line(&v, 4, true, &m));
}

/* The older way, by edge and back, for those that ignore the version. */
static void test_edge_mode_clears_remote_irr(void **state)
{
	struct irq_msg m;
	struct vioapic v;

	(void)state;
	vioapic_init(&v, 0);
	set_rte(&v, 7, 0, LEVEL | 0x44);
	assert_true(vioapic_set_line(&v, 7, true, &m));
	assert_int_equal(reg_write(&v, 0x1e, MASK | 0x44), 0);
	assert_int_equal(reg_write(&v, 0x1e, MASK | LEVEL | 0x44), 0);
	assert_int_equal(rte_low(&v, 7), MASK | LEVEL | 0x44);
	assert_int_equal(reg_write(&v, 0x1e, LEVEL | 0x44), 1 << 7);
}

static void test_not_delivered(void **state)
{
	struct irq_msg m;
	struct vioapic v;
	u32 mode, vector, count = 0;

	(void)state;
	vioapic_init(&v, 0);
	for (mode = 2; mode < 8; mode++) {
		set_rte(&v, 1, 0, mode << 8 | 0x40);
		assert_false(vioapic_set_line(&v, 1, true, &m));
		assert_false(vioapic_set_line(&v, 1, false, &m));
		assert_int_equal(v.undelivered, ++count);
	}
	for (vector = 0; vector < 16; vector++) {
		set_rte(&v, 1, 0, vector);
		assert_false(vioapic_set_line(&v, 1, true, &m));
		assert_false(vioapic_set_line(&v, 1, false, &m));
		assert_int_equal(v.undelivered, ++count);
	}
	set_rte(&v, 1, 0, 16);
	assert_true(vioapic_set_line(&v, 1, true, &m));
	/* a level pin that can't be delivered holds no remote IRR */
	set_rte(&v, 2, 0, LEVEL | 0x400 | 0x40);
	assert_false(vioapic_set_line(&v, 2, true, &m));
	assert_false(rte_low(&v, 2) & REMOTE_IRR);
	assert_int_equal(set_rte(&v, 2, 0, LEVEL | 0x40), 1 << 2);
}

static void test_no_such_pin(void **state)
{
	struct vioapic v, before;
	struct irq_msg m;

	(void)state;
	vioapic_init(&v, 0);
	before = v;
	assert_false(vioapic_set_line(&v, 24, true, &m));
	assert_false(vioapic_set_line(&v, 32, true, &m));
	assert_false(vioapic_set_line(&v, 0xffffffff, true, &m));
	assert_memory_equal(&v, &before, sizeof(v));
}

/*
 * Whatever a guest and its devices do: remote IRR stands only on level pins,
 * what is sent is legal, and a level pin is never sent twice without an EOI.
 */
static void check_sent(struct vioapic *v, u32 pins, u32 *in_flight)
{
	struct irq_msg m;
	u32 pin;

	assert_int_equal(pins >> VIOAPIC_PINS, 0);
	for (pin = 0; pin < VIOAPIC_PINS; pin++) {
		if (!(v->rte[pin] & REMOTE_IRR))
			*in_flight &= ~(1U << pin);
		else
			assert_true(v->rte[pin] & LEVEL);
		if (!(pins >> pin & 1))
			continue;
		vioapic_message(v, pin, &m);
		assert_true(m.vector >= 16 && m.mode <= 1);
		assert_true(m.dest <= 0xff);
		assert_false(v->rte[pin] & MASK);
		assert_false(*in_flight >> pin & 1);
		if (m.level)
			*in_flight |= 1U << pin;
	}
}

static u32 pins_with_vector(const struct vioapic *v, u8 vector)
{
	u32 pin, set = 0;

	for (pin = 0; pin < VIOAPIC_PINS; pin++)
		if ((u8)v->rte[pin] == vector)
			set |= 1U << pin;
	return set;
}

static void test_random(void **state)
{
	u32 i, in_flight = 0, seed = 12345;
	struct irq_msg m;
	struct vioapic v;

	(void)state;
	vioapic_init(&v, 0);
	for (i = 0; i < 500000; i++) {
		u32 r, pins = 0, pin;

		seed = seed * 1664525 + 1013904223;
		r = seed >> 8;
		pin = r % 26;
		switch (seed >> 29) {
		case 0:
		case 1:
			pins = reg_write(&v, (u8)(0x10 + 2 * pin), r & 0x1ffff);
			break;
		case 2:
			pins = vioapic_write(&v, 0x10, r * 7);
			break;
		case 3:
			in_flight &= ~pins_with_vector(&v, (u8)(r >> 9));
			pins = vioapic_eoi(&v, (u8)(r >> 9));
			break;
		default:
			if (vioapic_set_line(&v, pin, r >> 12 & 1, &m))
				pins = 1U << pin;
			break;
		}
		check_sent(&v, pins, &in_flight);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers_at_reset),
		cmocka_unit_test(test_read_only_and_reserved),
		cmocka_unit_test(test_other_offsets),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_masked_edge_is_lost),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_level_masked),
		cmocka_unit_test(test_eoi_of_shared_vector),
		cmocka_unit_test(test_linux_clear_pin),
		cmocka_unit_test(test_edge_mode_clears_remote_irr),
		cmocka_unit_test(test_not_delivered),
		cmocka_unit_test(test_no_such_pin),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("vioapic", tests, NULL, NULL);
}
