// SPDX-License-Identifier: BSD-2-Clause
/* The local APIC that a guest sees: what is the same in every mode. */
#include "apic/vlapic.h"
#include "apic/domain.h"
#include "apic/icr.h"
#include "apic/vlapic_lvt.h"
#include "core/cpu.h"
#include "core/percpu.h"

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

/* SDM vol. 3 section 11.4.7.1: software-disabled, too. */
static void reset_registers(struct vlapic *l, u64 base)
{
	struct irq_domain *d = l->domain;
	u32 i;

	*l = (struct vlapic){
		.domain = d,
		.home = l->home,
		.index = l->index,
		.base = base,
		.svr = 0xff,
	};
	for (i = 0; i < VLAPIC_LVTS; i++)
		l->lvt[i] = LVT_MASKED;
	domain_accept(d, l->index, false);
	d->ldr[l->index] = 0;
	d->dfr[l->index] = DFR_FLAT;
	/* Posted until now, which is all while the vCPU does not run. */
	vapic_take_posted(&l->irq, &d->posted[l->index]);
	vapic_reset(&l->irq);
	l->home->clear(l);
}

void vlapic_reset(struct vlapic *l, struct irq_domain *d, u32 index,
		  const struct vlapic_home *home)
{
	u64 base = APIC_DEFAULT_BASE | APIC_BASE_ENABLE;

	if (!index)
		base |= APIC_BASE_BSP;
	if (d->x2apic >> index & 1)
		base |= APIC_BASE_X2APIC;
	l->domain = d;
	l->index = index;
	l->home = home;
	reset_registers(l, base);
}

enum cause vlapic_cause(u32 reg)
{
	switch (reg) {
	case APIC_ICR:
	case APIC_SELF_IPI:
		return CAUSE_MSR_ICR;
	case APIC_EOI:
		return CAUSE_MSR_EOI;
	case APIC_LVT_TIMER:
	case APIC_TMICT:
	case APIC_TDCR:
		return CAUSE_MSR_TIMER;
	default:
		return CAUSE_MSR_APIC;
	}
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

int vlapic_write_base(struct vlapic *l, u64 value)
{
	u64 fixed = APIC_DEFAULT_BASE | (l->base & APIC_BASE_BSP);
	u64 mode = value & (APIC_BASE_ENABLE | APIC_BASE_X2APIC);

	if ((value & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC)) != fixed)
		return -EINVAL;
	/* SDM figure 11-27: no way back from x2APIC but through "disabled". */
	if (mode == APIC_BASE_X2APIC ||
	    (x2apic_on(l) && mode == APIC_BASE_ENABLE))
		return -EINVAL;
	if (!vlapic_enabled(l) && (mode & APIC_BASE_X2APIC))
		return -EINVAL;
	if (value == l->base)
		return 0;
	domain_set_mode(l->domain, l->index, mode & APIC_BASE_X2APIC, !mode);
	l->base = value;
	if (!mode)
		reset_registers(l, value);
	l->domain->apic_changed();
	return 0;
}

static void send_plan(struct vlapic *l, const struct icr_plan *plan)
{
	struct irq_domain *d = l->domain;

	l->esr_pending |= plan->esr;
	switch (plan->kind) {
	case ICR_FIXED:
		domain_send(d, plan->targets, plan->vector, false);
		break;
	case ICR_NMI:
		domain_nmi(d, plan->targets);
		break;
	case ICR_INIT:
		domain_request(d, plan->targets, REQ_INIT);
		break;
	case ICR_SIPI:
		domain_sipi(d, plan->targets, plan->vector);
		break;
	case ICR_NONE:
	case ICR_GP:
		break;
	}
}

static __attribute__((noinline)) int decode_icr(struct vlapic *l, u64 value)
{
	struct irq_domain *d = l->domain;
	struct icr_env env = {
		.self = l->index,
		.nr_vcpus = d->nr,
		.running = __atomic_load_n(&d->running, __ATOMIC_ACQUIRE),
		.accepts = __atomic_load_n(&d->accepts, __ATOMIC_ACQUIRE),
		.off = __atomic_load_n(&d->off, __ATOMIC_ACQUIRE),
		.x2apic = x2apic_on(l),
		.ldr = d->ldr,
		.dfr = d->dfr,
	};
	struct icr_plan plan;

	icr_decode(&env, value, &plan);
	if (plan.kind == ICR_GP)
		return -EINVAL;
	l->icr = value;
	send_plan(l, &plan);
	return 0;
}

int vlapic_write_icr(struct vlapic *l, u64 value)
{
	struct irq_domain *d = l->domain;
	u64 accepts = __atomic_load_n(&d->accepts, __ATOMIC_ACQUIRE);

	if (unlikely(!x2apic_on(l)))
		return -EINVAL;
	if (unlikely(!icr_is_plain(value, d->nr)))
		return decode_icr(l, value);
	l->icr = value;
	if (accepts & BIT(value >> 32))
		domain_send_one(d, (u32)(value >> 32), (u8)value, false);
	return 0;
}

int vlapic_write_eoi(struct vlapic *l, u64 value)
{
	if (value || !x2apic_on(l))
		return -EINVAL;
	l->home->write(l, APIC_EOI, 0);
	return 0;
}

/*
 * Disabled by software: every entry is masked, fixed interrupts are not
 * accepted, and what is pending or in service stays (SDM 11.4.7.2).
 */
static int write_svr(struct vlapic *l, u64 value)
{
	bool on = value & APIC_SVR_ENABLE;
	bool changed = (l->svr ^ value) & APIC_SVR_ENABLE;
	u32 i;

	if (value & ~SVR_BITS && x2apic_on(l))
		return -EINVAL;
	l->svr = value & SVR_BITS;
	for (i = 0; i < VLAPIC_LVTS && !on; i++)
		l->lvt[i] |= LVT_MASKED;
	l->home->apply(l);
	domain_accept(l->domain, l->index, on);
	if (changed)
		l->domain->apic_changed();
	return 0;
}

/* The core's own APIC may get the value, and must not fault on it. */
static bool timer_mode_valid(u64 value)
{
	switch (value & LVT_TIMER_MODE) {
	case LVT_TIMER_MODE:
		return false;
	case APIC_LVT_TIMER_DEADLINE:
		return host_features & FEATURE_DEADLINE;
	default:
		return true;
	}
}

static int write_lvt(struct vlapic *l, u32 n, u64 value)
{
	if (value & ~(u64)lvt_bits[n] && x2apic_on(l))
		return -EINVAL;
	if (n == LVT_TIMER && !timer_mode_valid(value))
		return -EINVAL;
	l->lvt[n] = (u32)value & lvt_bits[n] & ~(u32)BIT(12);
	if (!(l->svr & APIC_SVR_ENABLE))
		l->lvt[n] |= LVT_MASKED;
	if (n == LVT_TIMER)
		l->home->apply(l);
	return 0;
}

static int write_esr(struct vlapic *l, u64 value)
{
	if (value && x2apic_on(l))
		return -EINVAL;
	l->esr = l->esr_pending | l->home->read(l, APIC_ESR);
	l->esr_pending = 0;
	return 0;
}

/* In x2APIC mode: 8 bits where not all 32 are there (SDM table 11-6). */
static int write_home(struct vlapic *l, u32 reg, u64 value)
{
	u64 bits = reg == APIC_TMICT ? 0xffffffffUL :
		   reg == APIC_TDCR  ? 0xbUL :
				       0xffUL;

	if (value & ~bits)
		return -EINVAL;
	l->home->write(l, reg, (u32)value);
	return 0;
}

static int write_self_ipi(struct vlapic *l, u64 value)
{
	if (value > 0xff)
		return -EINVAL;
	if (value < ICR_FIRST_VECTOR)
		l->esr_pending |= ESR_SEND_ILLEGAL_VECTOR;
	else if (l->svr & APIC_SVR_ENABLE)
		l->home->write(l, APIC_SELF_IPI, (u32)value);
	return 0;
}

static int write_register(struct vlapic *l, u32 reg, u64 value)
{
	switch (reg) {
	case APIC_ICR:
		return decode_icr(l, value);
	case APIC_SVR:
		return write_svr(l, value);
	case APIC_ESR:
		return write_esr(l, value);
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
		return write_lvt(l, reg - APIC_LVT_TIMER, value);
	case APIC_TPR:
	case APIC_TMICT:
	case APIC_TDCR:
		return write_home(l, reg, value);
	case APIC_SELF_IPI:
		return write_self_ipi(l, value);
	default:
		return -EINVAL;
	}
}

static int read_register(struct vlapic *l, u32 reg, u64 *value)
{
	switch (reg) {
	case APIC_ID:
		*value = l->index;
		return 0;
	case APIC_VERSION:
		*value = VLAPIC_VERSION;
		return 0;
	case APIC_LDR:
		*value = (l->index >> 4) << 16 | 1U << (l->index & 15);
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
		*value = l->home->read(l, reg);
		return 0;
	default:
		return -EINVAL;
	}
}

int vlapic_msr_read(struct vlapic *l, u32 reg, u64 *value)
{
	return x2apic_on(l) ? read_register(l, reg, value) : -EINVAL;
}

int vlapic_msr_write(struct vlapic *l, u32 reg, u64 value)
{
	return x2apic_on(l) ? write_register(l, reg, value) : -EINVAL;
}

u64 vlapic_read_deadline(const struct vlapic *l)
{
	return vtimer_deadline(&l->timer);
}

void vlapic_write_deadline(struct vlapic *l, u64 value)
{
	/* One in the past is due now. */
	vtimer_set_deadline(&l->timer, value ? MAX(value, rdtsc()) : 0);
}

static bool decodes_page(const struct vlapic *l)
{
	return vlapic_enabled(l) && !x2apic_on(l);
}

u64 vlapic_mmio_read(struct vlapic *l, u32 offset)
{
	u32 reg = offset >> 4;
	u64 value = 0;

	if (!decodes_page(l))
		return ~0UL;
	if (offset & 15)
		return 0;
	switch (reg) {
	case APIC_ID:
		return l->index << 24;
	case APIC_LDR:
		return l->domain->ldr[l->index];
	case APIC_DFR:
		return l->domain->dfr[l->index];
	case APIC_ICR2:
		return l->icr2;
	default:
		read_register(l, reg, &value);
		return (u32)value;
	}
}

void vlapic_mmio_write(struct vlapic *l, u32 offset, u32 value)
{
	u32 reg = offset >> 4;

	if (offset & 15 || !decodes_page(l))
		return;
	switch (reg) {
	case APIC_LDR:
		l->domain->ldr[l->index] = value & 0xff000000;
		l->domain->apic_changed();
		break;
	case APIC_DFR:
		l->domain->dfr[l->index] = value | 0x0fffffff;
		l->domain->apic_changed();
		break;
	case APIC_ICR2:
		l->icr2 = value;
		break;
	case APIC_ICR:
		write_register(l, reg, (u64)l->icr2 << 32 | value);
		break;
	case APIC_TPR:
		l->home->write(l, reg, value & 0xff);
		break;
	case APIC_TDCR:
		l->home->write(l, reg, value & 0xb);
		break;
	case APIC_EOI:
		l->home->write(l, reg, 0);
		break;
	case APIC_TMICT:
		l->home->write(l, reg, value);
		break;
	case APIC_SELF_IPI: /* x2APIC mode only */
		break;
	default:
		write_register(l, reg, value);
	}
}
