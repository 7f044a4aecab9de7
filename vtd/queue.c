// SPDX-License-Identifier: BSD-2-Clause
/* Queued invalidation: sections 6.5.2 and 11.4.9 of the VT-d specification. */
#include "core/clock.h"
#include "core/log.h"
#include "vtd/unit.h"

/* One page; the status word is in the next. */
#define QUEUE_SIZE 256
#define ENTRY_SIZE sizeof(struct vtd_entry)

int vtd_queue_stop(struct vtd_unit *u)
{
	u32 status = vtd_read32(u, VTD_GSTS);

	if (!(status & GCMD_QIE))
		return 0;
	/* One that is stuck ends all the same. */
	(void)vtd_await(u, VTD_IQH, ~0U, vtd_read32(u, VTD_IQT));
	return vtd_control(u, GCMD_QIE, false);
}

int vtd_queue_start(struct vtd_unit *u)
{
	u8 *pages = vtd_alloc(2 * PAGE_SIZE, &u->queue_pa);

	if (!pages)
		return -ENOMEM;
	u->queue = (struct vtd_entry *)pages;
	u->status = (volatile u32 *)(pages + PAGE_SIZE);
	u->status_pa = u->queue_pa + PAGE_SIZE;
	vtd_write64(u, VTD_IQT, 0);
	vtd_write64(u, VTD_IQA, u->queue_pa);
	vtd_write32(u, VTD_FSTS, FSTS_QUEUE);
	return vtd_control(u, GCMD_QIE, true);
}

static void put(struct vtd_unit *u, struct vtd_entry d)
{
	struct vtd_entry *e = &u->queue[u->tail];

	*e = d;
	vtd_written(e, sizeof(*e));
	u->tail = (u->tail + 1) % QUEUE_SIZE;
}

/* Memory, not a register, says when; and a register why not. */
static int await_status(struct vtd_unit *u)
{
	u64 end = rdtsc() + clock_ms(VTD_LIMIT_MS);

	while (*u->status != u->sequence) {
		if (rdtsc() > end)
			return vtd_read32(u, VTD_FSTS) & FSTS_QUEUE ?
				       -EIO :
				       -ETIMEDOUT;
		cpu_pause();
	}
	return 0;
}

int vtd_queue_run(struct vtd_unit *u, struct vtd_entry d)
{
	int err;

	spin_lock(&u->lock);
	put(u, d);
	put(u, desc_wait(u->status_pa, ++u->sequence));
	asm volatile("" : : : "memory");
	vtd_write32(u, VTD_IQT, (u32)(u->tail * ENTRY_SIZE));
	err = await_status(u);
	spin_unlock(&u->lock);
	return err;
}

static void check(const struct vtd_unit *u, int err, u64 what)
{
	if (err)
		panic("IOMMU at %lxh: invalidation %lx: error %d", u->base,
		      what, -err);
}

void vtd_flush(struct vtd_unit *u, struct vtd_entry d)
{
	check(u, vtd_queue_run(u, d), d.lo);
}

/* 6.8: what older units have buffered of memory. */
void vtd_flush_buffers(struct vtd_unit *u)
{
	u32 status;

	if (!(u->cap & CAP_RWBF))
		return;
	spin_lock(&u->lock);
	status = vtd_read32(u, VTD_GSTS) & GCMD_KEPT;
	vtd_write32(u, VTD_GCMD, (u32)(status | GCMD_WBF));
	check(u, vtd_await(u, VTD_GSTS, GCMD_WBF, 0), GCMD_WBF);
	spin_unlock(&u->lock);
}
