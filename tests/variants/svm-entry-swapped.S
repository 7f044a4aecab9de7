/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svm/entry.S the wrong way round: GIF is set from the exit on, the mark is
 * tested, and GIF cleared behind the test.  A kick in between is lost: it is
 * taken in root mode, and nobody looks at the mark before the next exit.
 */
	/* Once in the file: the host's TR is back. */
	.macro	cld
	stgi
	.byte	0xfc	/* CLD */
	.endm

	/* Behind the test, and again where it is clear. */
	.macro	vmload reg
	clgi
	.byte	0x0f, 0x01, 0xda	/* VMLOAD by RAX */
	.endm

#include "svm/entry.S"
