/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a piece of code with known registers, at CPL 0 or 3, until it raises an
 * exception or ends in INT PROBE_END, and shows what the processor did.  With
 * an IDT of the caller's it ends at any vector whose gate is probe_stub()'s.
 */
#ifndef PROBE_H
#define PROBE_H

#include "core/types.h"

#define PROBE_END 0x20

/* In the order of struct probe.gpr; RSP is the probe's own. */
enum {
	PROBE_RAX,
	PROBE_RBX,
	PROBE_RCX,
	PROBE_RDX,
	PROBE_RSI,
	PROBE_RDI,
	PROBE_RBP,
	PROBE_R8,
	PROBE_R9,
	PROBE_R10,
	PROBE_R11,
	PROBE_R12,
	PROBE_R13,
	PROBE_R14,
	PROBE_R15,
	PROBE_GPRS
};

struct probe {
	const void *code;
	bool user;  /* CPL 3 */
	u64 rflags; /* bits besides the one that is always set */
	u64 dr0, dr1, dr7;
	bool loaded_idt;     /* the IDT that is loaded, not the probe's */
	u64 gpr[PROBE_GPRS]; /* before and after */
	/* what came of it */
	u64 vector, error, rip, cs, pushed; /* RFLAGS */
	u64 dr6, dr7_after;
};

/* Once, before the first: tables of its own; CPL 3 may use all memory. */
void probe_init(void);
void probe_run(struct probe *p);

/*
 * What a gate leads to that ends a probe.  Vectors with an error code expect
 * one on the stack.
 */
u64 probe_stub(u8 vector);

/* A selector, for any CPL, whose segment is not present. */
#define PROBE_ABSENT_SELECTOR 0x08

#endif
