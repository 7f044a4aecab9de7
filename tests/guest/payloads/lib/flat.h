/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What 32-bit payloads have of the library: MSRs, words on COM1, and the
 * result line with which they end.
 */
#ifndef FLAT_H
#define FLAT_H

#include "core/io.h"
#include "core/types.h"

#define COM1	  0x3f8
#define MARK_PORT 0x5e9
#define SLEEP	  0x600 /* of the FADT that Ashlar's guests get */
#define SLEEP_S5  (5 << 2 | 0x20)

/* Defined by the payload. */
extern const char payload_name[];

static inline u64 rdmsr(u32 msr)
{
	u64 value;

	asm volatile("rdmsr" : "=A"(value) : "c"(msr));
	return value;
}

static inline void wrmsr(u32 msr, u32 value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"(value), "d"(0) : "memory");
}

static inline u64 rdtsc(void)
{
	u64 value;

	asm volatile("rdtsc" : "=A"(value));
	return value;
}

/* A mark in Ashlar's log. */
static inline void mark(char byte)
{
	outb(MARK_PORT, (u8)byte);
}

static inline void put_char(char c)
{
	while (!(inb(COM1 + 5) & BIT(5)))
		;
	outb(COM1, (u8)c);
}

static inline void put_text(const char *text)
{
	while (*text)
		put_char(*text++);
}

static inline void put_hex(u64 value)
{
	int shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put_char("0123456789abcdef"[value >> shift & 15]);
}

static inline void __noreturn end(const char *result, const char *why)
{
	put_text("payload ");
	put_text(payload_name);
	put_text(": ");
	put_text(result);
	put_text(why);
	put_text("\n");
	outb(SLEEP, SLEEP_S5);
	for (;;)
		asm volatile("cli; hlt");
}

static inline void check(bool ok, const char *what)
{
	if (!ok)
		end("FAIL ", what);
}

static inline const void *at(u32 address)
{
	return (const void *)(unsigned long)address;
}

static inline bool starts_with(const char *text, const char *what)
{
	while (*what)
		if (*text++ != *what++)
			return false;
	return true;
}

#endif
