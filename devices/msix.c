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

#define CONTROL_MASK 1U

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
		m->entry[i] = (struct msix_entry){ .masked = true };
		to = message(m->ctx, i);
		*device_dword(m, i, ENTRY_CONTROL) = CONTROL_MASK;
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

	if (!msix_decode(&m->entry[entry], &msg))
		msg = (struct irq_msg){ .masked = true };
	m->want(m->ctx, entry, &msg);
}

/* Registers as a guest reads them; those it does not see are 0. */
static u32 read_entry(const struct msix *m, u32 entry, u32 n)
{
	const struct msix_entry *e;

	if (entry >= m->entries)
		return 0;
	e = &m->entry[entry];
	switch (n) {
	case ENTRY_LOW:
		return e->low;
	case ENTRY_HIGH:
		return e->high;
	case ENTRY_DATA:
		return e->data;
	default:
		return e->masked ? CONTROL_MASK : 0;
	}
}

static void write_mask(struct msix *m, u32 entry, bool masked)
{
	m->entry[entry].masked = masked;
	*device_dword(m, entry, ENTRY_CONTROL) = masked ? CONTROL_MASK : 0;
}

static void write_entry(struct msix *m, u32 entry, u32 n, u32 value)
{
	struct msix_entry *e;

	if (entry >= m->entries)
		return;
	e = &m->entry[entry];
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
		/* It may send from here on, so it is told before. */
		if (!(value & CONTROL_MASK))
			tell(m, entry);
		write_mask(m, entry, value & CONTROL_MASK);
		return;
	}
	/* While it is masked nothing can be half-written. */
	if (!e->masked)
		tell(m, entry);
}

static bool in_table(const struct msix *m, u64 offset)
{
	return offset - m->table < (u64)m->device_entries * MSIX_ENTRY_SIZE;
}

/* 6.1.4.2: software reads and writes whole, aligned dwords and qwords. */
static bool whole(u64 offset, u8 size)
{
	return (size == 4 || size == 8) && !(offset % size);
}

static u64 device_read(volatile u8 *at, u8 size)
{
	switch (size) {
	case 1:
		return *at;
	case 2:
		return *(volatile u16 *)at;
	case 4:
		return *(volatile u32 *)at;
	default:
		return *(volatile u64 *)at;
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

u64 msix_read(void *msix, u64 offset, u8 size)
{
	const struct msix *m = msix;
	u64 at = offset - m->table, value;

	if (offset % size || offset >= m->size)
		return ~0UL;
	if (!in_table(m, offset))
		return device_read(m->regs + offset, size);
	if (!whole(offset, size))
		return ~0UL;
	value = read_entry(m, (u32)(at / MSIX_ENTRY_SIZE), at / 4 % 4);
	at += 4;
	if (size == 8)
		value |= (u64)read_entry(m, (u32)(at / MSIX_ENTRY_SIZE),
					 at / 4 % 4)
			 << 32;
	return value;
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
	write_entry(m, (u32)(at / MSIX_ENTRY_SIZE), at / 4 % 4, (u32)value);
	at += 4;
	if (size == 8)
		write_entry(m, (u32)(at / MSIX_ENTRY_SIZE), at / 4 % 4,
			    (u32)(value >> 32));
}
