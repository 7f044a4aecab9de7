// SPDX-License-Identifier: BSD-2-Clause
/*
 * Exceptions whose delivery raises the same exception again: without an
 * intercept the processor is never between two instructions any more.
 */
#include "hostile/hostile.h"
#include "lib/ap.h"

/*
 * CVE-2015-8104: the delivery of #DB writes to where a data breakpoint is,
 * which causes a #DB, without an instruction in between.
 */
static u64 db_loop(struct random *rnd, u64 count)
{
	u64 top = exception_stack_top();

	(void)rnd;
	(void)count;
	on_its_way();
	asm volatile("mov %0, %%dr0; mov %1, %%dr1\n\t"
		     "mov %2, %%dr2; mov %3, %%dr3"
		     :
		     : "r"(top - 8), "r"(top - 16), "r"(top - 24),
		       "r"(top - 32));
	idt_set_bare(1);
	/* Four write breakpoints of 8 bytes. */
	asm volatile("mov %0, %%dr7" : : "r"(0x999905ffUL));
	for (;;)
		asm volatile("int3; .byte 0xf1"); /* ICEBP */
	return 0;
}

/*
 * CVE-2015-5307: an #AC handler in ring 3, whose stack is misaligned, so that
 * the delivery of #AC raises #AC.  Only 32-bit code has such stacks: 64-bit
 * interrupts align theirs.  On the second CPU.
 */
#define AC_PASSED (*(volatile u32 *)(AP_START + 0xff0))
#define AC_TAKEN  (*(volatile u32 *)(AP_START + 0xff4))
#define AC_WAIT	  20000000UL

asm(".pushsection .rodata\n"
    ".code16\n"
    "ac_begin:\n"
    "cli\n"
    "xor %ax, %ax\n"
    "mov %ax, %ds\n"
    "lgdtl 0x8000 + (3f - ac_begin)\n"
    "lidtl 0x8000 + (4f - ac_begin)\n"
    "mov $0x40011, %eax\n" /* AM, ET, PE */
    "mov %eax, %cr0\n"
    "ljmpl $0x8, $(0x8000 + (1f - ac_begin))\n"
    ".code32\n"
    "1: mov $0x23, %eax\n"
    "mov %eax, %ds\n"
    "mov $0x10, %eax\n"
    "mov %eax, %ss\n"
    "mov $0x8f00, %esp\n"
    "pushl $0x23\n"
    "pushl $0x8e01\n"
    "pushl $0x40002\n" /* EFLAGS.AC */
    "pushl $0x1b\n"
    "pushl $(0x8000 + (2f - ac_begin))\n"
    "iretl\n"
    "2: incl 0x8e01\n"
    "movl $1, 0x8ff0\n"
    "jmp 2b\n"
    "5: movl $1, 0x8ff4\n"
    "jmp 5b\n"
    ".balign 8\n"
    "6: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
    ".quad 0x00cffb000000ffff, 0x00cff3000000ffff\n"
    "3: .word . - 6b - 1\n"
    ".long 0x8000 + (6b - ac_begin)\n"
    "4: .word 8 * 18 - 1\n"
    ".long 0x8000 + (7f - ac_begin)\n"
    ".balign 8\n"
    "7: .skip 8 * 17\n"
    ".word 0x8000 + (5b - ac_begin), 0x1b, 0x8e00, 0\n"
    "ac_end:\n"
    ".code64\n"
    ".popsection\n");
extern const u8 ac_begin[], ac_end[];

static u64 ac_loop(struct random *rnd, u64 count)
{
	u64 start;

	(void)rnd;
	(void)count;
	memcpy((u8 *)AP_START, ac_begin, (size_t)(ac_end - ac_begin));
	AC_PASSED = 0;
	AC_TAKEN = 0;
	wrmsr(X2APIC_ICR, 1UL << 32 | ICR_INIT);
	wrmsr(X2APIC_ICR, 1UL << 32 | ICR_SIPI | AP_START >> 12);
	start = rdtsc();
	while (rdtsc() - start < AC_WAIT)
		cpu_pause();
	if (AC_PASSED)
		say("hostile: this CPU checks no alignment");
	if (AC_TAKEN)
		say("hostile: an #AC on a misaligned stack is delivered");
	on_its_way();
	for (;;)
		cpu_pause();
	return 0;
}

const struct attack loop_attacks[] = {
	{ "db", db_loop, 0 },
	{ "ac", ac_loop, 0 },
	{ NULL, NULL, 0 },
};
