/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who gets which physical memory, decided once while booting.  Start from an
 * empty place_map, add the RAM, subtract what is in use (Ashlar's image, the
 * modules, low memory), take Ashlar's own pool, then place the partitions.
 * Pure and deterministic; boot CPU only.
 */
#ifndef PARTITION_PLACE_H
#define PARTITION_PLACE_H

#include "core/phys.h"

#define PLACE_RANGES   1280
#define PLACE_CHUNKS   16
#define PLACE_ANYWHERE PHYS_LIMIT
#define PLACE_BELOW_4G BIT(32)

struct place_range {
	u64 base;
	u64 size;
};

/* Free memory in whole pages: ascending, no two ranges overlap or touch. */
struct place_map {
	u32 nr;
	struct place_range range[PLACE_RANGES];
};

/* The memory of one partition. */
struct place_chunk {
	u64 hpa;
	u64 size;
};

/*
 * Chunks are in guest order: first the 1 GiB-aligned memory, so that guest
 * addresses given out in this order are congruent to it modulo 1 GiB.
 */
struct place_memory {
	u32 nr;
	struct place_chunk chunk[PLACE_CHUNKS];
};

/* Which request could not be met, and by how many bytes. */
struct place_shortage {
	u32 request;
	u64 missing;
};

/*
 * Adds to the free memory, rounded inwards to pages; what is free already may
 * be added again.  -ENOSPC if that needs more than PLACE_RANGES ranges.
 */
int __must_check place_add(struct place_map *m, u64 base, u64 size);

/*
 * Removes from the free memory, rounded outwards to pages; it need not have
 * been free.  -ENOSPC as above, the map is then unchanged.
 */
int __must_check place_subtract(struct place_map *m, u64 base, u64 size);

/* The highest free page below 640 KiB, for SIPIs; 0 if there is none. */
u64 place_low_page(const struct place_map *m);

/* Free bytes in whole 2 MiB pages above 1 MiB: what place_memory can use. */
u64 place_usable(const struct place_map *m);

/*
 * Takes one contiguous block, the lowest that fits between 1 MiB and limit.
 * To prefer memory below 4 GiB, ask with PLACE_BELOW_4G and then, after
 * -ENOMEM, with PLACE_ANYWHERE.  size is a multiple of PAGE_SIZE, align a
 * power of two and at least PAGE_SIZE: else -EINVAL.  -ENOSPC as above.
 */
int __must_check place_take(struct place_map *m, u64 size, u64 align, u64 limit,
			    u64 *hpa);

/*
 * For identity = yes: `size` bytes in one range below `limit`, aligned to 2
 * MiB, and for the guest's first MiB one more, aligned as well.  Chunk 0 is the
 * MiB, chunk 1 the range.  -EINVAL: size is 0 or no multiple of 2 MiB; -ENOMEM:
 * there is no such range; -ENOSPC as above.  On failure the map is as it was.
 */
int __must_check place_identity(struct place_map *m, u64 size, u64 limit,
				struct place_memory *out);

/*
 * Takes size[i] bytes for each of nr requests, in order, into out[i]: chunks
 * aligned to 2 MiB, never below 1 MiB, in 1 GiB-aligned GiBs as far as there
 * are, few rather than many.  All or nothing: on failure the map is as it was
 * and *shortage says why:
 * -EINVAL: size[request] is 0, over PHYS_LIMIT or no multiple of 2 MiB
 * -ENOMEM: all requests together exceed place_usable() by missing bytes
 * -ENOSPC: memory is in too many pieces; missing bytes of the request did not
 *          fit into PLACE_CHUNKS chunks
 */
int __must_check place_memory(struct place_map *m, const u64 *size, u32 nr,
			      struct place_memory *out,
			      struct place_shortage *shortage);

#endif
