// SPDX-License-Identifier: BSD-2-Clause
/* Buses and what is on them, and the lists of capabilities. */
#include "drivers/pci_bus.h"
#include "drivers/pci_regs.h"

#define DEVICES	  32
#define FUNCTIONS 8

/* No list is longer than the space behind the header holds. */
#define MAX_CAPABILITIES 48

struct walk {
	pci_reader *read;
	pci_visitor *visit;
	void *ctx;
	struct pci_buses known; /* to be walked, or walked already */
};

/* Those of CardBus have the same numbers at the same place. */
static s32 bus_number(pci_reader *read, u16 address, u32 shift)
{
	u32 type = read(address, PCI_CACHE_LINE) & PCI_HEADER_TYPE;

	if (type != PCI_HEADER_BRIDGE && type != PCI_HEADER_CARDBUS)
		return -1;
	return read(address, PCI_BUS_NUMBERS) >> shift & 0xff;
}

s32 pci_bus_below(pci_reader *read, u16 address)
{
	return bus_number(read, address, 8);
}

s32 pci_last_bus(pci_reader *read, u16 address)
{
	return bus_number(read, address, 16);
}

static void visit_function(struct walk *w, u16 address)
{
	s32 below;

	if (w->read(address, PCI_VENDOR_ID) == ~0U)
		return;
	w->visit(w->ctx, address);
	below = pci_bus_below(w->read, address);
	if (below >= 0)
		pci_bus_add(&w->known, (u32)below);
}

static void visit_device(struct walk *w, u16 first)
{
	u32 n, nr = 1;

	if (w->read(first, PCI_VENDOR_ID) == ~0U)
		return;
	if (w->read(first, PCI_CACHE_LINE) & PCI_HEADER_MULTI)
		nr = FUNCTIONS;
	for (n = 0; n < nr; n++)
		visit_function(w, (u16)(first + n));
}

static void visit_bus(struct walk *w, u32 bus)
{
	u32 n;

	for (n = 0; n < DEVICES; n++)
		visit_device(w, (u16)(bus << 8 | n << 3));
}

void pci_walk(pci_reader *read, const struct pci_buses *roots,
	      pci_visitor *visit, void *ctx)
{
	struct walk w = { read, visit, ctx, *roots };
	struct pci_buses done = { 0 };
	bool more = true;
	u32 bus;

	/* Numbers grow away from the root, as a rule: one round. */
	while (more) {
		more = false;
		for (bus = 0; bus < PCI_BUSES; bus++) {
			if (!pci_bus_in(&w.known, bus) ||
			    pci_bus_in(&done, bus))
				continue;
			pci_bus_add(&done, bus);
			visit_bus(&w, bus);
			more = true;
		}
	}
}

u32 pci_capability(pci_reader *read, u16 address, u8 id)
{
	u32 pos, cap, i;

	if (!(read(address, PCI_COMMAND) & PCI_STATUS_CAPABILITIES))
		return 0;
	pos = read(address, PCI_CAPABILITIES) & 0xfc;
	for (i = 0; pos >= PCI_HEADER_SIZE && i < MAX_CAPABILITIES; i++) {
		cap = read(address, pos);
		if ((cap & 0xff) == id)
			return pos;
		pos = cap >> 8 & 0xfc;
	}
	return 0;
}

/* The same; one that would go on behind the end of the space is none. */
static u32 whole_capability(pci_reader *read, u16 address, u8 id, u32 size)
{
	u32 pos = pci_capability(read, address, id);

	return pos <= PCI_CONFIG_SIZE - size ? pos : 0;
}

static void describe_msix(pci_reader *read, u16 address, struct pci_msix *m)
{
	m->where = whole_capability(read, address, PCI_CAP_MSIX, PCI_MSIX_SIZE);
	if (!m->where)
		return;
	m->entries = (read(address, m->where) >> 16 & PCI_MSIX_ENTRIES) + 1;
	m->table = read(address, m->where + PCI_MSIX_TABLE);
	m->pending = read(address, m->where + PCI_MSIX_PENDING);
}

static void describe_reset(pci_reader *read, s32 bridge, u16 address,
			   struct pci_function *f)
{
	u32 express = whole_capability(read, address, PCI_CAP_EXPRESS,
				       PCI_EXPRESS_SIZE);
	u32 af = whole_capability(read, address, PCI_CAP_AF, PCI_AF_SIZE);

	f->reset_address = address;
	if (express && (read(address, express + PCI_EXPRESS_DEVCAP) &
			PCI_EXPRESS_DEVCAP_FLR)) {
		f->reset = PCI_RESET_FLR;
		f->reset_where = express;
	} else if (af && (read(address, af) & PCI_AF_FLR)) {
		f->reset = PCI_RESET_AF_FLR;
		f->reset_where = af;
	} else if (bridge >= 0) {
		f->reset = PCI_RESET_BUS;
		f->reset_address = (u16)bridge;
	}
}

void pci_describe(pci_reader *read, s32 bridge, u16 address,
		  struct pci_function *f)
{
	*f = (struct pci_function){
		.msi = whole_capability(read, address, PCI_CAP_MSI,
					PCI_MSI_SIZE),
	};
	if (f->msi)
		f->msi_many = PCI_MSI_CAPABLE(read(address, f->msi));
	if (f->msi_many > PCI_MSI_MAX)
		f->msi_many = 0;
	describe_reset(read, bridge, address, f);
	describe_msix(read, address, &f->msix);
}
