// SPDX-License-Identifier: BSD-2-Clause
/* devices/vpci.c with one more bit of the command register for the guest. */
#include "drivers/pci_regs.h"

#define COMMAND_SERR BIT(8)
#define MORE	     (BIT(10) | COMMAND_SERR)

#undef PCI_COMMAND_INTX_OFF
#define PCI_COMMAND_INTX_OFF MORE
#include "devices/vpci.c"
