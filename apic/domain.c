// SPDX-License-Identifier: BSD-2-Clause
/* Interrupts on their way to the vCPUs of a partition. */
#include "apic/domain.h"
#include "apic/icr.h"
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/percpu.h"
#include "core/x86.h"

void domain_send_one(struct irq_domain *d, u32 vcpu, u8 vector, bool level)
{
	if (likely(domain_owns_apic(d, vcpu))) {
		lapic_send(d->apic_id[vcpu], vector);
		return;
	}
	/* This core looks before it enters its guest again. */
	if (vapic_post(&d->posted[vcpu], vector, level, rdtsc()) &&
	    d->cpu[vcpu] != this_cpu.id)
		cpu_request(d->cpu[vcpu], REQ_INTERRUPT);
}

void domain_send(struct irq_domain *d, u64 vcpus, u8 vector, bool level)
{
	for (; vcpus; vcpus &= vcpus - 1)
		domain_send_one(d, (u32)__builtin_ctzl(vcpus), vector, level);
}

void domain_request(struct irq_domain *d, u64 vcpus, u32 request)
{
	for (; vcpus; vcpus &= vcpus - 1)
		cpu_request(d->cpu[__builtin_ctzl(vcpus)], request);
}

void domain_sipi(struct irq_domain *d, u64 vcpus, u8 vector)
{
	u64 set;

	for (set = vcpus; set; set &= set - 1)
		d->sipi_vector[__builtin_ctzl(set)] = vector;
	domain_request(d, vcpus, REQ_SIPI);
}

void domain_nmi(struct irq_domain *d, u64 vcpus)
{
	u64 set;
	u8 *nmis;

	for (set = vcpus; set; set &= set - 1) {
		nmis = &d->nmis[__builtin_ctzl(set)];
		if (__atomic_fetch_or(nmis, 1, __ATOMIC_SEQ_CST) & 1)
			__atomic_fetch_or(nmis, 2, __ATOMIC_SEQ_CST);
	}
	domain_request(d, vcpus, REQ_NMI);
}

u8 domain_take_nmis(struct irq_domain *d, u32 vcpu)
{
	u8 bits = __atomic_exchange_n(&d->nmis[vcpu], 0, __ATOMIC_SEQ_CST);

	return (bits & 1) + (bits >> 1);
}

static void set_bit(u64 *set, u32 n, bool on)
{
	if (on)
		__atomic_fetch_or(set, BIT(n), __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(set, ~BIT(n), __ATOMIC_SEQ_CST);
}

void domain_accept(struct irq_domain *d, u32 vcpu, bool on)
{
	set_bit(&d->accepts, vcpu, on);
}

void domain_set_mode(struct irq_domain *d, u32 vcpu, bool x2apic, bool off)
{
	set_bit(&d->x2apic, vcpu, x2apic);
	set_bit(&d->off, vcpu, off);
}

void domain_own_apic(struct irq_domain *d, u32 vcpu, bool own)
{
	set_bit(&d->direct, vcpu, own);
}

void domain_leave(struct irq_domain *d, u32 vcpu)
{
	set_bit(&d->accepts, vcpu, false);
	set_bit(&d->running, vcpu, false);
}

u64 domain_targets(const struct irq_domain *d, const struct irq_msg *m)
{
	const struct icr_env env = {
		.nr_vcpus = d->nr,
		.x2apic = d->x2apic & 1,
		.ldr = d->ldr,
		.dfr = d->dfr,
		.off = d->off,
	};
	u64 set;

	if (m->mode > MSG_DM_LOWEST || m->vector < ICR_FIRST_VECTOR)
		return 0;
	set = icr_addressed(&env, m->dest, m->logical) &
	      __atomic_load_n(&d->accepts, __ATOMIC_ACQUIRE);
	return m->mode == MSG_DM_LOWEST ? set & -set : set;
}

void domain_deliver(struct irq_domain *d, const struct irq_msg *m)
{
	domain_send(d, domain_targets(d, m), m->vector, m->level);
}
