// SPDX-License-Identifier: BSD-2-Clause
/* What the linker's --wrap=SYMBOL puts in the place of steps of a hand-back. */
#include "core/lapic.h"
#include "drivers/pci.h"
#include "guest/memory.h"

void __wrap_guest_zero(const struct guest_ram *ram, u64 frame);
bool __wrap_eli_hand_back(void);
void __wrap_lapic_quiet(void);
void __wrap_eli_reset_core(void);
bool __wrap_pci_reset(u16 address, const struct pci_function *f);

/* The guest's memory is not zeroed. */
void __wrap_guest_zero(const struct guest_ram *ram, u64 frame)
{
	(void)ram;
	(void)frame;
}

/* Sources of interrupts are quiet, but nothing is drained. */
bool __wrap_eli_hand_back(void)
{
	lapic_quiet();
	return true;
}

/* TPR and timer stay. */
void __wrap_lapic_quiet(void)
{
}

/* Registers that VM entry does not load stay. */
void __wrap_eli_reset_core(void)
{
}

/* What a device has on its way still arrives. */
bool __wrap_pci_reset(u16 address, const struct pci_function *f)
{
	(void)address;
	(void)f;
	return true;
}
