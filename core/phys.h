/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How parsers read physical memory.  The hypervisor, the unit tests and the
 * fuzzers each bring a reader of their own, so the parsers are the same code.
 */
#ifndef CORE_PHYS_H
#define CORE_PHYS_H

#include "core/lib.h"

/* No x86 processor has more physical address bits (SDM vol. 3, 4.1.4). */
#define PHYS_LIMIT BIT(52)

/*
 * map returns a pointer to len readable bytes (len is never 0), or NULL where
 * there is no such memory.  The pointer is good until the next call only, so
 * a reader may slide one window.  Called while booting, on the boot CPU.
 */
struct phys_reader {
	const void *(*map)(void *ctx, u64 phys, size_t len);
	void *ctx;
};

/* NULL also for what lies beyond PHYS_LIMIT; r->map never sees such ranges. */
static inline const void *phys_map(const struct phys_reader *r, u64 phys,
				   size_t len)
{
	if (phys >= PHYS_LIMIT || len > PHYS_LIMIT - phys)
		return NULL;
	return r->map(r->ctx, phys, len);
}

/* Copies len bytes; -EFAULT if they can't be read. */
static inline int phys_read(const struct phys_reader *r, u64 phys, void *buf,
			    size_t len)
{
	const void *p = phys_map(r, phys, len);

	if (!p)
		return -EFAULT;
	memcpy(buf, p, len);
	return 0;
}

#endif
