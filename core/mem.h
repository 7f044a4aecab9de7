/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host memory: the pool that everything placed at boot comes from, the page
 * tables of every core, the seal.
 *
 * Boot context only, on the boot CPU, but for window_map().
 *
 * docs/decisions.md: One pool, no allocator.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include "core/layout.h"
#include "core/types.h"

/* How far the image was loaded from its linked address; a multiple of 2 MiB. */
extern u64 image_delta;

static inline u64 image_to_phys(const void *p)
{
	return (u64)p - IMAGE_VMA + image_delta;
}

/* The direct map: while booting memory below 4 GiB, then what was added. */
#define DIRECT_BOOT_END (4UL << 30)

static inline void *phys_to_virt(u64 phys)
{
	return (void *)(DIRECT_VMA + phys);
}

static inline u64 direct_to_phys(const volatile void *p)
{
	return (u64)p - DIRECT_VMA;
}

/* Hands [phys, phys + size) to the pool. */
void pool_init(u64 phys, u64 size);

/*
 * Zeroed, page-aligned, physically contiguous; NULL when the pool is empty.
 * The pointer is good until the seal.
 */
void *pool_alloc(u64 pages, u64 *phys);
/*
 * The same, and the pointer is good for ever, on all cores: for what they
 * share.
 */
void *pool_shared(u64 size);
/* For struct slat: tables, which only the boot can reach. */
void *pool_table(void *ctx, u64 *phys);
u64 *pool_table_at(void *ctx, u64 phys);
u64 pool_free_bytes(void);
u64 pool_bytes(void);

enum map_flags {
	MAP_RO = 0,
	MAP_RW = 1 << 0,
	MAP_X = 1 << 1,
	MAP_UC = 1 << 2,
};

/*
 * Builds the tables that all cores share: the image, the direct map.  Every
 * core, at most so many, starts with those of the boot, whose top level is
 * boot_tables.
 */
int __must_check paging_init(const u64 *boot_tables, u32 cpus);
u64 paging_boot_cr3(void);

/* Adds memory to the sealed direct map: modules, IO-APICs.  0 or -ENOMEM. */
int __must_check paging_add_direct(u64 phys, u64 size, u32 flags);

/*
 * Adds registers of a device, wherever they are, uncached; from the seal on the
 * pointer is good, on all cores.  NULL: no room or no memory.
 */
void *paging_add_device(u64 phys, u64 size);

/* Builds the tables and the private memory of one core; its CR3 or 0. */
u64 paging_build_cpu(u32 cpu);

/*
 * Boot, each core while no other uses the pool: one more private page at va.
 * The pointer is good for ever, on this core; NULL when the pool is empty.
 */
void *paging_add_private(u64 va, u64 *phys);

/*
 * Boot, BSP: pages that are in use elsewhere, for the eyes of one core, at va
 * in its own GiB.  -ENOMEM also where they go beyond that.
 */
int __must_check paging_add_shared(u32 cpu, u64 va, u64 phys, u64 size);

/* On each core: from now on only the sealed tables. */
void paging_seal_cpu(void);

/*
 * Walks the tables of all cores as the processor would.  Returns the number of
 * pages that are writable and executable, after one log line for each of the
 * first few, and one with the totals.
 */
u32 paging_check_wx(u32 cpus);

/*
 * Any context after paging_build_cpu, this core only: shows the 2 MiB frame
 * that holds `phys` in this core's window and returns the pointer to the byte.
 * Valid until the end of the frame and until the next call.
 */
void *window_map(u64 phys);

/*
 * Any context after the seal: what tables hold, a core's (paging_root) or
 * second-level ones.  sum is over all entries.  This core's window then shows
 * nothing.
 */
struct mem_tables {
	u32 tables, pages;
	u64 sum;
};
u64 paging_root(u32 cpu);
void paging_survey(u64 root, struct mem_tables *found);

/*
 * What the image's sections may do, lowest address first; terminated by an
 * entry with start = end = NULL.  In a file of its own so that a test build can
 * link another.
 */
struct image_region {
	const u8 *start, *end;
	u32 flags;
};
extern const struct image_region image_regions[];

#endif
