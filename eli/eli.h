/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery of interrupts to guests, and taking a core back from one.
 * Delivery in `did` needs no code here: vectors go to the guest's own IDT.
 */
#ifndef ELI_ELI_H
#define ELI_ELI_H

#include "core/types.h"

/*
 * On a core that has left its guest for good, once nothing sends to it any
 * more: whatever the guest left in the local APIC is taken out.  Bounded.
 */
void eli_hand_back(void);

/* Before a vCPU starts: registers that VM entry does not load, as at reset. */
void eli_reset_core(void);

/* Boot, BSP. */
void eli_init(void);

#endif
