/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU state.  `this_cpu` lies at one fixed address that every core's page
 * tables back with memory of its own, so no other core can reach it.  What
 * others may touch is cpu_public[], each field with its rule.
 */
#ifndef CORE_PERCPU_H
#define CORE_PERCPU_H

#include "core/histogram.h"
#include "core/layout.h"
#include "core/ledger.h"
#include "core/types.h"
#include "core/vectorset.h"
#include "core/x86.h"

#define CPU_STACK_SIZE (4 * PAGE_SIZE)

/* 64-bit task-state segment, SDM vol. 3 section 8.7 */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_map_base;
} __packed;
_Static_assert(sizeof(struct tss) == 104, "TSS");

/* Interrupt stack table slots. */
enum {
	IST_NMI = 1,
	IST_DF = 2,
	IST_MC = 3
};

struct percpu {
	u8 stack[CPU_STACK_SIZE - sizeof(struct guest_regs)];
	/* Top of the stack: VM exits push the guest's registers here. */
	struct guest_regs regs;
	/* Set by the NMI handler, tested right before every VM entry. */
	volatile u32 kick_mark;
	u32 vmx_root; /* in VMX root operation: the NMI handler may VMWRITE */
	u64 vmcb_pa;
	u64 host_vmcb_pa;
	u32 id;
	u32 apic_id;
	u64 gdt[5];
	struct tss tss;
	u64 cr3;
	/* host frame that the window shows; 0, never a guest's, for none */
	u64 window;
	/* Interrupts that the host has accepted, by vector; not yet EOIed. */
	u64 taken[VECTOR_WORDS];
};

_Static_assert(offsetof(struct percpu, regs) == PERCPU_REGS, "regs");
_Static_assert(offsetof(struct percpu, kick_mark) == PERCPU_KICK_MARK, "mark");
_Static_assert(offsetof(struct percpu, vmx_root) == PERCPU_VMX_ROOT, "root");
_Static_assert(offsetof(struct percpu, vmcb_pa) == PERCPU_VMCB_PA, "vmcb");
_Static_assert(offsetof(struct percpu, host_vmcb_pa) == PERCPU_HOST_VMCB_PA,
	       "host vmcb");
_Static_assert(CPU_STACK_SIZE == PERCPU_STACK_END, "stack");

/* Its address is set by the linker script. */
extern struct percpu this_cpu;

#define CPU_STACK_TOP ((u64)&this_cpu + CPU_STACK_SIZE)
/* One page each, with guard pages in between. */
#define CPU_NMI_STACK	  (LOCAL_VMA + 0x40000)
#define CPU_DF_STACK	  (LOCAL_VMA + 0x42000)
#define CPU_MC_STACK	  (LOCAL_VMA + 0x44000)
#define CPU_VMCB	  (LOCAL_VMA + 0x48000)
#define CPU_NMI_STACK_TOP (CPU_NMI_STACK + PAGE_SIZE)
#define CPU_DF_STACK_TOP  (CPU_DF_STACK + PAGE_SIZE)
#define CPU_MC_STACK_TOP  (CPU_MC_STACK + PAGE_SIZE)

/* What a core asks of another; bits of cpu_public.requests. */
enum cpu_request {
	REQ_NMI = 1 << 0,	/* guest NMIs, by domain_nmi() */
	REQ_INIT = 1 << 1,	/* guest INIT */
	REQ_SIPI = 1 << 2,	/* guest SIPI, apic/domain.h */
	REQ_STOP = 1 << 3,	/* leave the guest, hand the core back */
	REQ_START = 1 << 4,	/* vCPU 0 only: build the guest and run it */
	REQ_INTERRUPT = 1 << 5, /* look at what was posted to the vCPU */
	REQ_PUMP = 1 << 6,	/* output of its partition waits */
	REQ_EOIS = 1 << 7,	/* do the vCPU's EOIs exit?  eli/route.h */
	REQ_ZERO = 1 << 8,	/* help to zero the guest's memory */
	REQ_MODE = 1 << 9,	/* its partition's mode: eli/switch.h */
};

struct cpu_public {
	u32 apic_id;	      /* set while booting */
	bool up;	      /* set by the core itself, once */
	u32 requests;	      /* atomic: any core sets, the owner takes */
	struct ledger ledger; /* written by the owner, read by any */
	struct histogram latency[LATENCY_COUNT]; /* likewise */
};

/* Of all CPUs of the machine, those that do not start among them. */
extern struct cpu_public *cpu_public;
extern u32 nr_cpus;

#endif
