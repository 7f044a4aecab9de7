// SPDX-License-Identifier: BSD-2-Clause
/* devices/vpci.c with one more bit of the command register for the guest. */
#include "drivers/pci_regs.h"

/* PCI Express 6.0, 7.5.1.1.3 */
enum {
	COMMAND_SERR = BIT(8),
	WITH_SERR = PCI_COMMAND_INTX_OFF | COMMAND_SERR,
};

#undef PCI_COMMAND_INTX_OFF
#define PCI_COMMAND_INTX_OFF WITH_SERR
#include "devices/vpci.c"
