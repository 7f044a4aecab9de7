/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixed-width types, error numbers and the few macros that every directory
 * uses.  Compiles freestanding and on the host.
 */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int32_t s32;
typedef int64_t s64;

/* Logical CPUs that one image can manage. */
#define MAX_CPUS 512
/* vCPUs of one partition: a set of them is one u64. */
#define MAX_VCPUS      64
#define MAX_PARTITIONS 16

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define SIZE_1M	   (1UL << 20)
#define SIZE_2M	   (1UL << 21)
#define SIZE_1G	   (1UL << 30)

#define BIT(n)		 (1UL << (n))
#define ARRAY_SIZE(a)	 (sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a) ((x) & ~((a)-1))
#define ALIGN_UP(x, a)	 ALIGN_DOWN((x) + (a)-1, a)
#define MIN(a, b)	 ((a) < (b) ? (a) : (b))
#define MAX(a, b)	 ((a) > (b) ? (a) : (b))

#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __must_check   __attribute__((warn_unused_result))
#define __noreturn     __attribute__((noreturn))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __section(s)   __attribute__((section(s)))
#define likely(x)      __builtin_expect(!!(x), 1)
#define unlikely(x)    __builtin_expect(!!(x), 0)

/* Error numbers, always returned negative. */
#ifndef EINVAL
#define ENOENT	  2
#define EIO	  5
#define ENOMEM	  12
#define EFAULT	  14
#define EBUSY	  16
#define ENODEV	  19
#define EINVAL	  22
#define ENOSPC	  28
#define ERANGE	  34
#define ENOSYS	  38
#define ETIMEDOUT 110
#endif

#endif
