// SPDX-License-Identifier: BSD-2-Clause
/*
 * svm/exit.c where each shutdown comes of a machine check, as one does while
 * the guest has cleared CR4.MCE; TCG resets the machine instead.
 */
#include "core/x86.h"

static u64 checked_rdmsr(u32 msr)
{
	if (msr == MSR_IA32_MCG_STATUS)
		wrmsr(msr, MCG_STATUS_MCIP);
	return rdmsr(msr);
}

#define rdmsr checked_rdmsr
#include "svm/exit.c"
