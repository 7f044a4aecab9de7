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
#include "core/gprs.inc"
#include "core/layout.h"

	.text
	.balign 16
	.globl vmx_exit_entry
vmx_exit_entry:
	push_guest_regs
	push	%rax
	call	vmx_handle_exit

	/* void vmx_enter(u64 launched), in %rax when coming from above */
1:	cmpl	$0, this_cpu + PERCPU_KICK_MARK
	jne	3f
	test	%rax, %rax
	mov	$(this_cpu + PERCPU_REGS), %rsp
	pop	%rax
	pop_guest_regs
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
