// SPDX-License-Identifier: BSD-2-Clause
/* The ICR filter: what a write asks for, and whom it reaches. */
#include "apic/icr.h"

#define X2APIC_BROADCAST 0xffffffffU
#define XAPIC_BROADCAST	 0xffU
#define XAPIC_ID_SHIFT	 24
#define DFR_MODEL_SHIFT	 28
#define DFR_FLAT	 0xfU

static u64 all_vcpus(const struct icr_env *env)
{
	return env->nr_vcpus >= 64 ? ~0UL : BIT(env->nr_vcpus) - 1;
}

static u64 one_vcpu(const struct icr_env *env, u32 id)
{
	return id < MIN(env->nr_vcpus, 64U) ? BIT(id) : 0;
}

/* SDM vol. 3, 10.12.10: cluster in the upper half, members in the lower. */
static u64 x2apic_logical(u32 dest)
{
	u32 cluster = dest >> 16;

	return cluster < 64 / 16 ? (u64)(dest & 0xffff) << (cluster * 16) : 0;
}

/* SDM vol. 3, 10.6.2.2: the flat and the cluster model. */
static bool xapic_logical_match(u32 dfr, u32 ldr, u32 mda)
{
	u32 id = ldr >> XAPIC_ID_SHIFT;

	if (dfr >> DFR_MODEL_SHIFT == DFR_FLAT)
		return id & mda;
	return id >> 4 == mda >> 4 && (id & mda & 0xf);
}

static u64 xapic_logical(const struct icr_env *env, u32 mda)
{
	u64 set = 0;
	u32 n;

	for (n = 0; n < MIN(env->nr_vcpus, 64U); n++)
		if (xapic_logical_match(env->dfr[n], env->ldr[n], mda))
			set |= BIT(n);
	return set;
}

static u64 matching(const struct icr_env *env, u32 dest, bool logical)
{
	if (dest == (env->x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST))
		return all_vcpus(env);
	if (!logical)
		return one_vcpu(env, dest);
	if (env->x2apic)
		return x2apic_logical(dest) & all_vcpus(env);
	return xapic_logical(env, dest);
}

u64 icr_addressed(const struct icr_env *env, u32 dest, bool logical)
{
	return matching(env, dest, logical) & ~env->off;
}

static u64 addressed(const struct icr_env *env, u64 icr)
{
	switch (icr & ICR_SHORTHAND_MASK) {
	case ICR_SHORTHAND_SELF:
		return one_vcpu(env, env->self);
	case ICR_SHORTHAND_ALL:
		return all_vcpus(env) & ~env->off;
	case ICR_SHORTHAND_REST:
		return all_vcpus(env) & ~(env->off | one_vcpu(env, env->self));
	default:
		return icr_addressed(env,
				     (u32)(icr >> 32) >>
					     (env->x2apic ? 0 : XAPIC_ID_SHIFT),
				     icr & ICR_LOGICAL);
	}
}

static void plan_fixed(const struct icr_env *env, u64 icr,
		       struct icr_plan *plan, bool lowest)
{
	u64 set;

	if (plan->vector < ICR_FIRST_VECTOR) {
		plan->esr = ESR_SEND_ILLEGAL_VECTOR;
		return;
	}
	set = addressed(env, icr) & env->accepts;
	plan->kind = ICR_FIXED;
	plan->targets = lowest ? set & -set : set;
}

static void plan_other(const struct icr_env *env, u64 icr,
		       struct icr_plan *plan, enum icr_kind kind)
{
	plan->kind = kind;
	plan->targets = addressed(env, icr);
	if (kind == ICR_NMI)
		plan->targets &= env->running;
}

/* SDM vol. 3, table 10-3: to the sender by a shorthand only fixed is valid. */
static bool valid_shorthand(u64 icr)
{
	u64 shorthand = icr & ICR_SHORTHAND_MASK;

	return !(icr & ICR_DM_MASK) || (shorthand != ICR_SHORTHAND_SELF &&
					shorthand != ICR_SHORTHAND_ALL);
}

static bool init_deassert(u64 icr)
{
	return (icr & (ICR_LEVEL_ASSERT | ICR_TRIGGER_LEVEL)) ==
	       ICR_TRIGGER_LEVEL;
}

void icr_decode(const struct icr_env *env, u64 icr, struct icr_plan *plan)
{
	*plan = (struct icr_plan){
		.kind = ICR_NONE,
		.vector = (u8)(icr & ICR_VECTOR_MASK),
	};
	if (env->x2apic && (icr & ICR_X2APIC_RESERVED)) {
		plan->kind = ICR_GP;
		return;
	}
	if (!valid_shorthand(icr))
		return;
	switch ((icr & ICR_DM_MASK) >> ICR_DM_SHIFT) {
	case ICR_DM_FIXED:
		plan_fixed(env, icr, plan, false);
		break;
	case ICR_DM_LOWEST:
		plan_fixed(env, icr, plan, true);
		break;
	case ICR_DM_NMI:
		plan_other(env, icr, plan, ICR_NMI);
		break;
	case ICR_DM_INIT:
		if (!init_deassert(icr))
			plan_other(env, icr, plan, ICR_INIT);
		break;
	case ICR_DM_SIPI:
		plan_other(env, icr, plan, ICR_SIPI);
		break;
	}
}
