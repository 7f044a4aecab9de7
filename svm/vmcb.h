/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCB: AMD64 Architecture Programmer's Manual vol. 2 (APM2), appendix B
 * for the layout, appendix C for the exit codes.
 */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include "core/types.h"

struct vmcb_segment {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
} __packed;

struct vmcb {
	/* control area */
	u32 intercept_cr;
	u32 intercept_dr;
	u32 intercept_exceptions;
	u32 intercept_misc1;
	u32 intercept_misc2;
	u32 intercept_misc3;
	u8 reserved0[0x40 - 0x18];
	u64 iopm_base_pa;
	u64 msrpm_base_pa;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved1[3];
	u64 virtual_interrupt;
	u64 interrupt_shadow;
	u64 exitcode;
	u64 exitinfo1;
	u64 exitinfo2;
	u64 exitintinfo;
	u64 nested_control;
	u8 reserved2[0xa8 - 0x98];
	u64 eventinj;
	u64 nested_cr3;
	u64 lbr_control;
	u64 clean_bits;
	u64 next_rip;
	u8 reserved3[0x400 - 0xd0];

	/* state save area */
	struct vmcb_segment segment[6]; /* by enum segment */
	struct vmcb_segment gdtr, ldtr, idtr, tr;
	u8 reserved4[0xcb - 0xa0];
	u8 cpl;
	u32 reserved5;
	u64 efer;
	u8 reserved6[0x148 - 0xd8];
	u64 cr4;
	u64 cr3;
	u64 cr0;
	u64 dr7;
	u64 dr6;
	u64 rflags;
	u64 rip;
	u8 reserved7[0x1d8 - 0x180];
	u64 rsp;
	u8 reserved8[0x1f8 - 0x1e0];
	u64 rax;
	u64 star, lstar, cstar, sfmask;
	u64 kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved9[0x268 - 0x248];
	u64 g_pat;
	u8 reserved10[0xc00 - 0x270];
} __packed;
_Static_assert(sizeof(struct vmcb) == 4096, "VMCB");
_Static_assert(offsetof(struct vmcb, iopm_base_pa) == 0x040, "IOPM_BASE_PA");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "ASID");
_Static_assert(offsetof(struct vmcb, interrupt_shadow) == 0x068, "shadow");
_Static_assert(offsetof(struct vmcb, exitcode) == 0x070, "EXITCODE");
_Static_assert(offsetof(struct vmcb, exitintinfo) == 0x088, "EXITINTINFO");
_Static_assert(offsetof(struct vmcb, eventinj) == 0x0a8, "EVENTINJ");
_Static_assert(offsetof(struct vmcb, next_rip) == 0x0c8, "nRIP");
_Static_assert(offsetof(struct vmcb, segment) == 0x400, "ES");
_Static_assert(offsetof(struct vmcb, tr) == 0x490, "TR");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "CPL");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "EFER");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "CR4");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "RIP");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "RSP");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "RAX");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "CR2");
_Static_assert(offsetof(struct vmcb, g_pat) == 0x668, "G_PAT");

/* Virtual interrupt control, APM2 section 15.21.1 */
#define V_TPR	       0xfUL
#define V_IRQ	       BIT(8)
#define V_INTR_PRIO(n) ((u64)(n) << 16)
#define V_INTR_MASKING BIT(24)

/* Intercepts of control registers (offset 000h) */
#define INTERCEPT_CR8_WRITE BIT(24)
/* first misc vector (offset 00Ch) */
#define INTERCEPT_INTR	      BIT(0)
#define INTERCEPT_NMI	      BIT(1)
#define INTERCEPT_SMI	      BIT(2)
#define INTERCEPT_INIT	      BIT(3)
#define INTERCEPT_VINTR	      BIT(4)
#define INTERCEPT_IDTR_WRITE  BIT(10)
#define INTERCEPT_RDPMC	      BIT(15)
#define INTERCEPT_PUSHF	      BIT(16)
#define INTERCEPT_POPF	      BIT(17)
#define INTERCEPT_CPUID	      BIT(18)
#define INTERCEPT_RSM	      BIT(19)
#define INTERCEPT_IRET	      BIT(20)
#define INTERCEPT_INTN	      BIT(21)
#define INTERCEPT_INVD	      BIT(22)
#define INTERCEPT_HLT	      BIT(24)
#define INTERCEPT_INVLPGA     BIT(26)
#define INTERCEPT_IO	      BIT(27)
#define INTERCEPT_MSR	      BIT(28)
#define INTERCEPT_TASK_SWITCH BIT(29)
#define INTERCEPT_FERR_FREEZE BIT(30)
#define INTERCEPT_SHUTDOWN    BIT(31)
/* second (offset 010h) */
#define INTERCEPT_VMRUN	      BIT(0)
#define INTERCEPT_VMMCALL     BIT(1)
#define INTERCEPT_VMLOAD      BIT(2)
#define INTERCEPT_VMSAVE      BIT(3)
#define INTERCEPT_STGI	      BIT(4)
#define INTERCEPT_CLGI	      BIT(5)
#define INTERCEPT_SKINIT      BIT(6)
#define INTERCEPT_ICEBP	      BIT(8)
#define INTERCEPT_WBINVD      BIT(9)
#define INTERCEPT_MONITOR     BIT(10)
#define INTERCEPT_MWAIT	      BIT(11)
#define INTERCEPT_MWAIT_ARMED BIT(12)
#define INTERCEPT_XSETBV      BIT(13)
#define INTERCEPT_RDPRU	      BIT(14)
/* third (offset 014h) */
#define INTERCEPT_INVLPGB	  BIT(0)
#define INTERCEPT_INVLPGB_ILLEGAL BIT(1)
#define INTERCEPT_MCOMMIT	  BIT(3)
#define INTERCEPT_TLBSYNC	  BIT(4)

/* interrupt_shadow */
#define INTERRUPT_SHADOW BIT(0)

#define TLB_FLUSH_ALL	     1
#define NESTED_PAGING_ENABLE BIT(0)

/* EXITINTINFO and EVENTINJ, APM2 sections 15.7.2 and 15.20 */
#define EVENT_VECTOR	     0xffUL
#define EVENT_TYPE	     (7UL << 8)
#define EVENT_TYPE_INTR	     (0UL << 8)
#define EVENT_TYPE_NMI	     (2UL << 8)
#define EVENT_TYPE_EXCEPTION (3UL << 8)
#define EVENT_TYPE_SOFT	     (4UL << 8)
#define EVENT_ERROR_VALID    BIT(11)
#define EVENT_VALID	     BIT(31)

/* Segment attributes: bits 55-52 and 47-40 of a descriptor, put together */
#define ATTRIB_CODE_REAL 0x009b
#define ATTRIB_DATA_REAL 0x0093
#define ATTRIB_CODE_32	 0x0c9b
#define ATTRIB_CODE_64	 0x0a9b
#define ATTRIB_DATA_FLAT 0x0c93
#define ATTRIB_LDT	 0x0082
#define ATTRIB_TSS_BUSY	 0x008b
#define ATTRIB_L	 BIT(9)
#define ATTRIB_D	 BIT(10)

enum svm_exit {
	SVM_EXIT_WRITE_CR8 = 0x18,
	SVM_EXIT_EXCEPTION = 0x40,
	SVM_EXIT_INTR = 0x60,
	SVM_EXIT_NMI = 0x61,
	SVM_EXIT_SMI = 0x62,
	SVM_EXIT_INIT = 0x63,
	SVM_EXIT_VINTR = 0x64,
	SVM_EXIT_IDTR_WRITE = 0x6a,
	SVM_EXIT_RDPMC = 0x6f,
	SVM_EXIT_PUSHF = 0x70,
	SVM_EXIT_POPF = 0x71,
	SVM_EXIT_CPUID = 0x72,
	SVM_EXIT_RSM = 0x73,
	SVM_EXIT_IRET = 0x74,
	SVM_EXIT_INTN = 0x75,
	SVM_EXIT_INVD = 0x76,
	SVM_EXIT_HLT = 0x78,
	SVM_EXIT_INVLPGA = 0x7a,
	SVM_EXIT_IO = 0x7b,
	SVM_EXIT_MSR = 0x7c,
	SVM_EXIT_TASK_SWITCH = 0x7d,
	SVM_EXIT_FERR_FREEZE = 0x7e,
	SVM_EXIT_SHUTDOWN = 0x7f,
	SVM_EXIT_VMRUN = 0x80,
	SVM_EXIT_VMMCALL = 0x81,
	SVM_EXIT_VMLOAD = 0x82,
	SVM_EXIT_VMSAVE = 0x83,
	SVM_EXIT_STGI = 0x84,
	SVM_EXIT_CLGI = 0x85,
	SVM_EXIT_SKINIT = 0x86,
	SVM_EXIT_ICEBP = 0x88,
	SVM_EXIT_WBINVD = 0x89,
	SVM_EXIT_MONITOR = 0x8a,
	SVM_EXIT_MWAIT = 0x8b,
	SVM_EXIT_MWAIT_ARMED = 0x8c,
	SVM_EXIT_XSETBV = 0x8d,
	SVM_EXIT_RDPRU = 0x8e,
	SVM_EXIT_INVLPGB = 0xa0,
	SVM_EXIT_INVLPGB_ILLEGAL = 0xa1,
	SVM_EXIT_MCOMMIT = 0xa3,
	SVM_EXIT_TLBSYNC = 0xa4,
	SVM_NR_EXITS = 0xa5,
	SVM_EXIT_NPF = 0x400,
};
#define SVM_EXIT_INVALID (~0UL)

#endif
