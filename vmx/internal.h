/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of vmx/ only.
 *
 * docs/decisions.md: The preemption timer's value is not saved.
 */
#ifndef VMX_INTERNAL_H
#define VMX_INTERNAL_H

#include "core/types.h"
#include "exits/exit.h"
#include "exits/msr.h"

/* Control words that every vCPU starts with; set by vmx_check(). */
struct vmx_controls {
	u32 pin, cpu, cpu2, exit, entry; /* mode did */
	u64 cr0_fixed0;
	u64 cr4_fixed1;
	u64 msr_bitmap_pa[MSR_SETS];
	u8 timer_rate; /* the preemption timer counts every 2^n of the TSC */
};
extern struct vmx_controls vmx_controls;

/* CR0 bits that the guest sees but does not have. */
#define CR0_OWNED (CR0_NE | CR0_NW | CR0_CD)

/* Exit on MOV to CR0 and CR4, CLTS, LMSW: vmx/cr.c. */
enum outcome vmx_exit_cr(struct vcpu *v, struct guest_regs *regs);

/* vmx/vmcs.c: the members of vmx_backend that see the VMCS. */
void vmx_reset(struct vcpu *v, const struct vcpu_start *start);
void vmx_run(struct vcpu *v) __noreturn;
void vmx_get_state(struct vcpu_state *s);
void vmx_get_idt(struct idt_register *r);
void vmx_put_state(const struct vcpu_state *s);
int vmx_skip(struct vcpu *v);
void vmx_inject(u8 vector, bool has_error, u32 error);
/* Delivered at the next entry; `info` as in ENTRY_INTR_INFO. */
void vmx_write_event(u32 info);
bool vmx_event_pending(void);
void vmx_deliver_nmi(struct vcpu *v);
bool vmx_inject_interrupt(u8 vector);
void vmx_interrupt_window(struct vcpu *v);
void vmx_set_msrs(const struct vcpu *v);
void vmx_set_delivery(struct vcpu *v);
void vmx_flush_views(void);
int vmx_set_debugctl(u64 value);
void vmx_dump(const struct vcpu *v);

/* What the guest reads, and its code segment's size: 16, 32, 64. */
u64 vmx_guest_cr0(void);
u64 vmx_guest_cr4(void);
u32 vmx_code_bits(void);

/* vmx/entry.S, and what it calls. */
void vmx_exit_entry(void);
void vmx_enter(u64 launched) __noreturn;
u64 vmx_handle_exit(void);
u64 vmx_handle_kick(void);
void vmx_entry_failed(void) __noreturn;

/* CR4 bits that a guest may set on this CPU. */
u64 vmx_cr4_allowed(void);

/* On top of vmx_controls, where Ashlar delivers interrupts itself. */
#define PIN_EMULATED PIN_EXTERNAL_INTERRUPT
extern const u32 vmx_cpu_emulated;

/* What the preemption timer begins with, unless a kick is on its way. */
void vmx_reset_timer(const struct vcpu *v);

/* Drops what the TLB holds of this core's guest. */
void vmx_flush_vpid(void);

#endif
