/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What units read in memory: root and context entries, leaves of their tables,
 * entries of the interrupt-remapping table, descriptors of the queue; and the
 * messages by which an interrupt names its entry.  Pure.  Sections of the VT-d
 * specification 4.1; in its words the tables are second-stage ones.
 */
#ifndef VTD_ENTRY_H
#define VTD_ENTRY_H

#include "core/types.h"

/* All but leaves are of 16 bytes. */
struct vtd_entry {
	u64 lo, hi;
} __aligned(16);

#define VTD_PRESENT BIT(0)
/* Faults of this device, or of this interrupt, are not recorded. */
#define VTD_FPD	    BIT(1)
#define VTD_ADDRESS 0xfffffffffffff000UL

/* --- 9.1, 9.3 --- */

static inline struct vtd_entry root_entry(u64 table)
{
	return (struct vtd_entry){ .lo = table | VTD_PRESENT };
}

/* Untranslated requests only; tables of 3 or 4 levels. */
static inline struct vtd_entry context_entry(u64 table, u32 levels, u16 domain)
{
	return (struct vtd_entry){
		.lo = table | VTD_PRESENT,
		.hi = (u64)domain << 8 | (levels - 2),
	};
}

static inline u16 context_domain(const struct vtd_entry *e)
{
	return (u16)(e->hi >> 8);
}

/* --- 9.8: as core/slat.h has them, but for what follows --- */

#define PTE_READ  BIT(0)
#define PTE_WRITE BIT(1)
/* Whatever the device says, caches are snooped; reserved without ECAP.SC. */
#define PTE_SNOOP BIT(11)

/* --- 9.10, 9.11 --- */

#define IRTE_LEVEL	  BIT(4)
#define IRTE_MODE_SHIFT	  5
#define IRTE_POSTED	  BIT(15)
#define IRTE_VECTOR_SHIFT 16
/* The whole source-id is compared. */
#define IRTE_VERIFY BIT(18)

/* The upper half: who may use it. */
static inline u64 irte_source(u16 sid)
{
	return sid | IRTE_VERIFY;
}

/* A destination by itself, with 32 bits (EIME) or 8 in their place. */
static inline u64 irte_dest(u32 apic_id, bool eim)
{
	return (u64)(eim ? apic_id : (apic_id & 0xff) << 8) << 32;
}

/* The lower half, physical destination; mode as in an IO-APIC's entry. */
static inline u64 irte_remapped(u64 dest, u8 vector, u64 mode, bool level)
{
	return dest | (u64)vector << IRTE_VECTOR_SHIFT |
	       mode << IRTE_MODE_SHIFT | (level ? IRTE_LEVEL : 0) | VTD_PRESENT;
}

/*
 * 9.11: for mode `posted`, which no machine here could show.  descriptor: that
 * of the vCPU, aligned to 64 bytes; the guest's vector.
 */
static inline struct vtd_entry irte_posted(u64 descriptor, u8 vector, u16 sid)
{
	return (struct vtd_entry){
		.lo = (descriptor & 0xffffffc0) << 32 | IRTE_POSTED |
		      (u64)vector << IRTE_VECTOR_SHIFT | VTD_PRESENT,
		.hi = (descriptor & 0xffffffff00000000) | irte_source(sid),
	};
}

/* --- 5.1.5 --- */

#define VTD_MSI_ADDRESS 0xfee00000U
#define VTD_MSI_REMAP	BIT(4)
#define VTD_MSI_SHV	BIT(3)

/*
 * A message names an index alone; those of a block its first, and add their
 * data, which is their number (SHV).
 */
static inline u32 msi_address(u16 index)
{
	return (u32)(VTD_MSI_ADDRESS | VTD_MSI_REMAP | VTD_MSI_SHV |
		     (index & 0x7fffU) << 5 | (index & 0x8000U) >> 13);
}

/* Upper half of an IO-APIC's entry, and the bit of the index in the lower. */
static inline u32 rte_upper(u16 index)
{
	return (index & 0x7fffU) << 17 | 1U << 16;
}

static inline u32 rte_lower(u16 index)
{
	return (index & 0x8000U) >> 4;
}

/* --- 6.5.2 --- */

#define DESC_CONTEXT 1UL
#define DESC_IOTLB   2UL
#define DESC_IEC     4UL
#define DESC_WAIT    5UL

#define DESC_GLOBAL (1UL << 4)
#define DESC_DOMAIN (2UL << 4)
#define DESC_DEVICE (3UL << 4)
/* Reads and writes that are under way are through first. */
#define DESC_DRAIN_WRITES BIT(6)
#define DESC_DRAIN_READS  BIT(7)
/* Of an IEC descriptor: one entry, not all. */
#define DESC_IEC_INDEX BIT(4)
/* Of a wait descriptor: writes its status. */
#define DESC_WAIT_STATUS BIT(5)

/* What a unit can do, of CAP (11.4.2). */
#define CAP_DWD BIT(54)
#define CAP_DRD BIT(55)

static inline u64 desc_drain(u64 cap)
{
	return (cap & CAP_DWD ? DESC_DRAIN_WRITES : 0) |
	       (cap & CAP_DRD ? DESC_DRAIN_READS : 0);
}

static inline struct vtd_entry desc_context(u16 domain, u16 sid)
{
	return (struct vtd_entry){
		.lo = (u64)sid << 32 | (u64)domain << 16 | DESC_DEVICE |
		      DESC_CONTEXT,
	};
}

static inline struct vtd_entry desc_context_all(void)
{
	return (struct vtd_entry){ .lo = DESC_GLOBAL | DESC_CONTEXT };
}

static inline struct vtd_entry desc_iotlb(u64 cap, u16 domain)
{
	return (struct vtd_entry){
		.lo = (u64)domain << 16 | desc_drain(cap) | DESC_DOMAIN |
		      DESC_IOTLB,
	};
}

static inline struct vtd_entry desc_iotlb_all(u64 cap)
{
	return (struct vtd_entry){
		.lo = desc_drain(cap) | DESC_GLOBAL | DESC_IOTLB,
	};
}

static inline struct vtd_entry desc_iec(u16 index)
{
	return (struct vtd_entry){
		.lo = (u64)index << 32 | DESC_IEC_INDEX | DESC_IEC,
	};
}

static inline struct vtd_entry desc_iec_all(void)
{
	return (struct vtd_entry){ .lo = DESC_IEC };
}

/* When all before it is done, `value` is at `status`. */
static inline struct vtd_entry desc_wait(u64 status, u32 value)
{
	return (struct vtd_entry){
		.lo = (u64)value << 32 | DESC_WAIT_STATUS | DESC_WAIT,
		.hi = status,
	};
}

#endif
