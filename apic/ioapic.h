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

/*
 * Without interrupt remapping, and in its older form, a destination has 8 bits;
 * 255 is broadcast.
 */
#define IOAPIC_MAX_DEST 254

/*
 * Boot, BSP, once: every pin of the IO-APICs and both PICs masked.  The
 * IO-APICs must be reachable through phys_to_virt(), from now on.  Those that
 * are not there are named in a line.
 */
void ioapic_init(const struct acpi_info *acpi);

/*
 * Where interrupts are remapped: `take` has an entry for each pin of the
 * IO-APIC with this id, the index of the first or -E.  `entry` sets one and
 * returns what the pin's is to be, whose lower half is `low` but for the
 * delivery mode.
 */
struct ioapic_remapper {
	s32 (*take)(u8 id, u32 pins);
	u64 (*entry)(u32 index, u32 apic_id, u32 low);
};

/*
 * Boot, BSP, while all pins are masked.  0, or what `take` has said of IO-APIC
 * *n in the order of the MADT; then they are not remapped.  wide: it reaches
 * all cores.
 */
int __must_check ioapic_remap(const struct ioapic_remapper *r, bool wide,
			      u32 *n);

/*
 * Boot: ISA interrupt `irq` becomes an edge NMI to one core.  -ENOENT: no pin;
 * -ERANGE: the core can't be reached.
 */
int __must_check ioapic_route_nmi(u8 irq, u32 apic_id);

/* Is there such a pin? */
bool ioapic_has(u32 gsi);

/* Can interrupts of pins be sent to this core? */
bool ioapic_reaches(u32 apic_id);

/*
 * The pin sends to this core as the lower half of its entry says, physical
 * destination, without remote IRR: a line that is high sends again.  When it is
 * masked, what the pin had sent has reached the local APIC when this returns.
 * The pin must be there, as for the others.
 */
void ioapic_route(u32 gsi, u32 apic_id, u32 low);

/* Where nothing but the mask changes: the entry's lower half. */
void ioapic_set_mask(u32 gsi, u32 low);

/* The lower half of the entry: delivery status and remote IRR. */
u32 ioapic_state(u32 gsi);

/* Clears remote IRR of a level pin, whatever the local APICs have in service.
 */
void ioapic_eoi(u32 gsi);

#endif
