// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every instruction that a guest may not have, one by one: what it does, where
 * RIP then is, that no register changed.  Under Ashlar only; bare metal would
 * carry most of them out.
 *
 * The payload can't see whether Ashlar or the processor answered.  So it says
 * how many exits of which cause there must have been, and who runs it compares
 * that with the ledger.
 *
 * Command line: tcg=1 on QEMU's TCG, which has no alignment checks and takes
 * reserved bits of CR4.
 */
#include "lib/payload.h"
#include "lib/probe.h"

#define RFLAGS_AC BIT(18)
#define DR6_CAUSE 0xe00fUL /* B0-B3, BD, BS, BT */
#define DR6_BD	  BIT(13)
#define DR6_BS	  BIT(14)
/* DR7: breakpoint 0 for execution, 1 for writes of four bytes; GD */
#define DR7_EXECUTE_0 BIT(0)
#define DR7_WRITE_1   (BIT(2) | 0xdUL << 20)
#define DR7_GD	      BIT(13)

#define DEBUGCTL_BTF BIT(1)

#define X2APIC_NMI 0x4400UL
#define SPIN	   2000000

enum {
	END = PROBE_END
};

enum flags {
	USER = 1 << 0,	  /* at CPL 3 */
	STEP = 1 << 1,	  /* with TF */
	TRAP = 1 << 2,	  /* RIP behind the instruction, not at it */
	CHANGES = 1 << 3, /* registers */
	AC = 1 << 4,	  /* with alignment checks */
	NO_TCG = 1 << 8,  /* not where TCG departs from the manual */
	/* exits of cause `exception`, by back end */
	SVM = 1 << 5,
	VMX = 1 << 6,
	BOTH = SVM | VMX,
	/* of cause `xsetbv` */
	XCR = 1 << 7,
	XCR_SVM = 1 << 9,
	NO_XSAVE = 1 << 10, /* with CR4.OSXSAVE clear */
	BTF = 1 << 11,	    /* with DEBUGCTL.BTF, where there is VMX */
};

struct row {
	const char *name;
	const u8 *code, *next;
	u8 vector;
	u16 flags;
	u64 rax, rcx, rdx;
	u64 dr6, dr7;
};

/* What the memory operands of the instructions point to, by RAX. */
static u8 page[4096] __aligned(4096);
#define PAGE (u64) page

/*
 * X(name, code, vector, flags, rax, rcx, rdx).
 *
 * TCG raises #UD itself for what it does not know: RDPRU, INVLPGB, TLBSYNC,
 * MCOMMIT; so does every Intel processor for what is AMD's, and the other way.
 * TCG looks at the intercepts of WBINVD and XSETBV before it looks at the CPL
 * or CR4, and so does Bochs with XSETBV and the CPL.
 */
#define INSTRUCTIONS(X)                                                       \
	X(vmrun, "vmrun %rax", VEC_UD, SVM, PAGE, 0, 0)                       \
	X(vmmcall, "vmmcall", VEC_UD, SVM, 0, 0, 0)                           \
	X(vmmcall_user, "vmmcall", VEC_UD, SVM | USER, 0, 0, 0)               \
	X(vmload, "vmload %rax", VEC_UD, SVM, PAGE, 0, 0)                     \
	X(vmsave, "vmsave %rax", VEC_UD, SVM, PAGE, 0, 0)                     \
	X(stgi, "stgi", VEC_UD, SVM, 0, 0, 0)                                 \
	X(clgi, "clgi", VEC_UD, SVM, 0, 0, 0)                                 \
	X(skinit, "skinit", VEC_UD, SVM, 0x10000, 0, 0)                       \
	X(invlpga, "invlpga %rax, %ecx", VEC_UD, SVM, PAGE, 0, 0)             \
	X(rdpru, "rdpru", VEC_UD, 0, 0, 0, 0)                                 \
	X(invlpgb, "invlpgb", VEC_UD, 0, PAGE, 0, 0)                          \
	X(tlbsync, "tlbsync", VEC_UD, 0, 0, 0, 0)                             \
	X(mcommit, "mcommit", VEC_UD, 0, 0, 0, 0)                             \
	X(vmcall, "vmcall", VEC_UD, VMX, 0, 0, 0)                             \
	X(vmcall_user, "vmcall", VEC_UD, VMX | USER, 0, 0, 0)                 \
	X(vmclear, "vmclear (%rax)", VEC_UD, VMX, PAGE, 0, 0)                 \
	X(vmlaunch, "vmlaunch", VEC_UD, VMX, 0, 0, 0)                         \
	X(vmptrld, "vmptrld (%rax)", VEC_UD, VMX, PAGE, 0, 0)                 \
	X(vmptrst, "vmptrst (%rax)", VEC_UD, VMX, PAGE, 0, 0)                 \
	X(vmread, "vmread %rax, %rcx", VEC_UD, VMX, 0x681e, 0, 0)             \
	X(vmresume, "vmresume", VEC_UD, VMX, 0, 0, 0)                         \
	X(vmwrite, "vmwrite %rcx, %rax", VEC_UD, VMX, 0x681e, 0, 0)           \
	X(vmxoff, "vmxoff", VEC_UD, VMX, 0, 0, 0)                             \
	X(vmxon, "vmxon (%rax)", VEC_UD, VMX, PAGE, 0, 0)                     \
	X(invept, "invept (%rax), %rcx", VEC_UD, VMX, PAGE, 1, 0)             \
	X(invvpid, "invvpid (%rax), %rcx", VEC_UD, VMX, PAGE, 1, 0)           \
	X(vmfunc, "vmfunc", VEC_UD, 0, 0, 0, 0)                               \
	X(getsec, "getsec", VEC_UD, 0, 0, 0, 0)                               \
	X(encls, "encls", VEC_UD, 0, 0, 0, 0)                                 \
	X(rsm, "rsm", VEC_UD, SVM, 0, 0, 0)                                   \
	X(monitor, "monitor", VEC_UD, BOTH, PAGE, 0, 0)                       \
	X(mwait, "mwait", VEC_UD, BOTH, 0, 0, 0)                              \
	X(rdpmc, "rdpmc", VEC_GP, BOTH, 0, 0, 0)                              \
	X(invd, "invd", END, BOTH, 0, 0, 0)                                   \
	X(wbinvd, "wbinvd", END, BOTH, 0, 0, 0)                               \
	X(xsetbv_1, "xsetbv", VEC_GP, XCR, 3, 1, 0)                           \
	X(xsetbv_none, "xsetbv", VEC_GP, XCR, 0, 0, 0)                        \
	X(xsetbv_no_sse, "xsetbv", VEC_GP, XCR, 5, 0, 0)                      \
	X(xsetbv_high, "xsetbv", VEC_GP, XCR, 3, 0, 0x80000000)               \
	X(xsetbv_good, "xsetbv", END, XCR, 3, 0, 0)                           \
	X(xsetbv_off, "xsetbv", VEC_UD, XCR_SVM | NO_XSAVE, 3, 0, 0)          \
	X(cpuid_btf, "cpuid", END, STEP | BTF | CHANGES, 0, 0, 0)             \
	X(wrmsr_svme, "wrmsr", VEC_GP, 0, 0x1500, MSR_IA32_EFER, 0)           \
	X(rdmsr_vm_cr, "rdmsr", VEC_GP, 0, 0, 0xc0010114, 0)                  \
	X(rdmsr_hsave, "rdmsr", VEC_GP, 0, 0, 0xc0010117, 0)                  \
	X(rdmsr_vmx, "rdmsr", VEC_GP, 0, 0, 0x480, 0)                         \
	X(cr4_vmxe, "mov %rax, %cr4", VEC_GP, NO_TCG, CR4_VMXE | CR4_PAE, 0,  \
	  0)                                                                  \
	X(wbinvd_user, "wbinvd", VEC_GP, SVM | USER, 0, 0, 0)                 \
	X(xsetbv_user, "xsetbv", VEC_GP, XCR | USER, 3, 0, 0)                 \
	X(rdmsr_user, "rdmsr", VEC_GP, USER, 0, MSR_IA32_EFER, 0)             \
	X(cpuid_long, ".fill 13, 1, 0x2e\n cpuid", END, CHANGES, 0, 0, 0)     \
	X(rdmsr_prefix, ".byte 0x67, 0x4f\n rdmsr", END, CHANGES, 0,          \
	  MSR_IA32_EFER, 0)                                                   \
	X(invd_prefix, ".byte 0x66, 0x48, 0x64\n invd", END, BOTH, 0, 0, 0)   \
	X(xsetbv_prefix, ".byte 0x26\n xsetbv", END, XCR, 3, 0, 0)            \
	X(int3, "int3", 3, TRAP, 0, 0, 0)                                     \
	X(ac_user, "mov %eax, 1(%rcx)", VEC_AC, BOTH | USER | AC | NO_TCG, 0, \
	  PAGE, 0)

/*
 * #DB: the last two are what DR6 must then say, and DR7.  INT1 has an intercept
 * of its own in SVM, APM2 section 15.12.2.
 */
#define DEBUG_EXCEPTIONS(X)                                                    \
	X(db_step, "nop", BOTH | STEP | TRAP, 0, DR6_BS, 0)                    \
	X(db_step_user, "nop", BOTH | STEP | TRAP | USER, 0, DR6_BS, 0)        \
	X(db_step_sti, "sti", BOTH | STEP | TRAP, 0, DR6_BS, 0)                \
	X(db_step_ss, "mov %eax, %ss\n nop", BOTH | STEP | TRAP, 0x18, DR6_BS, \
	  0)                                                                   \
	X(db_step_exit, "cpuid", VMX | STEP | TRAP | CHANGES, 0, DR6_BS, 0)    \
	X(db_step_ss_exit, "mov %eax, %ss\n cpuid",                            \
	  VMX | STEP | TRAP | CHANGES, 0x18, DR6_BS, 0)                        \
	X(db_execute, "nop", BOTH, 0, BIT(0), DR7_EXECUTE_0)                   \
	X(db_write, "movl $1, page", BOTH | TRAP, 0, BIT(1), DR7_WRITE_1)      \
	X(db_general, "mov %dr7, %rax", BOTH, 0, DR6_BD, DR7_GD)               \
	X(int1, ".byte 0xf1", VMX | TRAP, 0, 0, 0)

#define CODE(name, insn)                  \
	asm(".pushsection .text\n"        \
	    "code_" #name ": " insn "\n"  \
	    "next_" #name ": int $0x20\n" \
	    ".popsection");               \
	extern const u8 code_##name[], next_##name[];
#define CODE_OF(name, insn, vector, flags, rax, rcx, rdx) CODE(name, insn)
#define CODE_OF_DEBUG(name, insn, flags, rax, dr6, dr7)	  CODE(name, insn)
INSTRUCTIONS(CODE_OF)
DEBUG_EXCEPTIONS(CODE_OF_DEBUG)

#define ROW(name, insn, vector, flags, rax, rcx, rdx) \
	{ #name, code_##name, next_##name, vector, flags, rax, rcx, rdx, 0, 0 },
#define DEBUG_ROW(name, insn, flags, rax, dr6, dr7) \
	{ #name, code_##name, next_##name, VEC_DB, flags, rax, 0, 0, dr6, dr7 },
static const struct row rows[] = { INSTRUCTIONS(ROW)
					   DEBUG_EXCEPTIONS(DEBUG_ROW) };

static u32 failed;
static u32 exception_exits, xsetbv_exits;
static bool svm;

static const char *outcome_name(u64 vector)
{
	switch (vector) {
	case VEC_DB:
		return "#DB";
	case 3:
		return "#BP";
	case VEC_UD:
		return "#UD";
	case VEC_GP:
		return "#GP";
	case VEC_AC:
		return "#AC";
	case END:
		return "done";
	default:
		return "?";
	}
}

static bool is_fault(u8 vector)
{
	return vector == VEC_UD || vector == VEC_GP || vector == VEC_AC;
}

static const char *verdict(const struct row *r, const struct probe *before,
			   const struct probe *p)
{
	u64 rip = (u64)(r->flags & TRAP ? r->next : r->code);

	if (p->vector != r->vector)
		return "not what it must be";
	if (r->vector == END)
		rip = (u64)r->next + 2;
	if (p->rip != rip)
		return "with RIP elsewhere";
	if (p->error)
		return "with an error code";
	if (r->vector != VEC_DB &&
	    !(p->pushed & RFLAGS_RF) != !is_fault(r->vector))
		return "with a wrong RF";
	if ((p->cs & 3) != (r->flags & USER ? 3 : 0))
		return "from another CPL";
	if (!(r->flags & CHANGES) &&
	    memcmp(before->gpr, p->gpr, sizeof(p->gpr)))
		return "with other registers";
	if (r->vector == VEC_DB && (p->dr6 & DR6_CAUSE) != r->dr6)
		return "with a wrong DR6";
	if (p->dr7_after & DR7_GD)
		return "with DR7.GD";
	return NULL;
}

static void count_exits(const struct row *r)
{
	exception_exits += !!(r->flags & (svm ? SVM : VMX));
	xsetbv_exits += !!(r->flags & (svm ? XCR | XCR_SVM : XCR));
}

static void set_mode(u16 flags)
{
	u64 cr4 = read_cr4() | CR4_OSXSAVE;

	write_cr4(flags & NO_XSAVE ? cr4 & ~(u64)CR4_OSXSAVE : cr4);
	if (!svm)
		wrmsr(MSR_IA32_DEBUGCTL, flags & BTF ? DEBUGCTL_BTF : 0);
}

static void try_row(const struct row *r)
{
	struct probe p = {
		.code = r->code,
		.user = r->flags & USER,
		.rflags = (r->flags & STEP ? RFLAGS_TF : 0) |
			  (r->flags & AC ? RFLAGS_AC : 0),
		.dr0 = (u64)r->code,
		.dr1 = PAGE,
		.dr7 = r->dr7,
	};
	struct probe before;
	const char *wrong;
	u32 i;

	for (i = 0; i < PROBE_GPRS; i++)
		p.gpr[i] = 0x0123456789abcdefUL * (i + 1);
	p.gpr[PROBE_RAX] = r->rax;
	p.gpr[PROBE_RCX] = r->rcx;
	p.gpr[PROBE_RDX] = r->rdx;
	before = p;
	set_mode(r->flags);
	probe_run(&p);
	set_mode(0);
	wrong = verdict(r, &before, &p);
	count_exits(r);
	failed += !!wrong;
	say("intercepts %s: %s%s%s", r->name, outcome_name(p.vector),
	    wrong ? " FAIL " : "", wrong ? wrong : "");
	if (wrong)
		say("intercepts %s: vector %lx error %lx rip %lx (%lx-%lx) "
		    "dr6 %lx",
		    r->name, p.vector, p.error, p.rip, (u64)r->code,
		    (u64)r->next, p.dr6);
}

static void check(const char *name, bool good)
{
	say("intercepts %s: %s", name, good ? "ok" : "FAIL");
	failed += !good;
}

/* --- NMIs, by the ICR filter --- */

static volatile u32 nmis, nested, depth, to_send;
static volatile u64 nmi_rip;
static u32 apic_id;

static void send_nmi(void)
{
	wrmsr(X2APIC_ICR, (u64)apic_id << 32 | X2APIC_NMI);
}

static INTERRUPT void on_nmi(struct interrupt_frame *frame)
{
	nested += depth++;
	nmis++;
	nmi_rip = frame->rip;
	if (to_send) {
		to_send--;
		send_nmi();
	}
	depth--;
}

/* Nothing here exits: an NMI that waits must come by itself. */
static bool nmis_become(u32 count)
{
	u32 i;

	for (i = 0; i < SPIN && nmis < count; i++)
		asm volatile("" : : : "memory");
	return nmis == count;
}

static void try_nmis(void)
{
	u64 dr6;

	idt_set(VEC_NMI, on_nmi);
	apic_id = x2apic_enable();
	asm volatile("mov %0, %%dr6" : : "r"(0xffff0ff0UL));
	send_nmi();
	check("nmi", nmis_become(1));
	to_send = 1;
	send_nmi();
	check("nmi_in_nmi", nmis_become(3) && !nested);
	to_send = 5;
	send_nmi();
	check("nmi_in_nmis", nmis_become(9) && !nested);
	send_nmi();
	check("nmi_after", nmis_become(10));
	asm volatile("mov %%dr6, %0" : "=r"(dr6));
	check("nmi_dr6", !(dr6 & DR6_CAUSE));
	/* The SVM back end steps over each handler's IRET. */
	exception_exits += svm ? nmis : 0;
}

static void try_cpuid(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	check("cpuid_vmx", !(c & BIT(5)));
	check("cpuid_monitor", !(c & BIT(3)));
	cpuid(0x80000001, 0, &a, &b, &c, &d);
	check("cpuid_svm", !(c & BIT(2)));
	check("cpuid_skinit", !(c & BIT(12)));
	cpuid(0x80000008, 0, &a, &b, &c, &d);
	check("cpuid_rdpru_and_so_on", !(b & (BIT(3) | BIT(4) | BIT(8))));
	check("efer_svme", !(rdmsr(MSR_IA32_EFER) & EFER_SVME));
}

static bool under_ashlar(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	return c & BIT(31);
}

static bool is_amd(void)
{
	u32 a, b, c, d;

	cpuid(0, 0, &a, &b, &c, &d);
	return c == 0x444d4163; /* ..cAMD */
}

PAYLOAD("intercepts")
{
	bool tcg = cmdline_number("tcg", 0);
	u32 i;

	if (!under_ashlar())
		payload_ok("bare metal, nothing to intercept");
	svm = is_amd();
	probe_init();
	write_cr0(read_cr0() | CR0_AM);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (!(tcg && (rows[i].flags & NO_TCG)) &&
		    !(svm && (rows[i].flags & BTF)))
			try_row(&rows[i]);
	try_cpuid();
	try_nmis();
	if (failed)
		payload_fail("%u of them", failed);
	payload_ok("exits exception=%u xsetbv=%u", exception_exits,
		   xsetbv_exits);
}
