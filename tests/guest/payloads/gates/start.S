/* SPDX-License-Identifier: BSD-2-Clause */
/* 256 entry points, and what C can't do. */
#include "lib/multiboot.inc"

#define REAL_START 0x6000
#define REAL(x)	   (REAL_START + (x) - real_begin)

	.text
	.code32
	.globl _start
_start:
	mov	$stack_top, %esp
	lgdt	gdt_pointer
	ljmp	$0x8, $1f
1:	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	push	%ebx
	cld
	call	payload
	ud2

	/* taken(vector), which does not return where there is an error code. */
	.balign 16
	.globl	stubs
stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	pushal
	mov	$vector, %eax
	jmp	1f
	.set	vector, vector + 1
	.endr
1:	push	%eax
	cld
	call	taken
	pop	%eax
	popal
	iret

	/* paging_on(cr3, cr4) */
	.globl	paging_on, paging_off
paging_on:
	mov	8(%esp), %eax
	mov	%eax, %cr4
	mov	4(%esp), %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	ret

	/* paging_refused(cr3, cr4, cr0 bits): was that #GP? */
	.globl	paging_refused, on_refusal
paging_refused:
	mov	8(%esp), %eax
	mov	%eax, %cr4
	mov	4(%esp), %eax
	mov	%eax, %cr3
	mov	%esp, saved_esp
	mov	%cr0, %eax
	or	12(%esp), %eax
	mov	%eax, %cr0
	xor	%eax, %eax
	ret
on_refusal:				/* its gate */
	mov	saved_esp, %esp
	mov	$1, %eax
	ret

paging_off:
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	ret

	/* To what is at REAL_START, and back. */
	.globl	real_mode
real_mode:
	pushal
	mov	%esp, saved_esp
	ljmp	$0x18, $REAL(real_enter)
real_back:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	saved_esp, %esp
	popal
	ret

	/* Copied there. */
	.section .rodata
	.globl	real_begin, real_end, real_wanted, real_delay, real_ticks
	.globl	real_strays, real_on_tick, real_on_stray
	.code16
real_begin:
real_enter:				/* 16-bit protected mode */
	mov	$0x20, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$0xfffffffe, %eax
	mov	%eax, %cr0
	ljmp	$0, $REAL(1f)
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$REAL_START, %sp
	sti
2:	mov	REAL(real_ticks), %esi
	mov	$0x838, %ecx		/* initial count */
	mov	REAL(real_delay), %eax
	xor	%edx, %edx
	wrmsr
3:	cmp	REAL(real_ticks), %esi
	je	3b
	decl	REAL(real_wanted)
	jnz	2b
	cli
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$0x8, $real_back

real_on_tick:
	pushal
	incl	REAL(real_ticks)
	jmp	4f
real_on_stray:
	pushal
	incl	REAL(real_strays)
4:	mov	$0x80b, %ecx		/* EOI */
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	popal
	iret

	.balign	4
real_wanted:
	.long	0
real_delay:
	.long	0
real_ticks:
	.long	0
real_strays:
	.long	0
real_end:

	.balign	8
gdt:
	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
	.quad	0x00009b000000ffff, 0x000093000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.bss
	.balign	16
saved_esp:
	.long	0
	.balign	16
	.skip	8192
stack_top:

	.section .note.GNU-stack, "", @progbits
