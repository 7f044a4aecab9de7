/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables a guest finds (ACPI 6.4): RSDP, XSDT, FADT, MADT, DSDT, in
 * hardware-reduced mode.  Addresses and ports: guest/layout.h.  Pure; while
 * booting.
 */
#ifndef GUEST_ACPI_H
#define GUEST_ACPI_H

#include "core/types.h"

struct guest_acpi_config {
	u32 nr_vcpus; /* vCPU n has APIC id n; at most GUEST_ACPI_VCPUS */
};

#define GUEST_ACPI_VCPUS 1024

/* AML of guest/dsdt.asl, header included; made by guest/guest.mk. */
extern const u8 guest_dsdt[];
extern const u32 guest_dsdt_size;

/*
 * Build the tables into `buf`, whose `size` bytes the guest will see at `gpa`;
 * the rest of `buf` is zeroed.  The RSDP comes first, so that with `gpa` in
 * GUEST_ACPI..GUEST_ACPI_END a search of the BIOS area finds it too.  A `buf`
 * that spans GUEST_RESET_VECTOR up to GUEST_ACPI_END also gets real-mode code
 * there that resets by GUEST_PORT_RESET: Linux restarts that way.  Returns
 * 0 and *rsdp_gpa; -EINVAL for a `gpa` that is not 16-byte aligned or not
 * below 4 GiB with all of `buf`, or for no vCPUs or too many; -ENOSPC.
 */
int guest_acpi_build(u8 *buf, size_t size, u64 gpa,
		     const struct guest_acpi_config *config, u64 *rsdp_gpa);

#endif
