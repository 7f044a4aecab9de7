/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot 1 (specification 0.6.96): what image and loader tell each other.
 * Ashlar reads it at its own entry and writes it for guests.
 */
#ifndef CORE_MULTIBOOT_FORMAT_H
#define CORE_MULTIBOOT_FORMAT_H

#include "core/types.h"

/* 3.1.1: in the first 8 KiB of the image, on a 4-byte boundary. */
#define MULTIBOOT_SEARCH       8192
#define MULTIBOOT_HEADER_MAGIC 0x1badb002u

/* 3.1.2: a loader that does not know one of bits 0-15 must not load. */
#define MULTIBOOT_REQUIRED    0xffffu
#define MULTIBOOT_PAGE_ALIGN  BIT(0)
#define MULTIBOOT_MEMORY_INFO BIT(1)
#define MULTIBOOT_VIDEO_MODE  BIT(2)
#define MULTIBOOT_AOUT_KLUDGE BIT(16)

struct multiboot_header {
	u32 magic;
	u32 flags;
	u32 checksum; /* the three add up to 0 */
} __packed;
_Static_assert(sizeof(struct multiboot_header) == 12, "3.1.1");

/* 3.3: flags, and the fields up to the memory map. */
#define MULTIBOOT_INFO_MEMORY	   BIT(0)
#define MULTIBOOT_INFO_CMDLINE	   BIT(2)
#define MULTIBOOT_INFO_MODS	   BIT(3)
#define MULTIBOOT_INFO_MEM_MAP	   BIT(6)
#define MULTIBOOT_INFO_LOADER_NAME BIT(9)

struct multiboot_info {
	u32 flags;
	u32 mem_lower;
	u32 mem_upper;
	u32 boot_device;
	u32 cmdline;
	u32 mods_count;
	u32 mods_addr;
	u32 syms[4];
	u32 mmap_length;
	u32 mmap_addr;
} __packed;
_Static_assert(offsetof(struct multiboot_info, cmdline) == 16, "3.3");
_Static_assert(offsetof(struct multiboot_info, mmap_length) == 44, "3.3");
_Static_assert(sizeof(struct multiboot_info) == 52, "3.3");

struct multiboot_mod_list {
	u32 mod_start;
	u32 mod_end;
	u32 cmdline;
	u32 pad;
} __packed;
_Static_assert(sizeof(struct multiboot_mod_list) == 16, "3.3");

/* size does not count itself, and may be larger than the fields below. */
struct multiboot_mmap_entry {
	u32 size;
	u64 addr;
	u64 len;
	u32 type;
} __packed;
_Static_assert(offsetof(struct multiboot_mmap_entry, addr) == 4, "3.3");
_Static_assert(sizeof(struct multiboot_mmap_entry) == 24, "3.3");

#endif
