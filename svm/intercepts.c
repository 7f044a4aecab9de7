// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a guest may never do on its own, as data: the tests take a bit out of
 * the image (tests/variants/drop.py) and must fail.
 */
#include "core/x86.h"
#include "svm/internal.h"

const u32 svm_intercept_exceptions = BIT(VEC_DB) | BIT(VEC_AC) | BIT(VEC_MC);

const u32 svm_intercept_misc1 = INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT |
				INTERCEPT_RDPMC | INTERCEPT_CPUID |
				INTERCEPT_RSM | INTERCEPT_INVD |
				INTERCEPT_INVLPGA | INTERCEPT_IO |
				INTERCEPT_MSR | INTERCEPT_TASK_SWITCH |
				INTERCEPT_FERR_FREEZE | INTERCEPT_SHUTDOWN;

const u32 svm_intercept_emulated = INTERCEPT_INTR | INTERCEPT_HLT;

/* While stepping: all, but for NMIs, which have no bit. */
const u32 svm_step_exceptions = ~(u32)BIT(VEC_NMI);
const u32 svm_step_misc1 = INTERCEPT_INTR | INTERCEPT_PUSHF | INTERCEPT_POPF |
			   INTERCEPT_IRET | INTERCEPT_INTN | INTERCEPT_HLT;

/* While shadowed: what a gate of the shadow IDT ends in. */
const u32 svm_intercept_bounce = BIT(VEC_NP);

const u32 svm_intercept_misc2 =
	INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
	INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT |
	INTERCEPT_WBINVD | INTERCEPT_MONITOR | INTERCEPT_MWAIT |
	INTERCEPT_MWAIT_ARMED | INTERCEPT_XSETBV | INTERCEPT_RDPRU;

const u32 svm_intercept_misc3 = INTERCEPT_INVLPGB | INTERCEPT_INVLPGB_ILLEGAL |
				INTERCEPT_MCOMMIT | INTERCEPT_TLBSYNC;
