// SPDX-License-Identifier: BSD-2-Clause
#include "lib/probe.h"
#include "lib/descriptors.h"
#include "lib/payload.h"

#define USER_DATA_SELECTOR 0x23
#define USER_CODE_SELECTOR 0x2b
#define TSS_SELECTOR	   0x30

#define STACK_SIZE  4096
#define STUB_SIZE   16
#define VECTORS	    (PROBE_END + 1)
#define PTE_PRESENT BIT(0)
#define PTE_USER    BIT(2)
#define PTE_LARGE   BIT(7)
#define PTE_ADDRESS 0x000ffffffffff000UL
#define DR6_NONE    0xffff0ff0UL
#define DR7_NONE    0x400UL

static u64 gdt[8] = {
	[1] = 0x00cf73000000ffff, [2] = 0x00af9b000000ffff,
	[3] = 0x00cf93000000ffff, [4] = 0x00cff3000000ffff,
	[5] = 0x00affb000000ffff,
};
static struct tss tss;
static struct gate idt[VECTORS] __aligned(16);
static u8 stack[STACK_SIZE] __aligned(16);
static u8 kernel_stack[STACK_SIZE] __aligned(16);
static u8 other_stack[STACK_SIZE] __aligned(16);

/* For the code below. */
u64 probe_gpr[PROBE_GPRS];
u64 probe_frame[5]; /* RIP CS RFLAGS RSP SS, for IRET and from exceptions */
u64 probe_vector, probe_error, probe_rsp;
void probe_enter(void);
extern const u8 probe_stubs[][STUB_SIZE];

#define LOAD(reg)     "pop %" #reg "\n"
#define STORE(reg, n) "mov %" #reg ", probe_gpr + 8 * " #n "\n"

asm(".pushsection .text\n"
    "probe_enter:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n"
    "push %r15\n"
    "mov %rsp, probe_rsp\n"
    "mov $probe_gpr, %esp\n" LOAD(rax) LOAD(rbx) LOAD(rcx) LOAD(rdx) LOAD(
	    rsi) LOAD(rdi) LOAD(rbp) LOAD(r8) LOAD(r9) LOAD(r10) LOAD(r11)
	    LOAD(r12) LOAD(r13) LOAD(r14) LOAD(
		    r15) "mov $probe_frame, %esp\n"
			 "iretq\n"
			 ".balign 16\n"
			 "probe_stubs:\n"
			 ".set vector, 0\n"
			 ".rept 256\n"
			 ".balign 16\n"
			 ".if (vector != 8) && ((vector < 10) || (vector > "
			 "14)) && "
			 "(vector != 17) && (vector != 21)\n"
			 "push $0\n"
			 ".endif\n"
			 "push $vector\n"
			 "jmp probe_leave\n"
			 ".set vector, vector + 1\n"
			 ".endr\n"
			 "probe_leave:\n" STORE(rax, 0) STORE(rbx, 1) STORE(
				 rcx, 2) STORE(rdx, 3) STORE(rsi, 4) STORE(rdi,
									   5)
				 STORE(rbp, 6) STORE(r8, 7) STORE(r9, 8) STORE(
					 r10, 9) STORE(r11, 10) STORE(r12, 11)
					 STORE(r13, 12) STORE(r14, 13) STORE(
						 r15,
						 14) "popq probe_vector\n"
						     "popq probe_error\n"
						     "popq probe_frame\n popq "
						     "probe_frame + 8\n popq "
						     "probe_frame + 16\n"
						     "popq probe_frame + 24\n "
						     "popq probe_frame + 32\n"
						     "mov probe_rsp, %rsp\n"
						     "cld\n"
						     "pop %r15\n pop %r14\n "
						     "pop %r13\n pop %r12\n "
						     "pop %rbp\n pop %rbx\n"
						     "ret\n"
						     ".popsection\n");

static void allow_user(u64 *table, u32 level)
{
	u32 i;

	for (i = 0; i < 512; i++) {
		if (!(table[i] & PTE_PRESENT))
			continue;
		table[i] |= PTE_USER;
		if (level > 1 && !(table[i] & PTE_LARGE))
			allow_user((u64 *)(table[i] & PTE_ADDRESS), level - 1);
	}
}

u64 probe_stub(u8 vector)
{
	return (u64)probe_stubs[vector];
}

static void init_idt(void)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		idt[i] = gate_to(probe_stub((u8)i), GATE_INTERRUPT | GATE_USER);
}

void probe_init(void)
{
	const struct descriptor_register gdtr = { sizeof(gdt) - 1, (u64)gdt };
	u64 base = (u64)&tss;

	tss.rsp[0] = (u64)kernel_stack + STACK_SIZE;
	tss.ist[0] = (u64)other_stack + STACK_SIZE;
	tss.io_map_base = sizeof(tss);
	gdt[6] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89UL << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[7] = base >> 32;
	asm volatile("lgdt %0; ltr %w1" : : "m"(gdtr), "r"(TSS_SELECTOR));
	init_idt();
	allow_user((u64 *)(read_cr3() & PTE_ADDRESS), 4);
	write_cr3(read_cr3());
}

static void set_debug(const struct probe *p)
{
	asm volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr6\n\t"
		     "mov %3, %%dr7"
		     :
		     : "r"(p->dr0), "r"(p->dr1), "r"(DR6_NONE),
		       "r"(p->dr7 | DR7_NONE));
}

static void get_debug(struct probe *p)
{
	asm volatile("mov %%dr6, %0" : "=r"(p->dr6));
	asm volatile("mov %%dr7, %0" : "=r"(p->dr7_after));
	asm volatile("mov %0, %%dr7" : : "r"(DR7_NONE));
}

void probe_run(struct probe *p)
{
	const struct descriptor_register own = { sizeof(idt) - 1, (u64)idt };
	struct descriptor_register saved;

	memcpy(probe_gpr, p->gpr, sizeof(probe_gpr));
	probe_frame[0] = (u64)p->code;
	probe_frame[1] = p->user ? USER_CODE_SELECTOR : CODE_SELECTOR;
	probe_frame[2] = p->rflags | RFLAGS_FIXED;
	probe_frame[3] = (u64)stack + STACK_SIZE;
	probe_frame[4] = p->user ? USER_DATA_SELECTOR : DATA_SELECTOR;
	asm volatile("sidt %0" : "=m"(saved));
	if (!p->loaded_idt)
		asm volatile("lidt %0" : : "m"(own));
	set_debug(p);
	probe_enter();
	/* Null, after an exception at CPL 3. */
	asm volatile("mov %0, %%ss" : : "r"(DATA_SELECTOR));
	get_debug(p);
	if (!p->loaded_idt)
		asm volatile("lidt %0" : : "m"(saved));
	memcpy(p->gpr, probe_gpr, sizeof(probe_gpr));
	p->vector = probe_vector;
	p->error = probe_error;
	p->rip = probe_frame[0];
	p->cs = probe_frame[1];
	p->pushed = probe_frame[2];
}
