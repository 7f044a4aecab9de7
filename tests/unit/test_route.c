// SPDX-License-Identifier: BSD-2-Clause
/* Where interrupts go: eli/route.c with apic/domain.c, on a made machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/log.h"
#include "core/percpu.h"
#include "apic/domain.c"
#include "eli/route.c"

#define SIDECORE 7
#define GSI(n)	 (n)
#define HOST(n)	 (u8)(0xd0 + (n))

/* --- the machine --- */

struct percpu this_cpu;
static struct cpu_public cpus[MAX_CPUS];
struct cpu_public *cpu_public = cpus;

static u32 ipi_to, ipi_vector, ipis;
static u32 asked[MAX_CPUS];
static u32 lines_logged;
static bool host_needs;
static u32 owned, disowned;

void lapic_send(u32 apic_id, u32 low)
{
	ipi_to = apic_id;
	ipi_vector = low;
	ipis++;
}

void cpu_request(u32 cpu, u32 bits)
{
	asked[cpu] |= bits;
}

bool ioapic_reaches(u32 apic_id)
{
	return apic_id < 255;
}

void log_printf(const char *fmt, ...)
{
	(void)fmt;
	lines_logged++;
}

static struct irq_domain first, second;
static u8 known_as[VECTOR_COUNT];

void eli_know(struct irq_domain *d, u32 vcpu, u8 vector, u8 as)
{
	assert_ptr_equal(d, &first);
	assert_int_equal(vcpu, 1);
	known_as[vector] = as;
}

bool eli_own(struct irq_domain *d, u32 vcpu, u8 vector, bool own)
{
	(void)d;
	(void)vcpu;
	(void)vector;
	if (own && host_needs)
		return false;
	if (own)
		owned++;
	else
		disowned++;
	return true;
}

static void no_msrs(const struct vcpu *v)
{
	(void)v;
}

static const struct backend host = { .set_msrs = no_msrs };
const struct backend *backend = &host;

/* --- sources --- */

static struct {
	struct route_out out;
	u32 sets, masks, takes;
	bool refuses; /* the guest's entry lets nothing through */
} pin[8];

static void pin_set(u32 n, const struct route_out *out)
{
	pin[n].out = *out;
	pin[n].sets++;
}

static void pin_mask(u32 n, const struct route_out *out)
{
	pin[n].out = *out;
	pin[n].masks++;
}

static bool pin_taken(u32 n)
{
	pin[n].takes++;
	return !pin[n].refuses;
}

static const struct route_source source = { pin_set, pin_mask, pin_taken };

/* --- two domains of two vCPUs each, a pin or two for each --- */

static struct vapic_posted posted[4];
static struct route ra0, ra1, rb0;

static void make_domain(struct irq_domain *d, u8 first_cpu,
			struct vapic_posted *p)
{
	*d = (struct irq_domain){
		.name = "x",
		.nr = 2,
		.cpu = { first_cpu, (u8)(first_cpu + 1) },
		.apic_id = { 10U * first_cpu, 10U * first_cpu + 10 },
		.running = 3,
		.accepts = 3,
		.x2apic = 3,
		.direct = 3,
		.posted = p,
	};
}

static void make_route(struct route *r, struct irq_domain *d, u32 n)
{
	*r = (struct route){
		.source = &source,
		.where = n,
		.host_vector = HOST(n),
		.domain = d,
	};
	route_add(r);
}

static int setup(void **state)
{
	u32 i;

	(void)state;
	memset(pin, 0, sizeof(pin));
	memset(asked, 0, sizeof(asked));
	memset(posted, 0, sizeof(posted));
	ipis = owned = disowned = lines_logged = 0;
	host_needs = false;
	routes = NULL;
	for (i = 0; i < MAX_CPUS; i++)
		cpu_public[i].apic_id = 10 * i;
	make_domain(&first, 1, posted);
	make_domain(&second, 3, posted + 2);
	make_route(&ra0, &first, GSI(0));
	make_route(&ra1, &first, GSI(1));
	make_route(&rb0, &second, GSI(2));
	routes_init(SIDECORE);
	return 0;
}

static void set_mode(enum irq_mode mode)
{
	first.mode = mode;
	first.direct = mode == MODE_DID ? 3 : 0;
}

static void want(struct route *r, u8 vector, bool level, bool held)
{
	const struct irq_msg m = { .dest = 1,
				   .vector = vector,
				   .level = level };

	route_want(r, &m, held);
	routes_settle(r->domain);
}

static void assert_out(u32 n, u32 apic_id, u8 vector, bool masked)
{
	assert_int_equal(pin[n].out.apic_id, apic_id);
	assert_int_equal(pin[n].out.vector, vector);
	assert_int_equal(pin[n].out.masked, masked);
}

static void test_direct(void **state)
{
	const struct irq_msg masked = { .dest = 1,
					.vector = 0x51,
					.masked = true };

	(void)state;
	want(&ra0, 0x51, false, false);
	assert_int_equal(ra0.how, ROUTE_DIRECT);
	assert_out(0, 20, 0x51, false);
	assert_int_equal(pin[0].sets, 1);
	/* Nothing but the mask: the entry is not written anew. */
	route_want(&ra0, &masked, false);
	assert_out(0, 20, 0x51, true);
	want(&ra0, 0x51, false, false);
	assert_int_equal(pin[0].sets, 1);
	assert_int_equal(pin[0].masks, 2);
	/* The same again: nothing. */
	want(&ra0, 0x51, false, false);
	assert_int_equal(pin[0].sets + pin[0].masks, 3);
}

static void test_nowhere(void **state)
{
	const struct irq_msg smi = { .dest = 1, .vector = 0x51, .mode = 2 };
	const struct irq_msg absent = {
		.dest = 9, .vector = 0x51, .level = true, .active_low = true
	};

	(void)state;
	want(&ra0, 0x51, false, false);
	route_want(&ra0, &smi, false);
	assert_int_equal(ra0.how, ROUTE_OFF);
	assert_out(0, 0, 0, true);
	want(&ra0, 15, false, false);
	assert_int_equal(ra0.how, ROUTE_OFF);
	/* But as what it is, so that a line that rises is not forgotten. */
	route_want(&ra0, &absent, false);
	assert_out(0, 0, 0, true);
	assert_true(pin[0].out.level && pin[0].out.active_low);
	/* A vCPU that waits for its SIPI comes later. */
	first.accepts = 1;
	want(&ra0, 0x51, false, false);
	assert_int_equal(ra0.how, ROUTE_OFF);
	first.accepts = 3;
	routes_update(&first);
	assert_out(0, 20, 0x51, false);
}

static void test_taken(void **state)
{
	(void)state;
	set_mode(MODE_EXIT);
	want(&ra0, 0x51, true, false);
	assert_int_equal(ra0.how, ROUTE_TAKEN);
	assert_out(0, 20, HOST(0), false);
	assert_false(route_taken(&first, 1, 0x51));
	assert_false(route_taken(&second, 1, HOST(0)));
	assert_true(route_taken(&first, 1, HOST(0)));
	/* Masked, then pending for the vCPU, whose core is told. */
	assert_out(0, 20, HOST(0), true);
	assert_true(vectors_test(posted[1].irr, 0x51));
	assert_int_equal(asked[2], REQ_INTERRUPT);
	/* Once more before it was masked: not twice. */
	assert_true(route_taken(&first, 1, HOST(0)));
	assert_int_equal(pin[0].takes, 1);
	/* The guest's EOI. */
	want(&ra0, 0x51, true, false);
	assert_out(0, 20, HOST(0), false);
	/* An entry that holds it back delivers nothing. */
	memset(posted, 0, sizeof(posted));
	pin[0].refuses = true;
	assert_true(route_taken(&first, 1, HOST(0)));
	assert_false(vectors_test(posted[1].irr, 0x51));
	assert_out(0, 20, HOST(0), false);
}

static void test_edge_is_not_held(void **state)
{
	(void)state;
	set_mode(MODE_EXIT);
	want(&ra0, 0x51, false, false);
	assert_true(route_taken(&first, 1, HOST(0)));
	assert_true(route_taken(&first, 1, HOST(0)));
	assert_int_equal(pin[0].takes, 2);
	assert_out(0, 20, HOST(0), false);
}

/* The sidecore takes what the second domain can't have. */
static void test_relay(void **state)
{
	struct vcpu v = { .domain = &second, .index = 1 };

	(void)state;
	want(&ra0, 0x51, true, false);
	want(&rb0, 0x51, true, false);
	assert_int_equal(ra0.how, ROUTE_DIRECT);
	assert_int_equal(rb0.how, ROUTE_RELAYED);
	/* Not before the EOIs of the vCPU exit. */
	assert_out(2, 10 * SIDECORE, HOST(2), true);
	assert_int_equal(asked[4], REQ_EOIS);
	routes_serve_eois(&v);
	assert_true(v.eois_exit);
	assert_out(2, 10 * SIDECORE, HOST(2), false);
	assert_int_equal(lines_logged, 1);
	routes_report(&second);
	assert_int_equal(lines_logged, 1);
	route_relay(HOST(2));
	assert_int_equal(ipi_to, 40);
	assert_int_equal(ipi_vector, 0x51);
	assert_out(2, 10 * SIDECORE, HOST(2), true);
	/* Whatever the guest wants meanwhile: its EOI comes from there. */
	want(&rb0, 0x61, true, true);
	assert_int_equal(rb0.how, ROUTE_RELAYED);
	want(&rb0, 0x61, true, false);
	assert_int_equal(rb0.how, ROUTE_DIRECT);
	assert_out(2, 40, 0x61, false);
	/* What comes late is nobody's. */
	ipis = 0;
	route_relay(HOST(2));
	route_relay(0x99);
	assert_int_equal(ipis, 0);
}

static void test_clash_without_sidecore(void **state)
{
	struct vcpu v = { .domain = &second, .index = 0 };

	(void)state;
	routes_init(-1);
	want(&ra0, 0x51, true, false);
	want(&rb0, 0x51, true, false);
	assert_int_equal(rb0.how, ROUTE_OFF);
	assert_true(pin[2].out.masked);
	assert_true(rb0.clash);
	/* Edges share no EOI, and so no vector. */
	want(&rb0, 0x51, false, false);
	assert_int_equal(rb0.how, ROUTE_DIRECT);
	want(&rb0, 0x51, true, false);
	assert_int_equal(rb0.how, ROUTE_OFF);
	/* The first gives the vector up: who waits looks again. */
	memset(asked, 0, sizeof(asked));
	want(&ra0, 0x61, true, false);
	assert_int_equal(asked[3], REQ_EOIS);
	routes_serve_eois(&v);
	assert_int_equal(rb0.how, ROUTE_DIRECT);
	assert_out(2, 40, 0x51, false);
}

/* The host's vector of another's pin is like a level vector of it. */
static void test_host_vector_clashes(void **state)
{
	(void)state;
	want(&rb0, HOST(0), true, false);
	assert_int_equal(rb0.how, ROUTE_RELAYED);
	want(&rb0, HOST(2), true, false);
	assert_int_equal(rb0.how, ROUTE_DIRECT);
}

static void test_eli(void **state)
{
	(void)state;
	set_mode(MODE_ELI);
	want(&ra0, 0x51, false, false);
	want(&ra1, 0x51, false, false);
	assert_int_equal(ra0.how, ROUTE_DIRECT);
	/* One of two goes: the vector is still the vCPU's. */
	want(&ra0, 0x61, false, false);
	assert_int_equal(disowned, 0);
	want(&ra1, 0x71, false, false);
	assert_int_equal(disowned, 1);
	/* A vector that the host needs itself is taken, and injected. */
	host_needs = true;
	want(&ra0, 0xef, false, false);
	assert_int_equal(ra0.how, ROUTE_TAKEN);
	assert_out(0, 20, HOST(0), false);
}

/* A message has the guest's vector where it can, else one that is free. */
static void test_messages(void **state)
{
	(void)state;
	set_mode(MODE_EXIT);
	ra0.host_vector = ra1.host_vector = 0;
	want(&ra0, 0xd5, false, false);
	assert_int_equal(ra0.how, ROUTE_TAKEN);
	assert_out(0, 20, 0xcf, false);
	assert_int_equal(known_as[0xcf], 0xd5);
	want(&ra1, 0x51, false, false);
	assert_out(1, 20, 0x51, false);
	assert_int_equal(known_as[0x51], 0x51);
	/* By the core that it goes to, and as what the guest knows. */
	assert_false(route_taken(&first, 0, 0xcf));
	assert_true(route_taken(&first, 1, 0xcf));
	assert_true(vectors_test(posted[1].irr, 0xd5));
	assert_false(vectors_test(posted[1].irr, 0x51));
	/* The stand-in is not free for another. */
	want(&ra1, 0xcf, false, false);
	assert_out(1, 20, 0xce, false);
	/* Nor does it go straight to the guest. */
	set_mode(MODE_ELI);
	want(&ra1, 0xcf, false, false);
	assert_int_equal(ra1.how, ROUTE_TAKEN);
	want(&ra1, 0x52, false, false);
	assert_int_equal(ra1.how, ROUTE_DIRECT);
	assert_out(1, 20, 0x52, false);
}

/* A change of mode: what the cores have becomes Ashlar's to deliver. */
static void test_pause_and_carry(void **state)
{
	(void)state;
	want(&ra0, 0x51, true, false);
	want(&ra1, 0x52, false, false);
	routes_pause(&first);
	assert_out(0, 20, 0x51, true);
	assert_out(1, 20, 0x52, false);
	/* Of another vCPU, of no source, of one that is not held. */
	assert_false(routes_carry(&first, 0, 0x51));
	assert_false(routes_carry(&first, 1, 0x61));
	assert_false(routes_carry(&first, 1, 0x52));
	assert_int_equal(pin[0].takes + pin[1].takes, 0);
	assert_true(routes_carry(&first, 1, 0x51));
	assert_int_equal(pin[0].takes, 1);
	set_mode(MODE_EXIT);
	routes_update(&first);
	/* Until its EOI. */
	assert_out(0, 20, HOST(0), true);
	assert_out(1, 20, HOST(1), false);
	assert_int_equal(known_as[HOST(1)], 0x52);
	want(&ra0, 0x51, true, false);
	assert_out(0, 20, HOST(0), false);
	/* A guest that has masked it meanwhile. */
	set_mode(MODE_DID);
	routes_update(&first);
	routes_pause(&first);
	pin[0].refuses = true;
	assert_false(routes_carry(&first, 1, 0x51));
	assert_false(ra0.held);
}

/* On its way to `did` the core's vectors are still the host's to take. */
static void test_until_it_is_direct(void **state)
{
	(void)state;
	set_mode(MODE_DID);
	first.direct = 0;
	want(&ra0, 0x51, true, false);
	assert_int_equal(ra0.how, ROUTE_DIRECT);
	want(&ra1, 0x18, false, false);
	assert_int_equal(ra1.how, ROUTE_TAKEN);
	assert_out(1, 20, HOST(1), false);
	want(&ra1, HOST_TIMER_VECTOR, false, false);
	assert_int_equal(ra1.how, ROUTE_TAKEN);
	/* Another has the level vector: no need for the sidecore yet. */
	want(&rb0, 0x61, true, false);
	want(&ra0, 0x61, true, false);
	assert_int_equal(ra0.how, ROUTE_TAKEN);
	first.direct = 3;
	routes_update(&first);
	assert_int_equal(ra0.how, ROUTE_RELAYED);
	assert_int_equal(ra1.how, ROUTE_DIRECT);
	assert_out(1, 20, HOST_TIMER_VECTOR, false);
}

/* What the sidecore has relayed is bound to it until its EOI. */
static void test_carry_relayed(void **state)
{
	struct vcpu v = { .domain = &second, .index = 1 };

	(void)state;
	want(&ra0, 0x51, true, false);
	want(&rb0, 0x51, true, false);
	routes_serve_eois(&v);
	route_relay(HOST(2));
	routes_pause(&second);
	assert_true(routes_carry(&second, 1, 0x51));
	second.mode = MODE_EXIT;
	routes_update(&second);
	assert_int_equal(rb0.how, ROUTE_RELAYED);
	assert_true(pin[2].out.masked);
	want(&rb0, 0x51, true, false);
	assert_int_equal(rb0.how, ROUTE_TAKEN);
	assert_out(2, 40, HOST(2), false);
}

static void test_off(void **state)
{
	(void)state;
	set_mode(MODE_EXIT);
	want(&ra0, 0x51, true, false);
	route_taken(&first, 1, HOST(0));
	want(&ra1, 0x52, false, false);
	want(&rb0, 0x53, false, false);
	routes_off(&first);
	assert_true(pin[0].out.masked && pin[1].out.masked);
	assert_false(pin[2].out.masked);
	assert_int_equal(ra0.how, ROUTE_OFF);
	assert_false(ra0.held);
	/* What had been sent finds no owner. */
	assert_false(route_taken(&first, 1, HOST(0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_direct, setup),
		cmocka_unit_test_setup(test_nowhere, setup),
		cmocka_unit_test_setup(test_taken, setup),
		cmocka_unit_test_setup(test_edge_is_not_held, setup),
		cmocka_unit_test_setup(test_relay, setup),
		cmocka_unit_test_setup(test_clash_without_sidecore, setup),
		cmocka_unit_test_setup(test_host_vector_clashes, setup),
		cmocka_unit_test_setup(test_eli, setup),
		cmocka_unit_test_setup(test_messages, setup),
		cmocka_unit_test_setup(test_pause_and_carry, setup),
		cmocka_unit_test_setup(test_carry_relayed, setup),
		cmocka_unit_test_setup(test_until_it_is_direct, setup),
		cmocka_unit_test_setup(test_off, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
