// SPDX-License-Identifier: BSD-2-Clause
/* The MSI-X table of an assigned function. */
#include "devices/msix.h"

/* The dword of an entry with its mask */
#define ENTRY_CONTROL 3
_Static_assert(offsetof(struct msix_entry, control) == 4 * ENTRY_CONTROL,
	       "7.7.2");

/* SDM vol. 3 figures 11-14 and 11-15 */
#define ADDRESS_FIXED	   0xfee00000U
#define ADDRESS_FIXED_MASK 0xfff00000U
#define ADDRESS_LOGICAL	   BIT(2)
#define ADDRESS_HINT	   BIT(3)
#define DATA_LEVEL	   BIT(15)

static volatile struct msix_entry *device_entry(const struct msix *m, u32 entry)
{
	return (volatile struct msix_entry *)(m->regs + m->table) + entry;
}

void msix_reset(struct msix *m, u32 (*address)(void *ctx, u32 entry))
{
	volatile struct msix_entry *device;
	u32 i;

	for (i = 0; i < m->entries; i++) {
		*msix_entry(m, i) = (struct msix_entry){
			.control = MSIX_CONTROL_MASK,
		};
		device = device_entry(m, i);
		device->control = MSIX_CONTROL_MASK;
		device->low = address(m->ctx, i);
		device->high = 0;
		device->data = 0;
	}
}

bool msix_decode(const struct msix_entry *e, struct irq_msg *m)
{
	u8 mode = e->data >> 8 & 7;

	*m = (struct irq_msg){
		.dest = e->low >> 12 & 0xff,
		.vector = (u8)e->data,
		/* With the hint any of the targets will do. */
		.mode = e->low & ADDRESS_HINT ? MSG_DM_LOWEST : mode,
		/* Without the hint it would not count, but for what all do. */
		.logical = e->low & ADDRESS_LOGICAL,
	};
	return (e->low & ADDRESS_FIXED_MASK) == ADDRESS_FIXED && !e->high &&
	       (mode == MSG_DM_FIXED || mode == MSG_DM_LOWEST) &&
	       !(e->data & DATA_LEVEL);
}

/* One that says nothing goes nowhere. */
static void tell(struct msix *m, u32 entry)
{
	struct irq_msg msg;

	if (!msix_decode(msix_entry(m, entry), &msg))
		msg = (struct irq_msg){ .masked = true };
	m->want(m->ctx, entry, &msg);
}

/*
 * One or two dwords from n on.  While it is masked nothing can be half-written;
 * from when it is not it may send, so `want` is told before, once.
 */
static void write_entry(struct msix *m, u32 entry, u32 n, u32 count, u64 value)
{
	static const u32 writable[] = { ~3U, ~0U, ~0U, MSIX_CONTROL_MASK };
	u32 *dword;
	u32 i;

	if (entry >= m->entries)
		return;
	dword = (u32 *)msix_entry(m, entry);
	for (i = 0; i < count; i++)
		dword[n + i] = (u32)(value >> 32 * i) & writable[n + i];
	if (!dword[ENTRY_CONTROL])
		tell(m, entry);
	if (n + count > ENTRY_CONTROL)
		device_entry(m, entry)->control = dword[ENTRY_CONTROL];
}

static bool in_table(const struct msix *m, u64 offset)
{
	return offset - m->table < (u64)m->device_entries * MSIX_ENTRY_SIZE;
}

/* 6.1.4.2: software writes whole, aligned dwords and qwords. */
static bool whole(u64 offset, u8 size)
{
	return (size == 4 || size == 8) && !(offset % size);
}

static u64 device_read(const volatile u8 *at, u8 size)
{
	switch (size) {
	case 1:
		return *at;
	case 2:
		return *(const volatile u16 *)at;
	case 4:
		return *(const volatile u32 *)at;
	default:
		return *(const volatile u64 *)at;
	}
}

static void device_write(volatile u8 *at, u8 size, u64 value)
{
	switch (size) {
	case 1:
		*at = (u8)value;
		break;
	case 2:
		*(volatile u16 *)at = (u16)value;
		break;
	case 4:
		*(volatile u32 *)at = (u32)value;
		break;
	default:
		*(volatile u64 *)at = value;
	}
}

bool msix_alone(const struct msix *m)
{
	u64 at;

	for (at = 0; at < m->size; at += 4)
		if (!in_table(m, at) && device_read(m->regs + at, 4))
			return false;
	return true;
}

u64 msix_read(void *msix, u64 offset, u8 size)
{
	const struct msix *m = msix;

	if (offset % size || offset >= m->size)
		return ~0UL;
	return device_read((in_table(m, offset) ? m->shown : m->regs) + offset,
			   size);
}

void msix_write(void *msix, u64 offset, u8 size, u64 value)
{
	struct msix *m = msix;
	u64 at = offset - m->table;

	if (offset % size || offset >= m->size)
		return;
	if (!in_table(m, offset)) {
		device_write(m->regs + offset, size, value);
		return;
	}
	if (!whole(offset, size))
		return;
	write_entry(m, (u32)(at / MSIX_ENTRY_SIZE), at / 4 % 4, size / 4,
		    value);
}
