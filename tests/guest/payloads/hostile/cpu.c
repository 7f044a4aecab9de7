// SPDX-License-Identifier: BSD-2-Clause
/* Instructions and registers that are not for guests. */
#include "hostile/hostile.h"
#include "lib/ap.h"

#define VECTOR_NONE 256

/* Code bytes, then RET. */
struct instruction {
	const char *name;
	u8 bytes[8];
	u8 length;
};

#define INSN(name, ...)                                              \
	{                                                            \
		name, { __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }) \
	}

/* VMX, SVM and their kin: as if there was none of them, #UD. */
static const struct instruction undefined[] = {
	INSN("vmcall", 0x0f, 0x01, 0xc1),
	INSN("vmlaunch", 0x0f, 0x01, 0xc2),
	INSN("vmresume", 0x0f, 0x01, 0xc3),
	INSN("vmxoff", 0x0f, 0x01, 0xc4),
	INSN("vmfunc", 0x0f, 0x01, 0xd4),
	INSN("vmread", 0x0f, 0x78, 0xd0),
	INSN("vmwrite", 0x0f, 0x79, 0xd0),
	INSN("vmptrld", 0x0f, 0xc7, 0x37),
	INSN("vmptrst", 0x0f, 0xc7, 0x3f),
	INSN("vmclear", 0x66, 0x0f, 0xc7, 0x37),
	INSN("vmxon", 0xf3, 0x0f, 0xc7, 0x37),
	INSN("invept", 0x66, 0x0f, 0x38, 0x80, 0x07),
	INSN("invvpid", 0x66, 0x0f, 0x38, 0x81, 0x07),
	INSN("vmrun", 0x0f, 0x01, 0xd8),
	INSN("vmmcall", 0x0f, 0x01, 0xd9),
	INSN("vmload", 0x0f, 0x01, 0xda),
	INSN("vmsave", 0x0f, 0x01, 0xdb),
	INSN("stgi", 0x0f, 0x01, 0xdc),
	INSN("clgi", 0x0f, 0x01, 0xdd),
	INSN("skinit", 0x0f, 0x01, 0xde),
	INSN("invlpga", 0x0f, 0x01, 0xdf),
	INSN("monitor", 0x0f, 0x01, 0xc8),
	INSN("mwait", 0x0f, 0x01, 0xc9),
	INSN("rsm", 0x0f, 0xaa),
	INSN("getsec", 0x0f, 0x37),
	INSN("encls", 0x0f, 0x01, 0xcf),
	INSN("enclv", 0x0f, 0x01, 0xc0),
	INSN("pconfig", 0x0f, 0x01, 0xc5),
	INSN("rdpru", 0x0f, 0x01, 0xfd),
	INSN("mcommit", 0xf3, 0x0f, 0x01, 0xfa),
	INSN("invlpgb", 0x0f, 0x01, 0xfe),
	INSN("tlbsync", 0x0f, 0x01, 0xff),
	INSN("umwait", 0xf2, 0x0f, 0xae, 0xf0),
	INSN("xsaves", 0x0f, 0xc7, 0x2f),
};

/* These may do what they do; nobody else may notice. */
static const struct instruction allowed[] = {
	INSN("wbinvd", 0x0f, 0x09),
	INSN("invd", 0x0f, 0x08),
	INSN("rdpmc", 0x0f, 0x33),
	INSN("clts", 0x0f, 0x06),
	INSN("icebp", 0xf1),
	INSN("rdtscp", 0x0f, 0x01, 0xf9),
	INSN("rdrand", 0x0f, 0xc7, 0xf0),
	INSN("swapgs", 0x0f, 0x01, 0xf8, 0x0f, 0x01, 0xf8),
	INSN("sysret", 0x0f, 0x07),
	INSN("sysexit", 0x0f, 0x35),
	INSN("ud0", 0x0f, 0xff, 0xc0),
};

static u8 code[32] __aligned(32);

static void run_code(void *arg)
{
	static u64 operand[512] __aligned(4096);

	asm volatile("call *%0"
		     :
		     : "r"(code), "D"(operand), "a"(arg), "c"(0), "d"(0)
		     : "rbx", "rsi", "r8", "r9", "r10", "r11", "memory");
}

static u64 execute(const struct instruction *in)
{
	struct fault fault;

	memcpy(code, in->bytes, in->length);
	code[in->length] = 0xc3;
	return attempt(run_code, NULL, &fault) ? VECTOR_NONE : fault.vector;
}

static u64 virtualization(struct random *rnd, u64 count)
{
	u64 vector, wrong = 0;
	u32 i;

	(void)rnd;
	(void)count;
	for (i = 0; i < ARRAY_SIZE(undefined); i++) {
		vector = execute(&undefined[i]);
		if (vector == VEC_UD)
			continue;
		say("hostile: %s gives %lu, not #UD", undefined[i].name,
		    vector);
		wrong++;
	}
	for (i = 0; i < ARRAY_SIZE(allowed); i++)
		execute(&allowed[i]);
	return ARRAY_SIZE(undefined) - wrong;
}

static void do_xsetbv(void *arg)
{
	const u64 *v = arg;

	asm volatile("xsetbv"
		     :
		     : "c"((u32)v[1]), "a"((u32)v[0]), "d"((u32)(v[0] >> 32)));
}

static u64 xsetbv_games(struct random *rnd, u64 count)
{
	struct fault fault;
	u64 i, v[2], done = 0;

	write_cr4(read_cr4() | BIT(18));
	for (i = 0; i < count; i++) {
		v[0] = random_below(rnd, 2) ? random_below(rnd, 0x400) :
					      random_value(rnd);
		v[1] = random_below(rnd, 16) == 0;
		done += attempt(do_xsetbv, v, &fault);
	}
	xsetbv(1);
	return done;
}

static void do_cr0(void *arg)
{
	write_cr0((u64)arg);
}

static void do_cr4(void *arg)
{
	write_cr4((u64)arg);
}

static void do_cr8(void *arg)
{
	asm volatile("mov %0, %%cr8" : : "r"(arg));
}

static void do_lmsw(void *arg)
{
	asm volatile("lmsw %w0" : : "r"(arg));
}

static void do_cr3(void *arg)
{
	write_cr3((u64)arg);
}

static u64 cr_games(struct random *rnd, u64 count)
{
	static void (*const to[])(void *arg) = { do_cr0, do_cr4, do_cr8,
						 do_lmsw };
	u64 i, n, value, cr0 = read_cr0(), cr4 = read_cr4(), done = 0;
	struct fault fault;

	for (i = 0; i < count; i++) {
		n = random_below(rnd, ARRAY_SIZE(to));
		value = n == 1 ? cr4 : cr0;
		if (random_below(rnd, 4) == 0)
			value = random_value(rnd);
		else
			value ^= BIT(random_below(rnd, 40));
		done += attempt(to[n], (void *)value, &fault);
		write_cr0(cr0);
		write_cr4(cr4);
		/* PCID bits of CR3 that come and go */
		if (random_below(rnd, 8) == 0)
			attempt(do_cr3,
				(void *)(read_cr3() | random_next(rnd) << 63 |
					 random_below(rnd, 0x1000)),
				&fault);
	}
	do_cr8(0);
	return done;
}

/* Each instruction traps, those that exit among them. */
static volatile u64 steps;

static INTERRUPT void on_step(struct interrupt_frame *frame)
{
	(void)frame;
	steps++;
}

static u64 single_step(struct random *rnd, u64 count)
{
	u64 i, value;

	(void)rnd;
	idt_set(1, on_step);
	steps = 0;
	for (i = 0; i < count; i++) {
		asm volatile("pushfq; orl $0x100, (%%rsp); popfq\n\t"
			     "mov $0, %%eax; cpuid; inb $0x61, %%al\n\t"
			     "mov %%ss, %%eax; mov %%eax, %%ss; cpuid\n\t"
			     "sti; cpuid; cli\n\t"
			     "mov $0x1b, %%ecx; rdmsr; wrmsr\n\t"
			     "mov (%0), %%eax\n\t"
			     "mov %%ss, %%eax; mov %%eax, %%ss\n\t"
			     "mov %%eax, (%0)\n\t"
			     "pushfq; andl $~0x100, (%%rsp); popfq"
			     :
			     : "r"(0xd0000000UL)
			     : "rax", "rbx", "rcx", "rdx", "memory");
		try_rdmsr(0x1234, &value);
	}
	return steps;
}

/* --- real mode, on the second CPU --- */

#define REAL_DONE (*(volatile u32 *)(AP_START + 0xff8))

/*
 * Whatever faults goes on at the next label.  The stack pointer counts down
 * by what each fault pushes, so it is set anew.
 */
asm(".pushsection .rodata\n"
    ".code16\n"
    "real_begin:\n"
    "cli\n"
    "xor %ax, %ax\n"
    "mov %ax, %ds\n"
    "mov %ax, %ss\n"
    "xor %bx, %bx\n"
    "1: movw $(0x8000 + (real_fault - real_begin)), (%bx)\n"
    "movw %ax, 2(%bx)\n"
    "add $4, %bx\n"
    "cmp $128, %bx\n"
    "jne 1b\n"
    ".macro try_real a, b=nop, c=nop, d=nop\n"
    "mov $0x7000, %sp\n"
    "movw $(0x8000 + (9f - real_begin)), 0x8ff0\n"
    "\\a\n\\b\n\\c\n\\d\n"
    "9: incl 0x8ff4\n"
    ".endm\n"
    "try_real \"mov $0x1234, %ecx\", \"rdmsr\"\n"
    "try_real \"mov $0x1234, %ecx\", \"wrmsr\"\n"
    "try_real \"mov $0x1b, %ecx\", \"mov $-1, %eax\", \"mov $-1, %edx\", "
    "\"wrmsr\"\n"
    "try_real \"mov $0xffffffff, %eax\", \"mov %eax, %cr4\"\n"
    "try_real \"mov $0x20000010, %eax\", \"mov %eax, %cr0\"\n"
    "try_real \"xor %ecx, %ecx\", \"xsetbv\"\n"
    "try_real \"vmcall\"\n"
    "try_real \".byte 0x0f, 0x01, 0xd8\"\n" /* VMRUN */
    "try_real \".byte 0x0f, 0x01, 0xd9\"\n" /* VMMCALL */
    "try_real \"rdpmc\"\n"
    "try_real \".byte 0xf1\"\n" /* ICEBP */
    "try_real \"int3\"\n"
    "try_real \"cpuid\"\n"
    /* QEMU's lets this pass, and is lost. */
    "try_real \"mov $0x80000000, %eax\", \"mov %eax, %cr0\"\n"
    "movl $1, 0x8ff8\n"
    "2: hlt\n"
    "jmp 2b\n"
    "real_fault:\n"
    "jmp *0x8ff0\n"
    "real_end:\n"
    ".code64\n"
    ".popsection\n");
extern const u8 real_begin[], real_end[];

static u64 real_mode(struct random *rnd, u64 count)
{
	u64 start = rdtsc();

	(void)rnd;
	memcpy((u8 *)AP_START, real_begin, (size_t)(real_end - real_begin));
	REAL_DONE = 0;
	*(volatile u32 *)(AP_START + 0xff4) = 0;
	wrmsr(X2APIC_ICR, 1UL << 32 | ICR_INIT);
	wrmsr(X2APIC_ICR, 1UL << 32 | ICR_SIPI | AP_START >> 12);
	while (!REAL_DONE && rdtsc() - start < count)
		cpu_pause();
	return *(volatile u32 *)(AP_START + 0xff4);
}

const struct attack cpu_attacks[] = {
	{ "vmx", virtualization, 0 },	   { "xsetbv", xsetbv_games, 1000 },
	{ "cr", cr_games, 2000 },	   { "step", single_step, 50 },
	{ "real", real_mode, 4000000000 }, { NULL, NULL, 0 },
};
