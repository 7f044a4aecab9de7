// SPDX-License-Identifier: BSD-2-Clause
/* vtd/dma.c without translation: a device reaches what it names. */
#include "vtd/entry.h"

/* VT-d specification 4.1, 9.3 */
#define PASS_THROUGH (2UL << 2)

static struct vtd_entry pass_through(u64 table, u32 levels, u16 domain)
{
	struct vtd_entry e = context_entry(table, levels, domain);

	e.lo = PASS_THROUGH | VTD_PRESENT;
	return e;
}

#define context_entry pass_through
#include "vtd/dma.c"
