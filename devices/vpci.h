/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space as a guest sees it by mechanism #1: one bus, without
 * bridges.  Its partition's functions, wherever they are on the machine, are
 * function 0 of device 1, 2 and so on; 00:00.0 is a host bridge, without which
 * Linux does not believe in the bus.  The rest reads as ones.
 *
 * Of a function, reads show the device's header, with BARs of Ashlar's.  They
 * can be sized, their addresses are fixed.  Writes reach a few bits of the
 * command register and the error bits of the status register.  Capabilities
 * are hidden but for MSI-X, whose table devices/msix.h stands for, or else MSI:
 * a change of the power state would lose the BARs.
 *
 * Pure; any context.  The caller owns the struct and holds the partition's
 * lock.
 *
 * docs/decisions.md: BARs stay where Ashlar puts them; Of PCI's capabilities
 * MSI-X or MSI alone.
 */
#ifndef DEVICES_VPCI_H
#define DEVICES_VPCI_H

#include "core/types.h"
#include "devices/msix.h"
#include "drivers/pci_regs.h"

#define VPCI_FUNCTIONS 16
#define VPCI_BARS      6

struct vpci_bar {
	u32 value; /* the register, as the guest reads it */
	u32 mask;  /* its address bits that can be written */
	bool sizing;
};

/* PCI Express 6.0, 7.7.2 */
struct vpci_msix {
	u32 where;	    /* in the device's space; 0: a guest sees none */
	u32 entries;	    /* that a guest sees */
	u32 table, pending; /* the registers */
	u16 control;	    /* of Message Control: what the guest has written */
};

/* 7.7.1: one message, which the guest writes and the device never has. */
struct vpci_msi {
	u32 where; /* in the device's space; 0: a guest sees none */
	struct msix_entry entry;
	bool enabled;
};

struct vpci_function {
	u16 address; /* on the machine */
	bool pin;    /* its INTx is the guest's */
	u8 host_line;
	u8 line;	  /* Interrupt Line: the guest's to keep */
	bool quarantined; /* it can't become a bus master */
	struct vpci_bar bar[VPCI_BARS];
	struct vpci_msix msix;
	struct vpci_msi msi;
};

struct vpci {
	u32 nr;	     /* 0: not even the host bridge is there */
	u32 address; /* CF8 as last written whole */
	struct vpci_function function[VPCI_FUNCTIONS];
	/* The device's registers: an aligned dword, 2 aligned bytes. */
	u32 (*read)(u16 address, u32 reg);
	void (*write16)(u16 address, u32 reg, u16 value);
	/* The message of a function with MSI is this now. */
	void (*want)(void *ctx, u32 n, const struct irq_msg *m);
	void *ctx;
};

/*
 * A guest's access to an I/O port.  False: it is none of mechanism #1, which
 * has 4-byte accesses to CF8 and what lies within CFC-CFF.
 */
bool vpci_io(struct vpci *v, u16 port, u8 size, bool write, u32 *value);

/* Where a guest sees function n. */
static inline u16 vpci_address(u32 n)
{
	return (u16)((n + 1) << 3);
}

/* A guest starts: what the last one has written is forgotten. */
void vpci_reset(struct vpci *v);

/*
 * An access of `size` 1, 2 or 4 bytes at data port CFC + `offset`, while the
 * address port holds `address`.
 */
u32 vpci_read(const struct vpci *v, u32 address, u32 offset, u32 size);
void vpci_write(struct vpci *v, u32 address, u32 offset, u32 size, u32 value);

#endif
