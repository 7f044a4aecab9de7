/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way into the guest and out of it.
 *
 * Entry: everything that writes the VMCS has run; the mark is tested, the
 * registers are loaded, the guest entered.  An NMI that comes after the test
 * sets the preemption timer to 0 in its handler, so that the guest is left
 * again before its first instruction: no kick is lost.
 *
 * Exit: HOST_RSP is the end of this_cpu.regs, so that the pushes fill it.
 */
#include "core/layout.h"

	.text
	.balign 16
	.globl vmx_exit_entry
vmx_exit_entry:
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
	sub	$8, %rsp		/* RSP is in the VMCS */
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rax
	call	vmx_handle_exit

	/* void vmx_enter(u64 launched), in %rax when coming from above */
1:	cmpl	$0, this_cpu + PERCPU_KICK_MARK
	jne	3f
	test	%rax, %rax
	mov	$(this_cpu + PERCPU_REGS), %rsp
	pop	%rax
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
	jz	2f
	vmresume
	jmp	4f
2:	vmlaunch
4:	mov	$(this_cpu + PERCPU_REGS), %rsp
	call	vmx_entry_failed
	ud2
3:	call	vmx_handle_kick
	jmp	1b

	.globl vmx_enter
vmx_enter:
	mov	%rdi, %rax
	mov	$(this_cpu + PERCPU_REGS), %rsp
	jmp	1b

	.section .note.GNU-stack, "", @progbits
