/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC that a guest sees.  Registers that could hurt others are kept
 * here and filtered in every mode.  Those that hold and order vectors, and the
 * timer, have one of two homes: the core's own local APIC (direct), or this
 * struct, where Ashlar delivers interrupts itself (emulated).
 *
 * On the vCPU's core, from the exit path or while it is stopped.
 *
 * docs/decisions.md: Two homes for a local APIC.
 */
#ifndef APIC_VLAPIC_H
#define APIC_VLAPIC_H

#include "apic/vapic.h"
#include "apic/vtimer.h"
#include "core/lapic.h"
#include "core/ledger.h"
#include "core/types.h"
#include "core/x86.h"

struct irq_domain;
struct vlapic;

/*
 * Where the registers TPR, PPR, EOI, ISR, TMR, IRR, the timer's and SELF IPI
 * are.  What a register does not have of `value` must be 0.  ESR: errors of
 * self-IPIs that no exit has seen, since it was read last.
 */
struct vlapic_home {
	void (*clear)(struct vlapic *l);
	u32 (*read)(struct vlapic *l, u32 reg);
	void (*write)(struct vlapic *l, u32 reg, u32 value);
	/* SVR or the timer's LVT entry has changed. */
	void (*apply)(struct vlapic *l);
};

extern const struct vlapic_home vlapic_direct, vlapic_emulated;

#define VLAPIC_LVTS 6 /* timer, thermal, perf, LINT0, LINT1, error */

struct vlapic {
	struct irq_domain *domain;
	const struct vlapic_home *home;
	u32 index; /* vCPU number = APIC id */
	u64 base;  /* IA32_APIC_BASE */
	u32 svr;
	u32 esr, esr_pending;
	u32 icr2; /* xAPIC mode: the destination half */
	u64 icr;  /* as last written */
	u32 lvt[VLAPIC_LVTS];

	/* emulated only */
	struct vapic irq;
	struct vtimer timer;
	u64 armed; /* TSC for which the core's own timer is set; 0: not set */
};

/*
 * The state after RESET or INIT, virtual and physical; INIT keeps the mode
 * (SDM vol. 3 section 11.12.5.1), which the domain has.
 */
void vlapic_reset(struct vlapic *l, struct irq_domain *d, u32 index,
		  const struct vlapic_home *home);

/* What the ledger calls a write to a register. */
enum cause vlapic_cause(u32 reg);

/* x2APIC MSR 800h + reg, where it exits: 0, or -EINVAL for #GP. */
int vlapic_msr_read(struct vlapic *l, u32 reg, u64 *value);
int vlapic_msr_write(struct vlapic *l, u32 reg, u64 value);

/* The same by a short way: every IPI of the guest, every EOI that exits. */
int vlapic_write_icr(struct vlapic *l, u64 value);
int vlapic_write_eoi(struct vlapic *l, u64 value);

/* IA32_TSC_DEADLINE, where it exits. */
u64 vlapic_read_deadline(const struct vlapic *l);
void vlapic_write_deadline(struct vlapic *l, u64 value);

/* IA32_APIC_BASE: 0, or -EINVAL for #GP. */
int vlapic_write_base(struct vlapic *l, u64 value);

/* Not globally disabled, which is as if there were none: SDM 11.4.3. */
static inline bool vlapic_enabled(const struct vlapic *l)
{
	return l->base & APIC_BASE_ENABLE;
}

/* Can the core's own stand for it?  In x2APIC mode, and enabled by SVR. */
static inline bool vlapic_can_be_direct(const struct vlapic *l)
{
	return (l->base & APIC_BASE_X2APIC) && (l->svr & APIC_SVR_ENABLE);
}

/* The page of xAPIC mode, 32-bit registers; empty space in other modes. */
u64 vlapic_mmio_read(struct vlapic *l, u32 offset);
void vlapic_mmio_write(struct vlapic *l, u32 offset, u32 value);

/* --- another home, of a vCPU that is stopped --- */

/*
 * From the core's own APIC to Ashlar's care: TPR, ESR, and the timer with what
 * is left of it, which the core's own stops for.  What is pending or in service
 * is the caller's.
 */
void vlapic_leave_core(struct vlapic *l);
/* And back: nothing is in service, and the core's own holds nothing. */
void vlapic_enter_core(struct vlapic *l);

/* --- emulated only --- */

/*
 * Before the guest is entered: what others have sent and what the timer has
 * raised becomes pending, and the core's own timer is set for the next time.
 */
void vlapic_collect(struct vlapic *l);
/* The core's own timer has fired. */
void vlapic_timer_fired(struct vlapic *l);

#endif
