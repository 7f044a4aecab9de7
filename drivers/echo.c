// SPDX-License-Identifier: BSD-2-Clause
#include "drivers/echo.h"

void echo_reset(struct echo_page *page, u32 gsi)
{
	*page = (struct echo_page){ .magic = ECHO_MAGIC, .gsi = gsi };
}

bool echo_poll(struct echo *e, u64 tsc)
{
	u32 rung;

	if (!e->page)
		return false;
	rung = __atomic_load_n(&e->page->doorbell, __ATOMIC_ACQUIRE);
	if (likely(rung == e->last))
		return false;
	e->last = rung;
	e->page->tsc = tsc;
	__atomic_store_n(&e->page->done, rung, __ATOMIC_RELEASE);
	return true;
}
