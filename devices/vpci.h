/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space as a guest sees it by mechanism #1 and in memory
 * (ECAM): one bus, without bridges.  Its partition's functions, wherever they
 * are on the machine, are function 0 of device 1, 2 and so on; 00:00.0 is a
 * host bridge, without which Linux does not believe in the bus.  The rest reads
 * as ones.
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

#include "devices/msix.h"
#include "drivers/pci_bus.h"
#include "drivers/pci_regs.h"

#define VPCI_FUNCTIONS 16

struct vpci_bar {
	u32 value; /* the register, as the guest reads it */
	u32 mask;  /* its address bits that can be written */
	bool sizing;
};

/*
 * PCI Express 6.0, 7.7.1: one message, which the guest writes and the device
 * never has.  Those of a function with many differ in the lowest bits of the
 * vector.
 */
struct vpci_msi {
	u32 where; /* in the device's space; 0: a guest sees none */
	u32 many;  /* how many there can be, as a power of two */
	struct msix_entry entry;
	u32 control; /* the first dword's bits that it has set */
};

struct vpci_function {
	u16 address;	  /* on the machine */
	bool pin;	  /* its INTx is the guest's */
	u8 host_line;	  /* the GSI of that */
	u8 line;	  /* Interrupt Line: the guest's to keep */
	bool quarantined; /* it can't become a bus master */
	struct vpci_bar bar[PCI_BARS];
	struct pci_msix msix; /* as the guest sees it */
	u16 msix_control;     /* what it has written to Message Control */
	struct vpci_msi msi;
};

struct vpci {
	u32 nr;	     /* 0: not even the host bridge is there */
	u32 address; /* CF8 as last written whole */
	struct vpci_function function[VPCI_FUNCTIONS];
	/* The device's registers: an aligned dword, 2 aligned bytes. */
	u32 (*read)(u16 address, u32 reg);
	void (*write16)(u16 address, u32 reg, u16 value);
	/* Message k of function n, which has MSI, is this now. */
	void (*want)(void *ctx, u32 n, u32 k, const struct irq_msg *m);
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

/*
 * The same by ECAM (PCI Express 6.0, 7.2.2), 8 bytes, too, at an offset below
 * VPCI_ECAM_SIZE.  What is not aligned is nowhere.
 */
#define VPCI_ECAM_SIZE 0x100000UL
u64 vpci_ecam_read(const struct vpci *v, u64 offset, u32 size);
void vpci_ecam_write(struct vpci *v, u64 offset, u32 size, u64 value);

#endif
