/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that a partition owns: PCI functions, wherever they are on the
 * machine.  Their memory is mapped while booting, at guest addresses of
 * Ashlar's choice, but for the pages of an MSI-X table (devices/msix.h).  Their
 * ports exit and are forwarded.  Their INTx: devices/intx.h.
 *
 * docs/decisions.md: INTx pins are not shared.
 */
#ifndef DEVICES_ASSIGN_H
#define DEVICES_ASSIGN_H

#include "devices/intx.h"
#include "devices/msix.h"
#include "devices/vpci.h"
#include "drivers/mptable.h"
#include "drivers/pci.h"
#include "eli/route.h"
#include "guest/acpi.h"
#include "guest/layout.h"
#include "guest/mmio.h"
#include "table/table.h"

/* A BAR with an MSI-X table is mapped in two pieces. */
#define ASSIGNED_RANGES (VPCI_FUNCTIONS * (PCI_BARS + 1))

struct assigned_ports {
	u16 base, size;
};

/* What Ashlar keeps of a function besides what the guest sees. */
struct assigned_function {
	struct assigned *owner;
	u16 address;
	u16 command;	   /* as at boot, */
	u32 bar[PCI_BARS]; /* and these */
	struct pci_function can;
	struct msix msix;     /* with no entries: none */
	struct route *routes; /* of its messages; NULL: it has none */
};

/* Of one partition. */
struct assigned {
	const struct table_partition *config;
	struct intx *intx;
	struct mmio_space *mmio;
	struct vpci pci;
	struct assigned_function function[VPCI_FUNCTIONS]; /* as in pci */
	u64 next_gpa;					   /* for BARs */
	u32 nr_memory, nr_shown, nr_ports;
	struct guest_region memory[ASSIGNED_RANGES];
	struct guest_region shown[VPCI_FUNCTIONS]; /* MSI-X tables to read */
	struct assigned_ports ports[VPCI_FUNCTIONS * PCI_BARS];
	bool off; /* atomic, during an end: the devices are quiet */
};

/* Boot, BSP: how interrupts are wired, by the firmware's MP table. */
void assign_init(const struct phys_reader *r, const struct acpi_info *acpi);

/*
 * Boot, BSP: finds and checks the devices that the table gives to a partition,
 * whose lines are x's and whose registers go into mmio.  0, or -E with a line
 * in error.
 */
int __must_check assign_devices(struct assigned *a,
				const struct table_partition *config,
				struct intx *x, struct mmio_space *mmio,
				char *error, size_t size);

/* Does the table give it this function? */
bool assign_owns(const struct assigned *a, u16 address);

/* For the guest's ACPI tables. */
void assign_describe(const struct assigned *a, struct guest_acpi_pci *out);

/* On vCPU 0's core, before a guest is loaded: as the firmware left them. */
void assign_start(struct assigned *a);
/*
 * On vCPU 0's core, when all of the partition's cores are in root mode: no
 * DMA and no interrupt comes from its devices any more.  The others wait for
 * that.
 */
void assign_stop(struct assigned *a);
bool assign_stopped(const struct assigned *a);

/*
 * With the partition's lock: function n is no bus master, and its guest can't
 * make it one; or it can again.
 */
void assign_quarantine(struct assigned *a, u32 n, bool on);

/*
 * Exit path: true if the ports are a device's, or those of configuration space
 * where there is one; *value is read or written.
 */
bool assign_io(struct assigned *a, u16 port, u8 size, bool write, u32 *value);

/* devices/claim.c and assign.c: the table's entries, told by the guest's. */
u64 assign_msix_read(void *function, u64 offset, u8 size);
void assign_msix_write(void *function, u64 offset, u8 size, u64 value);
void assign_msix_want(void *function, u32 entry, const struct irq_msg *m);
void assign_msi_want(void *assigned, u32 n, u32 k, const struct irq_msg *m);
/* Configuration space in memory. */
u64 assign_ecam_read(void *assigned, u64 offset, u8 size);
void assign_ecam_write(void *assigned, u64 offset, u8 size, u64 value);

#endif
