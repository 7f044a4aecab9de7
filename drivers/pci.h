/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space by mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2), which
 * is segment 0.  Functions and registers: drivers/pci_bus.h, pci_regs.h.
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "drivers/pci_bus.h"

/* Boot, BSP, first: which buses are there. */
void pci_init(const struct acpi_info *acpi);

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
void pci_for_each(pci_visitor *visit, void *ctx);

/*
 * Base address register n of a function with header type 0: what it holds and
 * which of its bits can be written.  The function does not decode meanwhile.
 */
void pci_size_bar(u16 address, u32 n, u32 *value, u32 *mask);

#endif
