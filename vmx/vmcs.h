/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMCS field encodings (SDM vol. 3 appendix B), control bits (chapter 25), exit
 * reasons (appendix C).
 */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include "core/layout.h"
#include "core/types.h"

enum vmcs_field {
	/* 16-bit control and guest state */
	VIRTUAL_PROCESSOR_ID = 0x0000,
	GUEST_ES_SELECTOR = 0x0800,
	GUEST_CS_SELECTOR = 0x0802,
	GUEST_SS_SELECTOR = 0x0804,
	GUEST_LDTR_SELECTOR = 0x080c,
	GUEST_TR_SELECTOR = 0x080e,
	/* 16-bit host state */
	HOST_ES_SELECTOR = 0x0c00,
	HOST_CS_SELECTOR = 0x0c02,
	HOST_SS_SELECTOR = 0x0c04,
	HOST_DS_SELECTOR = 0x0c06,
	HOST_FS_SELECTOR = 0x0c08,
	HOST_GS_SELECTOR = 0x0c0a,
	HOST_TR_SELECTOR = 0x0c0c,
	/* 64-bit control */
	MSR_BITMAP_ADDRESS = 0x2004,
	EPT_POINTER = 0x201a,
	ENCLS_EXITING_BITMAP = 0x202e,
	/* 64-bit read-only */
	GUEST_PHYSICAL_ADDRESS = 0x2400,
	/* 64-bit guest state */
	VMCS_LINK_POINTER = 0x2800,
	GUEST_IA32_DEBUGCTL = 0x2802,
	GUEST_IA32_PAT = 0x2804,
	GUEST_IA32_EFER = 0x2806,
	/* 64-bit host state */
	HOST_IA32_PAT = 0x2c00,
	HOST_IA32_EFER = 0x2c02,
	/* 32-bit control */
	PIN_BASED_CONTROLS = 0x4000,
	PRIMARY_CONTROLS = 0x4002,
	EXCEPTION_BITMAP = 0x4004,
	PAGE_FAULT_ERROR_MASK = 0x4006,
	PAGE_FAULT_ERROR_MATCH = 0x4008,
	CR3_TARGET_COUNT = 0x400a,
	EXIT_CONTROLS = 0x400c,
	EXIT_MSR_STORE_COUNT = 0x400e,
	EXIT_MSR_LOAD_COUNT = 0x4010,
	ENTRY_CONTROLS = 0x4012,
	ENTRY_MSR_LOAD_COUNT = 0x4014,
	ENTRY_INTR_INFO = 0x4016,
	ENTRY_EXCEPTION_ERROR = 0x4018,
	ENTRY_INSTRUCTION_LENGTH = 0x401a,
	SECONDARY_CONTROLS = 0x401e,
	/* 32-bit read-only */
	VM_INSTRUCTION_ERROR = 0x4400,
	EXIT_REASON = 0x4402,
	EXIT_INTR_INFO = 0x4404,
	EXIT_INTR_ERROR = 0x4406,
	IDT_VECTORING_INFO = 0x4408,
	IDT_VECTORING_ERROR = 0x440a,
	EXIT_INSTRUCTION_LENGTH = 0x440c,
	EXIT_INSTRUCTION_INFO = 0x440e,
	/* 32-bit guest state */
	GUEST_ES_LIMIT = 0x4800,
	GUEST_LDTR_LIMIT = 0x480c,
	GUEST_TR_LIMIT = 0x480e,
	GUEST_GDTR_LIMIT = 0x4810,
	GUEST_IDTR_LIMIT = 0x4812,
	GUEST_ES_ACCESS = 0x4814,
	GUEST_CS_ACCESS = 0x4816,
	GUEST_SS_ACCESS = 0x4818,
	GUEST_LDTR_ACCESS = 0x4820,
	GUEST_TR_ACCESS = 0x4822,
	GUEST_INTERRUPTIBILITY = 0x4824,
	GUEST_ACTIVITY_STATE = 0x4826,
	GUEST_SYSENTER_CS = 0x482a,
	PREEMPTION_TIMER_VALUE = VMCS_PREEMPTION_TIMER_VALUE,
	/* 32-bit host state */
	HOST_SYSENTER_CS = 0x4c00,
	/* natural-width control */
	CR0_GUEST_HOST_MASK = 0x6000,
	CR4_GUEST_HOST_MASK = 0x6002,
	CR0_READ_SHADOW = 0x6004,
	CR4_READ_SHADOW = 0x6006,
	/* natural-width read-only */
	EXIT_QUALIFICATION = 0x6400,
	GUEST_LINEAR_ADDRESS = 0x640a,
	/* natural-width guest state */
	GUEST_CR0 = 0x6800,
	GUEST_CR3 = 0x6802,
	GUEST_CR4 = 0x6804,
	GUEST_ES_BASE = 0x6806,
	GUEST_LDTR_BASE = 0x6812,
	GUEST_TR_BASE = 0x6814,
	GUEST_GDTR_BASE = 0x6816,
	GUEST_IDTR_BASE = 0x6818,
	GUEST_DR7 = 0x681a,
	GUEST_RSP = 0x681c,
	GUEST_RIP = 0x681e,
	GUEST_RFLAGS = 0x6820,
	GUEST_PENDING_DEBUG = 0x6822,
	GUEST_SYSENTER_ESP = 0x6824,
	GUEST_SYSENTER_EIP = 0x6826,
	/* natural-width host state */
	HOST_CR0 = 0x6c00,
	HOST_CR3 = 0x6c02,
	HOST_CR4 = 0x6c04,
	HOST_FS_BASE = 0x6c06,
	HOST_GS_BASE = 0x6c08,
	HOST_TR_BASE = 0x6c0a,
	HOST_GDTR_BASE = 0x6c0c,
	HOST_IDTR_BASE = 0x6c0e,
	HOST_SYSENTER_ESP = 0x6c10,
	HOST_SYSENTER_EIP = 0x6c12,
	HOST_RSP = 0x6c14,
	HOST_RIP = 0x6c16,
};

/* Pin-based controls, table 25-5 */
#define PIN_EXTERNAL_INTERRUPT BIT(0)
#define PIN_NMI		       BIT(3)
#define PIN_VIRTUAL_NMI	       BIT(5)
#define PIN_PREEMPTION_TIMER   BIT(6)

/* Primary processor-based controls, table 25-6 */
#define CPU_INTERRUPT_WINDOW BIT(2)
#define CPU_HLT		     BIT(7)
#define CPU_CR8_LOAD	     BIT(19)
#define CPU_CR8_STORE	     BIT(20)
#define CPU_MWAIT	     BIT(10)
#define CPU_RDPMC	     BIT(11)
#define CPU_IO		     BIT(24)
#define CPU_MSR_BITMAP	     BIT(28)
#define CPU_MONITOR	     BIT(29)
#define CPU_SECONDARY	     BIT(31)
#define CPU_NMI_WINDOW	     BIT(22)
#define CPU_CR3_LOAD	     BIT(15)
#define CPU_CR3_STORE	     BIT(16)
#define CPU_INVLPG	     BIT(9)

/* Secondary processor-based controls, table 25-7 */
#define CPU2_EPT	  BIT(1)
#define CPU2_DESCRIPTOR	  BIT(2)
#define CPU2_RDTSCP	  BIT(3)
#define CPU2_VPID	  BIT(5)
#define CPU2_WBINVD	  BIT(6)
#define CPU2_UNRESTRICTED BIT(7)
#define CPU2_INVPCID	  BIT(12)
#define CPU2_ENCLS	  BIT(15)

/* VM-exit controls, table 25-13 */
#define EXIT_SAVE_DEBUG BIT(2)
#define EXIT_HOST_64	BIT(9)
#define EXIT_SAVE_PAT	BIT(18)
#define EXIT_LOAD_PAT	BIT(19)
#define EXIT_SAVE_EFER	BIT(20)
#define EXIT_LOAD_EFER	BIT(21)

/* VM-entry controls, table 25-15 */
#define ENTRY_LOAD_DEBUG BIT(2)
#define ENTRY_GUEST_64	 BIT(9)
#define ENTRY_LOAD_PAT	 BIT(14)
#define ENTRY_LOAD_EFER	 BIT(15)

/* Interruption information, tables 25-16 to 25-18 */
#define INTR_VECTOR		 0xffU
#define INTR_TYPE		 (7U << 8)
#define INTR_TYPE_EXTERNAL	 (0U << 8)
#define INTR_TYPE_NMI		 (2U << 8)
#define INTR_TYPE_HARD_EXCEPTION (3U << 8)
#define INTR_TYPE_SOFT_INTERRUPT (4U << 8)
#define INTR_TYPE_INT1		 (5U << 8)
#define INTR_TYPE_SOFT_EXCEPTION (6U << 8)
#define INTR_ERROR_VALID	 (1U << 11)
#define INTR_VALID		 (1U << 31)

/* Interruptibility state, table 25-3 */
#define BLOCKED_BY_STI	  BIT(0)
#define BLOCKED_BY_MOV_SS BIT(1)
#define BLOCKED_BY_NMI	  BIT(3)

/* Pending debug exceptions, table 25-4; IA32_DEBUGCTL */
#define PENDING_DEBUG_BS BIT(14)
#define DEBUGCTL_BTF	 BIT(1)

/* NMI unblocking due to IRET: table 25-17, and 28-7 */
#define NMI_UNBLOCKED BIT(12)

/* EPT entries, table 29-6; EPT pointer, table 25-9 */
#define EPT_READ       BIT(0)
#define EPT_WRITE      BIT(1)
#define EPT_EXECUTE    BIT(2)
#define EPT_MEMTYPE_UC 0
#define EPT_MEMTYPE_WB (6UL << 3)
#define EPT_IGNORE_PAT BIT(6)
#define EPTP_WB	       6UL
#define EPTP_LEVELS_4  (3UL << 3)

/* Segment access rights, table 25-2 */
#define ACCESS_UNUSABLE	 0x10000
#define ACCESS_CODE_REAL 0x009b
#define ACCESS_DATA_REAL 0x0093
#define ACCESS_CODE_32	 0xc09b
#define ACCESS_CODE_64	 0xa09b
#define ACCESS_DATA_FLAT 0xc093
#define ACCESS_LDT	 0x0082
#define ACCESS_TSS_BUSY	 0x008b
#define ACCESS_L	 BIT(13)
#define ACCESS_D	 BIT(14)
#define ACCESS_DPL(ar)	 ((ar) >> 5 & 3)

enum exit_reason {
	EXIT_EXCEPTION_NMI = 0,
	EXIT_EXTERNAL_INTERRUPT = 1,
	EXIT_TRIPLE_FAULT = 2,
	EXIT_INIT = 3,
	EXIT_SIPI = 4,
	EXIT_INTERRUPT_WINDOW = 7,
	EXIT_NMI_WINDOW = 8,
	EXIT_TASK_SWITCH = 9,
	EXIT_CPUID = 10,
	EXIT_HLT = 12,
	EXIT_INVD = 13,
	EXIT_RDPMC = 15,
	EXIT_VMCALL = 18,
	EXIT_VMXON = 27,
	EXIT_CR_ACCESS = 28,
	EXIT_IO = 30,
	EXIT_RDMSR = 31,
	EXIT_WRMSR = 32,
	EXIT_ENTRY_GUEST_STATE = 33,
	EXIT_ENTRY_MSR = 34,
	EXIT_MWAIT = 36,
	EXIT_MONITOR = 39,
	EXIT_ENTRY_MACHINE_CHECK = 41,
	EXIT_GDTR_IDTR = 46,
	EXIT_LDTR_TR = 47,
	EXIT_EPT_VIOLATION = 48,
	EXIT_EPT_MISCONFIG = 49,
	EXIT_INVEPT = 50,
	EXIT_PREEMPTION_TIMER = 52,
	EXIT_INVVPID = 53,
	EXIT_WBINVD = 54,
	EXIT_XSETBV = 55,
	EXIT_ENCLS = 60,
	EXIT_SEAMCALL = 76,
	EXIT_TDCALL = 77,
	NR_EXIT_REASONS = 80,
};

static inline u64 vmread(enum vmcs_field field)
{
	u64 v;

	asm volatile("vmread %1, %0" : "=rm"(v) : "r"((u64)field) : "cc");
	return v;
}

/* Only constant, existing fields are written, so there is no failure to see. */
static inline void vmwrite(enum vmcs_field field, u64 v)
{
	asm volatile("vmwrite %0, %1" : : "rm"(v), "r"((u64)field) : "cc");
}

#endif
