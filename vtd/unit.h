/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One remapping unit, and what all of them have in common.  For vtd/ only.
 * Registers: chapter 11 of the VT-d specification 4.1.
 */
#ifndef VTD_UNIT_H
#define VTD_UNIT_H

#include "core/spinlock.h"
#include "vtd/entry.h"
#include "vtd/vtd.h"

enum {
	VTD_CAP = 0x08,
	VTD_ECAP = 0x10,
	VTD_GCMD = 0x18,
	VTD_GSTS = 0x1c,
	VTD_RTADDR = 0x20,
	VTD_FSTS = 0x34,
	VTD_FECTL = 0x38,
	VTD_FEDATA = 0x3c,
	VTD_FEADDR = 0x40,
	VTD_FEUADDR = 0x44,
	VTD_PMEN = 0x64,
	VTD_IQH = 0x80,
	VTD_IQT = 0x88,
	VTD_IQA = 0x90,
	VTD_IRTA = 0xb8,
};

/* Global command and status (11.4.4) */
#define GCMD_TE	   BIT(31)
#define GCMD_SRTP  BIT(30)
#define GCMD_WBF   BIT(27)
#define GCMD_QIE   BIT(26)
#define GCMD_IRE   BIT(25)
#define GCMD_SIRTP BIT(24)
#define GCMD_CFI   BIT(23)
/* All but those that do something once */
#define GCMD_KEPT 0x96ffffffU

/* Entries of the interrupt-remapping table; 11.4.17.1: 2^(n + 1) */
#define VTD_IRTES     4096
#define VTD_IRTA_SIZE 11

/* Fault status (11.4.9.1) */
#define FSTS_PFO   BIT(0)
#define FSTS_PPF   BIT(1)
#define FSTS_QUEUE (7UL << 4) /* IQE, ICE, ITE */

/* Fault event (11.4.9.3 to 11.4.9.5): an NMI, which is never remapped */
#define FEDATA_NMI	(4U << 8)
#define FEADDR_DEST(id) (VTD_MSI_ADDRESS | ((id)&0xff) << 12)

/* Capabilities (11.4.2) */
#define CAP_DOMAINS(c) (1U << (4 + 2 * ((c)&7)))
#define CAP_RWBF       BIT(4)
#define CAP_PMR	       (3UL << 5)
#define CAP_CM	       BIT(7)
#define CAP_SAGAW_39   BIT(9)
#define CAP_SAGAW_48   BIT(10)
#define CAP_MGAW(c)    (((c) >> 16 & 63) + 1)
#define CAP_FRO(c)     ((u32)((c) >> 24 & 0x3ff) * 16)
#define CAP_2M	       BIT(34)
#define CAP_1G	       BIT(35)
#define CAP_NFR(c)     ((u32)((c) >> 40 & 255) + 1)
#define ECAP_C	       BIT(0)
#define ECAP_QI	       BIT(1)
#define ECAP_IR	       BIT(3)
#define ECAP_EIM       BIT(4)
#define ECAP_SC	       BIT(7)

struct vtd_unit {
	u64 base;
	u16 segment;
	u64 cap, ecap;
	/* Guards the queue and the registers, once the unit is on. */
	struct spinlock lock;
	struct vtd_entry *queue;
	u64 queue_pa;
	volatile u32 *status; /* what the last wait has written */
	u64 status_pa;
	u32 tail, sequence;
	u32 record; /* the next fault's */
};

/* Set by vtd_probe() and vtd_take_over(), then constant. */
struct vtd {
	const struct dmar *dmar;
	pci_reader *read;
	u32 nr;
	struct vtd_unit unit[DMAR_UNITS];
	/* What all units have. */
	u64 cap, ecap;
	u32 domains, width, levels;
	/* What one unit wants. */
	bool caching;
	bool on, remaps, eim;
	/* vtd/dma.c; no context: no function of the bus may do anything. */
	struct vtd_entry *root, *contexts[PCI_BUSES];
	u64 root_pa, blocked_pa;
	u16 nr_domains;
	/* vtd/remap.c; so many are taken */
	struct vtd_entry *irte;
	u64 irte_pa;
	u32 nr_irtes;
};
extern struct vtd vtd;

/* Commands of units that take longer have failed. */
#define VTD_LIMIT_MS 1000

/* Waits until the bits of a register are as wanted: 0 or -ETIMEDOUT. */
int vtd_await(const struct vtd_unit *u, u32 reg, u32 mask, u32 wanted);
/* Boot: one control on or off, and waits until it is. */
int vtd_control(const struct vtd_unit *u, u32 control, bool on);
/* What was written there must reach units that do not snoop, too. */
void vtd_written(const volatile void *p, size_t size);

/* --- vtd/queue.c --- */

/* Boot: the unit's queue, off before.  0, -ENOMEM, -ETIMEDOUT. */
int vtd_queue_start(struct vtd_unit *u);
/* Boot: what there is of a queue, the firmware's for example, ends. */
int vtd_queue_stop(struct vtd_unit *u);
/*
 * Any core, any context but NMI; takes the lock.  Done when this returns: 0,
 * -EIO or -ETIMEDOUT.
 */
int __must_check vtd_queue_run(struct vtd_unit *u, struct vtd_entry d);
/* The same, for what must not fail. */
void vtd_flush(struct vtd_unit *u, struct vtd_entry d);
/* Before a unit relies on an entry that has become present. */
void vtd_flush_buffers(struct vtd_unit *u);

/* --- vtd/dma.c, boot --- */

/* The root table, and what the firmware's devices reach. */
int vtd_dma_prepare(char *error, size_t size);

/* --- vtd/remap.c, boot --- */

/* Entries for all IO-APICs; error is left empty, or has why that can't be. */
void vtd_remap_prepare(const struct acpi_info *acpi, char *error, size_t size);

/* --- vtd/hw.c, which host tests replace --- */

u32 vtd_read32(const struct vtd_unit *u, u32 reg);
u64 vtd_read64(const struct vtd_unit *u, u32 reg);
void vtd_write32(const struct vtd_unit *u, u32 reg, u32 value);
void vtd_write64(const struct vtd_unit *u, u32 reg, u64 value);
/* Boot: more of a unit's registers can be reached, for good. */
int __must_check vtd_map(u64 base, u64 size);
/* Boot: zeroed pages, reachable for good; NULL: there are none. */
void *vtd_alloc(u64 size, u64 *phys);
/* What was written there reaches a unit that does not snoop. */
void vtd_write_back(const volatile void *p, size_t size);
/* Boot: all that was written. */
void vtd_write_back_all(void);

/* --- vtd/remap.c --- */

u32 vtd_entries_present(void);

#endif
