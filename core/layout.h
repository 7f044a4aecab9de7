/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address space of Ashlar, for C and assembler; docs/memory-map.md draws
 * it.  The linker script holds the same numbers.
 */
#ifndef CORE_LAYOUT_H
#define CORE_LAYOUT_H

/* Image: virtual minus linked physical address. */
#define IMAGE_VMA 0xffffffff80000000
/* While booting the low 4 GiB; after the seal what docs/memory-map.md says. */
#define DIRECT_VMA 0xffff800000000000
/* The direct map's last GiB: registers of devices, in a row. */
#define DEVICES_VMA 0xffff807fc0000000
#define DEVICES_END 0xffff808000000000
/* This core's own GiB: percpu behind a guard page, then the window. */
#define LOCAL_VMA  0xffffffffc0000000
#define WINDOW_VMA 0xffffffffc0200000
/* On the first sidecore: pages shared with guests, one for each partition. */
#define SHARED_VMA 0xffffffffc0400000
/* On the cores of a partition: its second-level tables, up to the GiB's end. */
#define ELI_VMA 0xffffffffc0600000

/* Offsets in struct percpu, checked in core/percpu.h. */
#define PERCPU_REGS	    0x3f80
#define PERCPU_STACK_END    0x4000
#define PERCPU_KICK_MARK    0x4000
#define PERCPU_VMX_ROOT	    0x4004
#define PERCPU_VMCB_PA	    0x4008
#define PERCPU_HOST_VMCB_PA 0x4010

/* VMCS field, SDM vol. 3 appendix B: the NMI handler writes it. */
#define VMCS_PREEMPTION_TIMER_VALUE 0x482e

/* Selectors of every core's GDT. */
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_TSS	 0x18

/* SDM vol. 3 section 2.5 */
#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_ET 0x00000010
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_AM 0x00040000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000

#define CR4_PAE	    0x00000020
#define CR4_MCE	    0x00000040
#define CR4_PGE	    0x00000080
#define CR4_OSFXSR  0x00000200
#define CR4_UMIP    0x00000800
#define CR4_LA57    0x00001000
#define CR4_VMXE    0x00002000
#define CR4_OSXSAVE 0x00040000

#endif
