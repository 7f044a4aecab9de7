// SPDX-License-Identifier: BSD-2-Clause
/* Section numbers are those of the ACPI Specification 6.5. */
#include "core/acpi.h"
#include "core/acpi_tables.h"
#include "core/aml.h"

#define TABLE_MAX  (16u << 20)
#define TABLES_MAX 512

/* IA-PC HPET 1.0a, 3.2.4 */
struct hpet {
	struct sdt_header header;
	u32 event_timer_block_id;
	struct gas base_address;
	u8 hpet_number;
	u16 minimum_tick;
	u8 page_protection;
} __packed;
_Static_assert(sizeof(struct hpet) == 56, "3.2.4");

/* VT-d 4.1, 8.1: host address width, flags and 10 reserved bytes follow. */
#define DMAR_SIZE 48

struct parse {
	const struct phys_reader *r;
	struct acpi_info *ai;
	char *error;
	size_t error_size;
	u64 dsdt;
	u32 seen;
};

/* A table of which length bytes are mapped at p. */
struct table {
	const char *name;
	u64 phys;
	const u8 *p;
	u32 length;
};

static int __printf(3, 4) fail(struct parse *p, int err, const char *fmt, ...)
{
	size_t n = fmt_snprintf(p->error, p->error_size, "ACPI: ");
	va_list ap;

	if (n >= p->error_size)
		return err;
	va_start(ap, fmt);
	fmt_vsnprintf(p->error + n, p->error_size - n, fmt, ap);
	va_end(ap);
	return err;
}

static bool sums_to_zero(const void *data, size_t size)
{
	const u8 *p = data;
	u8 sum = 0;

	while (size--)
		sum = (u8)(sum + *p++);
	return !sum;
}

static int unreadable(struct parse *p, const char *name, u64 phys)
{
	return fail(p, -EFAULT,
		    "%s at %lx is not readable; update the firmware", name,
		    phys);
}

/* Checks all of a table but its contents, and leaves it mapped. */
static int map_table(struct parse *p, struct table *t, const char *name,
		     u64 phys, const char *signature, u32 min)
{
	struct sdt_header h;

	if (phys_read(p->r, phys, &h, sizeof(h)))
		return unreadable(p, name, phys);
	if (memcmp(h.signature, signature, sizeof(h.signature)))
		return fail(p, -EINVAL,
			    "%s at %lx lacks the signature %s; update the "
			    "firmware",
			    name, phys, signature);
	if (h.length < min || h.length > TABLE_MAX)
		return fail(p, -EINVAL,
			    "%s at %lx has length %u, not %u to %u; update the "
			    "firmware",
			    name, phys, h.length, min, TABLE_MAX);
	*t = (struct table){ name, phys, NULL, h.length };
	t->p = phys_map(p->r, phys, h.length);
	if (!t->p)
		return unreadable(p, name, phys);
	if (!sums_to_zero(t->p, t->length))
		return fail(p, -EINVAL,
			    "%s at %lx: checksum is wrong; update the firmware",
			    name, phys);
	return 0;
}

/* Some firmware lists each processor as both local APIC and x2APIC. */
static void add_cpu(struct parse *p, u32 apic_id, u32 uid)
{
	struct acpi_info *ai = p->ai;
	u32 i;

	for (i = 0; i < ai->nr_cpus; i++)
		if (ai->cpus[i].apic_id == apic_id)
			return;
	if (ai->nr_cpus < MAX_CPUS) {
		ai->cpus[ai->nr_cpus++] = (struct acpi_cpu){ apic_id, uid };
	} else if (!ai->more_cpus) {
		ai->more_cpus = true;
		ai->more_cpus_from = apic_id;
	}
}

static int madt_local_apic(struct parse *p, const struct table *t, u32 off)
{
	struct madt_local_apic e;

	memcpy(&e, t->p + off, sizeof(e));
	/* FFh is the broadcast address: firmware's way to say "no CPU". */
	if ((e.flags & MADT_CPU_ENABLED) && e.apic_id != 0xff)
		add_cpu(p, e.apic_id, e.uid);
	return 0;
}

static int madt_local_x2apic(struct parse *p, const struct table *t, u32 off)
{
	struct madt_local_x2apic e;

	memcpy(&e, t->p + off, sizeof(e));
	if ((e.flags & MADT_CPU_ENABLED) && e.x2apic_id != UINT32_MAX)
		add_cpu(p, e.x2apic_id, e.uid);
	return 0;
}

static int madt_io_apic(struct parse *p, const struct table *t, u32 off)
{
	struct acpi_info *ai = p->ai;
	struct madt_io_apic e;

	if (ai->nr_ioapics == ACPI_IOAPICS) {
		ai->more_ioapics++;
		return 0;
	}
	memcpy(&e, t->p + off, sizeof(e));
	ai->ioapics[ai->nr_ioapics++] = (struct acpi_ioapic){ e.id, e.address,
							      e.gsi_base };
	return 0;
}

static int madt_override(struct parse *p, const struct table *t, u32 off)
{
	struct acpi_info *ai = p->ai;
	struct madt_override e;

	if (ai->nr_overrides == ACPI_OVERRIDES)
		return fail(p, -ENOSPC,
			    "MADT at %lx: entry at offset %u: more than %d "
			    "interrupt source overrides; update the firmware",
			    t->phys, off, ACPI_OVERRIDES);
	memcpy(&e, t->p + off, sizeof(e));
	ai->overrides[ai->nr_overrides++] =
		(struct acpi_override){ e.source, e.gsi, e.flags };
	return 0;
}

static int madt_address(struct parse *p, const struct table *t, u32 off)
{
	struct madt_local_apic_address e;

	memcpy(&e, t->p + off, sizeof(e));
	p->ai->lapic_address = e.address;
	return 0;
}

struct madt_kind {
	u8 size;
	int (*parse)(struct parse *p, const struct table *t, u32 off);
};

static const struct madt_kind madt_kinds[] = {
	[MADT_LOCAL_APIC] = { 8, madt_local_apic },
	[MADT_IO_APIC] = { 12, madt_io_apic },
	[MADT_INTERRUPT_OVERRIDE] = { 10, madt_override },
	[MADT_LOCAL_APIC_ADDRESS] = { 12, madt_address },
	[MADT_LOCAL_X2APIC] = { 16, madt_local_x2apic },
};

static int parse_madt_entry(struct parse *p, const struct table *t, u32 off,
			    u32 *length)
{
	struct madt_kind kind = { sizeof(struct madt_entry), NULL };
	struct madt_entry e = { 0, 0 };
	u32 left = t->length - off;

	memcpy(&e, t->p + off, MIN(left, sizeof(e)));
	if (e.type < ARRAY_SIZE(madt_kinds) && madt_kinds[e.type].parse)
		kind = madt_kinds[e.type];
	if (e.length < kind.size || e.length > left)
		return fail(p, -EINVAL,
			    "MADT at %lx: entry at offset %u has length %u, "
			    "not %u to %u; update the firmware",
			    t->phys, off, e.length, kind.size, left);
	*length = e.length;
	return kind.parse ? kind.parse(p, t, off) : 0;
}

static int parse_madt(struct parse *p, const struct table *t)
{
	struct madt madt;
	u32 off, length = 0;
	int err;

	memcpy(&madt, t->p, sizeof(madt));
	p->ai->lapic_address = madt.local_apic_address;
	for (off = sizeof(madt); off < t->length; off += length) {
		err = parse_madt_entry(p, t, off, &length);
		if (err)
			return err;
	}
	if (!p->ai->nr_cpus)
		return fail(p, -EINVAL,
			    "MADT at %lx lists no enabled processor; update "
			    "the firmware",
			    t->phys);
	return 0;
}

/* The extended field counts where it is given (5.2.9); 0: no such port. */
static u16 port_of(u32 port, const struct gas *x)
{
	u64 address = port;

	if (x->address && x->address_space_id == ACPI_SPACE_IO)
		address = x->address;
	return address <= UINT16_MAX ? (u16)address : 0;
}

static bool register_of(const struct gas *gas, struct acpi_register *reg)
{
	if (!gas->address || gas->address_space_id > ACPI_SPACE_PCI_CONFIG)
		return false;
	*reg = (struct acpi_register){ gas->address_space_id, gas->address };
	return true;
}

/* On hardware-reduced machines these fields mean nothing (5.2.9). */
static void parse_fixed_hardware(struct acpi_info *ai, const struct fadt *f)
{
	ai->sci = f->sci_int;
	ai->smi_cmd = f->smi_cmd <= UINT16_MAX ? (u16)f->smi_cmd : 0;
	ai->acpi_enable = f->acpi_enable;
	ai->pm1a_cnt = port_of(f->pm1a_cnt_blk, &f->x_pm1a_cnt_blk);
	ai->pm1b_cnt = port_of(f->pm1b_cnt_blk, &f->x_pm1b_cnt_blk);
	if (f->pm_tmr_len == 4)
		ai->pm_timer_port = port_of(f->pm_tmr_blk, &f->x_pm_tmr_blk);
	ai->has_pm_timer = ai->pm_timer_port != 0;
	ai->pm_timer_32bit = ai->has_pm_timer && (f->flags & FADT_TMR_VAL_EXT);
}

static int parse_fadt(struct parse *p, const struct table *t)
{
	struct acpi_info *ai = p->ai;
	struct fadt f;

	memset(&f, 0, sizeof(f));
	memcpy(&f, t->p, MIN(t->length, sizeof(f)));
	ai->has_fadt = true;
	ai->hw_reduced = (f.flags & FADT_HW_REDUCED_ACPI) != 0;
	if (!ai->hw_reduced)
		parse_fixed_hardware(ai, &f);
	ai->has_reset = (f.flags & FADT_RESET_REG_SUP) &&
			register_of(&f.reset_reg, &ai->reset);
	ai->reset_value = f.reset_value;
	ai->has_sleep_control = register_of(&f.sleep_control_reg,
					    &ai->sleep_control);
	p->dsdt = f.x_dsdt ? f.x_dsdt : f.dsdt;
	return 0;
}

static int parse_hpet(struct parse *p, const struct table *t)
{
	struct hpet h;

	memcpy(&h, t->p, sizeof(h));
	if (h.base_address.address_space_id != ACPI_SPACE_MEMORY ||
	    !h.base_address.address)
		return 0;
	p->ai->has_hpet = true;
	p->ai->hpet_address = h.base_address.address;
	return 0;
}

static int add_mcfg(struct parse *p, const struct table *t, u32 off)
{
	struct acpi_info *ai = p->ai;
	struct mcfg_allocation a;

	memcpy(&a, t->p + off, sizeof(a));
	if (a.end_bus < a.start_bus || a.base_address >= PHYS_LIMIT)
		return fail(p, -EINVAL,
			    "MCFG at %lx: entry at offset %u: buses %u to %u "
			    "at %lx; update the firmware",
			    t->phys, off, a.start_bus, a.end_bus,
			    a.base_address);
	if (ai->nr_mcfg == ACPI_SEGMENTS)
		return fail(p, -ENOSPC,
			    "MCFG at %lx: entry at offset %u: more than %d "
			    "PCI segments; this machine is not supported",
			    t->phys, off, ACPI_SEGMENTS);
	ai->mcfg[ai->nr_mcfg++] = (struct acpi_mcfg){ a.base_address, a.segment,
						      a.start_bus, a.end_bus };
	return 0;
}

static int parse_mcfg(struct parse *p, const struct table *t)
{
	const u32 size = sizeof(struct mcfg_allocation);
	u32 off;
	int err;

	for (off = sizeof(struct mcfg); off < t->length; off += size) {
		if (t->length - off < size)
			return fail(p, -EINVAL,
				    "MCFG at %lx: entry at offset %u ends "
				    "past the table; update the firmware",
				    t->phys, off);
		err = add_mcfg(p, t, off);
		if (err)
			return err;
	}
	return 0;
}

static int parse_dmar(struct parse *p, const struct table *t)
{
	p->ai->dmar = t->phys;
	p->ai->dmar_length = t->length;
	return 0;
}

/* Without it the machine has no IOMMU, and can do. */
static int skip_dmar(struct parse *p)
{
	p->ai->bad_dmar = true;
	if (p->error_size)
		p->error[0] = '\0';
	return 0;
}

/* What is looked for in the DSDT and the SSDTs. */
static void parse_aml(struct acpi_info *ai, const u8 *p, u32 length)
{
	ai->has_s5 |= aml_find_s5(p, length, &ai->slp_typa, &ai->slp_typb);
	if (!aml_root_buses(p, length, &ai->root_buses))
		ai->more_root_buses = true;
}

/* One that is damaged counts for nothing. */
static void parse_ssdt(struct parse *p, u64 phys)
{
	struct table t = { 0 };

	if (!map_table(p, &t, "SSDT", phys, "SSDT", sizeof(struct sdt_header)))
		parse_aml(p->ai, t.p, t.length);
	else
		p->ai->more_root_buses = true;
	if (p->error_size)
		p->error[0] = '\0';
}

struct table_kind {
	const char *signature;
	const char *name;
	u32 min;
	int (*parse)(struct parse *p, const struct table *t);
};

static const struct table_kind kinds[] = {
	{ "APIC", "MADT", sizeof(struct madt), parse_madt },
	{ "FACP", "FADT", FADT_V1_SIZE, parse_fadt },
	{ "HPET", "HPET", sizeof(struct hpet), parse_hpet },
	{ "MCFG", "MCFG", sizeof(struct mcfg), parse_mcfg },
	{ "DMAR", "DMAR", DMAR_SIZE, parse_dmar },
};

#define KIND_MADT 0
#define KIND_DMAR 4

static int parse_table(struct parse *p, u64 phys)
{
	char signature[4];
	struct table t;
	u32 i;
	int err;

	if (phys_read(p->r, phys, signature, sizeof(signature)))
		return unreadable(p, "a table", phys);
	if (!memcmp(signature, "SSDT", sizeof(signature)))
		parse_ssdt(p, phys);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!memcmp(signature, kinds[i].signature, sizeof(signature)))
			break;
	if (i == ARRAY_SIZE(kinds) || (p->seen & BIT(i)))
		return 0;
	p->seen |= (u32)BIT(i);
	err = map_table(p, &t, kinds[i].name, phys, kinds[i].signature,
			kinds[i].min);
	if (err && i == KIND_DMAR)
		return skip_dmar(p);
	return err ? err : kinds[i].parse(p, &t);
}

/* The XSDT and the RSDT differ in the size of an entry only (5.2.7, 5.2.8). */
static int parse_root(struct parse *p, u64 phys, const char *name, u32 size)
{
	struct table t = { 0 };
	u64 entry;
	u32 i, n;
	int err = map_table(p, &t, name, phys, name, sizeof(struct sdt_header));

	if (err)
		return err;
	n = (t.length - (u32)sizeof(struct sdt_header)) / size;
	if ((t.length - sizeof(struct sdt_header)) % size || n > TABLES_MAX)
		return fail(p, -EINVAL,
			    "%s at %lx has length %u, not that of 0 to %d "
			    "entries; update the firmware",
			    name, phys, t.length, TABLES_MAX);
	for (i = 0; i < n; i++) {
		entry = 0;
		if (phys_read(p->r, phys + sizeof(struct sdt_header) + i * size,
			      &entry, size))
			return unreadable(p, name, phys);
		err = entry ? parse_table(p, entry) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int parse_dsdt(struct parse *p)
{
	struct table t = { 0 };
	int err;

	if (!p->dsdt) {
		p->ai->more_root_buses = true;
		return 0;
	}
	err = map_table(p, &t, "DSDT", p->dsdt, "DSDT",
			sizeof(struct sdt_header));
	if (!err)
		parse_aml(p->ai, t.p, t.length);
	return err;
}

static bool rsdp_is_extended(const struct rsdp *rsdp)
{
	return rsdp->revision >= 2 && rsdp->length;
}

static bool rsdp_is_good(const struct rsdp *rsdp)
{
	if (memcmp(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature)) ||
	    !sums_to_zero(rsdp, RSDP_V1_SIZE))
		return false;
	return !rsdp_is_extended(rsdp) || (rsdp->length == sizeof(*rsdp) &&
					   sums_to_zero(rsdp, sizeof(*rsdp)));
}

static bool search_rsdp(struct parse *p, u64 from, u64 to, struct rsdp *rsdp)
{
	for (; from + RSDP_V1_SIZE <= to; from += 16) {
		memset(rsdp, 0, sizeof(*rsdp));
		if (phys_read(p->r, from, rsdp, RSDP_V1_SIZE) ||
		    memcmp(rsdp->signature, "RSD PTR ", 8))
			continue;
		if (rsdp->revision >= 2 &&
		    phys_read(p->r, from, rsdp, sizeof(*rsdp)))
			continue;
		if (rsdp_is_good(rsdp))
			return true;
	}
	return false;
}

/* 5.2.5.1: the first KiB of the EBDA, then the BIOS's read-only memory. */
static int find_rsdp(struct parse *p, struct rsdp *rsdp)
{
	u16 segment = 0;
	u64 ebda;

	if (!phys_read(p->r, 0x40e, &segment, sizeof(segment))) {
		ebda = (u64)segment << 4;
		if (ebda >= 0x500 && ebda < 0xa0000 &&
		    search_rsdp(p, ebda, ebda + 1024, rsdp))
			return 0;
	}
	if (search_rsdp(p, 0xe0000, 0x100000, rsdp))
		return 0;
	return fail(p, -ENOENT,
		    "no RSDP in the EBDA or at e0000-fffff; on UEFI boot by "
		    "multiboot2, which passes it");
}

int acpi_parse(const u8 *rsdp_copy, const struct phys_reader *r,
	       struct acpi_info *ai, char *error, size_t error_size)
{
	struct parse p = { .r = r, .ai = ai };
	struct rsdp rsdp;
	int err = 0;

	p.error = error;
	p.error_size = error_size;
	memset(ai, 0, sizeof(*ai));
	if (rsdp_copy)
		memcpy(&rsdp, rsdp_copy, sizeof(rsdp));
	else
		err = find_rsdp(&p, &rsdp);
	if (err)
		return err;
	if (!rsdp_is_good(&rsdp))
		return fail(&p, -EINVAL,
			    "RSDP from the boot loader is damaged; update the "
			    "boot loader");
	if (rsdp_is_extended(&rsdp) && rsdp.xsdt_address)
		err = parse_root(&p, rsdp.xsdt_address, "XSDT", 8);
	else
		err = parse_root(&p, rsdp.rsdt_address, "RSDT", 4);
	if (err)
		return err;
	if (!(p.seen & BIT(KIND_MADT)))
		return fail(&p, -ENOENT, "no MADT; update the firmware");
	return parse_dsdt(&p);
}
