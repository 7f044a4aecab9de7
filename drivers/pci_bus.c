// SPDX-License-Identifier: BSD-2-Clause
/* The tree of PCI buses, and the lists of capabilities. */
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
