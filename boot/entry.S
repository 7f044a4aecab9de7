/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot 1 and 2 headers and the way from 32-bit protected mode without
 * paging to start() in 64-bit mode.  The code runs wherever the loader put it:
 * %ebp holds the distance from the linked physical address, a multiple of
 * 2 MiB, added to every address used before paging is on.
 *
 * docs/decisions.md: The image may be moved.
 */
#include "core/layout.h"

#define MB1_MAGIC	0x1badb002
#define MB1_FLAGS	0x00000003	/* align modules, memory information */
#define MB2_MAGIC	0xe85250d6

#define PHYS(sym)	((sym) - IMAGE_VMA)

	.section .boot.headers, "ax"
	.balign 8
mb2_start:
	.long	MB2_MAGIC, 0, mb2_end - mb2_start
	.long	-(MB2_MAGIC + (mb2_end - mb2_start))
	/* information request: memory map */
	.balign 8
	.short	1, 0
	.long	12, 6
	/* modules on page boundaries */
	.balign 8
	.short	6, 0
	.long	8
	/* relocatable: lowest, highest address, alignment, lowest first */
	.balign 8
	.short	10, 1
	.long	24, 0x200000, 0xc0000000, 0x200000, 1
	.balign 8
	.short	0, 0
	.long	8
mb2_end:

	.balign 4
	.long	MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)

	.section .boot.text, "ax"
	.code32
	.globl entry32
entry32:
	cli
	cld
	mov	%eax, %edi		/* magic, kept for start() */
	/*
	 * Find out where we are: the first dword of the information block is
	 * rewritten by the call and put back.
	 */
	mov	(%ebx), %ecx
	lea	4(%ebx), %esp
	call	1f
1:	pop	%ebp
	mov	%ecx, (%ebx)
	sub	$1b, %ebp
	mov	%ebx, %esi		/* information block */

	lea	PHYS(boot_stack_end)(%ebp), %esp
	rdtsc
	mov	%eax, PHYS(boot_entry_tsc)(%ebp)
	mov	%edx, PHYS(boot_entry_tsc) + 4(%ebp)

	/* CPUID leaf 80000001h EDX: long mode (29) and no-execute (20). */
	mov	$0x80000000, %eax
	cpuid
	cmp	$0x80000001, %eax
	jb	no_long_mode
	mov	$0x80000001, %eax
	cpuid
	bt	$29, %edx
	jnc	no_long_mode
	bt	$20, %edx
	jnc	no_long_mode
	/* Four page directories map the low 4 GiB with 2 MiB pages. */
	lea	PHYS(boot_pd)(%ebp), %ecx
	mov	$0x83, %eax
	xor	%edx, %edx
2:	mov	%eax, (%ecx, %edx, 8)
	add	$0x200000, %eax
	inc	%edx
	cmp	$2048, %edx
	jb	2b
	lea	PHYS(boot_pdpt_low)(%ebp), %edx
	or	$3, %ecx
	mov	$4, %eax
3:	mov	%ecx, (%edx)
	add	$0x1000, %ecx
	add	$8, %edx
	dec	%eax
	jnz	3b
	/* One page directory maps the top 2 GiB's first GiB to the image. */
	lea	PHYS(boot_pd_image)(%ebp), %ecx
	lea	0x83(%ebp), %eax
	xor	%edx, %edx
4:	mov	%eax, (%ecx, %edx, 8)
	add	$0x200000, %eax
	inc	%edx
	cmp	$512, %edx
	jb	4b
	lea	PHYS(boot_pdpt_high)(%ebp), %edx
	or	$3, %ecx
	mov	%ecx, 510 * 8(%edx)
	lea	PHYS(boot_pml4)(%ebp), %ecx
	or	$3, %edx
	mov	%edx, 511 * 8(%ecx)
	lea	PHYS(boot_pdpt_low) + 3(%ebp), %edx
	mov	%edx, (%ecx)
	mov	%edx, 256 * 8(%ecx)
	mov	%ecx, %cr3

	/* Nothing of the loader's, LA57 least of all: four levels. */
	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx	/* IA32_EFER: LME, NXE */
	rdmsr
	or	$0x900, %eax
	wrmsr
	mov	$(CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
	mov	%eax, %cr0

	lea	boot_gdt(%ebp), %eax
	mov	%eax, boot_gdtr + 2(%ebp)
	lgdt	boot_gdtr(%ebp)
	lea	5f(%ebp), %eax
	push	$0x08
	push	%eax
	lret

no_long_mode:
	lea	no_long_mode_text(%ebp), %esi
	mov	$0x3f8, %edx
	cld
6:	lodsb
	test	%al, %al
	jz	7f
	out	%al, %dx
	jmp	6b
7:	cli
	hlt
	jmp	7b
no_long_mode_text:
	.asciz	"ashlar: this CPU has no 64-bit mode with NX; use another\r\n"

	.balign 8
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 64-bit code, selector 08h */
	.quad	0x00cf93000000ffff	/* data, selector 10h */
boot_gdtr:
	.short	. - boot_gdt - 1
	.long	0

	.code64
5:	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$boot_stack_end, %rsp
	mov	%ebp, %edx		/* 2 GiB and more too: unsigned */
	mov	%edi, %edi
	mov	%esi, %esi
	mov	$start, %rax
	call	*%rax
	ud2

	.section .bss
	.balign 4096
	.globl boot_pml4
boot_pml4:	.skip 4096
boot_pdpt_low:	.skip 4096
boot_pdpt_high:	.skip 4096
boot_pd_image:	.skip 4096
boot_pd:	.skip 4 * 4096
boot_stack:	.skip 16384
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
