/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's exceptions: all but NMI are broken invariants.  NMI is the kick:
 * its handler sets this_cpu.kick_mark and stops the guest's next entry short.
 * Maskable interrupts are let in only where the code waits for them, and then
 * noted in this_cpu.taken.
 *
 * docs/decisions.md: Interrupts stay off.
 */
#ifndef CORE_TRAP_H
#define CORE_TRAP_H

#include "core/types.h"

/* SDM vol. 3 section 6.14.1 */
struct idt_gate {
	u16 offset_low;
	u16 selector;
	u8 ist;
	u8 type;
	u16 offset_mid;
	u32 offset_high;
	u32 reserved;
};
_Static_assert(sizeof(struct idt_gate) == 16, "IDT gate");
#define IDT_VECTORS 256

/* Boot, BSP, once. */
void trap_init(void);

/* Gates and tables: any context. */
struct idt_gate idt_interrupt_gate(u64 handler, u8 ist);
struct idt_gate idt_host_gate(u32 vector);
void idt_load(const struct idt_gate *idt);
void idt_load_host(void);

/* From core/vectors.S. */
struct trap_frame {
	u64 gpr[15];
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};
/* From core/interrupt.S. */
struct interrupt_frame {
	u64 vector;
	u64 rip, cs, rflags, rsp, ss;
};
void interrupt_taken(const struct interrupt_frame *f);
/* A gate to the stub of `vector`. */
struct idt_gate idt_taken_gate(u32 vector);

void trap_handler(const struct trap_frame *f) __noreturn;

#endif
