// SPDX-License-Identifier: BSD-2-Clause
/*
 * Delivery by Ashlar: external interrupts exit, the guest's are injected, HLT
 * waits in root mode.  Mode `exit`.
 */
#include "core/lapic.h"
#include "apic/vlapic.h"
#include "devices/intx.h"
#include "core/lib.h"
#include "partition/partition.h"
#include "core/percpu.h"
#include "eli/eli.h"
#include "guest/vcpu.h"

static void handle(struct vcpu *v, u32 vector)
{
	if (vector == HOST_TIMER_VECTOR)
		vlapic_timer_fired(v);
	else if (!intx_arrived(v, vector))
		eli_late(v, (u8)vector);
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

void guest_host_interrupt(struct vcpu *v, u8 vector)
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

static void take(struct vcpu *v)
{
	backend->accept();
	handle_taken(v);
}

/*
 * The vector to inject.  In mode `eli` what the core's own APIC holds may be of
 * a higher class: an exit at the interrupt window comes before its own.
 */
static s32 next_vector(struct vcpu *v)
{
	struct vapic *a = &v->lapic.irq;
	s32 vector = vapic_next(a);

	if (vector < 0 || !v->eli.on || lapic_highest(APIC_IRR, (u8)vector) < 0)
		return vector;
	take(v);
	vlapic_collect(v);
	return vapic_next(a);
}

void guest_interrupts(struct vcpu *v)
{
	struct vapic *a = &v->lapic.irq;
	s32 vector;

	/*
	 * Mode `exit`: whatever the exit was for, an interrupt may wait by now;
	 * Bochs lets none exit while the guest's IF is clear.
	 */
	if (!v->eli.on)
		take(v);
	vlapic_collect(v);
	if (v->eli.on && eli_choose(v))
		return;
	vector = next_vector(v);
	if (vector >= 0 && backend->inject_interrupt((u8)vector)) {
		count_injection(v, vapic_deliver(a, (u8)vector));
		v->halted = false;
	}
	backend->interrupt_window(v);
}

enum outcome guest_external_interrupt(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	/* In mode `exit` it is taken before the entry, as after any exit. */
	if (v->eli.on && !eli_delivers(v))
		take(v);
	return OUTCOME_RETRY;
}

enum outcome guest_hlt(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	if (!guest_at_cpl0())
		return OUTCOME_GP;
	v->halted = true;
	return OUTCOME_DONE;
}

void guest_wait(struct vcpu *v)
{
	while (v->halted && !this_cpu.kick_mark) {
		backend->wait();
		handle_taken(v);
		guest_interrupts(v);
	}
}
