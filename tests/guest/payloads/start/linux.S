/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A payload as a bzImage with a 64-bit entry (Linux,
 * Documentation/arch/x86/boot.rst): two setup sectors with the header, then
 * the code at pref_address, entered in long mode at offset 200h with the low
 * 4 GiB mapped one to one and boot_params at %rsi.  It may have been loaded
 * elsewhere: then the addresses in mkpayload's list are put right.  Boot
 * loaders of bare machines enter at offset 0 in 32-bit mode, at the address it
 * is linked for.
 */
#define BP_CMD_LINE_PTR 0x228
#define PTE_TABLE	0x003	/* present, writable */
#define PDE_2M		0x083	/* and a leaf */
#define LINK_ADDRESS	0x1000000 /* payload_start of payload.lds */

	.section .setup, "a", @progbits
setup:
	.org	0x1f1
	.byte	1		/* setup_sects: one behind the boot sector */
	.word	0		/* root_flags */
	.long	payload_paragraphs /* syssize */
	.word	0		/* ram_size */
	.word	0xffff		/* vid_mode: normal */
	.word	0		/* root_dev */
	.word	0xaa55		/* boot_flag */
	.byte	0xeb, header_end - 1f
1:	.ascii	"HdrS"
	.word	0x20f		/* version 2.15 */
	.long	0		/* realmode_swtch */
	.word	0		/* start_sys_seg */
	.word	0		/* kernel_version: none */
	.byte	0		/* type_of_loader */
	.byte	1		/* loadflags: LOADED_HIGH */
	.word	0		/* setup_move_size */
	.long	0x100000	/* code32_start: where the loader puts it */
	.long	0, 0		/* ramdisk_image, ramdisk_size */
	.long	0		/* bootsect_kludge */
	.word	0		/* heap_end_ptr */
	.byte	0, 0		/* ext_loader_ver, ext_loader_type */
	.long	0		/* cmd_line_ptr */
	.long	0x7fffffff	/* initrd_addr_max */
	.long	0x200000	/* kernel_alignment */
	.byte	1		/* relocatable_kernel: GRUB then asks for
				   pref_address */
	.byte	21		/* min_alignment, a power of 2 */
	.word	1		/* xloadflags: XLF_KERNEL_64 */
	.long	1023		/* cmdline_size */
	.long	0		/* hardware_subarch */
	.quad	0		/* hardware_subarch_data */
	.long	0, 0		/* payload_offset, payload_length */
	.quad	0		/* setup_data */
	.quad	payload_start	/* pref_address */
	.long	payload_size	/* init_size */
header_end:
	.org	0x264		/* where init_size ends, by boot.rst */
	.org	0x400

	.section .head, "ax", @progbits
	.code32
entry_32:
	cli
	cld
	/* Nobody here takes the interrupts that the firmware had from it. */
	mov	$0xff, %al
	out	%al, $0x21
	out	%al, $0xa1
	mov	$tables, %edi
	xor	%eax, %eax
	mov	$(2 * 4096 / 4), %ecx
	rep stosl
	movl	$(tables + 0x1000 + PTE_TABLE), tables
	mov	$(tables + 0x2000 + PTE_TABLE), %eax
	mov	$(tables + 0x1000), %edx
1:	mov	%eax, (%edx)
	add	$0x1000, %eax
	add	$8, %edx
	cmp	$(tables + 0x1000 + 4 * 8), %edx
	jne	1b
	mov	$PDE_2M, %eax
2:	mov	%eax, (%edi)
	movl	$0, 4(%edi)
	add	$8, %edi
	add	$0x200000, %eax
	jnc	2b
	mov	$tables, %eax
	mov	%eax, %cr3
	mov	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	$0x80000011, %eax	/* PG, ET, PE */
	mov	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$0x10, $3f
	.code64
3:	mov	%esi, %esi
	jmp	entry_64

	.org	0x200
	.code64
	.globl	entry_64
entry_64:
	cli
	cld
	lea	entry_32(%rip), %rbp
	mov	%rbp, %rdx
	sub	$LINK_ADDRESS, %rdx
	jz	4f
	lea	relocations(%rip), %rdi
	mov	(%rdi), %ecx
1:	add	$4, %rdi
	mov	(%rdi), %eax
	btr	$31, %eax
	jc	2f
	add	%edx, (%rbp, %rax)
	jmp	3f
2:	add	%rdx, (%rbp, %rax)
3:	dec	%ecx
	jnz	1b
4:
	mov	$stack_top, %esp
	mov	%rsi, %rbx
	mov	$bss_start, %edi
	mov	$bss_end, %ecx
	sub	%edi, %ecx
	xor	%eax, %eax
	rep	stosb
	/* Selectors of our own: the loader's GDT may be anywhere. */
	lgdt	gdt_pointer
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	push	$0x10
	push	$1f
	lretq
1:	mov	BP_CMD_LINE_PTR(%rbx), %edi
	mov	%rbx, %rsi
	call	payload_run
	ud2

	.section .rodata
	.balign	8
gdt:
	.quad	0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.quad	gdt

	/* Of the 32-bit entry: PML4, PDPT, four page directories. */
	.section .tables, "aw", @nobits
	.balign	4096
tables:
	.skip	6 * 4096

	.bss
	.balign	16
	.skip	0x4000
stack_top:

	.section .note.GNU-stack, "", @progbits
