/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's RAM, seen through this core's window.  On a core of the partition,
 * from the exit path or while the partition is built.
 */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include "guest/layout.h"
#include "guest/vcpu.h"
#include "guest/walk.h"

/* Regions begin on 2 MiB and are whole frames, but for the first MiB. */
#define GUEST_REGIONS 20

struct guest_ram {
	u32 nr;
	struct guest_region region[GUEST_REGIONS];
};

/*
 * Host-physical address of guest-physical gpa and how many bytes follow it in
 * one piece; 0 where there is no RAM.
 */
u64 guest_hpa(const struct guest_ram *ram, u64 gpa, u64 *left);

/*
 * Host pointer to guest-physical gpa and how many bytes follow it; NULL where
 * there is no RAM.  Good until the next call of any function here.
 */
void *guest_map(const struct guest_ram *ram, u64 gpa, u64 *left);

/* Copy n bytes; 0 or -EFAULT where a byte is not RAM. */
int __must_check guest_read(const struct guest_ram *ram, u64 gpa, void *buf,
			    size_t n);
int __must_check guest_write(const struct guest_ram *ram, u64 gpa,
			     const void *buf, size_t n);

/* It is of so many frames of 2 MiB (the first one may be cut); zeroes one. */
u64 guest_frames(const struct guest_ram *ram);
void guest_zero(const struct guest_ram *ram, u64 frame);

/* For the loaders. */
void guest_memory_access(const struct guest_ram *ram,
			 const struct guest_layout *layout,
			 struct guest_mem *mem);

/* Linear to guest-physical by the guest's tables; as guest_walk(). */
int __must_check guest_translate(const struct vcpu *v,
				 const struct vcpu_state *s, u64 linear,
				 u32 access, struct walk_result *out);

#endif
