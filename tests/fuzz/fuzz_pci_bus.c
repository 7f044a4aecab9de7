// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configuration spaces of any contents: the walk over the buses ends and visits
 * each function once, what is said of a function lies within its space, and
 * going up the tree ends.
 */
#include <stdlib.h>
#include <string.h>
#include "core/types.h"
#include "drivers/pci_tree.h"
#include "drivers/pci_regs.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Two buses of four devices of two functions have spaces of their own. */
#define SPACES 16
#define SPACE  256

static u8 space[SPACES][SPACE];
static u8 seen[0x10000];
static u32 reads;

static u32 read_config(u16 address, u32 reg)
{
	u32 n = (address >> 8 & 1) << 3 | (address >> 3 & 3) << 1 |
		(address & 1);
	u32 value;

	/* 8,192 devices, and their functions, with a list of capabilities */
	if (reg % 4 || reg >= PCI_EXTENDED_END || reads++ > 100000000)
		abort();
	/* What is beyond is a small part again. */
	reg %= SPACE;
	memcpy(&value, &space[n][reg], sizeof(value));
	return value;
}

static void visit(void *ctx, u16 address)
{
	(void)ctx;
	if (seen[address]++)
		abort();
}

static void describe(const struct pci_tree *t, u16 address)
{
	struct pci_function f;

	pci_describe(read_config, pci_reset_bridge(t, address), address, &f);
	if (f.reset == PCI_RESET_FLR &&
	    f.reset_where + PCI_EXPRESS_SIZE > SPACE)
		abort();
	if (f.msix.where && (f.msix.where + PCI_MSIX_SIZE > SPACE ||
			     !f.msix.entries || f.msix.entries > 2048))
		abort();
	if (f.reset == PCI_RESET_AF_FLR && f.reset_where + PCI_AF_SIZE > SPACE)
		abort();
}

/* Two functions are kept apart both ways or neither. */
static void part(const struct pci_tree *t, u16 a, u16 b)
{
	if ((pci_joint(t, a, b) < 0) != (pci_joint(t, b, a) < 0))
		abort();
	if (pci_alias(t, a) >= 0 && pci_above(t, a) < 0)
		abort();
	if (pci_acs(read_config, a) > PCI_EXTENDED_END - PCI_ACS_SIZE)
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct pci_tree tree;
	struct pci_buses roots = { 0 };

	memset(space, 0xff, sizeof(space));
	memset(seen, 0, sizeof(seen));
	memcpy(space, data, MIN(size, sizeof(space)));
	reads = 0;
	pci_bus_add(&roots, 0);
	pci_walk(read_config, &roots, visit, NULL);
	pci_tree_read(&tree, read_config, &roots);
	describe(&tree, 0);
	describe(&tree, 0x101);
	part(&tree, 0x101, 0x208);
	part(&tree, 0xff00, 0x8001);
	return 0;
}
