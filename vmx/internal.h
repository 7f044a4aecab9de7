/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of vmx/ only. */
#ifndef VMX_INTERNAL_H
#define VMX_INTERNAL_H

#include "core/types.h"
#include "guest/vcpu.h"

/* Control words that every vCPU starts with; set by vmx_check(). */
struct vmx_controls {
	u32 pin, cpu, cpu2, exit, entry;
	u64 cr0_fixed0;
	u64 cr4_fixed1;
	u64 msr_bitmap_pa;
	bool large_1g;
};
extern struct vmx_controls vmx_controls;

/* CR0 bits that the guest sees but does not have. */
#define CR0_OWNED (CR0_NE | CR0_NW | CR0_CD)

/* Exit on MOV to CR0 and CR4, CLTS, LMSW: vmx/cr.c. */
enum outcome vmx_exit_cr(struct vcpu *v, struct guest_regs *regs);

/* CR4 bits that a guest may set on this CPU. */
u64 vmx_cr4_allowed(void);

/* Drops what the TLB holds of this core's guest. */
void vmx_flush_vpid(void);

/* Never runs out before a kick sets it to 0. */
#define PREEMPTION_TIMER_MAX 0xffffffffU

#endif
