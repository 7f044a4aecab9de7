/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOMMU: VT-d in legacy mode, all units of the machine as one.  Once it has
 * taken over, no device reaches memory and none sends an interrupt but those
 * that were told where.  Knows functions of segment 0, tables, domains; no
 * partition.  Units of other segments block all.
 *
 * A unit that does not carry out a command within a second is a broken
 * invariant: while booting nothing starts, later it is a panic.
 */
#ifndef VTD_VTD_H
#define VTD_VTD_H

#include "apic/source.h"
#include "core/acpi.h"
#include "core/slat.h"
#include "vtd/dmar.h"

/* --- boot, BSP --- */

/*
 * Can Ashlar drive the units of this table?  Nothing is changed.  0, or -E with
 * the reason in error.  The table and PCI's reader are kept until the seal.
 */
int __must_check vtd_probe(const struct dmar *d, pci_reader *read, char *error,
			   size_t size);

/*
 * After vtd_probe(), with all pins of the IO-APICs masked and no function a bus
 * master: takes the units over, and says what it has in a line.  Devices of the
 * firmware reach their memory (RMRR), nothing else does.  0, or -E with a line
 * in error.
 */
int __must_check vtd_take_over(const struct acpi_info *acpi, char *error,
			       size_t size);

/* Has it taken over?  Interrupts too? */
bool vtd_on(void);
bool vtd_remaps(void);

/* What a device of a partition reaches: tables that stay as they are. */
struct dma_domain {
	u16 id;
	u64 table;
};

/*
 * Tables as the units want them: the caller sets where their memory comes from,
 * then slat_init(), slat_map() with vtd_leaf(), vtd_domain(), which is -ENOSPC
 * where the units know no more domains, -ERANGE where addresses are too high.
 */
void vtd_format(struct slat *t);
u64 vtd_leaf(void);
int __must_check vtd_domain(struct dma_domain *d, const struct slat *t);

/*
 * A function is to be a partition's: from now on it is blocked.  -ENODEV: no
 * unit has it; -EBUSY: the firmware uses it (RMRR), and it is neither a USB
 * controller nor a display; -ENOMEM.
 */
int __must_check vtd_claim(u16 address);

/*
 * A block of entries for messages that come from `sid`: the index of the first,
 * aligned to nr, which is rounded up to a power of two; -ENOSPC, -ENODEV.  Its
 * message is msi_address() of vtd/entry.h.
 */
s32 __must_check vtd_irte_take(u16 sid, u32 nr);

/* --- any core, any context but NMI --- */

/*
 * A function that was claimed reaches the domain's memory; NULL: nothing.  When
 * this returns nothing goes by the old tables any more.
 */
void vtd_attach(u16 address, const struct dma_domain *d);

/*
 * The same with no domain, and what the function tries is not recorded, until
 * it is attached anew.  One that has no context stays as it is.
 */
void vtd_quarantine(u16 address);

/* An entry that was taken; masked it drops what comes. */
extern const struct route_source vtd_message;

/* What is in use: domains, functions that reach one, entries that send. */
struct vtd_use {
	u32 domains, contexts, entries;
};
void vtd_use(struct vtd_use *use);

struct vtd_fault {
	u16 address;
	u8 reason; /* 7.1.3; from 20h on about an interrupt */
	bool write;
	u64 where; /* I/O address, or index of an interrupt's entry */
};
#define VTD_FAULT_INTERRUPT 0x20

/* The next that was recorded; false: there is none. */
bool vtd_next_fault(struct vtd_fault *f);

/*
 * Boot, BSP, after vtd_take_over(): a fault is an NMI to this core from now on,
 * if none waits to be asked for.
 */
void vtd_announce_faults(u32 apic_id);

#endif
