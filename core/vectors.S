/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/gprs.inc"
#include "core/layout.h"

	.text
	.balign 16
	.globl trap_stubs
	/*
 * 32 stubs of 16 bytes; those without an error code push a 0.
 *
 * docs/decisions.md: The NMI handler does next to nothing.
 */
trap_stubs:
	.set	vec, 0
	.rept	32
	.balign 16
	.if (vec != 8) && ((vec < 10) || (vec > 14)) && (vec != 17) && \
	    (vec != 21) && (vec != 29) && (vec != 30)
	push	$0
	.endif
	push	$vec
	jmp	1f
	.set	vec, vec + 1
	.endr
	.balign 16
1:	push_r15_to_rbp
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rax
	mov	%rsp, %rdi
	cld
	call	trap_handler
	ud2

	/*
	 * NMI: set the mark, let the preemption timer end the guest's next run
	 * before it begins, and if the core was about to sleep, do not.
	 */
	.globl nmi_entry
	.balign 16
nmi_entry:
	push	%rax
	push	%rcx
	movl	$1, this_cpu + PERCPU_KICK_MARK
	cmpl	$0, this_cpu + PERCPU_VMX_ROOT
	je	2f
	mov	$VMCS_PREEMPTION_TIMER_VALUE, %eax
	xor	%ecx, %ecx
	vmwrite	%rcx, %rax
2:	mov	16(%rsp), %rax
	cmp	$cpu_idle, %rax
	jb	3f
	cmp	$cpu_wait_end, %rax
	jae	3f
	movq	$cpu_wait_end, 16(%rsp)
3:	pop	%rcx
	pop	%rax
	iretq

	/*
	 * void cpu_idle(void): sleeps until an NMI, unless one has been.
	 * void cpu_wait(void): or until an interrupt.
	 */
	.globl cpu_idle, cpu_wait
	.balign 16
cpu_idle:
	cmpl	$0, this_cpu + PERCPU_KICK_MARK
	jne	cpu_wait_end
	hlt
	jmp	cpu_wait_end
cpu_wait:
	cmpl	$0, this_cpu + PERCPU_KICK_MARK
	jne	cpu_wait_end
	sti
	hlt
cpu_wait_end:
	cli
	ret

	/* void cpu_leave(void (*loop)(void)): calls it on an empty stack. */
	.globl cpu_leave
cpu_leave:
	mov	$(this_cpu + PERCPU_STACK_END), %rsp
	call	*%rdi
	ud2

	/* Where the trampoline calls: on to the core's own tables and stack. */
	.globl ap_entry
ap_entry:
	mov	ap_cr3(%rip), %rax
	mov	%rax, %cr3
	mov	$(this_cpu + PERCPU_STACK_END), %rsp
	call	ap_main
	ud2

	.section .note.GNU-stack, "", @progbits
