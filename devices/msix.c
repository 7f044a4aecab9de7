// SPDX-License-Identifier: BSD-2-Clause
/* The MSI-X table of an assigned function. */
#include "devices/msix.h"

/* Dwords of an entry */
enum {
	ENTRY_LOW,
	ENTRY_HIGH,
	ENTRY_DATA,
	ENTRY_CONTROL,
};

/* SDM vol. 3 figures 11-14 and 11-15 */
#define ADDRESS_FIXED	   0xfee00000U
#define ADDRESS_FIXED_MASK 0xfff00000U
#define ADDRESS_LOGICAL	   BIT(2)
#define ADDRESS_HINT	   BIT(3)
#define DATA_LEVEL	   BIT(15)

static volatile u32 *device_dword(const struct msix *m, u32 entry, u32 n)
{
	u64 at = m->table + entry * MSIX_ENTRY_SIZE + n * 4;

	return (volatile u32 *)(m->regs + at);
}

void msix_reset(struct msix *m,
		struct msix_message (*message)(void *ctx, u32 entry))
{
	struct msix_message to;
	u32 i;

	for (i = 0; i < m->entries; i++) {
		*msix_entry(m, i) = (struct msix_entry){
			.control = MSIX_CONTROL_MASK,
		};
		to = message(m->ctx, i);
		*device_dword(m, i, ENTRY_CONTROL) = MSIX_CONTROL_MASK;
		*device_dword(m, i, ENTRY_LOW) = to.low;
		*device_dword(m, i, ENTRY_HIGH) = to.high;
		*device_dword(m, i, ENTRY_DATA) = to.data;
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

static void write_dword(struct msix_entry *e, u32 n, u32 value)
{
	switch (n) {
	case ENTRY_LOW:
		e->low = value & ~3U;
		break;
	case ENTRY_HIGH:
		e->high = value;
		break;
	case ENTRY_DATA:
		e->data = value;
		break;
	default:
		e->control = value & MSIX_CONTROL_MASK;
	}
}

/*
 * One or two dwords from n on.  While it is masked nothing can be half-written;
 * from when it is not it may send, so `want` is told before, once.
 */
static void write_entry(struct msix *m, u32 entry, u32 n, u32 count, u64 value)
{
	struct msix_entry *e;
	u32 i;

	if (entry >= m->entries)
		return;
	e = msix_entry(m, entry);
	for (i = 0; i < count; i++)
		write_dword(e, n + i, (u32)(value >> 32 * i));
	if (!e->control)
		tell(m, entry);
	if (n + count > ENTRY_CONTROL)
		*device_dword(m, entry, ENTRY_CONTROL) = e->control;
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
