/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC that a guest sees in direct mode: most registers are the
 * core's own; what could hurt others is kept here and filtered.
 *
 * On the vCPU's core, from the exit path or while it is stopped.
 */
#ifndef APIC_VLAPIC_H
#define APIC_VLAPIC_H

#include "core/types.h"

struct vcpu;

#define VLAPIC_LVTS 6 /* timer, thermal, perf, LINT0, LINT1, error */

struct vlapic {
	u64 base; /* IA32_APIC_BASE */
	u32 svr;
	u32 esr, esr_pending;
	u32 icr2; /* xAPIC mode: the destination half */
	u64 icr;  /* as last written */
	u32 lvt[VLAPIC_LVTS];
};

/* Reset state, virtual and physical. */
void vlapic_reset(struct vcpu *v);

/* x2APIC MSR 800h + reg, where it exits: 0, or -EINVAL for #GP. */
int vlapic_msr_read(struct vcpu *v, u32 reg, u64 *value);
int vlapic_msr_write(struct vcpu *v, u32 reg, u64 value);

/* The same for the ICR, by the short way: every IPI of the guest takes it. */
int vlapic_write_icr(struct vcpu *v, u64 value);

/* IA32_APIC_BASE: 0, or -EINVAL for #GP. */
int vlapic_write_base(struct vcpu *v, u64 value);

/* The xAPIC page, 32-bit registers. */
u32 vlapic_mmio_read(struct vcpu *v, u32 offset);
void vlapic_mmio_write(struct vcpu *v, u32 offset, u32 value);

#endif
