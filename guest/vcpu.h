/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One virtual CPU, and all that stands between the machine that a guest sees
 * (guest/, apic/) and the back end that runs it (vmx/, svm/).
 *
 * A vCPU lives in this_vcpu of the core that it is pinned to.  Unless it says
 * otherwise, everything here is called on that core, on the exit path or with
 * the vCPU stopped, and touches that vCPU only.
 */
#ifndef GUEST_VCPU_H
#define GUEST_VCPU_H

#include "apic/vlapic.h"
#include "core/histogram.h"
#include "core/irq_mode.h"
#include "core/ledger.h"
#include "core/types.h"
#include "core/x86.h"

struct partition;
struct guest_ram;
struct eli_vcpu;

/* What is a back end's own, by back end. */
struct vmx_vcpu {
	u64 vmxon_pa, vmcs_pa;
	bool launched; /* the VMCS has been entered */
};

/* An instruction that is stepped over; what is the guest's own meanwhile. */
struct svm_step {
	enum {
		STEP_NONE,
		STEP_IRET,
		STEP_CR8,
		STEP_SHADOW,
	} what;
	bool on;
	bool tf;
	u64 rip, dr6, efer;
	u32 intercept_cr, intercept_exceptions, intercept_misc1;
};

struct svm_vcpu {
	u64 hsave_pa;
	bool nmi_masked;  /* in the guest's NMI handler */
	bool nmi_shadow;  /* which began in an interrupt shadow */
	u64 nmi_rip;	  /* and here */
	bool nmi_at_once; /* the shadow's instruction can't be stepped over */
	struct svm_step step;
};

struct vcpu {
	struct partition *part; /* NULL on sidecores and idle cores */
	struct irq_domain *domain;
	const struct guest_ram *ram;
	struct eli_vcpu *eli;
	u32 index; /* vCPU number = guest APIC id */
	struct vlapic lapic;
	/* MSRs that are kept, not obeyed */
	u64 tsc_adjust;
	u64 mtrr_def_type;
	u64 debugctl;
	u64 kvm_clock; /* KVM_SYSTEM_TIME as written */
	u64 xcr0;
	enum irq_mode mode; /* its partition's, but: eli/switch.h */
	bool in_guest;	    /* it runs; otherwise it waits in root mode */
	bool halted;	    /* HLT has exited: waits in root mode */
	bool window;	    /* an interrupt-window exit is asked for */
	bool eois_exit;	    /* mode `did`: eli/route.h */
	u8 nmis;	    /* the guest's, waiting for injection: 0 to 2 */
	/* Mode `eli`: eli/eli.h */
	bool shadowed; /* its IDT is; nothing is injected meanwhile */
	u64 own_view;  /* root of the second-level tables for that */
	u64 limit;     /* TSC ticks until an exit at the latest; 0: none */
	struct vmx_vcpu vmx;
	struct svm_vcpu svm;
	enum cause cause; /* what the ledger will call this exit */
	struct ledger *ledger;
	struct histogram *latency; /* by enum latency */
};

/* This core's; its address is set by the linker script. */
extern struct vcpu this_vcpu;

/* Is its local APIC the core's own?  Mode `did`. */
static inline bool vcpu_owns_apic(const struct vcpu *v)
{
	return v->mode == MODE_DID;
}

/* What says where a vCPU's IDT is. */
struct idt_register {
	u64 base;
	u64 cr3;
	u64 cr0, cr4, efer; /* PE, LA57 and LMA of them */
	u32 limit;
};

/*
 * Interrupts are off in all of them.  The protected ones have flat segments,
 * LOADER_CS and LOADER_DS (guest/loader.h) of the GDT at gdt_base.
 */
enum vcpu_mode {
	VCPU_REAL,   /* as a SIPI leaves it, at sipi_vector << 12 */
	VCPU_FLAT32, /* paging off */
	VCPU_LONG,   /* 64-bit code, paging by cr3 */
};

/* Where a vCPU begins; what a mode does not name is 0. */
struct vcpu_start {
	enum vcpu_mode mode;
	u8 sipi_vector;
	u64 rip, cr3;
	struct guest_regs regs;
	u64 gdt_base;
	u32 gdt_limit;
};

/* The state that the emulation of an instruction needs. */
struct vcpu_state {
	u64 rip, rsp, rflags, dr7;
	u64 cr0, cr3, cr4, efer; /* as the guest sees them */
	u64 segment_base[SEGMENT_COUNT];
	u8 cpl;
	u8 code_bits; /* 16, 32 or 64 */
};

/* --- what a back end is --- */

/* Second-level tables as a back end has them; set by check(). */
struct slat_format {
	/* Bits of entries: tables, RAM, pages shared with it, device memory. */
	u64 table, ram, shared, device;
	u64 root; /* and beside the root's address */
	bool large_1g;
};

struct backend {
	const char *name;
	const struct slat_format *tables;

	/* Boot, each core: 0, or -ENODEV with the first thing missing. */
	int (*check)(char *error, size_t size);
	/* Boot, BSP: the permission maps that all vCPUs share.  0, -ENOMEM. */
	int (*init)(void);
	/* Boot, each core while no other uses the pool.  0, -ENOMEM. */
	int (*alloc_cpu)(char *error, size_t size);

	/* Each core, once, after check(). */
	void (*on)(void);
	/* The guest is left for good: interrupts and NMIs can come again. */
	void (*leave)(void);

	/* The architectural reset state, plus `start`. */
	void (*reset)(struct vcpu *v, const struct vcpu_start *start);
	/* Enters the guest; it comes back only to exits, on a fresh stack. */
	void (*run)(struct vcpu *v) __noreturn;

	void (*get_state)(struct vcpu_state *s);
	/* An instruction was emulated: takes rip, rsp and rflags from s. */
	void (*put_state)(const struct vcpu_state *s);
	/* Goes on behind the instruction that exited; -EFAULT: unreadable. */
	int (*skip)(struct vcpu *v);
	/* A fault, delivered at the next entry. */
	void (*inject)(u8 vector, bool has_error, u32 error);
	/* Is there an event that the next entry delivers in any case? */
	bool (*event_pending)(void);
	/*
	 * The guest's pending NMI, delivered at the next entry or asked for.
	 * In its handler one is latched, and a second is lost.
	 */
	void (*deliver_nmi)(struct vcpu *v);
	/*
	 * Modes without a direct local APIC.  An external interrupt, delivered
	 * at the next entry; false: the guest can't take one now.
	 */
	bool (*inject_interrupt)(u8 vector);
	/* Asks for an exit when the guest can take what is pending, or not. */
	void (*interrupt_window)(struct vcpu *v);
	/* Interrupts on for an instruction, or asleep until one or an NMI. */
	void (*accept)(void);
	void (*wait)(void);
	/* guest_msr_set() has changed; set_delivery() does it, too. */
	void (*set_msrs)(const struct vcpu *v);
	/* Mode `eli`.  Cheaper than get_state(): most exits ask. */
	void (*get_idt)(struct idt_register *r);
	/* What v->mode and v->shadowed ask for, from the next entry on. */
	void (*set_delivery)(struct vcpu *v);
	/* v->limit has changed, while shadowed; set_delivery() does it, too. */
	void (*set_limit)(const struct vcpu *v);
	/* Nothing that the second-level tables have said is remembered. */
	void (*flush_views)(void);
	/* IA32_DEBUGCTL: 0, or -EINVAL for a value that is not offered. */
	int (*set_debugctl)(u64 value);
	/* Of a park message: what get_state() does not give, as log lines. */
	void (*dump)(const struct vcpu *v);
};

extern const struct backend vmx_backend, svm_backend;

/* The one that this machine has; set while booting. */
extern const struct backend *backend;

/* For check(): -ENODEV, and a line that names what is missing. */
int guest_cpu_lacks(char *error, size_t size, const char *what);

/*
 * For instructions of CPL 0 that do something: emulators look at the intercept
 * before they look at the CPL.
 */
bool guest_at_cpl0(void);

#endif
