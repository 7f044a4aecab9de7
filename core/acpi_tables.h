/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layouts of the ACPI tables that Ashlar reads from its host and writes for its
 * guests.  Section numbers are those of the ACPI Specification 6.5.
 */
#ifndef CORE_ACPI_TABLES_H
#define CORE_ACPI_TABLES_H

#include "core/types.h"

/* 5.2.5.3 Root System Description Pointer */
struct rsdp {
	char signature[8];
	u8 checksum;
	char oem_id[6];
	u8 revision;
	u32 rsdt_address;
	u32 length;
	u64 xsdt_address;
	u8 extended_checksum;
	u8 reserved[3];
} __packed;
_Static_assert(offsetof(struct rsdp, rsdt_address) == 16, "5.2.5.3");
_Static_assert(offsetof(struct rsdp, xsdt_address) == 24, "5.2.5.3");
_Static_assert(sizeof(struct rsdp) == 36, "5.2.5.3");

/* What ACPI 1.0 defined, and what its checksum covers. */
#define RSDP_V1_SIZE 20

/* 5.2.6 System Description Table Header */
struct sdt_header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	u32 creator_id;
	u32 creator_revision;
} __packed;
_Static_assert(offsetof(struct sdt_header, checksum) == 9, "5.2.6");
_Static_assert(sizeof(struct sdt_header) == 36, "5.2.6");

/* 5.2.3.2 Generic Address Structure */
struct gas {
	u8 address_space_id;
	u8 register_bit_width;
	u8 register_bit_offset;
	u8 access_size;
	u64 address;
} __packed;
_Static_assert(sizeof(struct gas) == 12, "5.2.3.2");

/* 5.2.9 Fixed ACPI Description Table; ACPI 1.0's ended before reset_reg. */
struct fadt {
	struct sdt_header header;
	u32 firmware_ctrl;
	u32 dsdt;
	u8 reserved1;
	u8 preferred_pm_profile;
	u16 sci_int;
	u32 smi_cmd;
	u8 acpi_enable;
	u8 acpi_disable;
	u8 s4bios_req;
	u8 pstate_cnt;
	u32 pm1a_evt_blk;
	u32 pm1b_evt_blk;
	u32 pm1a_cnt_blk;
	u32 pm1b_cnt_blk;
	u32 pm2_cnt_blk;
	u32 pm_tmr_blk;
	u32 gpe0_blk;
	u32 gpe1_blk;
	u8 pm1_evt_len;
	u8 pm1_cnt_len;
	u8 pm2_cnt_len;
	u8 pm_tmr_len;
	u8 gpe0_blk_len;
	u8 gpe1_blk_len;
	u8 gpe1_base;
	u8 cst_cnt;
	u16 p_lvl2_lat;
	u16 p_lvl3_lat;
	u16 flush_size;
	u16 flush_stride;
	u8 duty_offset;
	u8 duty_width;
	u8 day_alrm;
	u8 mon_alrm;
	u8 century;
	u16 iapc_boot_arch;
	u8 reserved2;
	u32 flags;
	struct gas reset_reg;
	u8 reset_value;
	u16 arm_boot_arch;
	u8 fadt_minor_version;
	u64 x_firmware_ctrl;
	u64 x_dsdt;
	struct gas x_pm1a_evt_blk;
	struct gas x_pm1b_evt_blk;
	struct gas x_pm1a_cnt_blk;
	struct gas x_pm1b_cnt_blk;
	struct gas x_pm2_cnt_blk;
	struct gas x_pm_tmr_blk;
	struct gas x_gpe0_blk;
	struct gas x_gpe1_blk;
	struct gas sleep_control_reg;
	struct gas sleep_status_reg;
	u64 hypervisor_vendor;
} __packed;
_Static_assert(offsetof(struct fadt, sci_int) == 46, "5.2.9");
_Static_assert(offsetof(struct fadt, pm_tmr_blk) == 76, "5.2.9");
_Static_assert(offsetof(struct fadt, flags) == 112, "5.2.9");
_Static_assert(offsetof(struct fadt, reset_reg) == 116, "5.2.9");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "5.2.9");
_Static_assert(offsetof(struct fadt, x_pm_tmr_blk) == 208, "5.2.9");
_Static_assert(sizeof(struct fadt) == 276, "5.2.9");

#define FADT_V1_SIZE	     offsetof(struct fadt, reset_reg)
#define FADT_TMR_VAL_EXT     BIT(8)
#define FADT_RESET_REG_SUP   BIT(10)
#define FADT_HW_REDUCED_ACPI BIT(20)

/* PCI Firmware 3.3, 4.1.2 */
struct mcfg {
	struct sdt_header header;
	u8 reserved[8];
} __packed;
_Static_assert(sizeof(struct mcfg) == 44, "4.1.2");

struct mcfg_allocation {
	u64 base_address;
	u16 segment;
	u8 start_bus;
	u8 end_bus;
	u32 reserved;
} __packed;
_Static_assert(sizeof(struct mcfg_allocation) == 16, "4.1.2");

/* 5.2.12 Multiple APIC Description Table */
struct madt {
	struct sdt_header header;
	u32 local_apic_address;
	u32 flags;
} __packed;
_Static_assert(sizeof(struct madt) == 44, "5.2.12");

enum madt_type {
	MADT_LOCAL_APIC = 0,
	MADT_IO_APIC = 1,
	MADT_INTERRUPT_OVERRIDE = 2,
	MADT_LOCAL_APIC_ADDRESS = 5,
	MADT_LOCAL_X2APIC = 9,
};

struct madt_entry {
	u8 type;
	u8 length;
} __packed;

/* 5.2.12.2 */
struct madt_local_apic {
	struct madt_entry entry;
	u8 uid;
	u8 apic_id;
	u32 flags;
} __packed;
_Static_assert(sizeof(struct madt_local_apic) == 8, "5.2.12.2");

#define MADT_CPU_ENABLED BIT(0)

/* 5.2.12.3 */
struct madt_io_apic {
	struct madt_entry entry;
	u8 id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
} __packed;
_Static_assert(sizeof(struct madt_io_apic) == 12, "5.2.12.3");

/* 5.2.12.5 */
struct madt_override {
	struct madt_entry entry;
	u8 bus;
	u8 source;
	u32 gsi;
	u16 flags;
} __packed;
_Static_assert(sizeof(struct madt_override) == 10, "5.2.12.5");

/* 5.2.12.8 */
struct madt_local_apic_address {
	struct madt_entry entry;
	u16 reserved;
	u64 address;
} __packed;
_Static_assert(sizeof(struct madt_local_apic_address) == 12, "5.2.12.8");

/* 5.2.12.12 */
struct madt_local_x2apic {
	struct madt_entry entry;
	u16 reserved;
	u32 x2apic_id;
	u32 flags;
	u32 uid;
} __packed;
_Static_assert(sizeof(struct madt_local_x2apic) == 16, "5.2.12.12");

#endif
