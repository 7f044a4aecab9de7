/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The echo: the smallest virtual device whose back end runs on the sidecore,
 * for tests and for measuring the way of a virtual device's interrupt.  One
 * page is shared with the guest: it writes a new number to the doorbell, the
 * sidecore sees it, repeats it in `done` and raises an edge interrupt.  No exit
 * on either way.
 *
 * Pure.  The page is the guest's to scribble on; only the doorbell is read.
 *
 * docs/decisions.md: The echo device is always there.
 */
#ifndef DRIVERS_ECHO_H
#define DRIVERS_ECHO_H

#include "core/types.h"

#define ECHO_MAGIC 0x6f686345U /* "Echo" */

struct echo_page {
	u32 magic;
	u32 doorbell;
	u32 done;
	u32 gsi;
	u64 tsc; /* when the doorbell was seen */
	u8 unused[PAGE_SIZE - 24];
};
_Static_assert(sizeof(struct echo_page) == PAGE_SIZE, "echo page");

struct echo {
	struct echo_page *page; /* where the sidecore sees it; NULL: none */
	u32 last;
	u32 stale; /* atomic: 1 from echo_reset() to the next poll */
};

/*
 * Any core: the guest is to find a new device.  It does once echo_ready(),
 * which is at once where there is no device.
 */
void echo_reset(struct echo *e);
bool echo_ready(const struct echo *e);

/* The sidecore: true if there was a ring, and so an interrupt is due. */
bool echo_poll(struct echo *e, u32 gsi, u64 tsc);

#endif
