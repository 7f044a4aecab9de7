// SPDX-License-Identifier: BSD-2-Clause
/*
 * A guest's ACPI tables.
 *
 * docs/decisions.md: A PCI root only where there is a device; Hardware-reduced
 * ACPI.
 */
#include "guest/acpi.h"
#include "core/acpi_tables.h"
#include "core/lib.h"
#include "guest/layout.h"

#define GAS_IO	 1
#define GAS_BYTE 1

#define FADT_REVISION	    6
#define FADT_MINOR	    4
#define PM_PROFILE_SERVER   4
#define P_LVL2_NONE	    0x65   /* above 100 us: no C2 */
#define P_LVL3_NONE	    0x3e9  /* above 1000 us: no C3 */
#define BOOT_LEGACY_DEVICES BIT(0) /* table 5.10 */
#define BOOT_NO_VGA	    BIT(2)
#define BOOT_NO_ASPM	    BIT(4)
#define FLAG_WBINVD	    BIT(0) /* table 5.9 */
#define FLAG_PROC_C1	    BIT(2)
#define FLAG_PWR_BUTTON	    BIT(4) /* set: no fixed-feature button */
#define FLAG_SLP_BUTTON	    BIT(5)
#define FLAG_FIX_RTC	    BIT(6) /* set: RTC wakes nothing */
#define FLAG_HEADLESS	    BIT(12)

/*
 * Hardware-reduced ACPI has no SCI.  Linux all the same marks this pin as
 * level-triggered, so it must be one that no device has.
 */
#define SCI_UNUSED 9

#define MADT_PCAT_COMPAT BIT(0) /* there is an 8259 pair to mask */

#define XAPIC_IDS 255 /* 255 is the broadcast id */

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

static void finish(struct sdt_header *h, const char *signature, size_t length,
		   u8 revision)
{
	memcpy(h->signature, signature, sizeof(h->signature));
	h->length = (u32)length;
	h->revision = revision;
	memcpy(h->oem_id, "ASHLAR", sizeof(h->oem_id));
	memcpy(h->oem_table_id, "ASHLAR  ", sizeof(h->oem_table_id));
	h->oem_revision = 1;
	memcpy(&h->creator_id, "ASHL", sizeof(h->creator_id));
	h->creator_revision = 1;
	h->checksum = 0;
	h->checksum = checksum(h, length);
}

static struct gas io_byte(u64 port)
{
	return (struct gas){
		.address_space_id = GAS_IO,
		.register_bit_width = 8,
		.access_size = GAS_BYTE,
		.address = port,
	};
}

static int copy_aml(struct area *a, const u8 *aml, u32 size, u64 *gpa)
{
	u8 *p = take(a, size, gpa);

	if (!p)
		return -ENOSPC;
	memcpy(p, aml, size);
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
		   FLAG_SLP_BUTTON | FLAG_FIX_RTC | FADT_RESET_REG_SUP |
		   FLAG_HEADLESS | FADT_HW_REDUCED_ACPI;
	f->reset_reg = io_byte(GUEST_PORT_RESET);
	f->reset_value = GUEST_RESET_VALUE;
	f->fadt_minor_version = FADT_MINOR;
	f->sleep_control_reg = io_byte(GUEST_PORT_SLEEP_CONTROL);
	f->sleep_status_reg = io_byte(GUEST_PORT_SLEEP_STATUS);
	memcpy(&f->hypervisor_vendor, "Ashlar\0", 8);
	finish(&f->header, "FACP", sizeof(*f), FADT_REVISION);
	return 0;
}

static u8 *put_cpu(u8 *p, u32 id)
{
	const struct madt_local_apic local = {
		.entry = { MADT_LOCAL_APIC, sizeof(local) },
		.uid = (u8)id,
		.apic_id = (u8)id,
		.flags = MADT_CPU_ENABLED,
	};
	const struct madt_local_x2apic wide = {
		.entry = { MADT_LOCAL_X2APIC, sizeof(wide) },
		.x2apic_id = id,
		.flags = MADT_CPU_ENABLED,
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
		.entry = { MADT_IO_APIC, sizeof(io_apic) },
		.id = GUEST_IOAPIC_ID,
		.address = (u32)GUEST_IOAPIC,
		.gsi_base = 0,
	};
	size_t narrow = MIN(nr_vcpus, (u32)XAPIC_IDS);
	size_t size = sizeof(struct madt) + sizeof(io_apic) +
		      narrow * sizeof(struct madt_local_apic) +
		      (nr_vcpus - narrow) * sizeof(struct madt_local_x2apic);
	struct madt *m = take(a, size, gpa);
	u8 *p;

	if (!m)
		return -ENOSPC;
	p = (u8 *)(m + 1);
	m->local_apic_address = (u32)GUEST_LAPIC;
	m->flags = MADT_PCAT_COMPAT;
	for (u32 id = 0; id < nr_vcpus; id++)
		p = put_cpu(p, id);
	memcpy(p, &io_apic, sizeof(io_apic));
	finish(&m->header, "APIC", size, 5);
	return 0;
}

/* Bus 0 alone. */
static int build_mcfg(struct area *a, u64 *gpa)
{
	size_t size = sizeof(struct mcfg) + sizeof(struct mcfg_allocation);
	struct mcfg *m = take(a, size, gpa);

	if (!m)
		return -ENOSPC;
	*(struct mcfg_allocation *)(m + 1) = (struct mcfg_allocation){
		.base_address = GUEST_ECAM,
	};
	finish(&m->header, "MCFG", size, 1);
	return 0;
}

static int build_xsdt(struct area *a, const u64 *tables, size_t n, u64 *gpa)
{
	size_t size = sizeof(struct sdt_header) + n * sizeof(u64);
	struct sdt_header *x = take(a, size, gpa);

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
	r->xsdt_address = xsdt;
	r->checksum = checksum(r, RSDP_V1_SIZE);
	r->extended_checksum = checksum(r, sizeof(*r));
}

/* Tables stop short of what has a fixed place, where `buf` reaches up to it. */
static size_t table_room(size_t size, u64 gpa)
{
	if (gpa <= GUEST_ACPI_PCI)
		return MIN(size, GUEST_ACPI_PCI - gpa);
	if (gpa <= GUEST_RESET_VECTOR)
		return MIN(size, GUEST_RESET_VECTOR - gpa);
	return size;
}

static int put_pci(u8 *buf, size_t size, u64 gpa,
		   const struct guest_acpi_pci *pci)
{
	if (gpa > GUEST_ACPI_PCI || size < GUEST_ACPI_PCI + sizeof(*pci) - gpa)
		return -ENOSPC;
	memcpy(buf + (GUEST_ACPI_PCI - gpa), pci, sizeof(*pci));
	return 0;
}
_Static_assert(GUEST_ACPI_PCI + sizeof(struct guest_acpi_pci) <=
		       GUEST_RESET_VECTOR,
	       "the bus runs into the reset vector");

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
	u64 table[4]; /* FADT, MADT, SSDT, MCFG */
	u64 dsdt, xsdt;
	size_t n = 2;
	int err;

	if (gpa % TABLE_ALIGN || gpa >> 32 || size > GUEST_HOLE_END - gpa ||
	    !config->nr_vcpus || config->nr_vcpus > GUEST_ACPI_VCPUS)
		return -EINVAL;
	memset(buf, 0, size);
	rsdp = take(&a, sizeof(*rsdp), rsdp_gpa);
	if (!rsdp)
		return -ENOSPC;
	err = copy_aml(&a, guest_dsdt, guest_dsdt_size, &dsdt);
	if (!err)
		err = build_fadt(&a, dsdt, &table[0]);
	if (!err)
		err = build_madt(&a, config->nr_vcpus, &table[1]);
	if (!err && config->pci)
		err = copy_aml(&a, guest_ssdt, guest_ssdt_size, &table[n++]);
	if (!err && config->pci)
		err = build_mcfg(&a, &table[n++]);
	if (!err && config->pci)
		err = put_pci(buf, size, gpa, config->pci);
	if (!err)
		err = build_xsdt(&a, table, n, &xsdt);
	if (err)
		return err;
	finish_rsdp(rsdp, xsdt);
	put_reset_vector(buf, size, gpa);
	return 0;
}
