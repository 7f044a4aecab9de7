/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmx/entry.S the wrong way round: the mark is tested first, and the VMCS made
 * ready behind the test.  A kick in between is lost: its 0 in the preemption
 * timer is overwritten, and nobody looks at the mark before the next exit.
 */
#include "core/layout.h"

	/* The registers' places on the stack are free by now. */
	.macro	vmresume
	push	%rax
	push	%rcx
	mov	$VMCS_PREEMPTION_TIMER_VALUE, %eax
	mov	$0xffffffff, %ecx
	vmwrite	%rcx, %rax
	pop	%rcx
	pop	%rax
	.byte	0x0f, 0x01, 0xc3	/* VMRESUME */
	.endm

#include "vmx/entry.S"
