/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest-physical memory that is registers: what has some registers them while
 * booting, and an access that exits finds them by its address.
 */
#ifndef GUEST_MMIO_H
#define GUEST_MMIO_H

#include "core/ledger.h"
#include "core/types.h"

struct mmio_region {
	u64 gpa, size; /* whole pages */
	enum cause cause;
	bool series; /* MOVs in a row to it are one exit */
	void *ctx;
	/* On the exit path; 1, 2, 4 or 8 bytes that do not cross a page. */
	u64 (*read)(void *ctx, u64 offset, u8 size);
	void (*write)(void *ctx, u64 offset, u8 size, u64 value);
};

#define MMIO_REGIONS 24

/* Of one partition. */
struct mmio_space {
	u32 nr;
	struct mmio_region region[MMIO_REGIONS];
};

/* Boot: -ENOSPC, or -EBUSY where it overlaps another. */
int __must_check mmio_register(struct mmio_space *s,
			       const struct mmio_region *r);

/* Any context: the region that holds gpa, or NULL. */
const struct mmio_region *mmio_find(const struct mmio_space *s, u64 gpa);

#endif
