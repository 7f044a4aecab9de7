/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space by mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2).
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

/*
 * Boot, BSP: switches bus mastering, MSI and MSI-X off on every function.  The
 * log port is no PCI function, so none is spared.
 */
void pci_quiet(void);

#endif
