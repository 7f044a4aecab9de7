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

/* --- called by the start file --- */

/* The kernel command line or NULL; boot_params (boot.rst). */
void __noreturn payload_run(const char *cmdline, const u8 *boot_params);

/* --- results; interrupts may be on or off --- */

void __noreturn payload_ok(const char *fmt, ...) __printf(1, 2);
void __noreturn payload_fail(const char *fmt, ...) __printf(1, 2);

/* A line on COM1, at most 200 characters; waits until it is sent. */
void say(const char *fmt, ...) __printf(1, 2);

/* The byte on port 5E9h: a mark in Ashlar's log, nothing on bare metal. */
void mark(u8 byte);

/* The value of `key=N` on the command line, decimal; else `otherwise`. */
u64 cmdline_number(const char *key, u64 otherwise);
/* Does the command line have the word `key=word`? */
bool cmdline_is(const char *key, const char *word);
/* N if text begins with a decimal number, else `otherwise`. */
u64 parse_number(const char *text, u64 otherwise);

/* --- the console's input: COM1, polled --- */

/*
 * A line typed, without its end, once it is whole: true.  False: not yet.  What
 * does not fit is left out.
 */
bool console_line(char *line, size_t size);

/* --- memory --- */

struct ram {
	u64 base, size;
	u32 type; /* 1: RAM */
} __packed;
/* Entry n of the memory map, NULL behind the last. */
const struct ram *ram_entry(u32 n);
/* The payload itself, with its stack. */
extern u8 payload_start[], bss_end[];
extern const u8 *boot_params;

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

/* Its handler is one IRET, on the exceptions' stack, which ends here. */
void idt_set_bare(u8 vector);
u64 exception_stack_top(void);

/* All vectors from 32 that have no handler yet; it gets the vector. */
void idt_set_others(void (*handler)(u64 vector));
/*
 * The same handler for vectors `first` to 31: as interrupts, for machines that
 * take them from the APIC.  attempt() does not catch them any more.
 */
void idt_set_from(u8 first);

/*
 * Runs code that may raise exceptions, on CPU 0: true when it returned, false
 * when it raised one, which is then in *fault.  What it had changed of the
 * control registers, the descriptor tables and the flags is put right again.
 */
struct fault {
	u64 vector, error, rip;
};
bool attempt(void (*code)(void *arg), void *arg, struct fault *fault);

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
#define X2APIC_SELF_IPI X2APIC_MSR(0x3f)

static inline u64 read_cr8(void)
{
	u64 v;

	asm volatile("mov %%cr8, %0" : "=r"(v));
	return v;
}

/* By IA32_APIC_BASE and SVR; the spurious vector is FFh.  Returns the id. */
u32 x2apic_enable(void);

/* --- either mode: registers by number, MSR 800h + n or offset n << 4 --- */

#define APIC_REG_ID    0x02
#define APIC_REG_TPR   0x08
#define APIC_REG_EOI   0x0b
#define APIC_REG_SVR   0x0f
#define APIC_REG_ISR   0x10
#define APIC_REG_IRR   0x20
#define APIC_REG_ESR   0x28
#define APIC_REG_ICR   0x30
#define APIC_REG_ICR2  0x31
#define APIC_REG_TIMER 0x32
#define APIC_REG_LVT   0x32 /* the first of LVT_COUNT */
#define APIC_REG_TMICT 0x38
#define APIC_REG_TMCCT 0x39
#define APIC_REG_TDCR  0x3e
#define LVT_COUNT      6
#define LVT_MASKED     BIT(16)
#define TIMER_PERIODIC BIT(17)
#define TIMER_DEADLINE BIT(18)

#define ICR_NMI	 0x4400
#define ICR_INIT 0x4500
#define ICR_SIPI 0x4600
#define ICR_SELF 0x40000

bool apic_is_x2apic(void);
u32 apic_read(u32 reg);
void apic_write(u32 reg, u32 value);
/* One interrupt command; `low` is the lower half of the ICR. */
void apic_send(u32 id, u32 low);
/* By SVR, in the mode it is in; returns the id. */
u32 apic_enable(void);

/* --- more CPUs, at most CPU_MAX with the first --- */

#define CPU_MAX 4
/*
 * Starts CPU `id` by INIT and SIPI in the mode this one is in; false when it
 * does not come up.  The code gets its id, interrupts off, and must not return.
 */
bool cpu_start(u32 id, void (*code)(u32 id));
/* CR8 of the one started last, as it was at its start. */
extern u64 ap_cr8;

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
