/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the boot loader told us, in one form for Multiboot 1 and 2.
 */
#ifndef CORE_BOOT_INFO_H
#define CORE_BOOT_INFO_H

#include "core/phys.h"

/* In EAX at entry (Multiboot 0.6.96, 3.2; Multiboot2 2.0, 3.3). */
#define MULTIBOOT_BOOTLOADER_MAGIC  0x2BADB002u
#define MULTIBOOT2_BOOTLOADER_MAGIC 0x36D76289u

#define BOOT_REGIONS   1024
#define BOOT_MODULES   32
#define BOOT_NAME_SIZE 64

/* The types of the memory map; all others become BOOT_RESERVED. */
enum boot_region_type {
	BOOT_RAM = 1,
	BOOT_RESERVED = 2,
	BOOT_ACPI = 3,
	BOOT_NVS = 4,
};

struct boot_region {
	u64 base;
	u64 size;
	u32 type;
};

struct boot_module {
	u64 base;
	u64 size;
	char name[BOOT_NAME_SIZE];
	char words[BOOT_NAME_SIZE]; /* the beginning of what follows it */
};

struct boot_info {
	/*
	 * Sorted by address; no two overlap, none is empty, neighbours of one
	 * type are merged.  Where the loader's entries overlapped, the more
	 * reserved type won: reserved, NVS, ACPI, RAM.  Byte granular.
	 */
	u32 nr_regions;
	struct boot_region regions[BOOT_REGIONS];
	/*
	 * In the loader's order; each within one RAM region, or of size 0.
	 * The name is the first word of the command line without its path; no
	 * two have the same, but any number have none.
	 */
	u32 nr_modules;
	struct boot_module modules[BOOT_MODULES];
	/* Multiboot2 only; an ACPI 1.0 RSDP has zeroes from byte 20 on. */
	bool has_rsdp;
	u8 rsdp[36];
	char cmdline[256];
	/* Why boot_info_parse failed. */
	char error[160];
};

/*
 * Copies what Ashlar needs out of the loader's structures: magic and info are
 * EAX and EBX at entry.  Once, on the boot CPU, before memory is written; uses
 * 4 KiB of stack.  Returns 0 with *error NULL, or, with *error a line without
 * newline in bi->error: -EINVAL (malformed), -EFAULT (not readable), -ENOSPC
 * (more than fits in *bi).
 */
int __must_check boot_info_parse(u32 magic, u64 info,
				 const struct phys_reader *r,
				 struct boot_info *bi, const char **error);

/* The modules' names in quotes, `none`, or as many as fit and `...`. */
void boot_module_names(const struct boot_info *bi, char *buf, size_t size);

#endif
