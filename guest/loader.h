/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the loaders of guests have in common.  Pure; while booting.
 */
#ifndef GUEST_LOADER_H
#define GUEST_LOADER_H

#include "core/types.h"
#include "guest/layout.h"

/*
 * Selectors at a flat entry, and the GDT that has them.  Linux's 64-bit boot
 * protocol asks for these two; Multiboot leaves them to the loader.
 */
#define LOADER_CS	 0x10
#define LOADER_DS	 0x18
#define LOADER_GDT_LIMIT 0x1f
#define LOADER_GDT(code)                  \
	{                                 \
		0, 0, (code), LOADER_DATA \
	}

/* SDM 3A 3.4.5: flat, accessed. */
#define LOADER_CODE_32 0x00cf9b000000ffffUL
#define LOADER_CODE_64 0x00af9b000000ffffUL
#define LOADER_DATA    0x00cf93000000ffffUL

/* In messages: bytes, rounded up. */
#define MIB(bytes) (((bytes) + 0xfffff) >> 20)

/* ACPI 6.4, 15.1: also Linux's e820_table and Multiboot's memory map. */
struct e820_entry {
	u64 addr;
	u64 size;
	u32 type;
} __packed;
_Static_assert(sizeof(struct e820_entry) == 20, "zero-page.rst");

#define E820_RAM      1
#define E820_RESERVED 2
#define E820_ENTRIES  5

/*
 * The map of guest/layout.h; main RAM must not be empty.  Number of entries.
 */
u32 loader_e820(const struct guest_layout *layout,
		struct e820_entry map[E820_ENTRIES]);

/* Where a refusal goes: `WHAT NAME: `, then what is wrong and what to do. */
struct report {
	const char *what;
	const char *name;
	char *buf;
	size_t size;
};

/* Always -EINVAL. */
int refuse(const struct report *r, const char *fmt, ...) __printf(2, 3);

#endif
