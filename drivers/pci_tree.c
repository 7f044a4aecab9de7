// SPDX-License-Identifier: BSD-2-Clause
/* The tree of bridges, and what its functions reach by themselves. */
#include "drivers/pci_tree.h"
#include "drivers/pci_regs.h"

#define DEVICES	    32
#define ALL_DEVICES (~0U)
#define NO_EXPRESS  (~0U)

/* Extended capabilities (7.6.3): so many of at least two dwords. */
#define MAX_EXTENDED ((PCI_EXTENDED_END - PCI_CONFIG_SIZE) / 8)

/* Is it one of several functions of its device? */
static bool in_company(pci_reader *read, u16 address)
{
	return read(address & ~7, PCI_CACHE_LINE) & PCI_HEADER_MULTI;
}

/* 7.5.3.2: Device/Port Type. */
static u32 express_type(pci_reader *read, u16 address)
{
	u32 express = pci_capability(read, address, PCI_CAP_EXPRESS);

	if (!express)
		return NO_EXPRESS;
	return read(address, express) >> PCI_EXPRESS_TYPE_SHIFT & 15;
}

u32 pci_acs(pci_reader *read, u16 address)
{
	u32 pos = PCI_CONFIG_SIZE;
	u32 cap, i;

	if (express_type(read, address) == NO_EXPRESS)
		return 0;
	for (i = 0; i < MAX_EXTENDED && pos >= PCI_CONFIG_SIZE; i++) {
		cap = read(address, pos);
		if (cap == ~0U)
			return 0;
		if ((cap & 0xffff) == PCI_EXTENDED_ACS)
			return pos <= PCI_EXTENDED_END - PCI_ACS_SIZE ? pos : 0;
		pos = cap >> 20 & ~3U;
	}
	return 0;
}

/* 7.7.11: what is no capability is as if it were on, or does not arise. */
u32 pci_acs_on(u32 value)
{
	return value | (value & PCI_ACS_WANTED) << PCI_ACS_CONTROL_SHIFT;
}

static bool turns_back(pci_reader *read, u16 address)
{
	u32 pos = pci_acs(read, address);
	u32 value;

	if (!pos)
		return false;
	value = read(address, pos + PCI_ACS_CONTROL);
	return value == pci_acs_on(value);
}

/*
 * 6.12.1: a switch hands requests from each of its lower ports to each, a
 * device with several functions from each function to each, and a root port
 * those that come from below to where they came from.
 */
static u32 joint_devices(pci_reader *read, u16 address)
{
	u32 type = express_type(read, address);

	if (type != PCI_EXPRESS_DOWNSTREAM && type != PCI_EXPRESS_ROOT &&
	    !in_company(read, address))
		return 0;
	if (turns_back(read, address))
		return 0;
	return type == PCI_EXPRESS_DOWNSTREAM ? ALL_DEVICES :
						1U << (address >> 3 & 31);
}

static void note(void *ctx, u16 address)
{
	struct pci_tree *t = ctx;
	s32 bus = address >> 8, below = pci_bus_below(t->read, address);

	t->joint[bus] |= joint_devices(t->read, address);
	if (below > bus && t->above[below] < 0)
		t->above[below] = address;
}

void pci_tree_read(struct pci_tree *t, pci_reader *read,
		   const struct pci_buses *roots)
{
	u32 i;

	*t = (struct pci_tree){ .read = read };
	for (i = 0; i < PCI_BUSES; i++)
		t->above[i] = -1;
	pci_walk(read, roots, note, t);
}

s32 pci_above(const struct pci_tree *t, u16 address)
{
	return t->above[address >> 8];
}

static bool is_alone(const struct pci_tree *t, u16 address)
{
	u16 bus = address & 0xff00;
	u32 n;

	for (n = 0; n < DEVICES; n++)
		if (n != (address >> 3 & 31) &&
		    t->read((u16)(bus | n << 3), PCI_VENDOR_ID) != ~0U)
			return false;
	return true;
}

s32 pci_reset_bridge(const struct pci_tree *t, u16 address)
{
	s32 bridge = pci_above(t, address);

	if (bridge < 0 ||
	    (t->read((u16)bridge, PCI_CACHE_LINE) & PCI_HEADER_TYPE) !=
		    PCI_HEADER_BRIDGE ||
	    !is_alone(t, address))
		return -1;
	return bridge;
}

static bool is_port(pci_reader *read, u16 address)
{
	u32 type = express_type(read, address);

	return type == PCI_EXPRESS_ROOT || type == PCI_EXPRESS_UPSTREAM ||
	       type == PCI_EXPRESS_DOWNSTREAM;
}

s32 pci_alias(const struct pci_tree *t, u16 address)
{
	s32 bridge, alias = -1;

	for (bridge = pci_above(t, address); bridge >= 0;
	     bridge = pci_above(t, (u16)bridge))
		if (!is_port(t->read, (u16)bridge))
			alias = bridge;
	return alias;
}

/* The last place on the way up where a request may turn, or -1. */
static s32 last_joint(const struct pci_tree *t, u16 address)
{
	s32 at, joint = -1;

	for (at = address; at >= 0; at = pci_above(t, (u16)at))
		if (t->joint[at >> 8] >> (at >> 3 & 31) & 1)
			joint = at;
	return joint;
}

s32 pci_joint(const struct pci_tree *t, u16 address, u16 other)
{
	s32 a = last_joint(t, address);
	s32 b = last_joint(t, other);

	if (a < 0 || b < 0 || a >> 8 != b >> 8)
		return -1;
	if (t->joint[a >> 8] != ALL_DEVICES && a >> 3 != b >> 3)
		return -1;
	return a;
}
