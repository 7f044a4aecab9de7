/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way into the guest and out of it.
 *
 * GIF is clear from the test of the mark to VMRUN: an NMI that comes in between
 * stays pending and ends the guest's run before its first instruction, so no
 * kick is lost.  After #VMEXIT GIF is clear again, all through the handler.
 *
 * RSP at VMRUN is the end of this_cpu.regs, so that the pushes fill it.  RAX is
 * in the VMCB.
 */
#include "core/layout.h"

	.text
	.balign 16
	.globl svm_enter
svm_enter:
	clgi
1:	cmpl	$0, this_cpu + PERCPU_KICK_MARK
	jne	2f
	mov	$(this_cpu + PERCPU_REGS + 8), %rsp
	pop	%rcx
	pop	%rdx
	pop	%rbx
	lea	8(%rsp), %rsp
	pop	%rbp
	pop	%rsi
	pop	%rdi
	pop	%r8
	pop	%r9
	pop	%r10
	pop	%r11
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	mov	this_cpu + PERCPU_VMCB_PA, %rax
	vmload	%rax
	vmrun	%rax
	vmsave	%rax
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%r11
	push	%r10
	push	%r9
	push	%r8
	push	%rdi
	push	%rsi
	push	%rbp
	sub	$8, %rsp
	push	%rbx
	push	%rdx
	push	%rcx
	sub	$8, %rsp
	/* The host's TR: an NMI needs its stack. */
	mov	this_cpu + PERCPU_HOST_VMCB_PA, %rax
	vmload	%rax
	cld
	call	svm_handle_exit
	jmp	1b
2:	call	svm_handle_kick
	jmp	1b

	.section .note.GNU-stack, "", @progbits
