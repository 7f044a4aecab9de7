/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The physical IO-APICs, pin by pin, named by global system interrupt.  A
 * redirection table entry is made of the RTE_ bits of apic/vioapic.h.
 *
 * Any core, any context but NMI, unless it says otherwise.
 */
#ifndef APIC_IOAPIC_H
#define APIC_IOAPIC_H

#include "core/acpi.h"
#include "core/types.h"

/* Without interrupt remapping a destination has 8 bits; 255 is broadcast. */
#define IOAPIC_MAX_DEST 254

/*
 * Boot, BSP, once: every pin of the IO-APICs and both PICs masked.  The
 * IO-APICs must be reachable through phys_to_virt(), from now on.  Those that
 * are not there are named in a line.
 */
void ioapic_init(const struct acpi_info *acpi);

/*
 * Boot: ISA interrupt `irq` becomes an edge NMI to one core.  -ENOENT: no pin;
 * -ERANGE: the core is over IOAPIC_MAX_DEST.
 */
int __must_check ioapic_route_nmi(u8 irq, u32 apic_id);

/* Is there such a pin? */
bool ioapic_has(u32 gsi);

/*
 * The pin's entry becomes `rte`, without remote IRR: a line that is high sends
 * again.  When it is masked, what the pin had sent has reached the local APIC
 * when this returns.  The pin must be there, as for the others.
 */
void ioapic_route(u32 gsi, u64 rte);

/* Where nothing but the mask changes: the entry's lower half. */
void ioapic_set_mask(u32 gsi, u32 low);

/* The lower half of the entry: delivery status and remote IRR. */
u32 ioapic_state(u32 gsi);

/* Clears remote IRR of a level pin, whatever the local APICs have in service.
 */
void ioapic_eoi(u32 gsi);

#endif
