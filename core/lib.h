/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * String and formatting helpers.  Pure; any context.  On the host the memory
 * and string functions are the C library's.
 */
#ifndef CORE_LIB_H
#define CORE_LIB_H

#include <stdarg.h>
#include "core/types.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

/* a * mul / div, of 128 bits in between; what does not fit is ~0. */
static inline u64 mul_div(u64 a, u64 mul, u64 div)
{
	u64 lo, hi, rest;

	asm("mulq %3" : "=a"(lo), "=d"(hi) : "0"(a), "rm"(mul) : "cc");
	if (hi >= div)
		return ~0UL;
	asm("divq %3"
	    : "=a"(lo), "=d"(rest)
	    : "0"(lo), "rm"(div), "1"(hi)
	    : "cc");
	return lo;
}

/*
 * vsnprintf for %c %s %d %i %u %x %p %% with `-`, `0`, width, `*`, `.N` for
 * strings, and the length modifiers l, ll and z.  Returns the length the whole
 * text would have; always terminates when size is not 0.
 */
size_t fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
size_t fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
	__printf(3, 4);

#endif
