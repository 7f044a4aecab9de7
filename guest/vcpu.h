/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One virtual CPU, and all that stands between the machine that a guest sees
 * (guest/, apic/) and the back end that runs it (vmx/, svm/).
 *
 * A vCPU lives in this_cpu of the core that it is pinned to.  Unless it says
 * otherwise, everything here is called on that core, on the exit path or with
 * the vCPU stopped, and touches that vCPU only.
 *
 * How the two sides work together: a back end has one table from its exit codes
 * to struct exit_handler.  It hands the entry to guest_exit(), which runs the
 * handler, keeps the ledger and carries out what the handler decided.  Handlers
 * that any back end needs are here; a back end adds those that must look into
 * its own structures first.
 */
#ifndef GUEST_VCPU_H
#define GUEST_VCPU_H

#include "apic/vlapic.h"
#include "core/histogram.h"
#include "core/ledger.h"
#include "core/types.h"
#include "core/x86.h"
#include "eli/eli.h"

struct partition;

/* By enum gpr; RSP's place is unused: it is in the back end's state. */
struct guest_regs {
	u64 gpr[GPR_COUNT];
};

struct vcpu {
	struct partition *part; /* NULL on sidecores and idle cores */
	u32 index;		/* vCPU number = guest APIC id */
	struct vlapic lapic;
	/* MSRs that are kept, not obeyed */
	u64 tsc_adjust;
	u64 mtrr_def_type;
	u64 debugctl;
	u64 kvm_clock; /* KVM_SYSTEM_TIME as written */
	u64 xcr0;
	bool direct;	  /* mode did: the local APIC is the core's own */
	bool halted;	  /* HLT has exited: waits in root mode */
	bool window;	  /* an interrupt-window exit is asked for */
	bool nmi_pending; /* guest NMI waiting for injection */
	bool eois_exit;	  /* mode `did`: devices/intx.h */
	bool launched;	  /* VMX: the VMCS has been entered */
	bool nmi_masked;  /* SVM: in the guest's NMI handler */
	bool stepping;	  /* SVM: RFLAGS.TF is ours, for an NMI */
	bool step_tf;	  /* and TF and DR6 as the guest had them */
	u64 step_dr6;
	struct eli_vcpu eli;
	enum cause cause; /* what the ledger will call this exit */
	struct ledger *ledger;
	struct histogram *latency; /* by enum latency */
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
	u64 rip, rsp, rflags;
	u64 cr0, cr3, cr4, efer; /* as the guest sees them */
	u64 segment_base[SEGMENT_COUNT];
	u8 cpl;
	u8 code_bits; /* 16, 32 or 64 */
};

/* --- what a back end is --- */

struct backend {
	const char *name;

	/* Boot, each core: 0, or -ENODEV with the first thing missing. */
	int (*check)(char *error, size_t size);
	/* Boot, BSP: the permission maps that all vCPUs share.  0, -ENOMEM. */
	int (*init)(void);
	/* Boot, each core while no other uses the pool.  0, -ENOMEM. */
	int (*alloc_cpu)(char *error, size_t size);
	/* Boot, BSP: second-level tables over p->ram.  0, -ENOMEM. */
	int (*build_partition)(struct partition *p);

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
	/* The guest's pending NMI, delivered at the next entry or asked for. */
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
	/* guest_msr_view() has changed; set_view() does it, too. */
	void (*set_msr_view)(const struct vcpu *v);
	/* Mode `eli`.  Cheaper than get_state(): most exits ask. */
	void (*get_idt)(struct idt_register *r);
	/* What v->eli.direct asks for, from the next entry on. */
	void (*set_view)(struct vcpu *v);
	/* v->eli.limit has changed, in eli mode; set_view() sees to it, too. */
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

/* --- exits: exits/exit.c --- */

/* What became of an intercepted instruction. */
enum outcome {
	OUTCOME_DONE,  /* completed: go on behind it */
	OUTCOME_RETRY, /* go on where it stands */
	OUTCOME_GP,    /* #GP(0) */
	OUTCOME_UD,    /* #UD */
	OUTCOME_PARK,  /* forbidden: the partition is being parked */
};

struct exit_handler {
	enum outcome (*handler)(struct vcpu *v, struct guest_regs *regs);
	enum cause cause; /* unless the handler finds a better one */
};

/* `start`: TSC at the exit.  An entry without handler parks. */
void guest_exit(struct vcpu *v, const struct exit_handler *h, u64 code,
		u64 start);

/* Parks the partition; always OUTCOME_PARK. */
enum outcome guest_park(struct vcpu *v, const char *why);

/* Handlers. */
enum outcome guest_cpuid(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_rdmsr(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_wrmsr(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_xsetbv(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_undefined(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_protected(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_retry(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_triple_fault(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_task_switch(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_machine_check(struct vcpu *v, struct guest_regs *regs);
/* WBINVD and INVD: no memory of the guest's is outside coherence. */
enum outcome guest_wbinvd(struct vcpu *v, struct guest_regs *regs);

enum outcome guest_hlt(struct vcpu *v, struct guest_regs *regs);
enum outcome guest_external_interrupt(struct vcpu *v, struct guest_regs *regs);
/* Mode `eli`: what only injection mode lets pass. */
enum outcome guest_descriptor_table(struct vcpu *v, struct guest_regs *regs);

/*
 * Modes without a direct local APIC, before every entry: injects what is
 * pending, and while the guest is halted waits for it, or for a kick.
 */
void guest_interrupts(struct vcpu *v);
void guest_wait(struct vcpu *v);

/* A vector that the core's own APIC has in service for the host: EOIs it. */
void guest_host_interrupt(struct vcpu *v, u8 vector);

/* The mark was set, and is clear again: what others asked of this vCPU. */
void guest_kicked(struct vcpu *v);

/* Parts of handlers. */
/*
 * For instructions of CPL 0 that do something: emulators look at the intercept
 * before they look at the CPL.
 */
bool guest_at_cpl0(void);
enum outcome guest_io(struct vcpu *v, struct guest_regs *regs, u16 port,
		      u8 size, bool in);
/* An access to guest-physical memory that is not RAM, or is read-only. */
enum outcome guest_mmio(struct vcpu *v, struct guest_regs *regs, u64 gpa);
/* An NMI, taken by the host: the cause of the exit. */
enum cause guest_nmi_cause(void);
/*
 * Length of the instruction at s->rip, whose prefixes are followed by `opcode`
 * bytes; 0 if it can't be read.
 */
u32 guest_insn_length(struct vcpu *v, const struct vcpu_state *s, u32 opcode);

#endif
