// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configuration spaces of any contents: the walk over the buses ends and visits
 * each function once, what is said of a function lies within its space.
 */
#include <stdlib.h>
#include <string.h>
#include "core/types.h"
#include "drivers/pci_bus.h"
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

	/* 8,192 devices, and their functions, by three registers each */
	if (reg % 4 || reg >= SPACE || reads++ > 4000000)
		abort();
	memcpy(&value, &space[n][reg], sizeof(value));
	return value;
}

static void visit(void *ctx, u16 address)
{
	(void)ctx;
	if (seen[address]++)
		abort();
}

static void describe(const struct pci_buses *roots, u16 address)
{
	struct pci_function f;

	pci_describe(read_config, roots, address, &f);
	if (f.express && f.express + PCI_EXPRESS_SIZE > SPACE)
		abort();
	if (f.msix.where && (f.msix.where + PCI_MSIX_SIZE > SPACE ||
			     !f.msix.entries || f.msix.entries > 2048))
		abort();
	if (f.reset == PCI_RESET_AF_FLR && f.reset_where + PCI_AF_SIZE > SPACE)
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct pci_buses roots = { 0 };

	memset(space, 0xff, sizeof(space));
	memset(seen, 0, sizeof(seen));
	memcpy(space, data, MIN(size, sizeof(space)));
	reads = 0;
	pci_bus_add(&roots, 0);
	pci_walk(read_config, &roots, visit, NULL);
	describe(&roots, 0);
	describe(&roots, 0x101);
	return 0;
}
