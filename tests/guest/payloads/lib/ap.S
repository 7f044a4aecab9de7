/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a started CPU begins: real mode at AP_START.  It takes over the page
 * tables of the CPU that started it and goes to ap_entry() in 64-bit mode.
 */
#include "lib/ap.h"

	.section .rodata
	.balign	16
	.globl	ap_begin, ap_end
	.code16
ap_begin:
	cli
	cld
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	AP_START + (ap_gdt_pointer - ap_begin)
	mov	AP_START + (ap_cr3 - ap_begin), %eax
	mov	%eax, %cr3
	mov	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	$0x80000011, %eax	/* PG, ET, PE */
	mov	%eax, %cr0
	ljmpl	$0x10, $(AP_START + (1f - ap_begin))
	.code64
1:	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	AP_START + (ap_stack - ap_begin), %rsp
	mov	$ap_entry, %rax
	call	*%rax
	ud2

	.balign	8
ap_gdt:
	.quad	0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff
ap_gdt_pointer:
	.word	. - ap_gdt - 1
	.long	AP_START + (ap_gdt - ap_begin)
	.balign	8
	.globl	ap_cr3, ap_stack
ap_cr3:
	.quad	0
ap_stack:
	.quad	0
ap_end:

	.section .note.GNU-stack, "", @progbits
