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

/*
 * The aligned dword at reg of a function: all ones where there is none, or from
 * 100h on no way to it.
 */
typedef u32 pci_reader(u16 address, u32 reg);
typedef void pci_visitor(void *ctx, u16 address);

/*
 * The bus right behind a bridge, which may be one of CardBus, and the last one
 * behind it; -1 behind other functions.
 */
s32 pci_bus_below(pci_reader *read, u16 address);
s32 pci_last_bus(pci_reader *read, u16 address);

/* Every function on these buses and behind their bridges, each once. */
void pci_walk(pci_reader *read, const struct pci_buses *roots,
	      pci_visitor *visit, void *ctx);

/* The first capability with this id (7.5.3): where it is, 0 for none. */
u32 pci_capability(pci_reader *read, u16 address, u8 id);

enum pci_reset {
	PCI_RESET_NONE,
	PCI_RESET_FLR,	  /* 6.6.2 */
	PCI_RESET_AF_FLR, /* PCI Advanced Features ECN */
	PCI_RESET_BUS,	  /* 7.5.1.3.13, by the bridge above */
};

struct pci_msix {
	u32 where;	    /* the capability; 0: there is none */
	u32 entries;	    /* of the table */
	u32 table, pending; /* the registers */
};

struct pci_function {
	u32 msi;      /* the capability; 0: there is none */
	u32 msi_many; /* of how many messages, as a power of two */
	struct pci_msix msix;
	enum pci_reset reset;
	u16 reset_address; /* the function or the bridge, */
	u32 reset_where;   /* and the capability */
	volatile u32 *acs; /* its control, which a reset clears, or NULL, */
	u32 acs_value;	   /* and what it must be */
};

/* bridge: one whose reset is that of this function's device alone, or -1. */
void pci_describe(pci_reader *read, s32 bridge, u16 address,
		  struct pci_function *f);

#endif
