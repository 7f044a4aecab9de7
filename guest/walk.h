/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation of a guest's linear address by the guest's own page tables, as
 * in SDM vol. 3, chapter 4.
 *
 * Pure; any context that the callback allows.  Entries are read once each; a
 * guest that changes them meanwhile gets a translation by old or new entries,
 * as on hardware.
 *
 * Accessed and dirty flags are not set.  For the operand and the code of an
 * intercepted instruction that is enough: the processor has translated both
 * itself and set the accessed flags on its way; a dirty flag matters only for
 * memory that an OS pages out, not for device memory or a descriptor table.
 * It is not enough for ordinary memory that a caller writes on a guest's
 * behalf while the processor has not touched it (the RAM side of MOVS from a
 * device): there an OS that trusts the dirty flag could drop the page.
 *
 * Not modelled: 5-level paging (refused), protection keys, shadow stacks.  In
 * PAE paging the PDPTEs come from memory, not from the registers that MOV to
 * CR3 loads (SDM vol. 3, 4.4.1).  1 GiB pages are taken to be supported.
 *
 * docs/decisions.md: The emulator's walker sets no accessed and dirty bits.
 */
#ifndef GUEST_WALK_H
#define GUEST_WALK_H

#include "core/types.h"

/* Kind of access: WALK_READ, or one of WRITE and FETCH; IMPLICIT on top. */
enum walk_access {
	WALK_READ = 0,
	WALK_WRITE = 1,
	WALK_FETCH = 2,
	/*
	 * Supervisor-mode whatever the CPL, and not excused from SMAP by
	 * RFLAGS.AC: descriptor tables, TSS (SDM vol. 3, 4.6.1).
	 */
	WALK_IMPLICIT = 4,
};

/* Page-fault error code, SDM vol. 3, 4.7. */
#define PF_PRESENT  BIT(0)
#define PF_WRITE    BIT(1)
#define PF_USER	    BIT(2)
#define PF_RESERVED BIT(3)
#define PF_FETCH    BIT(4)

struct walk_state {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 rflags;
	u8 cpl;
	/*
	 * MAXPHYADDR of the processor, which is what reserved bits go by, even
	 * if CPUID shows the guest another.  Taken as 32 below and 52 above.
	 */
	u8 phys_bits;
};

struct walk_result {
	u64 gpa;       /* after 0 */
	u64 page_size; /* after 0; bytes; PAGE_SIZE without paging */
	u32 pf_error;  /* after -EFAULT; otherwise 0 */
};

/* Reads len (4 or 8) bytes of guest memory, not across a page: 0 or < 0. */
typedef int (*walk_read_fn)(void *ctx, u64 gpa, void *buf, size_t len);

/*
 * Translates one address; an access that crosses a page takes two calls.
 * Outside long mode the upper half of linear is ignored.  Returns 0; -EFAULT
 * if the guest is to see #PF with out->pf_error; -EINVAL if linear is not
 * canonical (#GP, or #SS for the stack segment); -EIO if read_entry failed;
 * -ENOSYS for 5-level paging.
 */
int __must_check guest_walk(const struct walk_state *state, u64 linear,
			    u32 access, walk_read_fn read_entry, void *ctx,
			    struct walk_result *out);

#endif
