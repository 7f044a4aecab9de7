/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands above a function: whose name its requests carry, and which other
 * functions they reach before they meet the IOMMU.  What turns them back to it
 * is ACS (6.12), where it is there and on.
 *
 * Pure; boot.  Sections of the PCI Express Base Specification 6.0.
 */
#ifndef DRIVERS_PCI_TREE_H
#define DRIVERS_PCI_TREE_H

#include "drivers/pci_bus.h"

struct pci_tree {
	pci_reader *read;
	s32 above[PCI_BUSES]; /* the bridge to a bus; -1: it is a root */
	u32 joint[PCI_BUSES]; /* the devices that lack ACS, by their numbers */
};

/*
 * All that is on these buses and behind their bridges, with ACS as it is now.
 * The bridge to a bus is on one with a lower number: else it is not set up.
 */
void pci_tree_read(struct pci_tree *t, pci_reader *read,
		   const struct pci_buses *roots);

/* The bridge right above a function, or -1 on a root bus. */
s32 pci_above(const struct pci_tree *t, u16 address);

/* The bridge whose reset is that of the function's device alone, or -1. */
s32 pci_reset_bridge(const struct pci_tree *t, u16 address);

/*
 * The conventional bridge whose name the requests of a function carry (PCI
 * Express to PCI/PCI-X Bridge Specification 1.0, 2.3), or -1: its own.
 */
s32 pci_alias(const struct pci_tree *t, u16 address);

/*
 * Where requests of one of two functions may turn to the other: a port above
 * the first or the first itself, or -1: at the IOMMU only.
 */
s32 pci_joint(const struct pci_tree *t, u16 address, u16 other);

/* Where a function has its ACS: the extended capability, 0 for none. */
u32 pci_acs(pci_reader *read, u16 address);

/* The dword behind its header, with all on that keeps requests from others. */
u32 pci_acs_on(u32 value);

#endif
