// SPDX-License-Identifier: BSD-2-Clause
/*
 * Delivery by Ashlar: external interrupts exit, the guest's are injected, HLT
 * waits in root mode.  Mode `exit`.
 */
#include "apic/domain.h"
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/percpu.h"
#include "eli/eli.h"
#include "eli/route.h"
#include "eli/switch.h"

static void handle(struct vcpu *v, u32 vector)
{
	if (vector == HOST_TIMER_VECTOR)
		vlapic_timer_fired(&v->lapic);
	else if (!route_taken(v->domain, v->index, vector))
		eli_late_vector(v, (u8)vector);
}

/* What the host's IDT has accepted. */
static void handle_taken(struct vcpu *v)
{
	s32 vector;

	while ((vector = cpu_next_taken()) >= 0) {
		handle(v, (u32)vector);
		lapic_eoi();
	}
}

void inject_host_interrupt(struct vcpu *v, u8 vector)
{
	/* The spurious interrupt has no bit, and no EOI. */
	if (!lapic_test(APIC_ISR, vector))
		return;
	handle(v, vector);
	lapic_eoi();
}

/* `since` may be another core's time, and a little ahead. */
static void count_injection(struct vcpu *v, u64 since)
{
	u64 now = rdtsc();

	histogram_add(&v->latency[LATENCY_INJECTION],
		      now > since ? now - since : 0);
}

void inject_take(struct vcpu *v)
{
	backend->accept();
	handle_taken(v);
}

void inject_take_all(struct vcpu *v)
{
	u32 n;

	for (n = 0; n < VECTOR_COUNT && lapic_highest(APIC_IRR, 0) >= 0; n++) {
		eli_accept();
		handle_taken(v);
	}
}

/*
 * The vector to inject.  In mode `eli` what the core's own APIC holds may be of
 * a higher class: an exit at the interrupt window comes before its own.
 */
static s32 next_vector(struct vcpu *v)
{
	struct vapic *a = &v->lapic.irq;
	s32 vector = vapic_next(a);

	if (vector < 0 || v->mode == MODE_EXIT ||
	    lapic_highest(APIC_IRR, (u8)vector) < 0)
		return vector;
	inject_take(v);
	vlapic_collect(&v->lapic);
	return vapic_next(a);
}

void inject_interrupts(struct vcpu *v)
{
	struct vapic *a = &v->lapic.irq;
	s32 vector;

	/*
	 * Mode `exit`: whatever the exit was for, an interrupt may wait by now;
	 * Bochs lets none exit while the guest's IF is clear.
	 */
	if (v->mode == MODE_EXIT)
		inject_take(v);
	vlapic_collect(&v->lapic);
	if (unlikely(v->domain->mode == MODE_DID) && switch_to_core(v))
		return;
	if (v->mode == MODE_ELI && eli_choose_state(v))
		return;
	vector = next_vector(v);
	if (vector >= 0 && backend->inject_interrupt((u8)vector)) {
		count_injection(v, vapic_deliver(a, (u8)vector));
		v->halted = false;
	}
	backend->interrupt_window(v);
}

void inject_wait(struct vcpu *v)
{
	/* The single step of a HLT, say. */
	if (backend->event_pending())
		v->halted = false;
	while (v->halted && !this_cpu.kick_mark) {
		backend->wait();
		handle_taken(v);
		inject_interrupts(v);
	}
}
