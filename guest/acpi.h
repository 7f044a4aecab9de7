/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables a guest finds (ACPI 6.4): RSDP, XSDT, FADT, MADT, DSDT, and
 * with a PCI bus an SSDT and MCFG, in hardware-reduced mode.  Addresses and
 * ports: guest/layout.h.  Pure; while booting.
 */
#ifndef GUEST_ACPI_H
#define GUEST_ACPI_H

#include "core/types.h"

#define GUEST_ACPI_ROUTES 16

/* An interrupt of a PCI device, as _PRT has it (ACPI 6.4, 6.2.13). */
struct guest_acpi_route {
	u32 address; /* device << 16 | ffffh */
	u32 pin;     /* 0: INTA */
	u32 gsi;
};

/*
 * The PCI bus: windows from the first to the last byte of the devices' memory
 * and ports, first above last where there are none.  guest/ssdt.asl reads it
 * from the guest's memory at GUEST_ACPI_PCI.
 */
struct guest_acpi_pci {
	u32 memory, memory_last;
	u32 ports, ports_last;
	u32 nr_routes;
	struct guest_acpi_route route[GUEST_ACPI_ROUTES];
} __packed;

struct guest_acpi_config {
	u32 nr_vcpus; /* vCPU n has APIC id n; at most GUEST_ACPI_VCPUS */
	const struct guest_acpi_pci *pci; /* NULL: there is no bus */
};

#define GUEST_ACPI_VCPUS 1024

/* AML of guest/dsdt.asl and ssdt.asl, header included: guest/guest.mk. */
extern const u8 guest_dsdt[], guest_ssdt[];
extern const u32 guest_dsdt_size, guest_ssdt_size;

/*
 * Build the tables into `buf`, whose `size` bytes the guest will see at `gpa`;
 * the rest of `buf` is zeroed.  The RSDP comes first, so that with `gpa` in
 * GUEST_ACPI..GUEST_ACPI_END a search of the BIOS area finds it too.  A `buf`
 * that spans GUEST_RESET_VECTOR up to GUEST_ACPI_END also gets real-mode code
 * there that resets by GUEST_PORT_RESET: Linux restarts that way.  A PCI bus
 * wants a `buf` that spans GUEST_ACPI_PCI up to GUEST_RESET_VECTOR.  Returns
 * 0 and *rsdp_gpa; -EINVAL for a `gpa` that is not 16-byte aligned or not
 * below 4 GiB with all of `buf`, or for no vCPUs or too many; -ENOSPC.
 */
int guest_acpi_build(u8 *buf, size_t size, u64 gpa,
		     const struct guest_acpi_config *config, u64 *rsdp_gpa);

#endif
