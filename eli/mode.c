// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mode `eli`: between shadowed and injecting.
 *
 * Two places hold what is in service then: the core's own local APIC has the
 * vectors that came straight to the guest, the virtual one what was injected.
 * The virtual one is empty while shadowed, so EOI can be the core's own.  While
 * injecting EOI exits and ends the higher of the two.
 */
#include "apic/domain.h"
#include "core/clock.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "eli/track.h"

#define BUDGET_MS 10

static const u64 *owned_by(const struct vcpu *v)
{
	return v->domain->eli->owned[v->index];
}

/*
 * ISR, TMR and IRR are eight registers each.  What is in service there, and no
 * exit going on, is the guest's, even if it has taken the vector off its device
 * since; what is pending may be the host's.
 */
static u32 core_register(const struct vcpu *v, u32 reg)
{
	u32 n = reg % 8, bits;

	bits = (u32)rdmsr(APIC_MSR(reg));
	if (reg >= APIC_IRR)
		bits &= vectors_register(owned_by(v), n);
	return bits;
}

static bool owned_pending(const struct vcpu *v)
{
	const u64 *owned = owned_by(v);
	u32 n;

	for (n = 0; n < 8; n++)
		if (owned[n / 2] && core_register(v, APIC_IRR + n))
			return true;
	return false;
}

/*
 * What is in service outside holds back what is to be injected.  TPR is 0, and
 * so PPR is the class of that (SDM vol. 3 section 11.8.3.1).
 */
static void note_in_service(struct vcpu *v)
{
	v->lapic.irq.floor = (u8)rdmsr(APIC_MSR(APIC_PPR)) & 0xf0;
}

static void begin_shadowed(struct vcpu *v)
{
	v->shadowed = true;
	v->eli->reason = INJECT_NONE;
	wrmsr(APIC_MSR(APIC_TPR), v->lapic.irq.tpr);
	backend->set_delivery(v);
}

void eli_end_shadowed(struct vcpu *v)
{
	v->shadowed = false;
	v->lapic.irq.tpr = (u8)rdmsr(APIC_MSR(APIC_TPR));
	wrmsr(APIC_MSR(APIC_TPR), 0);
	backend->set_delivery(v);
	note_in_service(v);
}

/*
 * The budget exit.  A shadowed guest can keep the host's timer waiting, by
 * IF, by TPR, or by another IDT that it has slipped in through its page tables,
 * but not for longer than this.
 */
static void set_limit(struct vcpu *v)
{
	u64 armed = v->lapic.armed, now = rdtsc();

	v->limit = 0;
	if (armed)
		v->limit = (armed > now ? armed - now : 0) +
			   host_clock.tsc_hz / 1000 * BUDGET_MS;
}

static enum cause obstacle(struct vcpu *v)
{
	if (v->eli->once != INJECT_NONE)
		return v->eli->once;
	if (!vapic_idle(&v->lapic.irq))
		return CAUSE_INJECT_VIRTUAL;
	if (!(v->lapic.base & APIC_BASE_X2APIC)) {
		track_none(v);
		return CAUSE_INJECT_XAPIC;
	}
	return track_idt(v);
}

bool eli_choose_state(struct vcpu *v)
{
	enum cause reason;

	v->eli->bounced = false;
	track_catch_up(v);
	/* Asleep in root mode: what wakes it is injected. */
	if (unlikely(v->halted))
		return false;
	reason = obstacle(v);
	v->eli->once = INJECT_NONE;
	if (reason == INJECT_NONE) {
		set_limit(v);
		if (v->shadowed)
			backend->set_limit(v);
		else
			begin_shadowed(v);
		return true;
	}
	if (v->shadowed)
		eli_end_shadowed(v);
	if (reason != v->eli->reason) {
		ledger_count(v->ledger, CAUSE_INJECTION_MODE, 0);
		ledger_count(v->ledger, reason, 0);
		v->eli->reason = reason;
	}
	return false;
}

bool eli_bounced(struct vcpu *v, u8 vector)
{
	u64 start;

	if (!v->shadowed || vectors_test(owned_by(v), vector))
		return false;
	start = rdtsc();
	v->eli->bounced = true;
	inject_host_interrupt(v, vector);
	histogram_add(&v->latency[LATENCY_BOUNCE], rdtsc() - start);
	return true;
}

void eli_not_present(struct vcpu *v, bool soft)
{
	if (v->eli->bounced)
		v->cause = CAUSE_NP_BOUNCE;
	else
		v->eli->once = soft ? CAUSE_INJECT_INT : CAUSE_INJECT_NP;
}

void eli_let_pass(struct vcpu *v)
{
	v->eli->once = CAUSE_INJECT_TABLE;
	/* Another table may be loaded now: what was refused gets a chance. */
	__atomic_store_n(&v->domain->eli->refused[v->index], VIEW_NO_PAGE,
			 __ATOMIC_RELEASE);
}

void eli_late_vector(struct vcpu *v, u8 vector)
{
	u8 as = v->domain->eli->known_as[v->index][vector];

	if (as)
		vapic_accept(&v->lapic.irq, as, false, rdtsc());
}

bool eli_will_deliver(struct vcpu *v)
{
	return v->mode == MODE_ELI && owned_pending(v) &&
	       obstacle(v) == INJECT_NONE;
}

/* EOI while injecting; false: it is for a virtual interrupt. */
static bool core_eoi(struct vcpu *v)
{
	struct vapic *a = &v->lapic.irq;
	s32 vector = vectors_highest(a->isr);

	if (!a->floor || (vector >= 0 && (vector & 0xf0) >= a->floor))
		return false;
	lapic_eoi();
	note_in_service(v);
	return true;
}

bool eli_sleeps_itself(struct vcpu *v)
{
	if (v->mode != MODE_ELI)
		return false;
	vlapic_collect(&v->lapic);
	track_catch_up(v);
	return obstacle(v) == INJECT_NONE;
}

void eli_reset(struct vcpu *v)
{
	v->shadowed = false;
	*v->eli = (struct eli_vcpu){
		.once = INJECT_NONE,
		.reason = INJECT_NONE,
	};
	track_reset(v);
}

static struct vcpu *vcpu_of(struct vlapic *l)
{
	return (struct vcpu *)((u8 *)l - offsetof(struct vcpu, lapic));
}

static u32 read(struct vlapic *l, u32 reg)
{
	u32 value = vlapic_emulated.read(l, reg);

	if (reg >= APIC_ISR && reg < APIC_IRR + 8)
		value |= core_register(vcpu_of(l), reg);
	return value;
}

static void write(struct vlapic *l, u32 reg, u32 value)
{
	if (reg != APIC_EOI || !core_eoi(vcpu_of(l)))
		vlapic_emulated.write(l, reg, value);
}

static void clear(struct vlapic *l)
{
	vlapic_emulated.clear(l);
}

static void apply(struct vlapic *l)
{
	vlapic_emulated.apply(l);
}

const struct vlapic_home vlapic_eli = {
	.clear = clear,
	.read = read,
	.write = write,
	.apply = apply,
};
