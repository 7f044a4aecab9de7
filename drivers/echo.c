// SPDX-License-Identifier: BSD-2-Clause
/* The echo, a virtual device for tests. */
#include "drivers/echo.h"
#include "core/lib.h"

void echo_reset(struct echo *e)
{
	if (e->page)
		__atomic_store_n(&e->stale, 1, __ATOMIC_RELEASE);
}

bool echo_ready(const struct echo *e)
{
	return !__atomic_load_n(&e->stale, __ATOMIC_ACQUIRE);
}

static void renew(struct echo *e, u32 gsi)
{
	/* All of it: a guest has nothing from the one before. */
	memset(e->page, 0, sizeof(*e->page));
	e->page->magic = ECHO_MAGIC;
	e->page->gsi = gsi;
	e->last = 0;
	__atomic_store_n(&e->stale, 0, __ATOMIC_RELEASE);
}

bool echo_poll(struct echo *e, u32 gsi, u64 tsc)
{
	u32 rung;

	if (!e->page)
		return false;
	if (unlikely(!echo_ready(e)))
		renew(e, gsi);
	rung = __atomic_load_n(&e->page->doorbell, __ATOMIC_ACQUIRE);
	if (likely(rung == e->last))
		return false;
	e->last = rung;
	e->page->tsc = tsc;
	__atomic_store_n(&e->page->done, rung, __ATOMIC_RELEASE);
	return true;
}
