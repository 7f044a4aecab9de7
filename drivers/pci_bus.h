/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What configuration space says: which functions there are, what a function
 * can do.  A function is named by its address: bus << 8 | device << 3 |
 * function.  Nothing that a device answers is trusted: lists that run in
 * circles and buses below themselves come to an end.
 *
 * Pure; boot.  Sections of the PCI Express Base Specification 6.0, where no
 * other is named.
 */
#ifndef DRIVERS_PCI_BUS_H
#define DRIVERS_PCI_BUS_H

#include "core/acpi.h"

/* The aligned dword at reg of a function: all ones where there is none. */
typedef u32 pci_reader(u16 address, u32 reg);
typedef void pci_visitor(void *ctx, u16 address);

/* Every function on these buses and behind their bridges, each once. */
void pci_walk(pci_reader *read, const struct pci_buses *roots,
	      pci_visitor *visit, void *ctx);

/* The first capability with this id (7.5.3): where it is, 0 for none. */
u32 pci_capability(pci_reader *read, u16 address, u8 id);

#endif
