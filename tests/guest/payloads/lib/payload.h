/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine as a payload uses it: one CPU, long mode, the low 4 GiB mapped
 * one to one, interrupts off at the start.  A payload is one C file:
 *
 *	PAYLOAD("hello")
 *	{
 *		payload_ok("nothing else to say");
 *	}
 *
 * It prints one result line, `payload NAME: ok TEXT` or `payload NAME: FAIL
 * TEXT`, and powers the machine off.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "core/io.h"
#include "core/lib.h"
#include "core/types.h"
#include "core/x86.h"

#define PAYLOAD(name)                     \
	const char payload_name[] = name; \
	void payload_main(void)

/* --- defined by the payload --- */

extern const char payload_name[];
/* Must end in a result; returning is one, too: FAIL. */
void payload_main(void);

/* --- called by the start file, with the kernel command line or NULL --- */

void __noreturn payload_run(const char *cmdline);

/* --- results; interrupts may be on or off --- */

void __noreturn payload_ok(const char *fmt, ...) __printf(1, 2);
void __noreturn payload_fail(const char *fmt, ...) __printf(1, 2);

/* A line on COM1, at most 200 characters; waits until it is sent. */
void say(const char *fmt, ...) __printf(1, 2);

/* The byte on port 5E9h: a mark in Ashlar's log, nothing on bare metal. */
void mark(u8 byte);

/* The value of `key=N` on the command line, decimal; else `otherwise`. */
u64 cmdline_number(const char *key, u64 otherwise);

/* --- interrupts --- */

/* What the processor pushes, SDM vol. 3 figure 6-9 */
struct interrupt_frame {
	u64 rip, cs, rflags, rsp, ss;
};
typedef void interrupt_handler(struct interrupt_frame *frame);
/* A handler is declared so, and saves all that it uses. */
#define INTERRUPT __attribute__((interrupt))

/*
 * From payload_run on every exception is a FAIL with its vector.  Vectors
 * without an error code only.
 */
void idt_set(u8 vector, interrupt_handler *handler);

static inline void interrupts_on(void)
{
	asm volatile("sti" : : : "memory");
}

static inline void interrupts_off(void)
{
	asm volatile("cli" : : : "memory");
}

/* --- x2APIC, SDM vol. 3 section 11.12 --- */

#define X2APIC_MSR(reg) (0x800U + (reg))
#define X2APIC_ID	X2APIC_MSR(0x02)
#define X2APIC_TPR	X2APIC_MSR(0x08)
#define X2APIC_EOI	X2APIC_MSR(0x0b)
#define X2APIC_SVR	X2APIC_MSR(0x0f)
#define X2APIC_ICR	X2APIC_MSR(0x30)

/* By IA32_APIC_BASE and SVR; the spurious vector is FFh.  Returns the id. */
u32 x2apic_enable(void);

static inline void x2apic_eoi(void)
{
	wrmsr(X2APIC_EOI, 0);
}

/* --- figures --- */

struct stat {
	u64 count, sum, min, max;
};

void stat_add(struct stat *s, u64 value);
/* 0 where nothing was added. */
u64 stat_average(const struct stat *s);

#endif
