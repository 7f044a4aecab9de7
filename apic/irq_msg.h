/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An interrupt message, whatever it was written as: an entry of an IO-APIC, an
 * MSI or MSI-X message, an entry of a guest's interrupt-remapping table.
 */
#ifndef APIC_IRQ_MSG_H
#define APIC_IRQ_MSG_H

#include "core/types.h"

/* Delivery modes that reach a guest; SDM vol. 3 section 11.11.2. */
#define MSG_DM_FIXED  0
#define MSG_DM_LOWEST 1

struct irq_msg {
	u32 dest; /* APIC id or logical destination, as its source has it */
	u8 vector;
	u8 mode; /* delivery mode, three bits */
	bool logical;
	bool level, active_low;
	bool masked;
};

#endif
