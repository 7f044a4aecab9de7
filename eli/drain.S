/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 256 interrupt stubs of 16 bytes each, for the drain: every vector a guest can
 * leave pending, 0-31 too, is taken as a plain interrupt.
 */
	.text
	.balign 16
	.globl drain_stubs
drain_stubs:
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
	call	drain_interrupt
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
