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

static u32 header_type(const struct walk *w, u16 address)
{
	return w->read(address, PCI_CACHE_LINE) & PCI_HEADER_TYPE;
}

/* Those of CardBus have the same numbers at the same place. */
static void add_secondary(struct walk *w, u16 address)
{
	u32 type = header_type(w, address);

	if (type == PCI_HEADER_BRIDGE || type == PCI_HEADER_CARDBUS)
		pci_bus_add(&w->known,
			    w->read(address, PCI_BUS_NUMBERS) >> 8 & 0xff);
}

static void visit_function(struct walk *w, u16 address)
{
	if (w->read(address, PCI_VENDOR_ID) == ~0U)
		return;
	w->visit(w->ctx, address);
	add_secondary(w, address);
}

static void visit_device(struct walk *w, u16 first)
{
	u32 n;

	if (w->read(first, PCI_VENDOR_ID) == ~0U)
		return;
	visit_function(w, first);
	if (!(w->read(first, PCI_CACHE_LINE) & PCI_HEADER_MULTI))
		return;
	for (n = 1; n < FUNCTIONS; n++)
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

static u32 first_capability(pci_reader *read, u16 address)
{
	if (!(read(address, PCI_COMMAND) & PCI_STATUS_CAPABILITIES))
		return 0;
	return read(address, PCI_CAPABILITIES) & 0xfc;
}

u32 pci_capability(pci_reader *read, u16 address, u8 id)
{
	u32 pos = first_capability(read, address);
	u32 cap, i;

	for (i = 0; pos >= PCI_HEADER_SIZE && i < MAX_CAPABILITIES; i++) {
		cap = read(address, pos);
		if ((cap & 0xff) == id)
			return pos;
		pos = cap >> 8 & 0xfc;
	}
	return 0;
}

static void describe_msix(pci_reader *read, u16 address, struct pci_msix *m)
{
	m->where = pci_capability(read, address, PCI_CAP_MSIX);
	if (m->where > PCI_CONFIG_SIZE - PCI_MSIX_SIZE)
		m->where = 0;
	if (!m->where)
		return;
	m->entries = (read(address, m->where) >> 16 & PCI_MSIX_ENTRIES) + 1;
	m->table = read(address, m->where + PCI_MSIX_TABLE);
	m->pending = read(address, m->where + PCI_MSIX_PENDING);
}

static void describe_reset(pci_reader *read, s32 bridge, u16 address,
			   struct pci_function *f)
{
	u32 af = pci_capability(read, address, PCI_CAP_AF);

	f->reset_address = address;
	if (f->express && (read(address, f->express + PCI_EXPRESS_DEVCAP) &
			   PCI_EXPRESS_DEVCAP_FLR)) {
		f->reset = PCI_RESET_FLR;
		f->reset_where = f->express;
		return;
	}
	if (af && af <= PCI_CONFIG_SIZE - PCI_AF_SIZE &&
	    (read(address, af) & PCI_AF_FLR)) {
		f->reset = PCI_RESET_AF_FLR;
		f->reset_where = af;
		return;
	}
	if (bridge >= 0) {
		f->reset = PCI_RESET_BUS;
		f->reset_address = (u16)bridge;
	}
}

void pci_describe(pci_reader *read, s32 bridge, u16 address,
		  struct pci_function *f)
{
	*f = (struct pci_function){
		.express = pci_capability(read, address, PCI_CAP_EXPRESS),
		.msi = pci_capability(read, address, PCI_CAP_MSI),
	};
	if (f->msi > PCI_CONFIG_SIZE - PCI_MSI_SIZE)
		f->msi = 0;
	if (f->express > PCI_CONFIG_SIZE - PCI_EXPRESS_SIZE)
		f->express = 0;
	describe_reset(read, bridge, address, f);
	describe_msix(read, address, &f->msix);
}
