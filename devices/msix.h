/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSI-X table of an assigned function.  What the guest writes into an entry
 * is where its message is to go, which `want` is told; the device's own entry
 * always has the message that Ashlar gave it, and the mask bit of the guest's.
 * So a message that is masked is not lost.
 *
 * Writes to the pages that hold the table exit, and so do reads where there is
 * something else in them, which is forwarded.  PCI Express 6.0, 6.1.4.
 *
 * Pure; but for msix_alone() on the exit path, or before the guest is loaded.
 * The caller holds the partition's lock where a vCPU may run.
 */
#ifndef DEVICES_MSIX_H
#define DEVICES_MSIX_H

#include "apic/irq_msg.h"

#define MSIX_ENTRY_SIZE 16
/* More than a partition can have vCPUs and a device queues for them. */
#define MSIX_ENTRIES 128

/* 7.7.2, "MSI-X Table" */
struct msix_entry {
	u32 low, high, data; /* address and data */
	u32 control;
};

_Static_assert(sizeof(struct msix_entry) == MSIX_ENTRY_SIZE, "MSI-X entry");

#define MSIX_CONTROL_MASK 1U

struct msix {
	u32 entries;	    /* that the guest sees, */
	u32 device_entries; /* and that there are */
	u64 table;	    /* where the table is in the pages */
	u64 size;	    /* of the pages, which */
	volatile u8 *regs;  /* are here; */
	u8 *shown;	    /* and what the guest has written there, here */
	void (*want)(void *ctx, u32 entry, const struct irq_msg *m);
	void *ctx;
};

/*
 * A guest starts, after the device's reset: all entries are masked, and the
 * device's have messages to these addresses, below 4 GiB, with data 0.
 */
void msix_reset(struct msix *m, u32 (*address)(void *ctx, u32 entry));

/*
 * Boot: is there nothing but the table in its pages, as 7.7.2 wants it?  By
 * what the registers hold.  A guest can then read `shown` itself.
 */
bool msix_alone(const struct msix *m);

/* An entry as the guest has written it; the caller has looked at m->entries. */
static inline struct msix_entry *msix_entry(const struct msix *m, u32 entry)
{
	return (struct msix_entry *)(m->shown + m->table) + entry;
}

/* An mmio_region's read and write. */
u64 msix_read(void *msix, u64 offset, u8 size);
void msix_write(void *msix, u64 offset, u8 size, u64 value);

/*
 * SDM vol. 3 section 11.11: what a message says.  False: it is no interrupt,
 * or one that only a level-triggered pin sends.
 */
bool msix_decode(const struct msix_entry *e, struct irq_msg *m);

#endif
