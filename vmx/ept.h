/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended page tables (SDM vol. 3 section 29.3), four levels.  Pure: memory
 * for tables comes from the caller.  Boot context.
 */
#ifndef VMX_EPT_H
#define VMX_EPT_H

#include "core/types.h"

#define EPT_READ BIT(0)
#define EPT_WRITE BIT(1)
#define EPT_EXECUTE BIT(2)
#define EPT_MEMTYPE_WB (6UL << 3)
#define EPT_MEMTYPE_UC 0UL
#define EPT_LARGE BIT(7)
#define EPT_ADDRESS 0x000ffffffffff000UL

/* EPT pointer: write-back, four levels, table 25-9 */
#define EPTP_WB 6UL
#define EPTP_LEVELS_4 (3UL << 3)

struct ept {
	/* A zeroed page and its physical address; NULL: no memory. */
	void *(*alloc)(void *ctx, u64 *phys);
	/* The page that alloc handed out at `phys`. */
	u64 *(*table)(void *ctx, u64 phys);
	void *ctx;
	bool large_1g;		/* IA32_VMX_EPT_VPID_CAP bit 17 */
	u64 root;		/* physical address, set by ept_init */
};

/* Returns 0 or -ENOMEM. */
int __must_check ept_init(struct ept *ept);

/*
 * Maps [gpa, gpa + size) to hpa with the largest leaves that alignment allows.
 * bits: EPT_READ .. EPT_EXECUTE and a memory type.  All multiples of 4 KiB.
 * Returns 0, -ENOMEM, -EINVAL (alignment, beyond 48 bits) or -EBUSY (some of it
 * is mapped already; what was mapped before the clash stays).
 */
int __must_check ept_map(struct ept *ept, u64 gpa, u64 hpa, u64 size,
			 u64 bits);

/* The leaf entry for gpa and the size it maps; 0 when not mapped. */
u64 ept_lookup(const struct ept *ept, u64 gpa, u64 *leaf_size);

#endif
