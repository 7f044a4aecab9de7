/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that a partition owns: PCI functions, where they are on the machine.
 * Their memory is mapped into the guest while booting and stays where it is.
 * Their ports exit and are forwarded.  Their interrupts: devices/intx.h.
 *
 * docs/decisions.md: INTx pins are not shared.
 */
#ifndef DEVICES_ASSIGN_H
#define DEVICES_ASSIGN_H

#include "devices/intx.h"
#include "devices/vpci.h"
#include "drivers/mptable.h"
#include "guest/acpi.h"
#include "guest/layout.h"
#include "table/table.h"

#define ASSIGNED_RANGES (VPCI_FUNCTIONS * VPCI_BARS)

struct assigned_ports {
	u16 base, size;
};

/* Of one partition. */
struct assigned {
	const struct table_partition *config;
	struct intx *intx;
	struct vpci pci;
	/* Of each function: its INTx pin's, if it has one; as at boot. */
	u8 gsi[VPCI_FUNCTIONS];
	u16 command[VPCI_FUNCTIONS];
	u32 nr_memory, nr_ports;
	struct guest_region memory[ASSIGNED_RANGES];
	struct assigned_ports ports[ASSIGNED_RANGES];
	bool off; /* atomic, during an end: the devices are quiet */
};

/* Boot, BSP: how interrupts are wired, by the firmware's MP table. */
void assign_init(const struct phys_reader *r, const struct acpi_info *acpi);

/*
 * Boot, BSP: finds and checks the devices that the table gives to a partition,
 * whose lines are x's.  0, or -E with a line in error.
 */
int __must_check assign_devices(struct assigned *a,
				const struct table_partition *config,
				struct intx *x, char *error, size_t size);

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
 * Exit path: true if the ports are a device's, or those of configuration space
 * where there is one; *value is read or written.
 */
bool assign_io(struct assigned *a, u16 port, u8 size, bool write, u32 *value);

#endif
