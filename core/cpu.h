/* SPDX-License-Identifier: BSD-2-Clause */
/* A core of the machine: what it has, what others ask of it, how it waits. */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include "core/types.h"

/* What the machine's CPUs have; set while booting. */
#define FEATURE_RDTSCP	 BIT(0)
#define FEATURE_DEADLINE BIT(1)
#define FEATURE_VMX	 BIT(2)
#define FEATURE_SVM	 BIT(3)
/* A guest's clock is KVM's, for want of CPUID leaf 15h. */
#define FEATURE_KVM_CLOCK BIT(4)
extern u32 host_features;
extern u8 host_phys_bits;

/* --- boot --- */

/* BSP, once: room for what so many CPUs show each other. */
int __must_check cpus_alloc(u32 cpus);
/* Each core: descriptor tables, control registers and local APIC. */
int __must_check cpu_init(u32 cpu, char *error, size_t size);
/* BSP: sets host_features and host_phys_bits. */
void cpu_find_features(void);

/* --- any context but NMI --- */

/*
 * This core's: the highest of the vectors that its IDT has accepted, which is
 * then forgotten; -1: none.  EOI ends them in the same order.
 */
s32 cpu_next_taken(void);

/* Sets bits of enum cpu_request for a CPU and kicks it (NMI). */
void cpu_request(u32 cpu, u32 bits);
/* This core's, which are then forgotten.  After a panic it does not return. */
u32 cpu_take_requests(void);

/* core/vectors.S: sleeps until an NMI or an interrupt, see core/trap.h. */
void cpu_wait(void);
/* core/vectors.S: sleeps until an NMI. */
void cpu_idle(void);
/* core/vectors.S: a loop without end, on this core's empty stack. */
void cpu_leave(void (*loop)(void)) __noreturn;

#endif
