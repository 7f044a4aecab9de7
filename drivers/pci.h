/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space by mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2), which
 * is segment 0; while booting also that from 100h on, where MCFG names memory
 * below 4 GiB for it.  Functions and registers: drivers/pci_bus.h, pci_tree.h,
 * pci_regs.h.
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "drivers/pci_tree.h"

/* Boot, BSP, first: which buses are there. */
void pci_init(const struct acpi_info *acpi);

/*
 * Boot, BSP: switches bus mastering, MSI and MSI-X off on every function.  The
 * log port is no PCI function, so none is spared.
 */
void pci_quiet(void);

/* Boot, BSP, then: fills in pci_tree; `apart`: with all ACS on. */
void pci_read_tree(bool apart);

/* --- any core, any context but NMI --- */

/* The dword that holds `reg`, and 2 or 4 aligned bytes. */
u32 pci_read(u16 address, u32 reg);
void pci_write16(u16 address, u32 reg, u16 value);
void pci_write32(u16 address, u32 reg, u32 value);

bool pci_present(u16 address);

/* Bits of the command register off and on; what it was. */
u16 pci_command(u16 address, u64 off, u64 on);

/* The function starts no more transactions. */
void pci_master_off(u16 address);

/* --- boot, BSP --- */

/* From pci_quiet() on: the next function behind *at, which begins as 0. */
bool pci_next(u32 *at, u16 *address);

/* The bridges above a function let it be a bus master, should it become one. */
void pci_open_bridges(u16 address);

/*
 * What base address register n of a function with header type 0 says.  read_:
 * its size, too, 0 for none; the function does not decode meanwhile.
 */
struct pci_bar {
	u64 base, size;
	u32 flags; /* the low bits, which are not address */
	bool ports, wide;
};
void pci_bar_at(u16 address, u32 n, struct pci_bar *bar);
void pci_read_bar(u16 address, u32 n, struct pci_bar *bar);

/* What stands above functions, from pci_read_tree() on. */
extern struct pci_tree pci_tree;

/* What a function can do.  0, or -ENOMEM. */
int __must_check pci_function_read(u16 address, struct pci_function *f);

/* --- any core, any context but NMI --- */

/*
 * Makes a function start anew, and waits until no transaction of it is on its
 * way any more: up to a second.  False: there is no way to, or it does not come
 * back.
 */
bool pci_reset(u16 address, const struct pci_function *f);

#endif
