/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way into the guest and out of it.
 *
 * GIF is clear from the test of the mark to VMRUN: an NMI that comes in between
 * stays pending and ends the guest's run before its first instruction, so no
 * kick is lost.  After #VMEXIT GIF is clear again, all through the handler.
 *
 * IF is set at VMRUN for guests that run with V_INTR_MASKING, where it stands
 * for theirs before external interrupts.  The shadow of STI is over by then, or
 * an exit before the guest's first instruction would call it the guest's.
 *
 * RSP at VMRUN is the end of this_cpu.regs, so that the pushes fill it.  RAX is
 * in the VMCB.
 */
#include "core/gprs.inc"
#include "core/layout.h"

	.text
	.balign 16
	.globl svm_enter
svm_enter:
	clgi
1:	cmpl	$0, this_cpu + PERCPU_KICK_MARK
	jne	2f
	mov	$(this_cpu + PERCPU_REGS + 8), %rsp
	pop_guest_regs
	mov	this_cpu + PERCPU_VMCB_PA, %rax
	sti
	vmload	%rax
	vmrun	%rax
	cli
	vmsave	%rax
	push_guest_regs
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
