/* SPDX-License-Identifier: BSD-2-Clause */
/* The Multiboot header, and the state at entry kept for mbhello.c. */
	.section .head, "a"
	.balign 4
	.long 0x1badb002		/* magic */
	.long 3				/* page-aligned modules, memory */
	.long -(0x1badb002 + 3)

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

	/* Not in .bss: that must be all zeroes when payload() looks. */
	.section .stack, "aw"
	.balign 16
	.fill	4096
stack_top:

	.section .note.GNU-stack, "", @progbits
