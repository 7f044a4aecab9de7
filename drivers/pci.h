/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space by mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2).  A
 * function is named by its address: bus << 8 | device << 3 | function.
 * Registers have the names of devices/vpci.h.
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "core/types.h"

/*
 * Boot, BSP: switches bus mastering, MSI and MSI-X off on every function.  The
 * log port is no PCI function, so none is spared.
 */
void pci_quiet(void);

/* --- any core, any context but NMI --- */

/* The dword that holds `reg`, and 2 or 4 aligned bytes. */
u32 pci_read(u16 address, u32 reg);
void pci_write16(u16 address, u32 reg, u16 value);
void pci_write32(u16 address, u32 reg, u32 value);

bool pci_present(u16 address);

/* The function starts no more transactions. */
void pci_master_off(u16 address);

/* --- boot, BSP --- */

/* Every function there is, each once. */
void pci_for_each(void (*visit)(void *ctx, u16 address), void *ctx);

/*
 * Base address register n of a function with header type 0: what it holds and
 * which of its bits can be written.  The function does not decode meanwhile.
 */
void pci_size_bar(u16 address, u32 n, u32 *value, u32 *mask);

#endif
