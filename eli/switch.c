// SPDX-License-Identifier: BSD-2-Clause
/* A running partition changes its mode: what becomes of its interrupts. */
#include "eli/switch.h"
#include "apic/domain.h"
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "eli/route.h"

void switch_begin(struct irq_domain *d)
{
	spin_lock(&d->lock);
	__atomic_store_n(&d->direct, 0, __ATOMIC_SEQ_CST);
	routes_pause(d);
	spin_unlock(&d->lock);
}

/* The core's own APIC has the vector, pending or in service. */
static void adopt(struct vcpu *v, u8 vector, bool in_service)
{
	struct vapic *a = &v->lapic.irq;
	bool pending = vectors_test(a->irr, vector);

	vapic_accept(a, vector, routes_carry(v->domain, v->index, vector),
		     rdtsc());
	if (in_service)
		vapic_deliver(a, vector);
	/* It was before: that is one more. */
	if (pending)
		vectors_set(a->irr, vector);
}

static void adopt_in_service(struct vcpu *v)
{
	u32 n, bits;

	for (n = 0; n < VECTOR_COUNT / 32; n++)
		for (bits = (u32)rdmsr(APIC_MSR(APIC_ISR + n)); bits;
		     bits &= bits - 1)
			adopt(v, (u8)(32 * n + (u32)__builtin_ctz(bits)), true);
}

/*
 * All that it has is the guest's.  What comes again and again may be pending
 * still; nothing may be in service.
 */
static bool leave_direct(struct vcpu *v)
{
	s32 vector;

	vlapic_leave_core(&v->lapic);
	adopt_in_service(v);
	eli_empty_core();
	while ((vector = cpu_next_taken()) >= 0)
		adopt(v, (u8)vector, false);
	lapic_timer_init();
	return lapic_highest(APIC_ISR, 0) < 0;
}

/*
 * What is in service came while shadowed.  Pending is the host's, too; a level-
 * triggered source that is paused sends again.
 */
static void leave_emulated(struct vcpu *v)
{
	u32 n;

	if (v->shadowed)
		eli_end_shadowed(v);
	adopt_in_service(v);
	for (n = 0; n < VECTOR_COUNT && lapic_highest(APIC_ISR, 0) >= 0; n++)
		lapic_eoi();
	v->lapic.irq.floor = 0;
	v->lapic.home = &vlapic_emulated;
	inject_take_all(v);
}

bool switch_from_core(struct vcpu *v)
{
	bool clean = true;

	if (vcpu_owns_apic(v))
		clean = leave_direct(v);
	else
		leave_emulated(v);
	v->mode = MODE_EXIT;
	return clean;
}

void switch_routes(struct irq_domain *d, enum irq_mode mode)
{
	spin_lock(&d->lock);
	eli_change_domain(d);
	d->mode = mode;
	routes_update(d);
	spin_unlock(&d->lock);
}

void switch_state(struct vcpu *v)
{
	/* Sent before the sources were told. */
	inject_take_all(v);
	if (v->domain->mode == MODE_ELI) {
		v->mode = MODE_ELI;
		v->lapic.home = &vlapic_eli;
	}
	eli_reset(v);
	backend->set_delivery(v);
	backend->flush_views();
}

/*
 * By the core's own APIC.  A level-triggered interrupt goes back to its line,
 * which sends again.
 */
static void give_back(struct vcpu *v)
{
	struct vapic *a = &v->lapic.irq;
	struct irq_domain *d = v->domain;
	s32 vector;

	while ((vector = vectors_highest(a->irr)) >= 0) {
		vectors_clear(a->irr, (u32)vector);
		if (vectors_test(a->tmr, (u32)vector))
			d->eoi(d->eoi_ctx, (u8)vector);
		else
			lapic_send(this_cpu.apic_id, (u32)vector);
	}
}

void switch_forward(struct vcpu *v)
{
	if (unlikely(vapic_take_posted(&v->lapic.irq,
				       &v->domain->posted[v->index])))
		give_back(v);
}

/* The host's timer, or a vector of its own, is not to come to the guest. */
static void stop_timer(struct vcpu *v)
{
	lapic_timer_arm(0);
	inject_take_all(v);
}

bool switch_to_core(struct vcpu *v)
{
	struct irq_domain *d = v->domain;

	/* Asleep in root mode: what wakes it is injected. */
	if (v->halted || vectors_highest(v->lapic.irq.isr) >= 0)
		return false;
	stop_timer(v);
	spin_lock(&d->lock);
	domain_own_apic(d, v->index, true);
	spin_unlock(&d->lock);
	vapic_take_posted(&v->lapic.irq, &d->posted[v->index]);
	vlapic_enter_core(&v->lapic);
	v->mode = MODE_DID;
	backend->set_delivery(v);
	give_back(v);
	routes_serve_eois(v);
	return true;
}
