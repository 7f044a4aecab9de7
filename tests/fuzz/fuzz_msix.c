// SPDX-License-Identifier: BSD-2-Clause
/*
 * An MSI-X table anywhere in its pages, with any number of entries, against any
 * sequence of accesses: the device's messages never change, nothing outside of
 * the pages is touched, and what is told is an interrupt that a guest may have.
 */
#include <stdlib.h>
#include <string.h>
#include "core/types.h"
#include "devices/msix.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define PAGES	4
#define BYTES	(PAGES * 4096)
#define MESSAGE 0xfee00010U
#define HEAD	4
#define STEP	12

static _Alignas(8) u8 regs[BYTES], shown[BYTES];
static struct msix m;

static void want(void *ctx, u32 entry, const struct irq_msg *msg)
{
	if (ctx != &m || entry >= m.entries)
		abort();
	if (!msg->masked && (msg->level || msg->mode > MSG_DM_LOWEST))
		abort();
}

static u32 address(void *ctx, u32 entry)
{
	(void)ctx;
	return MESSAGE | entry << 5;
}

static void init(const u8 *data)
{
	u32 room, there;

	memset(regs, 0, sizeof(regs));
	memset(shown, 0, sizeof(shown));
	m = (struct msix){
		.table = (data[0] | (u32)data[1] << 8) % BYTES & ~7U,
		.size = BYTES,
		.regs = regs,
		.shown = shown,
		.want = want,
		.ctx = &m,
	};
	room = (u32)(BYTES - m.table) / MSIX_ENTRY_SIZE;
	there = (data[2] | (u32)data[3] << 8) % 2048 + 1;
	m.device_entries = MIN(there, room);
	m.entries = MIN(m.device_entries, (u32)MSIX_ENTRIES);
	msix_reset(&m, address);
}

static void check(void)
{
	u32 i, now[4];

	for (i = 0; i < m.entries; i++) {
		memcpy(now, regs + m.table + i * MSIX_ENTRY_SIZE, sizeof(now));
		if (now[0] != (MESSAGE | i << 5) || now[1] || now[2] ||
		    now[3] != msix_entry(&m, i)->control)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u64 offset, value;

	if (size < HEAD)
		return 0;
	init(data);
	for (data += HEAD, size -= HEAD; size >= STEP;
	     data += STEP, size -= STEP) {
		u8 width = (u8)(1 << data[11] % 4);

		memcpy(&value, data, sizeof(value));
		offset = data[8] | (u64)data[9] << 8 | (u64)data[10] << 16;
		/* Mostly the table, and mostly as software does it. */
		if (data[11] & 0x80)
			offset = m.table + offset % 512;
		if (data[11] & 0x40)
			offset &= ~(u64)(width - 1);
		msix_write(&m, offset, width, value);
		msix_read(&m, offset, width);
	}
	check();
	return 0;
}
