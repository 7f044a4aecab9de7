/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 256 interrupt stubs of 16 bytes each: the host's IDT uses those from 32 up,
 * the drain all of them, since a guest can leave any vector pending.
 */
	.text
	.balign 16
	.globl interrupt_stubs
interrupt_stubs:
	.set	vec, 0
	.rept	256
	.balign 16
	push	$vec
	jmp	1f
	.set	vec, vec + 1
	.endr
	.balign 16
1:	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	lea	72(%rsp), %rdi
	cld
	call	interrupt_taken
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$8, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
