/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of PCI configuration space, for the driver and for guests. */
#ifndef DRIVERS_PCI_REGS_H
#define DRIVERS_PCI_REGS_H

#include "core/types.h"

/* Mechanism #1: the ports, and bit 31 of the address (3.2.2.3.2). */
#define PCI_CONFIG_ADDRESS 0xcf8
#define PCI_CONFIG_DATA	   0xcfc
#define PCI_CONFIG_ENABLE  BIT(31)

/* How an address (drivers/pci_bus.h) is printed. */
#define PCI_NAME     "%02x:%02x.%x"
#define PCI_WORDS(a) (a) >> 8, (a) >> 3 & 31, (a)&7

#define PCI_FUNCTIONS 0x10000

/* Configuration header, type 0 (PCI Local Bus 3.0, 6.1). */
#define PCI_VENDOR_ID	   0x00
#define PCI_COMMAND	   0x04
#define PCI_STATUS	   0x06
#define PCI_REVISION	   0x08
#define PCI_CACHE_LINE	   0x0c
#define PCI_BAR(n)	   (0x10 + 4 * (n))
#define PCI_BARS	   6
#define PCI_BUS_NUMBERS	   0x18 /* of a bridge: primary, secondary, last */
#define PCI_CIS		   0x28
#define PCI_SUBSYSTEM	   0x2c
#define PCI_ROM		   0x30
#define PCI_CAPABILITIES   0x34
#define PCI_INTERRUPT_LINE 0x3c

/* Class, and class with subclass, of the dword with the revision (app. D) */
#define PCI_CLASS_SHIFT	   24
#define PCI_SUBCLASS_SHIFT 16
#define PCI_CLASS_DISPLAY  0x03
#define PCI_CLASS_BRIDGE   0x06
#define PCI_SUBCLASS_USB   0x0c03

#define PCI_COMMAND_IO	     BIT(0)
#define PCI_COMMAND_MEMORY   BIT(1)
#define PCI_COMMAND_MASTER   BIT(2)
#define PCI_COMMAND_INTX_OFF BIT(10)

/* Of the dword that holds command and status */
#define PCI_STATUS_CAPABILITIES BIT(20)
/* Of the dword that holds cache line size, latency, header type and BIST */
#define PCI_HEADER_TYPE	   0x007f0000U
#define PCI_HEADER_BRIDGE  0x00010000U
#define PCI_HEADER_CARDBUS 0x00020000U
#define PCI_HEADER_MULTI   BIT(23)

#define PCI_HEADER_SIZE 0x40
#define PCI_CONFIG_SIZE 0x100

/* Capabilities: id, next, and 16 bits of their own (6.7). */
#define PCI_CAP_MSI	0x05
#define PCI_CAP_EXPRESS 0x10
#define PCI_CAP_MSIX	0x11
#define PCI_CAP_AF	0x13
#define PCI_MSI_ENABLE	BIT(16)
#define PCI_MSIX_ENABLE BIT(31)
#define PCI_MSIX_MASK	BIT(30)

/* PCI Express 6.0, 7.7.1: data is behind the upper half, if there is one. */
#define PCI_MSI_64	BIT(23)
#define PCI_MSI_LOW	4
#define PCI_MSI_HIGH	8
#define PCI_MSI_DATA_32 8
#define PCI_MSI_DATA_64 12
#define PCI_MSI_SIZE	16
/* Message Control: how many messages there can be, and are to be: powers. */
#define PCI_MSI_CAPABLE_SHIFT  17
#define PCI_MSI_CAPABLE(dword) ((dword) >> PCI_MSI_CAPABLE_SHIFT & 7)
#define PCI_MSI_MANY_SHIFT     20
#define PCI_MSI_MANY_MASK      (7U << PCI_MSI_MANY_SHIFT)
#define PCI_MSI_MANY(dword)    ((dword) >> PCI_MSI_MANY_SHIFT & 7)
#define PCI_MSI_MAX	       5 /* 32 of them; more is reserved */

/* PCI Express 6.0, 7.7.2: of each the low three bits are a BAR's number. */
#define PCI_MSIX_TABLE	 4
#define PCI_MSIX_PENDING 8
#define PCI_MSIX_SIZE	 12
#define PCI_MSIX_ENTRIES 0x7ff /* of Message Control: one less */
#define PCI_MSIX_BAR	 7U

/* 7.5.3: capabilities, of the dword with the id; then of the device */
#define PCI_EXPRESS_TYPE_SHIFT	20
#define PCI_EXPRESS_ROOT	4
#define PCI_EXPRESS_UPSTREAM	5
#define PCI_EXPRESS_DOWNSTREAM	6
#define PCI_EXPRESS_DEVCAP	0x04
#define PCI_EXPRESS_DEVCTL	0x08
#define PCI_EXPRESS_SIZE	0x0c
#define PCI_EXPRESS_DEVCAP_FLR	BIT(28)
#define PCI_EXPRESS_DEVCTL_FLR	BIT(15)
#define PCI_EXPRESS_DEVSTA_BUSY BIT(21) /* transactions pending */

/* PCI Advanced Features ECN: capability, control and status */
#define PCI_AF_SIZE    6
#define PCI_AF_FLR     BIT(25)
#define PCI_AF_CONTROL 4
#define PCI_AF_START   BIT(0)
#define PCI_AF_BUSY    BIT(8)

/*
 * 7.6.3: where extended capabilities end; 7.7.11: access control services, of
 * which the upper half of the dword behind the header is control: source
 * validation, P2P request and completion redirect, upstream forwarding.
 */
#define PCI_EXTENDED_END      0x1000
#define PCI_EXTENDED_ACS      0x000d
#define PCI_ACS_CONTROL	      4
#define PCI_ACS_SIZE	      8
#define PCI_ACS_CONTROL_SHIFT 16
#define PCI_ACS_WANTED	      0x1d

/* 7.5.1.3.13, of the dword that ends a bridge's header */
#define PCI_BRIDGE_CONTROL 0x3e
#define PCI_BRIDGE_RESET   BIT(6)

#define PCI_BAR_IO	    BIT(0)
#define PCI_BAR_64	    BIT(2)
#define PCI_BAR_IO_MASK	    (~3U)
#define PCI_BAR_MEMORY_MASK (~15U)

#endif
