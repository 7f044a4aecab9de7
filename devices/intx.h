/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's IO-APIC: lines of its virtual devices, and for its assigned devices
 * physical IO-APIC pins that follow its redirection table.  GSI n is pin n of
 * the guest's IO-APIC.  Where a pin sends, eli/route.h decides.
 */
#ifndef DEVICES_INTX_H
#define DEVICES_INTX_H

#include "apic/domain.h"
#include "apic/vioapic.h"
#include "core/types.h"

struct intx {
	struct irq_domain *domain; /* its lock guards all of this */
	struct vioapic ioapic;
	u32 gsis; /* bit n: GSI n is a physical pin; set while booting */
};

/* Boot. */
void intx_init(struct intx *x, struct irq_domain *d);
/* Boot: the pin becomes x's; -EBUSY: it is another's, -ENOENT: no such pin. */
int __must_check intx_claim(struct intx *x, u32 gsi);

/* While no vCPU runs: all pins masked, all lines low. */
void intx_reset(struct intx *x);

/* With the lock held, any core, any context but NMI: a line changes. */
void intx_set_line(struct intx *x, u32 pin, bool level);

/* --- exit path, without the lock --- */

/* The IO-APIC's page, 32-bit registers: an mmio_region's read and write. */
u64 intx_read(void *intx, u64 offset, u8 size);
void intx_write(void *intx, u64 offset, u8 size, u64 value);
/* A local APIC's EOI of a level-triggered vector. */
void intx_eoi(void *intx, u8 vector);

#endif
