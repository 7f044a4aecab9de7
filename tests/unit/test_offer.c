// SPDX-License-Identifier: BSD-2-Clause
/* Level vectors that domains wait for: eli/route.c among fakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "eli/route.c"

#define SIDECORE 7
#define VECTOR	 0x61

/* Each has one vCPU and some pins. */
enum {
	A,
	B,
	C,
	DOMAINS
};
#define PINS 2
static struct irq_domain domains[DOMAINS];
static struct route pins[DOMAINS][PINS];
/* By others: what a domain asks of itself does not count. */
static u32 told[DOMAINS];
static u32 acting;

static struct cpu_public cpus[MAX_CPUS];
struct cpu_public *cpu_public = cpus;
const struct backend *backend;

void log_printf(const char *fmt, ...)
{
	(void)fmt;
}

bool ioapic_reaches(u32 apic_id)
{
	(void)apic_id;
	return true;
}

void domain_request(struct irq_domain *d, u64 vcpus, u32 request)
{
	assert_int_equal(request, REQ_EOIS);
	told[d - domains] += vcpus && d != &domains[acting];
}

u64 domain_targets(const struct irq_domain *d, const struct irq_msg *m)
{
	return m->vector ? d->running : 0;
}

void domain_send(struct irq_domain *d, u64 vcpus, u8 vector, bool level)
{
	(void)d;
	(void)vcpus;
	(void)vector;
	(void)level;
}

void domain_deliver(struct irq_domain *d, const struct irq_msg *m)
{
	(void)d;
	(void)m;
}

void eli_know(struct irq_domain *d, u32 vcpu, u8 vector, u8 as)
{
	(void)d;
	(void)vcpu;
	(void)vector;
	(void)as;
}

bool eli_own(struct irq_domain *d, u32 vcpu, u8 vector, bool own)
{
	(void)d;
	(void)vcpu;
	(void)vector;
	return own;
}

static void source_change(u32 where, const struct route_out *out)
{
	(void)where;
	(void)out;
}

static bool source_taken(u32 where)
{
	(void)where;
	return true;
}

static const struct route_source source = {
	.set = source_change,
	.mask = source_change,
	.taken = source_taken,
};

static int setup(void **state)
{
	u32 d, n;

	(void)state;
	routes = NULL;
	routes_init(SIDECORE);
	memset(domains, 0, sizeof(domains));
	memset(pins, 0, sizeof(pins));
	memset(told, 0, sizeof(told));
	for (d = 0; d < DOMAINS; d++) {
		domains[d].running = 1;
		domains[d].mode = MODE_DID;
		domains[d].direct = 1;
		for (n = 0; n < PINS; n++) {
			pins[d][n].source = &source;
			pins[d][n].where = d * PINS + n;
			pins[d][n].host_vector = (u8)(0xe0 + d * PINS + n);
			pins[d][n].domain = &domains[d];
			route_add(&pins[d][n]);
		}
	}
	return 0;
}

/* The guest writes an entry; vector 0: none. */
static void want(u32 domain, u32 pin, u8 vector)
{
	struct irq_msg m = { .vector = vector, .level = vector != 0 };

	acting = domain;
	route_want(&pins[domain][pin], &m, pins[domain][pin].held);
	routes_settle(&domains[domain]);
}

/* What a core that was told does, without what is the vCPU's. */
static void look(u32 domain)
{
	acting = domain;
	routes_update(&domains[domain]);
}

static bool has(u32 domain, u32 pin, u8 vector)
{
	const struct route *r = &pins[domain][pin];

	return r->how == ROUTE_DIRECT && r->out.level &&
	       r->out.vector == vector;
}

/* A has the vector, B waits for it; nobody has been told anything yet. */
static void clash(void)
{
	want(A, 0, VECTOR);
	want(B, 0, VECTOR);
	assert_true(has(A, 0, VECTOR));
	assert_int_equal(pins[B][0].how, ROUTE_RELAYED);
	memset(told, 0, sizeof(told));
}

static void test_who_waits_gets_it(void **state)
{
	(void)state;
	clash();
	want(A, 0, 0);
	assert_int_equal(told[B], 1);
	look(B);
	assert_true(has(B, 0, VECTOR));
	assert_int_equal(told[A], 0);
}

static void test_who_waits_for_another_is_left_alone(void **state)
{
	(void)state;
	clash();
	want(A, 1, VECTOR + 1);
	want(A, 1, 0);
	want(A, 1, VECTOR);
	want(A, 1, 0);
	assert_int_equal(told[B], 0);
	assert_int_equal(told[C], 0);
}

/* Given up and taken again and again: whoever waits is told once. */
static void test_nobody_is_told_at_any_rate(void **state)
{
	u32 i;

	(void)state;
	clash();
	for (i = 0; i < 1000; i++) {
		want(A, 0, 0);
		want(A, 0, VECTOR);
		want(A, 1, VECTOR);
		want(A, 1, 0);
	}
	assert_int_equal(told[B], 1);
	assert_false(has(A, 0, VECTOR));
	look(B);
	assert_true(has(B, 0, VECTOR));
	for (i = 0; i < 1000; i++) {
		want(A, 0, 0);
		want(A, 0, VECTOR);
	}
	assert_int_equal(told[B], 1);
}

/* Its own interrupt is still to be ended: the vector waits for that. */
static void test_it_is_kept_until_the_eoi(void **state)
{
	u32 i;

	(void)state;
	clash();
	pins[B][0].held = true;
	for (i = 0; i < 10; i++) {
		want(A, 0, 0);
		look(B);
		want(A, 0, VECTOR);
	}
	assert_int_equal(told[B], 1);
	pins[B][0].held = false;
	want(B, 0, VECTOR);
	assert_true(has(B, 0, VECTOR));
}

static void test_what_is_not_taken_goes_on(void **state)
{
	(void)state;
	clash();
	want(A, 0, 0);
	want(A, 0, VECTOR);
	want(C, 0, VECTOR);
	want(B, 0, VECTOR + 1);
	assert_int_equal(told[A], 1);
	assert_int_equal(told[C], 1);
	/* Whoever comes first; the other one goes on waiting. */
	look(C);
	look(A);
	assert_true(has(C, 0, VECTOR));
	assert_false(has(A, 0, VECTOR));
	domains[C].running = 0;
	acting = C;
	routes_off(&domains[C]);
	look(A);
	assert_true(has(A, 0, VECTOR));
	assert_int_equal(told[A], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who_waits_gets_it, setup),
		cmocka_unit_test_setup(test_who_waits_for_another_is_left_alone,
				       setup),
		cmocka_unit_test_setup(test_nobody_is_told_at_any_rate, setup),
		cmocka_unit_test_setup(test_it_is_kept_until_the_eoi, setup),
		cmocka_unit_test_setup(test_what_is_not_taken_goes_on, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
