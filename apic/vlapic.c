// SPDX-License-Identifier: BSD-2-Clause
#include "apic/vlapic.h"
#include "apic/icr.h"
#include "core/lapic.h"
#include "apic/vlapic_home.h"
#include "partition/partition.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "guest/layout.h"
#include "exits/msr.h"

/* Integrated APIC, 6 LVT entries, no suppression of EOI broadcasts. */
#define VLAPIC_VERSION 0x00050014U

#define LVT_MASKED     APIC_LVT_MASKED
#define LVT_TIMER_MODE APIC_LVT_TIMER_MODE
#define LVT_TIMER_BITS (0xffUL | BIT(12) | LVT_MASKED | LVT_TIMER_MODE)
#define LVT_LINT_BITS  (0x1ffffUL & ~0x800UL)
#define LVT_OTHER_BITS (0x17ffUL | LVT_MASKED)
#define SVR_BITS       0x3ffUL
#define DFR_FLAT       0xffffffffU

/* clang-format off */
static const u32 lvt_bits[VLAPIC_LVTS] = {
	[LVT_TIMER] = LVT_TIMER_BITS,
	[LVT_THERMAL] = LVT_OTHER_BITS,
	[LVT_PERF] = LVT_OTHER_BITS,
	[LVT_LINT0] = LVT_LINT_BITS,
	[LVT_LINT1] = LVT_LINT_BITS,
	[LVT_ERROR] = 0xff | BIT(12) | LVT_MASKED,
};
/* clang-format on */

void vlapic_reset(struct vcpu *v)
{
	struct vlapic *l = &v->lapic;
	u32 i;

	*l = (struct vlapic){
		.home = v->direct ? &vlapic_direct : &vlapic_emulated,
		.base = GUEST_LAPIC | APIC_BASE_ENABLE |
			(v->index ? 0 : APIC_BASE_BSP),
		.svr = 0xff,
	};
	for (i = 0; i < VLAPIC_LVTS; i++)
		l->lvt[i] = LVT_MASKED;
	v->part->ldr[v->index] = 0;
	v->part->dfr[v->index] = DFR_FLAT;
	l->home->reset(v);
}

bool vlapic_timer_on(const struct vlapic *l)
{
	u32 lvt = l->lvt[LVT_TIMER];

	return (l->svr & APIC_SVR_ENABLE) && !(lvt & LVT_MASKED) &&
	       (lvt & 0xff) >= ICR_FIRST_VECTOR;
}

static bool x2apic_on(const struct vlapic *l)
{
	return l->base & APIC_BASE_X2APIC;
}

int vlapic_write_base(struct vcpu *v, u64 value)
{
	u64 fixed = GUEST_LAPIC | (v->lapic.base & APIC_BASE_BSP);
	u64 mode = value & (APIC_BASE_ENABLE | APIC_BASE_X2APIC);

	if ((value & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC)) != fixed)
		return -EINVAL;
	/* SDM figure 11-27: no way back from x2APIC but through "disabled". */
	if (mode == APIC_BASE_X2APIC ||
	    (x2apic_on(&v->lapic) && mode == APIC_BASE_ENABLE))
		return -EINVAL;
	if (!(v->lapic.base & APIC_BASE_ENABLE) && (mode & APIC_BASE_X2APIC))
		return -EINVAL;
	v->lapic.base = value;
	if (mode & APIC_BASE_X2APIC)
		__atomic_fetch_or(&v->part->x2apic, BIT(v->index),
				  __ATOMIC_RELEASE);
	return 0;
}

static void send_plan(struct vcpu *v, const struct icr_plan *plan)
{
	struct partition *p = v->part;

	v->lapic.esr_pending |= plan->esr;
	switch (plan->kind) {
	case ICR_FIXED:
		partition_send(p, plan->targets, plan->vector, false);
		break;
	case ICR_NMI:
		partition_request(p, plan->targets, REQ_NMI, 0);
		break;
	case ICR_INIT:
		partition_request(p, plan->targets, REQ_INIT, 0);
		break;
	case ICR_SIPI:
		partition_request(p, plan->targets, REQ_SIPI, plan->vector);
		break;
	case ICR_NONE:
	case ICR_GP:
		break;
	}
}

static __attribute__((noinline)) int decode_icr(struct vcpu *v, u64 value)
{
	struct partition *p = v->part;
	struct icr_env env = {
		.self = v->index,
		.nr_vcpus = p->config->nr_cpus,
		.running = __atomic_load_n(&p->running, __ATOMIC_ACQUIRE),
		.x2apic = x2apic_on(&v->lapic),
		.ldr = p->ldr,
		.dfr = p->dfr,
	};
	struct icr_plan plan;

	icr_decode(&env, value, &plan);
	if (plan.kind == ICR_GP)
		return -EINVAL;
	v->lapic.icr = value;
	send_plan(v, &plan);
	return 0;
}

int vlapic_write_icr(struct vcpu *v, u64 value)
{
	struct partition *p = v->part;
	u64 running = __atomic_load_n(&p->running, __ATOMIC_ACQUIRE);

	if (unlikely(!x2apic_on(&v->lapic)))
		return -EINVAL;
	v->cause = CAUSE_MSR_ICR;
	if (unlikely(!icr_is_plain(value, p->config->nr_cpus)))
		return decode_icr(v, value);
	v->lapic.icr = value;
	partition_send(p, BIT(value >> 32) & running, (u8)value, false);
	return 0;
}

int vlapic_write_eoi(struct vcpu *v, u64 value)
{
	v->cause = CAUSE_MSR_EOI;
	if (value || !x2apic_on(&v->lapic))
		return -EINVAL;
	v->lapic.home->write(v, APIC_EOI, 0);
	return 0;
}

static int write_svr(struct vcpu *v, u64 value)
{
	struct vlapic *l = &v->lapic;
	u32 i;

	if (value & ~SVR_BITS && x2apic_on(l))
		return -EINVAL;
	l->svr = value & SVR_BITS;
	/* Disabling by software masks every entry: SDM 11.4.7.2. */
	for (i = 0; i < VLAPIC_LVTS && !(l->svr & APIC_SVR_ENABLE); i++)
		l->lvt[i] |= LVT_MASKED;
	l->home->apply(v);
	return 0;
}

/* The core's own APIC may get the value, and must not fault on it. */
static bool timer_mode_valid(u64 value)
{
	switch (value & LVT_TIMER_MODE) {
	case LVT_TIMER_MODE:
		return false;
	case APIC_LVT_TIMER_DEADLINE:
		return host_msr_features & MSR_NEEDS_DEADLINE;
	default:
		return true;
	}
}

static int write_lvt(struct vcpu *v, u32 n, u64 value)
{
	struct vlapic *l = &v->lapic;

	if (value & ~(u64)lvt_bits[n] && x2apic_on(l))
		return -EINVAL;
	if (n == LVT_TIMER && !timer_mode_valid(value))
		return -EINVAL;
	l->lvt[n] = (u32)value & lvt_bits[n] & ~(u32)BIT(12);
	if (!(l->svr & APIC_SVR_ENABLE))
		l->lvt[n] |= LVT_MASKED;
	if (n == LVT_TIMER) {
		v->cause = CAUSE_MSR_TIMER;
		l->home->apply(v);
	}
	return 0;
}

static int write_esr(struct vlapic *l, u64 value)
{
	if (value && x2apic_on(l))
		return -EINVAL;
	l->esr = l->esr_pending;
	l->esr_pending = 0;
	return 0;
}

/* In x2APIC mode: 8 bits where not all 32 are there (SDM table 11-6). */
static int write_home(struct vcpu *v, u32 reg, u64 value)
{
	u64 bits = reg == APIC_TMICT ? 0xffffffffUL :
		   reg == APIC_TDCR  ? 0xbUL :
				       0xffUL;

	if (value & ~bits)
		return -EINVAL;
	v->lapic.home->write(v, reg, (u32)value);
	return 0;
}

static int write_register(struct vcpu *v, u32 reg, u64 value)
{
	switch (reg) {
	case APIC_ICR:
		v->cause = CAUSE_MSR_ICR;
		return decode_icr(v, value);
	case APIC_SVR:
		return write_svr(v, value);
	case APIC_ESR:
		return write_esr(&v->lapic, value);
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
		return write_lvt(v, reg - APIC_LVT_TIMER, value);
	case APIC_TMICT:
	case APIC_TDCR:
		v->cause = CAUSE_MSR_TIMER;
		return write_home(v, reg, value);
	case APIC_SELF_IPI:
		v->cause = CAUSE_MSR_ICR;
		return write_home(v, reg, value);
	case APIC_TPR:
		return write_home(v, reg, value);
	default:
		return -EINVAL;
	}
}

static int read_register(struct vcpu *v, u32 reg, u64 *value)
{
	const struct vlapic *l = &v->lapic;

	switch (reg) {
	case APIC_ID:
		*value = v->index;
		return 0;
	case APIC_VERSION:
		*value = VLAPIC_VERSION;
		return 0;
	case APIC_LDR:
		*value = (v->index >> 4) << 16 | 1U << (v->index & 15);
		return 0;
	case APIC_SVR:
		*value = l->svr;
		return 0;
	case APIC_ESR:
		*value = l->esr;
		return 0;
	case APIC_ICR:
		*value = l->icr;
		return 0;
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
		*value = l->lvt[reg - APIC_LVT_TIMER];
		return 0;
	case APIC_TPR:
	case APIC_PPR:
	case APIC_ISR ... APIC_IRR + 7:
	case APIC_TMICT:
	case APIC_TMCCT:
	case APIC_TDCR:
		*value = l->home->read(v, reg);
		return 0;
	default:
		return -EINVAL;
	}
}

int vlapic_msr_read(struct vcpu *v, u32 reg, u64 *value)
{
	return x2apic_on(&v->lapic) ? read_register(v, reg, value) : -EINVAL;
}

int vlapic_msr_write(struct vcpu *v, u32 reg, u64 value)
{
	return x2apic_on(&v->lapic) ? write_register(v, reg, value) : -EINVAL;
}

u64 vlapic_read_deadline(const struct vcpu *v)
{
	return vtimer_deadline(&v->lapic.timer);
}

void vlapic_write_deadline(struct vcpu *v, u64 value)
{
	v->cause = CAUSE_MSR_TIMER;
	/* One in the past is due now. */
	vtimer_set_deadline(&v->lapic.timer, value ? MAX(value, rdtsc()) : 0);
}

u32 vlapic_mmio_read(struct vcpu *v, u32 offset)
{
	const struct vlapic *l = &v->lapic;
	u32 reg = offset >> 4;
	u64 value = 0;

	if (offset & 15)
		return 0;
	switch (reg) {
	case APIC_ID:
		return v->index << 24;
	case APIC_LDR:
		return v->part->ldr[v->index];
	case APIC_DFR:
		return v->part->dfr[v->index];
	case APIC_ICR2:
		return l->icr2;
	default:
		read_register(v, reg, &value);
		return (u32)value;
	}
}

void vlapic_mmio_write(struct vcpu *v, u32 offset, u32 value)
{
	u32 reg = offset >> 4;

	if (offset & 15)
		return;
	switch (reg) {
	case APIC_LDR:
		v->part->ldr[v->index] = value & 0xff000000;
		break;
	case APIC_DFR:
		v->part->dfr[v->index] = value | 0x0fffffff;
		break;
	case APIC_ICR2:
		v->lapic.icr2 = value;
		break;
	case APIC_ICR:
		write_register(v, reg, (u64)v->lapic.icr2 << 32 | value);
		break;
	case APIC_TPR:
		v->lapic.home->write(v, reg, value & 0xff);
		break;
	case APIC_TDCR:
		v->lapic.home->write(v, reg, value & 0xb);
		break;
	case APIC_EOI:
		v->lapic.home->write(v, reg, 0);
		break;
	case APIC_TMICT:
		v->lapic.home->write(v, reg, value);
		break;
	case APIC_SELF_IPI: /* x2APIC mode only */
		break;
	default:
		write_register(v, reg, value);
	}
}
