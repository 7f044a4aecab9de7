/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a CPU wakes after SIPI: copied to a page below 1 MiB, it goes from real
 * mode straight to 64-bit mode on the boot page tables and jumps to ap_entry.
 * Position-independent: addresses are offsets from the page's start, which CS
 * gives.
 */
#include "core/layout.h"

	.section .rodata
	.balign 16
	.code16
	.globl trampoline_start, trampoline_end, trampoline_cr3
	.globl trampoline_stack
trampoline_start:
	cli
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	movzwl	%ax, %ebx
	shl	$4, %ebx		/* linear address of the page */
	lea	(tramp_gdt - trampoline_start)(%ebx), %eax
	mov	%eax, tramp_gdtr + 2 - trampoline_start
	lea	(tramp_64 - trampoline_start)(%ebx), %eax
	mov	%eax, tramp_far - trampoline_start

	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	trampoline_cr3 - trampoline_start, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x900, %eax
	wrmsr
	lgdtl	tramp_gdtr - trampoline_start
	mov	$(CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
	mov	%eax, %cr0
	ljmpl	*(tramp_far - trampoline_start)

	.code64
tramp_64:
	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	trampoline_stack(%rip), %rsp
	mov	$ap_entry, %rax
	call	*%rax
	ud2

	.balign 8
tramp_gdt:
	.quad	0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
tramp_gdtr:
	.short	. - tramp_gdt - 1
	.long	0
tramp_far:
	.long	0
	.short	SEL_CODE
	.balign 8
trampoline_cr3:
	.quad	0
trampoline_stack:
	.quad	0
trampoline_end:

	.section .note.GNU-stack, "", @progbits
