/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions on the guest's PCI bus 0, by mechanism #1 (PCI Local Bus 3.0,
 * section 3.2.2.3.2).  Registers: drivers/pci_regs.h.
 */
#ifndef PCI_H
#define PCI_H

#include "core/types.h"
#include "drivers/pci_regs.h"

/* Of function 0 of a device; the aligned dword at reg. */
u32 pci_read(u32 device, u32 reg);
void pci_write(u32 device, u32 reg, u32 value);

/* The device with this id register; the payload fails where there is none. */
u32 pci_find(u32 id);

/* Sets these bits of the command register. */
void pci_enable(u32 device, u32 bits);
/* Where BAR 0 is, 32 bits of it. */
volatile void *pci_bar0(u32 device);

#endif
