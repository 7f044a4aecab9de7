/* SPDX-License-Identifier: BSD-2-Clause */
/* The state at entry, kept for mbhello.c. */
#include "lib/multiboot.inc"

	.text
	.code32
	.globl _start
_start:
	mov	$stack_top, %esp	/* SS is flat, or nothing works */
	pushf				/* struct entry_state, from the end */
	mov	%cr0, %ecx
	push	%ecx
	mov	%ss, %ecx
	push	%ecx
	mov	%gs, %ecx
	push	%ecx
	mov	%fs, %ecx
	push	%ecx
	mov	%es, %ecx
	push	%ecx
	mov	%ds, %ecx
	push	%ecx
	mov	%cs, %ecx
	push	%ecx
	push	%ebx
	push	%eax
	push	%esp
	cld
	call	payload
1:	cli
	hlt
	jmp	1b

/* The second CPU, copied to AP_START: real mode to 32-bit code. */
#define AP_START 0x6000
	.section .rodata
	.globl	ap_begin, ap_end
	.code16
ap_begin:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	AP_START + (ap_gdt_pointer - ap_begin)
	mov	$0x11, %eax		/* ET, PE */
	mov	%eax, %cr0
	ljmpl	$0x8, $ap_start
ap_gdt_pointer:
	.word	ap_gdt_end - ap_gdt - 1
	.long	ap_gdt
ap_end:
	.balign 8
ap_gdt:
	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
ap_gdt_end:

	.text
	.code32
ap_start:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$ap_stack_top, %esp
	cld
	call	ap_payload

	/* Not in .bss: that must be all zeroes when payload() looks. */
	.section .stack, "aw"
	.balign 16
	.fill	4096
stack_top:
	.fill	4096
ap_stack_top:

	.section .note.GNU-stack, "", @progbits
