// SPDX-License-Identifier: BSD-2-Clause
/* Devices that a partition owns. */
#include "devices/assign.h"
#include "apic/ioapic.h"
#include "core/io.h"
#include "core/lib.h"
#include "core/spinlock.h"
#include "drivers/pci.h"
#include "eli/route.h"
#include "guest/ports.h"

/* Header type 0 and a class that is no bridge (PCI Local Bus 3.0, app. D) */
#define CLASS_SHIFT  24
#define CLASS_BRIDGE 6

_Static_assert(TABLE_MAX_DEVICES <= VPCI_FUNCTIONS, "assigned functions");
_Static_assert(VPCI_FUNCTIONS <= GUEST_ACPI_ROUTES, "their interrupts");

/* Where a refusal goes, and about what. */
struct check {
	struct assigned *a;
	u16 address;
	char *error;
	size_t size;
	/* While other functions are looked at */
	int err;
	u64 page, page_end; /* memory that they must not be in */
	u32 gsi;
};

static struct mptable mptable;

void assign_init(const struct phys_reader *r, const struct acpi_info *acpi)
{
	mptable_read(r, acpi, &mptable);
}

static int refuse(struct check *c, const char *fmt, ...) __printf(2, 3);

static int refuse(struct check *c, const char *fmt, ...)
{
	size_t n = fmt_snprintf(
		c->error, c->size,
		"partition %s: device 0000:%02x:%02x.%x: ", c->a->config->name,
		c->address >> 8, c->address >> 3 & 31, c->address & 7);
	va_list ap;

	va_start(ap, fmt);
	if (n < c->size)
		fmt_vsnprintf(c->error + n, c->size - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static u16 address_of(const struct table_device *d)
{
	return (u16)(d->bus << 8 | d->device << 3 | d->function);
}

static bool owns(const struct assigned *a, u16 address)
{
	const struct table_device *d = a->config->devices;
	u32 i;

	for (i = 0; i < a->config->nr_devices; i++)
		if (address_of(&d[i]) == address)
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

static int check_function(struct check *c)
{
	if (!pci_present(c->address))
		return refuse(c, "there is none; correct the address");
	if (!is_plain(c->address) ||
	    pci_read(c->address, PCI_REVISION) >> CLASS_SHIFT == CLASS_BRIDGE)
		return refuse(c, "it is a bridge; remove it");
	if ((c->address & 7) && !owns(c->a, c->address & (u16)~7))
		return refuse(c, "no guest finds it without function 0 of the "
				 "same device; assign that, too");
	return 0;
}

/* A BAR smaller than a page may share it. */
static void visit_memory(void *ctx, u16 address)
{
	struct check *c = ctx;
	u32 n, value;
	u64 base;

	if (address == c->address || !is_plain(address))
		return;
	for (n = 0; n < VPCI_BARS; n++) {
		value = pci_read(address, PCI_BAR(n));
		if (value & PCI_BAR_IO)
			continue;
		base = value & PCI_BAR_MEMORY_MASK;
		if ((value & PCI_BAR_64) && n + 1 < VPCI_BARS)
			base |= (u64)pci_read(address, PCI_BAR(++n)) << 32;
		if (base && base >= c->page && base < c->page_end)
			c->err = refuse(c,
					"its memory shares page %lx with "
					"%02x:%02x.%x; remove it",
					c->page, address >> 8,
					address >> 3 & 31, address & 7);
	}
}

static int add_memory(struct check *c, u64 base, u64 size)
{
	struct assigned *a = c->a;

	c->page = ALIGN_DOWN(base, PAGE_SIZE);
	c->page_end = ALIGN_UP(base + size, PAGE_SIZE);
	c->err = 0;
	pci_for_each(visit_memory, c);
	if (c->err)
		return c->err;
	a->memory[a->nr_memory++] = (struct guest_region){
		c->page, c->page, c->page_end - c->page
	};
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
static int add_bar(struct check *c, struct vpci_function *f, u32 *n)
{
	struct vpci_bar *b = &f->bar[*n];
	u64 base, mask;
	bool wide;

	pci_size_bar(c->address, *n, &b->value, &b->mask);
	if (b->value & PCI_BAR_IO) {
		b->mask &= PCI_BAR_IO_MASK;
		base = b->value & PCI_BAR_IO_MASK;
		/* The upper half may be wired to 0 (6.2.5.1). */
		return add_ports(c, (u32)base, -(b->mask | 0xffff0000));
	}
	b->mask &= PCI_BAR_MEMORY_MASK;
	base = b->value & PCI_BAR_MEMORY_MASK;
	mask = b->mask | 0xffffffff00000000UL;
	wide = (b->value & PCI_BAR_64) && *n + 1 < VPCI_BARS;
	if (wide) {
		++*n;
		pci_size_bar(c->address, *n, &b[1].value, &b[1].mask);
		base |= (u64)b[1].value << 32;
		mask = b->mask | (u64)b[1].mask << 32;
	}
	if (b->mask && (!base || base >> 32))
		return refuse(c,
			      "the firmware has put BAR %u at %lx; it must "
			      "be below 4 GiB",
			      *n, base);
	return b->mask ? add_memory(c, base, -mask) : 0;
}

static void visit_line(void *ctx, u16 address)
{
	struct check *c = ctx;

	if (owns(c->a, address) || !pin_of(address) ||
	    gsi_of(address) != c->gsi)
		return;
	c->err = refuse(c,
			"its interrupt, GSI %u, is that of %02x:%02x.%x, too; "
			"assign both to one partition",
			c->gsi, address >> 8, address >> 3 & 31, address & 7);
}

static int check_targets(struct check *c)
{
	const struct irq_domain *d = c->a->intx->domain;
	u32 n;

	for (n = 0; n < d->nr; n++)
		if (d->apic_id[n] > IOAPIC_MAX_DEST)
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
	int err;

	c->gsi = d->has_intx ? d->intx : gsi_of(c->address);
	c->err = check_targets(c);
	if (!c->err)
		pci_for_each(visit_line, c);
	if (c->err)
		return c->err;
	err = intx_claim(c->a->intx, c->gsi);
	if (err == -ENOENT)
		return refuse(c,
			      "there is no IO-APIC pin for its interrupt, "
			      "GSI %u; write intx=GSI",
			      c->gsi);
	if (err)
		return refuse(c,
			      "its interrupt, GSI %u, is another "
			      "partition's; assign both to one",
			      c->gsi);
	return 0;
}

static int add_device(struct check *c, const struct table_device *d)
{
	struct vpci *pci = &c->a->pci;
	struct vpci_function *f = &pci->function[pci->nr];
	int err = check_function(c);
	u32 n;

	f->address = c->address;
	/* pci_quiet() has been here: it is no bus master. */
	c->a->command[pci->nr] = (u16)pci_read(c->address, PCI_COMMAND);
	for (n = 0; !err && n < VPCI_BARS; n++)
		err = add_bar(c, f, &n);
	if (!err && pin_of(c->address))
		err = add_interrupt(c, d);
	f->host_line = (u8)c->gsi;
	c->a->gsi[pci->nr++] = (u8)c->gsi;
	return err;
}

static void mark_multi(struct vpci *pci)
{
	u32 i, j;

	for (i = 0; i < pci->nr; i++)
		for (j = 0; j < pci->nr; j++)
			if (i != j && (pci->function[i].address & ~7) ==
					      (pci->function[j].address & ~7))
				pci->function[i].multi = true;
}

int assign_devices(struct assigned *a, const struct table_partition *config,
		   struct intx *x, char *error, size_t size)
{
	const struct table_device *d = config->devices;
	struct check c = { .a = a, .error = error, .size = size };
	int err = 0;
	u32 i;

	a->config = config;
	a->intx = x;
	a->pci.read = pci_read;
	a->pci.write16 = pci_write16;
	for (i = 0; !err && i < config->nr_devices; i++) {
		c.address = address_of(&d[i]);
		c.gsi = 0;
		err = add_device(&c, &d[i]);
	}
	mark_multi(&a->pci);
	return err;
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
	for (i = 0; i < a->pci.nr; i++)
		if (pin_of(a->pci.function[i].address))
			out->route
				[out->nr_routes++] = (struct guest_acpi_route){
				.address = (u32)a->pci.function[i].address >>
						   3 << 16 |
					   0xffff,
				.pin = pin_of(a->pci.function[i].address) - 1,
				.gsi = a->gsi[i],
			};
}

static void restore(const struct vpci_function *f, u16 command)
{
	u32 n;

	pci_master_off(f->address);
	for (n = 0; n < VPCI_BARS; n++)
		if (f->bar[n].mask)
			pci_write32(f->address, PCI_BAR(n), f->bar[n].value);
	pci_write16(f->address, PCI_COMMAND, command);
}

void assign_start(struct assigned *a)
{
	u32 i;

	for (i = 0; i < a->pci.nr; i++)
		restore(&a->pci.function[i], a->command[i]);
	vpci_reset(&a->pci);
	__atomic_store_n(&a->off, false, __ATOMIC_RELAXED);
}

void assign_stop(struct assigned *a)
{
	struct irq_domain *d = a->intx->domain;
	u32 i;

	for (i = 0; i < a->pci.nr; i++)
		pci_master_off(a->pci.function[i].address);
	spin_lock(&d->lock);
	routes_off(d);
	spin_unlock(&d->lock);
	__atomic_store_n(&a->off, true, __ATOMIC_RELEASE);
}

bool assign_stopped(const struct assigned *a)
{
	return __atomic_load_n(&a->off, __ATOMIC_ACQUIRE);
}

static u32 read_port(u16 port, u8 size)
{
	switch (size) {
	case 1:
		return inb(port);
	case 2:
		return inw(port);
	default:
		return inl(port);
	}
}

static void write_port(u16 port, u8 size, u32 value)
{
	if (size == 1)
		outb(port, (u8)value);
	else if (size == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
}

static bool device_io(const struct assigned *a, u16 port, u8 size, bool write,
		      u32 *value)
{
	u32 i, off;

	for (i = 0; i < a->nr_ports; i++) {
		off = (u32)port - a->ports[i].base;
		if (off >= a->ports[i].size || size > a->ports[i].size - off)
			continue;
		if (write)
			write_port(port, size, *value);
		else
			*value = read_port(port, size);
		return true;
	}
	return false;
}

bool assign_io(struct assigned *a, u16 port, u8 size, bool write, u32 *value)
{
	bool config;

	if (device_io(a, port, size, write, value))
		return true;
	spin_lock(&a->intx->domain->lock);
	config = vpci_io(&a->pci, port, size, write, value);
	spin_unlock(&a->intx->domain->lock);
	return config;
}
