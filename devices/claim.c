// SPDX-License-Identifier: BSD-2-Clause
/* While booting: a partition's devices are found, checked, described. */
#include "apic/ioapic.h"
#include "core/lib.h"
#include "core/mem.h"
#include "devices/assign.h"
#include "guest/ports.h"
#include "vtd/vtd.h"

_Static_assert(TABLE_MAX_DEVICES <= VPCI_FUNCTIONS, "assigned functions");
_Static_assert(VPCI_FUNCTIONS <= GUEST_ACPI_ROUTES, "their interrupts");

/* Where a refusal goes, and about what. */
struct check {
	struct assigned *a;
	struct assigned_function *f;
	struct vpci_function *v;
	u16 address;
	char *error;
	size_t size;
};

static struct mptable mptable;

void assign_init(const struct phys_reader *r, const struct acpi_info *acpi)
{
	mptable_read(r, acpi, &mptable);
}

static int refuse(struct check *c, const char *fmt, ...) __printf(2, 3);

static int refuse(struct check *c, const char *fmt, ...)
{
	size_t n = fmt_snprintf(c->error, c->size,
				"partition %s: device 0000:" PCI_NAME ": ",
				c->a->config->name, PCI_WORDS(c->address));
	va_list ap;

	va_start(ap, fmt);
	if (n < c->size)
		fmt_vsnprintf(c->error + n, c->size - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

bool assign_owns(const struct assigned *a, u16 address)
{
	const struct table_device *d = a->config->devices;
	u32 i;

	for (i = 0; i < a->config->nr_devices; i++)
		if (table_device_address(&d[i]) == address)
			return true;
	return false;
}

static bool is_plain(u16 address)
{
	return !(pci_read(address, PCI_CACHE_LINE) & PCI_HEADER_TYPE);
}

/* 1 to 4 for INTA to INTD, 0 for none. */
static u32 pin_of(u16 address)
{
	return pci_read(address, PCI_INTERRUPT_LINE) >> 8 & 0xff;
}

/* By the MP table, else what is left in the Interrupt Line register. */
static u32 gsi_of(u16 address)
{
	s32 gsi = mptable_gsi(&mptable, address >> 8, address >> 3 & 31,
			      pin_of(address));

	return gsi < 0 ? pci_read(address, PCI_INTERRUPT_LINE) & 0xff :
			 (u32)gsi;
}

static bool is_bridge(u16 address)
{
	return !is_plain(address) ||
	       pci_read(address, PCI_REVISION) >> PCI_CLASS_SHIFT ==
		       PCI_CLASS_BRIDGE;
}

/* The IOMMU must know its requests, and see them. */
static int check_apart(struct check *c)
{
	s32 turn, bridge = pci_alias(&pci_tree, c->address);
	u32 at = 0;
	u16 other;
	int err = 0;

	if (!vtd_on() || c->a->config->identity)
		return 0;
	if (bridge >= 0)
		return refuse(c,
			      "its requests carry the name of bridge " PCI_NAME
			      "; put it into a slot of PCI Express",
			      PCI_WORDS(bridge));
	while (pci_next(&at, &other)) {
		turn = pci_joint(&pci_tree, c->address, other);
		if (turn >= 0 && !is_bridge(other) && !assign_owns(c->a, other))
			err = refuse(c,
				     "no ACS at " PCI_NAME
				     " keeps it from " PCI_NAME
				     "; assign both to one partition",
				     PCI_WORDS(turn), PCI_WORDS(other));
	}
	return err;
}

/* Its requests are blocked from now on. */
static int claim_dma(struct check *c)
{
	int err = vtd_on() ? vtd_claim(c->address) : 0;

	switch (err) {
	case 0:
		return 0;
	case -ENODEV:
		return refuse(c, "no IOMMU has it; remove it");
	case -EBUSY:
		return refuse(c, "the firmware uses it itself (RMRR); remove "
				 "it");
	default:
		return refuse(c, "no memory for its context; ask for less");
	}
}

/* Has the function memory in [page, end)? */
static bool has_memory_in(u16 address, u64 page, u64 end)
{
	struct pci_bar bar;
	u32 n;

	for (n = 0; n < PCI_BARS; n += 1U + bar.wide) {
		pci_bar_at(address, n, &bar);
		if (!bar.ports && bar.base && bar.base >= page &&
		    bar.base < end)
			return true;
	}
	return false;
}

/* A BAR smaller than a page may share it. */
static int check_pages(struct check *c, u64 page, u64 end)
{
	u32 at = 0;
	u16 other;
	int err = 0;

	while (pci_next(&at, &other))
		if (other != c->address && is_plain(other) &&
		    has_memory_in(other, page, end))
			err = refuse(c,
				     "its memory shares page %lx with " PCI_NAME
				     "; remove it",
				     page, PCI_WORDS(other));
	return err;
}

static void map(struct assigned *a, u64 gpa, u64 hpa, u64 size)
{
	if (size)
		a->memory[a->nr_memory++] = (struct guest_region){ gpa, hpa,
								   size };
}

/* Is the guest's BAR n that of the MSI-X table? */
static bool holds_table(const struct assigned_function *f, u32 n)
{
	return f->msix.entries && (f->can.msix.table & PCI_MSIX_BAR) == n;
}

/* Is the array of pending bits in the pages of the table? */
static bool holds_pending(const struct msix *m, const struct pci_msix *x)
{
	s64 at = (s64)m->table + (s64)(x->pending & ~PCI_MSIX_BAR) -
		 (s64)(x->table & ~PCI_MSIX_BAR);
	s64 bytes = ALIGN_UP(x->entries, 64) / 8;

	return (x->pending & PCI_MSIX_BAR) == (x->table & PCI_MSIX_BAR) &&
	       at < (s64)m->size && at + bytes > 0;
}

/* Registers that the boot can't reach may be anything. */
static bool table_alone(struct check *c, u64 hpa)
{
	struct msix *m = &c->f->msix;
	bool alone;

	if (holds_pending(m, &c->f->can.msix) ||
	    hpa + m->size > DIRECT_BOOT_END)
		return false;
	pci_command(c->address, 0, PCI_COMMAND_MEMORY);
	m->regs = phys_to_virt(hpa);
	alone = msix_alone(m);
	pci_write16(c->address, PCI_COMMAND, c->f->command);
	return alone;
}

/* What a guest has written to the table's pages, and maybe reads itself. */
static int show_table(struct check *c, u64 gpa, u64 hpa)
{
	struct assigned *a = c->a;
	struct msix *m = &c->f->msix;

	m->shown = pool_shared(m->size);
	if (!m->shown)
		return -ENOMEM;
	if (table_alone(c, hpa))
		a->shown[a->nr_shown++] = (struct guest_region){
			gpa, direct_to_phys(m->shown), m->size
		};
	return 0;
}

/*
 * Writes to the table's pages exit; what else is in them is forwarded.  The BAR
 * begins at `skew` in its first page.
 */
static int trap_table(struct check *c, u64 gpa, u64 hpa, u64 size, u64 skew)
{
	struct msix *m = &c->f->msix;
	u64 at = skew + (c->f->can.msix.table & ~PCI_MSIX_BAR);
	u64 from = ALIGN_DOWN(at, PAGE_SIZE);
	u64 to = ALIGN_UP(at + m->device_entries * MSIX_ENTRY_SIZE, PAGE_SIZE);
	const struct mmio_region r = {
		.gpa = gpa + from,
		.size = to - from,
		.cause = CAUSE_EPT_MSIX,
		.series = true,
		.ctx = c->f,
		.read = assign_msix_read,
		.write = assign_msix_write,
	};
	int err;

	if (to > size)
		return refuse(c, "its MSI-X table is beyond its BAR; remove "
				 "it");
	m->table = at - from;
	m->size = to - from;
	err = show_table(c, gpa + from, hpa + from);
	m->regs = paging_add_device(hpa + from, to - from);
	if (err || !m->regs || mmio_register(c->a->mmio, &r))
		return refuse(c, "there is no room for its MSI-X table; "
				 "assign fewer devices");
	/* All of the BAR but the pages that exit */
	map(c->a, gpa, hpa, from);
	map(c->a, gpa + to, hpa + to, size - to);
	return 0;
}

static int add_memory(struct check *c, u32 n, const struct pci_bar *bar)
{
	struct assigned *a = c->a;
	u64 size = ALIGN_UP(bar->size, PAGE_SIZE);
	u64 gpa = ALIGN_UP(a->next_gpa, size);
	u64 page = ALIGN_DOWN(bar->base, PAGE_SIZE);
	int err = check_pages(c, page,
			      ALIGN_UP(bar->base + bar->size, PAGE_SIZE));

	if (err)
		return err;
	if (size > GUEST_ECAM - GUEST_HOLE || gpa + size > GUEST_ECAM)
		return refuse(c,
			      "its BAR %u of %lu MiB does not fit below the "
			      "guest's IO-APIC; remove it",
			      n, bar->size >> 20);
	a->next_gpa = gpa + size;
	/* In a page of its own it is where it is in the machine's. */
	c->v->bar[n].value = (u32)(gpa + bar->base % PAGE_SIZE) | bar->flags;
	c->v->bar[n].mask = (u32)-bar->size;
	if (bar->wide)
		c->v->bar[n + 1].mask = (u32)(-bar->size >> 32);
	if (holds_table(c->f, n))
		return trap_table(c, gpa, page, size, bar->base % PAGE_SIZE);
	map(a, gpa, page, size);
	return 0;
}

static int add_ports(struct check *c, u32 base, u32 size)
{
	struct assigned *a = c->a;
	u32 port;

	if (!base || base > 0xffff || size > 0x10000 - base)
		return refuse(c, "its ports begin at %x; remove it", base);
	for (port = base; port < base + size; port++)
		if (port_lookup((u16)port))
			return refuse(c,
				      "its port %x is one that every guest "
				      "has; remove it",
				      port);
	a->ports[a->nr_ports++] = (struct assigned_ports){ (u16)base,
							   (u16)size };
	return 0;
}

/* BAR n, and the next one where it is 64 bits wide; *n moves on. */
static int add_bar(struct check *c, u32 *n)
{
	struct pci_bar bar;
	u32 first = *n;

	pci_read_bar(c->address, first, &bar);
	*n += bar.wide;
	if (!bar.size)
		return 0;
	if (bar.size & (bar.size - 1))
		return refuse(
			c,
			"its BAR %u asks for %lxh bytes, which is no power "
			"of two; remove it",
			first, bar.size);
	if (!bar.base)
		return refuse(c,
			      "the firmware has not placed its BAR %u; let it "
			      "do so in its setup",
			      first);
	if (bar.ports) {
		c->v->bar[first].value = (u32)bar.base | bar.flags;
		c->v->bar[first].mask = (u32)-bar.size & PCI_BAR_IO_MASK;
		return add_ports(c, (u32)bar.base, (u32)bar.size);
	}
	return add_memory(c, first, &bar);
}

static int check_line(struct check *c, u32 gsi)
{
	u32 at = 0;
	u16 other;
	int err = 0;

	while (pci_next(&at, &other))
		if (!assign_owns(c->a, other) && pin_of(other) &&
		    gsi_of(other) == gsi)
			err = refuse(
				c,
				"its interrupt, GSI %u, is that of " PCI_NAME
				", too; assign both to one partition",
				gsi, PCI_WORDS(other));
	return err;
}

static int check_targets(struct check *c)
{
	const struct irq_domain *d = c->a->intx->domain;
	u32 n;

	for (n = 0; n < d->nr; n++)
		if (!ioapic_reaches(d->apic_id[n]))
			return refuse(c,
				      "its interrupt can't be sent to CPU "
				      "%u, whose APIC id is %u; use a CPU "
				      "with one up to %u",
				      d->cpu[n], d->apic_id[n],
				      IOAPIC_MAX_DEST);
	return 0;
}

static int add_interrupt(struct check *c, const struct table_device *d)
{
	u32 gsi = d->has_intx ? d->intx : gsi_of(c->address);
	int err = check_targets(c);

	if (!err)
		err = check_line(c, gsi);
	if (err)
		return err;
	err = intx_claim(c->a->intx, gsi);
	if (err == -ENOENT)
		return refuse(c,
			      "there is no IO-APIC pin for its interrupt, "
			      "GSI %u; write intx=GSI",
			      gsi);
	if (err)
		return refuse(c,
			      "its interrupt, GSI %u, is another "
			      "partition's; assign both to one",
			      gsi);
	c->v->host_line = (u8)gsi;
	return 0;
}

static int add_routes(struct check *c, u32 nr)
{
	s32 index = vtd_irte_take(c->address, nr);
	struct route *r = pool_shared(nr * sizeof(*r));
	u32 i;

	if (index < 0 || !r)
		return refuse(c,
			      "there is no room for its %u messages; assign "
			      "fewer devices",
			      nr);
	c->f->routes = r;
	for (i = 0; i < nr; i++) {
		r[i] = (struct route){
			.source = &vtd_message,
			.where = (u32)index + i,
			.domain = c->a->intx->domain,
		};
		route_add(&r[i]);
	}
	return 0;
}

static int add_msix(struct check *c, const struct pci_msix *have)
{
	u32 nr = MIN(have->entries, (u32)MSIX_ENTRIES);

	c->f->msix.entries = nr;
	c->f->msix.device_entries = have->entries;
	c->f->msix.want = assign_msix_want;
	c->f->msix.ctx = c->f;
	c->v->msix = *have;
	c->v->msix.entries = nr;
	return add_routes(c, nr);
}

/* Messages, where interrupts are remapped; else it has its line. */
static int add_messages(struct check *c)
{
	const struct pci_function *can = &c->f->can;

	if (!vtd_remaps())
		return 0;
	if (can->msix.where)
		return add_msix(c, &can->msix);
	c->v->msi.where = can->msi;
	c->v->msi.many = can->msi_many;
	return can->msi ? add_routes(c, 1U << can->msi_many) : 0;
}

static int check_reset(struct check *c)
{
	u32 at = 0;
	u16 other;
	int err = 0;

	while (c->f->can.reset == PCI_RESET_BUS && pci_next(&at, &other))
		if ((other & ~7) == (c->address & ~7) &&
		    !assign_owns(c->a, other))
			err = refuse(c,
				     "only all of its device can be reset; "
				     "assign " PCI_NAME ", too",
				     PCI_WORDS(other));
	return err;
}

static void keep_registers(struct check *c)
{
	u32 n;

	/* pci_quiet() has been here: it is no bus master. */
	c->f->command = (u16)pci_read(c->address, PCI_COMMAND);
	for (n = 0; n < PCI_BARS; n++)
		c->f->bar[n] = pci_read(c->address, PCI_BAR(n));
}

static int find_device(struct check *c)
{
	int err;

	if (!pci_present(c->address))
		return refuse(c, "there is none; correct the address");
	if (is_bridge(c->address))
		return refuse(c, "it is a bridge; remove it");
	err = check_apart(c);
	if (!err)
		err = claim_dma(c);
	if (err)
		return err;
	if (pci_function_read(c->address, &c->f->can))
		return refuse(c, "there is no room for its registers; assign "
				 "fewer devices");
	pci_open_bridges(c->address);
	keep_registers(c);
	return check_reset(c);
}

static int add_device(struct check *c, const struct table_device *d)
{
	int err;
	u32 n;

	c->v->address = c->f->address = c->address;
	c->f->owner = c->a;
	err = find_device(c);
	if (!err)
		err = add_messages(c);
	for (n = 0; !err && n < PCI_BARS; n++)
		err = add_bar(c, &n);
	/* It names a BAR that is not there, or is one of ports. */
	if (!err && c->f->msix.entries && !c->f->msix.regs)
		err = refuse(c, "its MSI-X table is in no BAR of it; remove "
				"it");
	c->v->pin = !c->f->routes && pin_of(c->address);
	if (!err && c->v->pin)
		err = add_interrupt(c, d);
	return err;
}

static int add_ecam(struct check *c)
{
	const struct mmio_region r = {
		.gpa = GUEST_ECAM,
		.size = VPCI_ECAM_SIZE,
		.cause = CAUSE_EPT_OTHER,
		.ctx = c->a,
		.read = assign_ecam_read,
		.write = assign_ecam_write,
	};

	if (c->a->pci.nr && mmio_register(c->a->mmio, &r))
		return refuse(c, "there is no room for its configuration "
				 "space; assign fewer devices");
	return 0;
}

int assign_devices(struct assigned *a, const struct table_partition *config,
		   struct intx *x, struct mmio_space *mmio, char *error,
		   size_t size)
{
	const struct table_device *d = config->devices;
	struct check c = { .a = a, .error = error, .size = size };
	int err = 0;

	*a = (struct assigned){
		.config = config,
		.intx = x,
		.mmio = mmio,
		.next_gpa = GUEST_HOLE,
		.pci.read = pci_read,
		.pci.write16 = pci_write16,
		.pci.want = assign_msi_want,
		.pci.ctx = a,
	};
	for (; !err && a->pci.nr < config->nr_devices; a->pci.nr++, d++) {
		c.address = table_device_address(d);
		c.v = &a->pci.function[a->pci.nr];
		c.f = &a->function[a->pci.nr];
		err = add_device(&c, d);
	}
	return err ? err : add_ecam(&c);
}

void assign_describe(const struct assigned *a, struct guest_acpi_pci *out)
{
	const struct guest_region *r;
	u32 i;

	*out = (struct guest_acpi_pci){ .memory = ~0U, .ports = ~0U };
	for (r = a->memory; r < a->memory + a->nr_memory; r++) {
		out->memory = MIN(out->memory, (u32)r->gpa);
		out->memory_last = MAX(out->memory_last,
				       (u32)(r->gpa + r->size - 1));
	}
	for (i = 0; i < a->nr_ports; i++) {
		out->ports = MIN(out->ports, a->ports[i].base);
		out->ports_last = MAX(out->ports_last,
				      a->ports[i].base + a->ports[i].size - 1U);
	}
	for (i = 0; i < a->pci.nr; i++) {
		if (!a->pci.function[i].pin)
			continue;
		out->route[out->nr_routes++] = (struct guest_acpi_route){
			.address = (u32)vpci_address(i) >> 3 << 16 | 0xffff,
			.pin = pin_of(a->function[i].address) - 1,
			.gsi = a->pci.function[i].host_line,
		};
	}
}
