/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space as a guest sees it by mechanism #1: the functions
 * that its partition has been assigned, where they are on the machine, and a
 * host bridge at 00:00.0 without which Linux does not believe in the bus.  The
 * rest reads as ones.
 *
 * Of a function, reads show the device's header.  BARs can be sized, their
 * addresses are fixed.  Writes reach a few bits of the command register and
 * the error bits of the status register.  Capabilities are hidden: MSI could
 * not be remapped, and a change of the power state would lose the BARs.
 *
 * Pure; any context.  The caller owns the struct and holds the partition's
 * lock.
 */
#ifndef DEVICES_VPCI_H
#define DEVICES_VPCI_H

#include "core/types.h"

#define VPCI_FUNCTIONS 16
#define VPCI_BARS      6

/* Configuration header, type 0 (PCI Local Bus 3.0, 6.1). */
#define PCI_VENDOR_ID	   0x00
#define PCI_COMMAND	   0x04
#define PCI_STATUS	   0x06
#define PCI_REVISION	   0x08
#define PCI_CACHE_LINE	   0x0c
#define PCI_BAR(n)	   (0x10 + 4 * (n))
#define PCI_CIS		   0x28
#define PCI_SUBSYSTEM	   0x2c
#define PCI_CAPABILITIES   0x34
#define PCI_INTERRUPT_LINE 0x3c

#define PCI_COMMAND_IO	     BIT(0)
#define PCI_COMMAND_MEMORY   BIT(1)
#define PCI_COMMAND_MASTER   BIT(2)
#define PCI_COMMAND_INTX_OFF BIT(10)

/* Of the dword that holds command and status */
#define PCI_STATUS_CAPABILITIES BIT(20)
/* Of the dword that holds cache line size, latency, header type and BIST */
#define PCI_HEADER_TYPE	 0x007f0000U
#define PCI_HEADER_MULTI BIT(23)

#define PCI_BAR_IO	    BIT(0)
#define PCI_BAR_64	    BIT(2)
#define PCI_BAR_IO_MASK	    (~3U)
#define PCI_BAR_MEMORY_MASK (~15U)

struct vpci_bar {
	u32 value; /* the register, as the device holds it */
	u32 mask;  /* its address bits that can be written */
	bool sizing;
};

struct vpci_function {
	u16 address; /* bus << 8 | device << 3 | function */
	bool multi;  /* the partition has others of its device, too */
	u8 host_line;
	u8 line; /* Interrupt Line: the guest's to keep */
	struct vpci_bar bar[VPCI_BARS];
};

struct vpci {
	u32 nr; /* 0: not even the host bridge is there */
	struct vpci_function function[VPCI_FUNCTIONS];
	/* The device's registers: an aligned dword, 2 aligned bytes. */
	u32 (*read)(u16 address, u32 reg);
	void (*write16)(u16 address, u32 reg, u16 value);
};

/* A guest starts: what the last one has written is forgotten. */
void vpci_reset(struct vpci *v);

/*
 * An access of `size` 1, 2 or 4 bytes at data port CFC + `offset`, while the
 * address port holds `address`.
 */
u32 vpci_read(const struct vpci *v, u32 address, u32 offset, u32 size);
void vpci_write(struct vpci *v, u32 address, u32 offset, u32 size, u32 value);

#endif
