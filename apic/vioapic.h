/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual I/O APIC: 24 pins, version 20h (with EOI register), named and
 * laid out as in the 82093AA data sheet and, for the EOI register, the I/O
 * APIC of the ICH family.
 *
 * Pure; any context.  The caller owns the struct and holds the partition's
 * lock around every call, the sending of the messages included, so that
 * remote IRR and what was sent agree.
 */
#ifndef APIC_VIOAPIC_H
#define APIC_VIOAPIC_H

#include "apic/irq_msg.h"
#include "core/types.h"

#define VIOAPIC_PINS	24
#define VIOAPIC_VERSION 0x00170020U

/* Offsets in the MMIO page. */
#define VIOAPIC_IOREGSEL 0x00
#define VIOAPIC_IOWIN	 0x10
#define VIOAPIC_EOI	 0x40

/* Indirect registers. */
#define VIOAPIC_REG_ID	0x00
#define VIOAPIC_REG_VER 0x01
#define VIOAPIC_REG_ARB 0x02
#define VIOAPIC_REG_RTE 0x10

/* Redirection table entry. */
#define RTE_VECTOR     0xffUL
#define RTE_DM_SHIFT   8
#define RTE_DM	       (7UL << RTE_DM_SHIFT)
#define RTE_LOGICAL    BIT(11)
#define RTE_DELIVS     BIT(12)
#define RTE_ACTIVE_LOW BIT(13)
#define RTE_REMOTE_IRR BIT(14)
#define RTE_LEVEL      BIT(15)
#define RTE_MASKED     BIT(16)
#define RTE_DEST_SHIFT 56

struct vioapic {
	u8 select; /* IOREGSEL */
	u32 id;	   /* bits 24-27, as the register holds them */
	u32 lines; /* bit n: pin n is asserted */
	u64 rte[VIOAPIC_PINS];
	u64 undelivered; /* interrupts dropped: vector or delivery mode */
};

/* Power-on state: every pin masked, every line low. */
void vioapic_init(struct vioapic *v, u8 id);

/*
 * A 32-bit access at `offset` of the MMIO page.  What is not a register reads
 * as 0 and ignores writes.  vioapic_write returns the set of pins (bit n) for
 * which the caller must now send vioapic_message(): a level pin unmasked
 * while it is asserted, or one that is still asserted after an EOI.
 */
u32 vioapic_read(const struct vioapic *v, u32 offset);
u32 __must_check vioapic_write(struct vioapic *v, u32 offset, u32 value);

/*
 * A device changes its line.  `level` true means asserted: polarity is the
 * device's business, RTE bit 13 is only stored.  True: send *out.
 * Edge pins send on a rising edge while unmasked; an edge while masked is lost
 * (82093AA, 3.2.4, interrupt mask: neither delivered nor held pending).
 * Level pins send while asserted, unmasked and with remote IRR clear, and so
 * set remote IRR.  Vectors below 16 and delivery modes other than fixed and
 * lowest priority are not delivered but counted in `undelivered`.
 * A pin that does not exist: false.
 */
bool __must_check vioapic_set_line(struct vioapic *v, u32 pin, bool level,
				   struct irq_msg *out);

/*
 * EOI of `vector`, by a local APIC's broadcast: clears remote IRR of every
 * level pin with that vector.  Returns the pins to send again, as above.
 */
u32 __must_check vioapic_eoi(struct vioapic *v, u8 vector);

/* The message of `pin` as its RTE stands; `pin` below VIOAPIC_PINS. */
void vioapic_message(const struct vioapic *v, u32 pin, struct irq_msg *out);

#endif
