// SPDX-License-Identifier: BSD-2-Clause
/*
 * Exits: the dispatcher, and the handlers without a home of their own.
 *
 * docs/decisions.md: WBINVD and INVD are ignored; A machine check is the
 * host's; HLT exits while injecting.
 */
#include "exits/exit.h"
#include "console/logport.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "eli/switch.h"
#include "partition/partition.h"

static void finish(struct vcpu *v, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DONE:
		if (backend->skip(v))
			guest_park(v, "an instruction that can't be read");
		break;
	case OUTCOME_GP:
		backend->inject(VEC_GP, true, 0);
		break;
	case OUTCOME_UD:
		backend->inject(VEC_UD, false, 0);
		break;
	case OUTCOME_RETRY:
	case OUTCOME_PARK:
		break;
	}
}

void guest_exit(struct vcpu *v, const struct exit_handler *h, u64 code,
		u64 start)
{
	u64 cycles;

	v->cause = h->cause;
	if (likely(h->handler)) {
		finish(v, h->handler(v, &this_cpu.regs));
	} else {
		v->cause = CAUSE_EXCEPTION;
		partition_park(v->part, "unknown %s exit %lx", backend->name,
			       code);
	}
	if (!vcpu_owns_apic(v))
		inject_interrupts(v);
	cycles = rdtsc() - start;
	ledger_count(v->ledger, v->cause, cycles);
	histogram_add(&v->latency[LATENCY_EXIT], cycles);
	if (unlikely(v->halted))
		inject_wait(v);
}

void guest_kicked(struct vcpu *v)
{
	u64 start = rdtsc();

	partition_serve_requests();
	if (unlikely(v->nmis))
		backend->deliver_nmi(v);
	if (!vcpu_owns_apic(v))
		inject_interrupts(v);
	else
		switch_forward(v);
	v->ledger->cycles[v->cause] += rdtsc() - start;
	if (unlikely(v->halted))
		inject_wait(v);
}

enum outcome guest_park(struct vcpu *v, const char *why)
{
	partition_park(v->part, "%s", why);
	return OUTCOME_PARK;
}

enum outcome guest_undefined(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	return OUTCOME_UD;
}

enum outcome guest_protected(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	return OUTCOME_GP;
}

enum outcome guest_retry(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	return OUTCOME_RETRY;
}

enum outcome guest_triple_fault(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	return guest_park(v, "triple fault");
}

enum outcome guest_task_switch(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	return guest_park(v, "task switch: hardware tasks are not supported");
}

enum outcome guest_machine_check(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	panic("cpu %u: machine check", this_cpu.id);
}

enum outcome guest_hlt(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	if (!guest_at_cpl0())
		return OUTCOME_GP;
	if (eli_sleeps_itself(v))
		return OUTCOME_RETRY;
	v->halted = true;
	return OUTCOME_DONE;
}

enum outcome guest_external_interrupt(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	/* In mode `exit` it is taken before the entry, as after any exit. */
	if (v->mode == MODE_ELI && !eli_will_deliver(v))
		inject_take(v);
	return OUTCOME_RETRY;
}

enum outcome guest_descriptor_table(struct vcpu *v, struct guest_regs *regs)
{
	(void)regs;
	eli_let_pass(v);
	return OUTCOME_RETRY;
}

enum outcome guest_wbinvd(struct vcpu *v, struct guest_regs *regs)
{
	(void)v;
	(void)regs;
	return guest_at_cpl0() ? OUTCOME_DONE : OUTCOME_GP;
}

enum cause guest_nmi_cause(void)
{
	if (cpu_public[this_cpu.id].requests || this_vcpu.nmis ||
	    !logport_is_nmi_cpu(this_cpu.id))
		return CAUSE_NMI_KICK;
	return CAUSE_NMI_CONSOLE;
}
