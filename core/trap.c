// SPDX-License-Identifier: BSD-2-Clause
/* The IDT, and exceptions of the host. */
#include "core/trap.h"
#include "core/lapic.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"

#define EXCEPTIONS     32
#define STUB_SIZE      16
#define GATE_INTERRUPT 0x8e /* present, DPL 0, 64-bit interrupt gate */

extern const u8 trap_stubs[], interrupt_stubs[], nmi_entry[];

static struct idt_gate host_idt[IDT_VECTORS];

struct idt_gate idt_interrupt_gate(u64 handler, u8 ist)
{
	return (struct idt_gate){
		.offset_low = (u16)handler,
		.selector = SEL_CODE,
		.ist = ist,
		.type = GATE_INTERRUPT,
		.offset_mid = (u16)(handler >> 16),
		.offset_high = (u32)(handler >> 32),
	};
}

struct idt_gate idt_taken_gate(u32 vector)
{
	return idt_interrupt_gate((u64)interrupt_stubs + vector * STUB_SIZE, 0);
}

struct idt_gate idt_host_gate(u32 vector)
{
	return host_idt[vector];
}

void trap_init(void)
{
	u32 i;

	for (i = 0; i < EXCEPTIONS; i++)
		host_idt[i] = idt_interrupt_gate(
			(u64)trap_stubs + i * STUB_SIZE, i == VEC_DF ? IST_DF :
							 i == VEC_MC ? IST_MC :
								       0);
	for (; i < IDT_VECTORS; i++)
		host_idt[i] = idt_taken_gate(i);
	host_idt[VEC_NMI] = idt_interrupt_gate((u64)nmi_entry, IST_NMI);
}

void idt_load(const struct idt_gate *idt)
{
	const struct __packed {
		u16 limit;
		u64 base;
	} dtr = { IDT_VECTORS * sizeof(*idt) - 1, (u64)idt };

	asm volatile("lidt %0" : : "m"(dtr));
}

void idt_load_host(void)
{
	idt_load(host_idt);
}

/* From 32 up without an ISR bit: the spurious interrupt, which has no EOI. */
void interrupt_taken(const struct interrupt_frame *f)
{
	u32 vector = (u32)f->vector;

	if (lapic_test(APIC_ISR, vector))
		vectors_set(this_cpu.taken, vector);
	else if (vector < EXCEPTIONS)
		panic("cpu %u: exception %u at %lx while draining", this_cpu.id,
		      vector, f->rip);
}

void trap_handler(const struct trap_frame *f)
{
	panic("cpu %u: exception %lu error %lx at %lx, rsp %lx, cr2 %lx",
	      this_cpu.id, f->vector, f->error, f->rip, f->rsp, read_cr2());
}
