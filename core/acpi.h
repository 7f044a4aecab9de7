/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's ACPI tables: processors, interrupt controllers, timers, PCI
 * configuration space, reset and power-off.  Of AML only what core/aml.h finds.
 */
#ifndef CORE_ACPI_H
#define CORE_ACPI_H

#include "core/phys.h"

#define ACPI_IOAPICS   128
#define ACPI_OVERRIDES 16
#define ACPI_SEGMENTS  8
#define PCI_BUSES      256

/* A processor that the firmware calls enabled. */
struct acpi_cpu {
	u32 apic_id;
	u32 uid;
};

struct acpi_ioapic {
	u8 id;
	u32 address;
	u32 gsi_base;
};

/* ISA interrupt `source` is wired to `gsi`; flags as in the MADT. */
struct acpi_override {
	u8 source;
	u32 gsi;
	u16 flags;
};

/* base is where bus 0 of the segment would be, also if bus_start is not 0. */
struct acpi_mcfg {
	u64 base;
	u16 segment;
	u8 bus_start;
	u8 bus_end;
};

struct pci_buses {
	u64 set[PCI_BUSES / 64];
};

static inline void pci_bus_add(struct pci_buses *b, u32 bus)
{
	b->set[bus / 64] |= BIT(bus % 64);
}

static inline bool pci_bus_in(const struct pci_buses *b, u32 bus)
{
	return b->set[bus / 64] & BIT(bus % 64);
}

enum acpi_space {
	ACPI_SPACE_MEMORY = 0,
	ACPI_SPACE_IO = 1,
	ACPI_SPACE_PCI_CONFIG = 2,
};

struct acpi_register {
	u8 space;
	u64 address;
};

struct acpi_info {
	/* In MADT order; no APIC id twice.  more_: what found no room. */
	u32 nr_cpus;
	struct acpi_cpu cpus[MAX_CPUS];
	bool more_cpus;
	u32 more_cpus_from; /* APIC id of the first of them */
	u32 nr_ioapics;
	struct acpi_ioapic ioapics[ACPI_IOAPICS];
	u32 more_ioapics;
	u32 nr_overrides;
	struct acpi_override overrides[ACPI_OVERRIDES];
	u64 lapic_address;

	/* Ports are 0 where there are none. */
	bool has_fadt;
	bool hw_reduced;
	u16 sci;
	u16 smi_cmd;
	u8 acpi_enable;
	u16 pm1a_cnt;
	u16 pm1b_cnt;
	bool has_pm_timer;
	bool pm_timer_32bit;
	u16 pm_timer_port;
	bool has_reset;
	u8 reset_value;
	struct acpi_register reset;
	/* Hardware-reduced machines sleep by this register, not by PM1. */
	bool has_sleep_control;
	struct acpi_register sleep_control;
	/* SLP_TYP of the two PM1 blocks, from \_S5. */
	bool has_s5;
	u8 slp_typa;
	u8 slp_typb;

	bool has_hpet;
	u64 hpet_address;
	u32 nr_mcfg;
	struct acpi_mcfg mcfg[ACPI_SEGMENTS];
	/*
	 * Of host bridges, by _BBN; one without has bus 0.  more_: the firmware
	 * computes some, or a table could not be read.
	 */
	struct pci_buses root_buses;
	bool more_root_buses;
	/*
	 * The DMAR table: checksum and length are right; 0 if there is none.
	 * bad_: there is one of which they are not.
	 */
	u64 dmar;
	u32 dmar_length;
	bool bad_dmar;
};

/*
 * Fills *ai.  rsdp is a copy of 36 bytes (see struct boot_info) or NULL: then
 * the BIOS areas are searched.  Once, on the boot CPU.  Of several tables with
 * one signature the first counts.  Returns 0 or, with one line without newline
 * in error: -ENOENT (no RSDP or no MADT), -EFAULT (a table can't be read),
 * -ENOSPC (more of something than *ai holds), -EINVAL (malformed).
 */
int __must_check acpi_parse(const u8 *rsdp, const struct phys_reader *r,
			    struct acpi_info *ai, char *error,
			    size_t error_size);

#endif
