// SPDX-License-Identifier: BSD-2-Clause
#include "core/lib.h"
#include "guest/acpi.h"
#include "guest/layout.h"

/* ACPI 6.4, 5.2.6: header of every table but the RSDP. */
struct header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem_id[6];
	char oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} __packed;
_Static_assert(sizeof(struct header) == 36, "ACPI 6.4, 5.2.6");

/* ACPI 6.4, 5.2.5.3. */
struct rsdp {
	char signature[8];
	u8 checksum; /* of the first 20 bytes */
	char oem_id[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 extended_checksum; /* of everything */
	u8 reserved[3];
} __packed;
_Static_assert(sizeof(struct rsdp) == 36, "ACPI 6.4, 5.2.5.3");
_Static_assert(offsetof(struct rsdp, xsdt) == 24, "ACPI 6.4, 5.2.5.3");
#define RSDP_V1_SIZE 20

/* ACPI 6.4, 5.2.3.2: Generic Address Structure. */
struct gas {
	u8 space;
	u8 bits;
	u8 offset;
	u8 access;
	u64 address;
} __packed;
_Static_assert(sizeof(struct gas) == 12, "ACPI 6.4, 5.2.3.2");
#define GAS_IO	 1
#define GAS_BYTE 1

/* ACPI 6.4, 5.2.9.  Fields that hardware-reduced mode ignores are lumped. */
struct fadt {
	struct header h;
	u32 firmware_ctrl;
	u32 dsdt;
	u8 reserved0;
	u8 preferred_pm_profile;
	u16 sci_int;
	u8 fixed_hardware[48];
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
	u8 reserved1;
	u32 flags;
	struct gas reset_reg;
	u8 reset_value;
	u16 arm_boot_arch;
	u8 minor_version;
	u64 x_firmware_ctrl;
	u64 x_dsdt;
	struct gas x_fixed_hardware[8];
	struct gas sleep_control_reg;
	struct gas sleep_status_reg;
	u64 hypervisor_vendor;
} __packed;
_Static_assert(sizeof(struct fadt) == 276, "ACPI 6.4, 5.2.9");
_Static_assert(offsetof(struct fadt, iapc_boot_arch) == 109, "5.2.9");
_Static_assert(offsetof(struct fadt, flags) == 112, "5.2.9");
_Static_assert(offsetof(struct fadt, reset_reg) == 116, "5.2.9");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "5.2.9");
_Static_assert(offsetof(struct fadt, sleep_control_reg) == 244, "5.2.9");

#define FADT_REVISION	     6
#define FADT_MINOR	     4
#define PM_PROFILE_SERVER    4
#define P_LVL2_NONE	     0x65   /* above 100 us: no C2 */
#define P_LVL3_NONE	     0x3e9  /* above 1000 us: no C3 */
#define BOOT_LEGACY_DEVICES  BIT(0) /* table 5.10 */
#define BOOT_NO_VGA	     BIT(2)
#define BOOT_NO_ASPM	     BIT(4)
#define FLAG_WBINVD	     BIT(0) /* table 5.9 */
#define FLAG_PROC_C1	     BIT(2)
#define FLAG_PWR_BUTTON	     BIT(4) /* set: no fixed-feature button */
#define FLAG_SLP_BUTTON	     BIT(5)
#define FLAG_FIX_RTC	     BIT(6) /* set: RTC wakes nothing */
#define FLAG_RESET_REG_SUP   BIT(10)
#define FLAG_HEADLESS	     BIT(12)
#define FLAG_HW_REDUCED_ACPI BIT(20)

/*
 * Hardware-reduced ACPI has no SCI.  Linux all the same marks this pin as
 * level-triggered, so it must be one that no device has.
 */
#define SCI_UNUSED 9

/* ACPI 6.4, 5.2.12. */
struct madt {
	struct header h;
	u32 local_apic;
	u32 flags;
} __packed;
_Static_assert(sizeof(struct madt) == 44, "ACPI 6.4, 5.2.12");
#define MADT_PCAT_COMPAT BIT(0) /* there is an 8259 pair to mask */

struct madt_local_apic {
	u8 type;
	u8 length;
	u8 uid;
	u8 apic_id;
	u32 flags;
} __packed;
_Static_assert(sizeof(struct madt_local_apic) == 8, "ACPI 6.4, 5.2.12.2");

struct madt_io_apic {
	u8 type;
	u8 length;
	u8 id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
} __packed;
_Static_assert(sizeof(struct madt_io_apic) == 12, "ACPI 6.4, 5.2.12.3");

struct madt_x2apic {
	u8 type;
	u8 length;
	u16 reserved;
	u32 apic_id;
	u32 flags;
	u32 uid;
} __packed;
_Static_assert(sizeof(struct madt_x2apic) == 16, "ACPI 6.4, 5.2.12.12");

#define MADT_LOCAL_APIC 0
#define MADT_IO_APIC	1
#define MADT_X2APIC	9
#define MADT_ENABLED	BIT(0)
#define XAPIC_IDS	255 /* 255 is the broadcast id */

#define TABLE_ALIGN 16

struct area {
	u8 *buf;
	size_t size;
	size_t used;
	u64 gpa;
};

/* The next `n` bytes, zero, at a table's alignment; NULL when out of room. */
static void *take(struct area *a, size_t n, u64 *gpa)
{
	size_t at = ALIGN_UP(a->used, (size_t)TABLE_ALIGN);

	if (at > a->size || n > a->size - at)
		return NULL;
	a->used = at + n;
	*gpa = a->gpa + at;
	return a->buf + at;
}

static u8 checksum(const void *table, size_t n)
{
	const u8 *p = table;
	u8 sum = 0;

	while (n--)
		sum = (u8)(sum + *p++);
	return (u8)-sum;
}

static void finish(struct header *h, const char *signature, size_t length,
		   u8 revision)
{
	memcpy(h->signature, signature, sizeof(h->signature));
	h->length = (u32)length;
	h->revision = revision;
	memcpy(h->oem_id, "ASHLAR", sizeof(h->oem_id));
	memcpy(h->oem_table_id, "ASHLAR  ", sizeof(h->oem_table_id));
	h->oem_revision = 1;
	memcpy(h->creator_id, "ASHL", sizeof(h->creator_id));
	h->creator_revision = 1;
	h->checksum = 0;
	h->checksum = checksum(h, length);
}

static struct gas io_byte(u64 port)
{
	return (struct gas){
		.space = GAS_IO, .bits = 8, .access = GAS_BYTE, .address = port
	};
}

static int build_dsdt(struct area *a, u64 *gpa)
{
	u8 *p = take(a, guest_dsdt_size, gpa);

	if (!p)
		return -ENOSPC;
	memcpy(p, guest_dsdt, guest_dsdt_size);
	return 0;
}

static int build_fadt(struct area *a, u64 dsdt, u64 *gpa)
{
	struct fadt *f = take(a, sizeof(*f), gpa);

	if (!f)
		return -ENOSPC;
	f->dsdt = (u32)dsdt;
	f->x_dsdt = dsdt;
	f->preferred_pm_profile = PM_PROFILE_SERVER;
	f->sci_int = SCI_UNUSED;
	f->p_lvl2_lat = P_LVL2_NONE;
	f->p_lvl3_lat = P_LVL3_NONE;
	f->iapc_boot_arch = BOOT_LEGACY_DEVICES | BOOT_NO_VGA | BOOT_NO_ASPM;
	f->flags = FLAG_WBINVD | FLAG_PROC_C1 | FLAG_PWR_BUTTON |
		   FLAG_SLP_BUTTON | FLAG_FIX_RTC | FLAG_RESET_REG_SUP |
		   FLAG_HEADLESS | FLAG_HW_REDUCED_ACPI;
	f->reset_reg = io_byte(GUEST_PORT_RESET);
	f->reset_value = GUEST_RESET_VALUE;
	f->minor_version = FADT_MINOR;
	f->sleep_control_reg = io_byte(GUEST_PORT_SLEEP_CONTROL);
	f->sleep_status_reg = io_byte(GUEST_PORT_SLEEP_STATUS);
	memcpy(&f->hypervisor_vendor, "Ashlar\0", 8);
	finish(&f->h, "FACP", sizeof(*f), FADT_REVISION);
	return 0;
}

static u8 *put_cpu(u8 *p, u32 id)
{
	const struct madt_local_apic local = {
		.type = MADT_LOCAL_APIC,
		.length = sizeof(local),
		.uid = (u8)id,
		.apic_id = (u8)id,
		.flags = MADT_ENABLED,
	};
	const struct madt_x2apic wide = {
		.type = MADT_X2APIC,
		.length = sizeof(wide),
		.apic_id = id,
		.flags = MADT_ENABLED,
		.uid = id,
	};

	if (id < XAPIC_IDS) {
		memcpy(p, &local, sizeof(local));
		return p + sizeof(local);
	}
	memcpy(p, &wide, sizeof(wide));
	return p + sizeof(wide);
}

static int build_madt(struct area *a, u32 nr_vcpus, u64 *gpa)
{
	const struct madt_io_apic io_apic = {
		.type = MADT_IO_APIC,
		.length = sizeof(io_apic),
		.id = GUEST_IOAPIC_ID,
		.address = (u32)GUEST_IOAPIC,
		.gsi_base = 0,
	};
	size_t narrow = MIN(nr_vcpus, (u32)XAPIC_IDS);
	size_t size = sizeof(struct madt) + sizeof(io_apic) +
		      narrow * sizeof(struct madt_local_apic) +
		      (nr_vcpus - narrow) * sizeof(struct madt_x2apic);
	struct madt *m = take(a, size, gpa);
	u8 *p;

	if (!m)
		return -ENOSPC;
	p = (u8 *)(m + 1);
	m->local_apic = (u32)GUEST_LAPIC;
	m->flags = MADT_PCAT_COMPAT;
	for (u32 id = 0; id < nr_vcpus; id++)
		p = put_cpu(p, id);
	memcpy(p, &io_apic, sizeof(io_apic));
	finish(&m->h, "APIC", size, 5);
	return 0;
}

static int build_xsdt(struct area *a, const u64 *tables, size_t n, u64 *gpa)
{
	size_t size = sizeof(struct header) + n * sizeof(u64);
	struct header *x = take(a, size, gpa);

	if (!x)
		return -ENOSPC;
	memcpy(x + 1, tables, n * sizeof(u64));
	finish(x, "XSDT", size, 1);
	return 0;
}

static void finish_rsdp(struct rsdp *r, u64 xsdt)
{
	memcpy(r->signature, "RSD PTR ", sizeof(r->signature));
	memcpy(r->oem_id, "ASHLAR", sizeof(r->oem_id));
	r->revision = 2;
	r->length = sizeof(*r);
	r->xsdt = xsdt;
	r->checksum = checksum(r, RSDP_V1_SIZE);
	r->extended_checksum = checksum(r, sizeof(*r));
}

/* Tables stop short of the reset vector where `buf` reaches up to it. */
static size_t table_room(size_t size, u64 gpa)
{
	if (gpa <= GUEST_RESET_VECTOR)
		return MIN(size, GUEST_RESET_VECTOR - gpa);
	return size;
}

/*
 * Linux restarts a hardware-reduced machine without EFI neither by RESET_REG
 * nor by port 64h: it goes back to real mode and jumps to the BIOS's reset
 * vector, F000:FFF0.  So there must be code.
 */
static void put_reset_vector(u8 *buf, size_t size, u64 gpa)
{
	/* mov $port, %dx; mov $value, %al; out %al, %dx; cli; 1: hlt; jmp 1b */
	static const u8 code[] = { 0xba,
				   GUEST_PORT_RESET & 0xff,
				   GUEST_PORT_RESET >> 8,
				   0xb0,
				   GUEST_RESET_VALUE,
				   0xee,
				   0xfa,
				   0xf4,
				   0xeb,
				   0xfd };

	if (gpa <= GUEST_RESET_VECTOR && size >= GUEST_ACPI_END - gpa)
		memcpy(buf + (GUEST_RESET_VECTOR - gpa), code, sizeof(code));
}

int guest_acpi_build(u8 *buf, size_t size, u64 gpa,
		     const struct guest_acpi_config *config, u64 *rsdp_gpa)
{
	struct area a = { .buf = buf,
			  .size = table_room(size, gpa),
			  .gpa = gpa };
	struct rsdp *rsdp;
	u64 table[2]; /* FADT, MADT */
	u64 dsdt, xsdt;
	int err;

	if (gpa % TABLE_ALIGN || gpa >> 32 || size > GUEST_HOLE_END - gpa ||
	    !config->nr_vcpus || config->nr_vcpus > GUEST_ACPI_VCPUS)
		return -EINVAL;
	memset(buf, 0, size);
	rsdp = take(&a, sizeof(*rsdp), rsdp_gpa);
	if (!rsdp)
		return -ENOSPC;
	err = build_dsdt(&a, &dsdt);
	if (!err)
		err = build_fadt(&a, dsdt, &table[0]);
	if (!err)
		err = build_madt(&a, config->nr_vcpus, &table[1]);
	if (!err)
		err = build_xsdt(&a, table, ARRAY_SIZE(table), &xsdt);
	if (err)
		return err;
	finish_rsdp(rsdp, xsdt);
	put_reset_vector(buf, size, gpa);
	return 0;
}
