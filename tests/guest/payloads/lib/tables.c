// SPDX-License-Identifier: BSD-2-Clause
/* Descriptor tables, exceptions, and code that is meant to raise them. */
#include "lib/descriptors.h"
#include "lib/internal.h"
#include "lib/payload.h"

#define TSS_SELECTOR(cpu)  (0x20 + 16 * (cpu))
#define DESC_ABSENT	   0x00af1b000000ffffUL
#define DESC_CODE	   0x00af9b000000ffffUL
#define DESC_DATA	   0x00cf93000000ffffUL
#define DESC_TSS_AVAILABLE (0x89UL << 40)
#define IST_EXCEPTIONS	   1
#define EXCEPTIONS	   32
#define STUB_SIZE	   32
#define STACK_SIZE	   4096
/* Vectors that push an error code, SDM vol. 3 table 6-1. */
#define WITH_ERROR \
	(BIT(8) | 0x1fUL << 10 | BIT(17) | BIT(21) | BIT(29) | BIT(30))

/* A page of its own: what mode `eli` shadows. */
static struct gate idt[256] __aligned(4096);
static u64 gdt[4 + 2 * CPU_MAX] __aligned(16);
static struct tss tss[CPU_MAX] __aligned(16);
static u8 exception_stack[CPU_MAX][STACK_SIZE] __aligned(16);
static void (*others)(u64 vector);

/* Where attempt() stands; 0 when there is none. */
static u64 attempt_rsp;
static struct fault attempt_fault;
static u64 good_cr0, good_cr3, good_cr4, good_efer;

static void set_gate(u8 vector, u64 handler, u8 ist)
{
	idt[vector] = gate_to(handler, GATE_INTERRUPT | ist);
}

void idt_set(u8 vector, interrupt_handler *handler)
{
	set_gate(vector, (u64)handler, 0);
}

static void load_tables(u32 cpu)
{
	const struct descriptor_register idtr = { sizeof(idt) - 1, (u64)idt };
	const struct descriptor_register gdtr = { sizeof(gdt) - 1, (u64)gdt };
	u64 base = (u64)&tss[cpu];

	gdt[1] = DESC_ABSENT;
	gdt[2] = DESC_CODE;
	gdt[3] = DESC_DATA;
	gdt[4 + 2 * cpu] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 |
			   DESC_TSS_AVAILABLE | (base >> 24 & 0xff) << 56;
	gdt[5 + 2 * cpu] = base >> 32;
	tss[cpu].ist[IST_EXCEPTIONS - 1] = (u64)exception_stack[cpu] +
					   STACK_SIZE;
	tss[cpu].io_map_base = sizeof(struct tss);
	asm volatile("lgdt %0; ltr %w1; lidt %2\n\t"
		     "mov %3, %%ds; mov %3, %%es; mov %3, %%ss\n\t"
		     "mov %4, %%fs; mov %4, %%gs"
		     :
		     : "m"(gdtr), "r"(TSS_SELECTOR(cpu)), "m"(idtr),
		       "r"(DATA_SELECTOR), "r"(0)
		     : "memory");
}

static void restore(void)
{
	wrmsr(MSR_IA32_EFER, good_efer);
	write_cr4(good_cr4);
	write_cr0(good_cr0);
	write_cr3(good_cr3);
	asm volatile("mov %0, %%dr7" : : "r"(0x400UL));
	load_tables(0);
}

/* Out of attempt(), by IRET, for an NMI's sake. */
asm(".pushsection .text\n"
    "attempt_out:\n"
    "mov %rdi, %rsp\n"
    "mov %rsp, %rax\n"
    "push $0x18\n"
    "push %rax\n"
    "push $2\n"
    "push $0x10\n"
    "push $1f\n"
    "iretq\n"
    "attempt_call:\n"
    "push %rbx\n"
    "push %rbp\n"
    "push %r12\n"
    "push %r13\n"
    "push %r14\n"
    "push %r15\n"
    "mov %rsp, attempt_rsp\n"
    "mov %rdi, %rax\n"
    "mov %rsi, %rdi\n"
    "sub $8, %rsp\n"
    "call *%rax\n"
    "add $8, %rsp\n"
    "1: cld\n"
    "movq $0, attempt_rsp\n"
    "pop %r15\n"
    "pop %r14\n"
    "pop %r13\n"
    "pop %r12\n"
    "pop %rbp\n"
    "pop %rbx\n"
    "ret\n"
    ".popsection\n");
void attempt_call(void (*code)(void *arg), void *arg);
void attempt_out(u64 rsp) __noreturn;

bool attempt(void (*code)(void *arg), void *arg, struct fault *fault)
{
	attempt_fault.vector = ~0UL;
	good_cr0 = read_cr0();
	good_cr3 = read_cr3();
	good_cr4 = read_cr4();
	good_efer = rdmsr(MSR_IA32_EFER);
	attempt_call(code, arg);
	*fault = attempt_fault;
	return fault->vector == ~0UL;
}

static u32 this_cpu_number(void)
{
	u16 selector;

	asm volatile("str %0" : "=r"(selector));
	return selector < TSS_SELECTOR(0) ? 0 :
					    (selector - TSS_SELECTOR(0)) / 16U;
}

static __attribute__((used)) void __noreturn exception(u64 vector,
						       const u64 *stack)
{
	u64 rsp = this_cpu_number() ? 0 : attempt_rsp;
	bool error = vector < 64 && (WITH_ERROR & BIT(vector));

	if (!rsp)
		payload_fail("exception %lu, stack %lx %lx %lx", vector,
			     stack[0], stack[1], stack[2]);
	attempt_fault = (struct fault){ vector, error ? stack[0] : 0,
					stack[error] };
	attempt_rsp = 0;
	restore();
	attempt_out(rsp);
}

static __attribute__((used)) void other_vector(u64 vector)
{
	others(vector);
}

/* Exceptions: 32 bytes each.  Then one stub for every vector there is. */
asm(".pushsection .text\n"
    ".balign 32\n"
    "exception_stubs:\n"
    ".set vector, 0\n"
    ".rept 32\n"
    ".balign 32\n"
    "mov $vector, %edi\n"
    "mov %rsp, %rsi\n"
    "and $-16, %rsp\n"
    "cld\n"
    "call exception\n"
    ".set vector, vector + 1\n"
    ".endr\n"
    ".balign 32\n"
    "other_stubs:\n"
    ".set vector, 0\n"
    ".rept 256\n"
    ".balign 32\n"
    "push %rdi\n"
    "mov $vector, %edi\n"
    "jmp 1f\n"
    ".set vector, vector + 1\n"
    ".endr\n"
    ".balign 32\n"
    "1: push %rax\n"
    "push %rcx\n"
    "push %rdx\n"
    "push %rsi\n"
    "push %r8\n"
    "push %r9\n"
    "push %r10\n"
    "push %r11\n"
    "push %rbp\n"
    "mov %rsp, %rbp\n"
    "and $-16, %rsp\n"
    "cld\n"
    "call other_vector\n"
    "mov %rbp, %rsp\n"
    "pop %rbp\n"
    "pop %r11\n"
    "pop %r10\n"
    "pop %r9\n"
    "pop %r8\n"
    "pop %rsi\n"
    "pop %rdx\n"
    "pop %rcx\n"
    "pop %rax\n"
    "pop %rdi\n"
    "iretq\n"
    ".popsection\n");
extern const u8 exception_stubs[][STUB_SIZE], other_stubs[][STUB_SIZE];

asm(".pushsection .text\n"
    "bare_stub: iretq\n"
    ".popsection\n");
extern const u8 bare_stub[];

void idt_set_bare(u8 vector)
{
	set_gate(vector, (u64)bare_stub, IST_EXCEPTIONS);
}

u64 exception_stack_top(void)
{
	return (u64)exception_stack[0] + STACK_SIZE;
}

void idt_set_others(void (*handler)(u64 vector))
{
	u32 i;

	others = handler;
	for (i = EXCEPTIONS; i < 256; i++)
		if (!idt[i].type)
			set_gate((u8)i, (u64)other_stubs[i], 0);
}

void idt_set_from(u8 first)
{
	u32 i;

	for (i = first; i < EXCEPTIONS; i++)
		set_gate((u8)i, (u64)other_stubs[i], 0);
}

void tables_init(u32 cpu)
{
	u32 i;

	for (i = 0; !cpu && i < EXCEPTIONS; i++)
		set_gate((u8)i, (u64)exception_stubs[i], IST_EXCEPTIONS);
	load_tables(cpu);
}
