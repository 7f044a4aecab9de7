/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Multiboot 1 boot protocol (specification 0.6.96) for guests: ELF32
 * images for i386.  Pure; while booting.
 */
#ifndef GUEST_MULTIBOOT_H
#define GUEST_MULTIBOOT_H

#include "core/types.h"
#include "guest/layout.h"

#define MULTIBOOT_MODULES  8
#define MULTIBOOT_SEGMENTS 16

/* The name is the module's string, too. */
struct multiboot_module {
	const char *name;
	const u8 *data;
	u64 size;
};

/* What to boot.  The kernel's name is used in messages only. */
struct multiboot_boot {
	const char *kernel_name;
	const u8 *kernel;
	u64 kernel_size;
	u32 nr_modules;
	struct multiboot_module module[MULTIBOOT_MODULES];
	const char *cmdline; /* NULL: empty */
	struct guest_layout layout;
};

/* A piece of the image, and zeroes after it up to `size`. */
struct multiboot_segment {
	u32 offset;
	u32 file_size;
	u32 virt;
	u32 phys;
	u32 size;
};

/*
 * Where everything goes, and the state of the boot vCPU at entry (3.2):
 * protected mode, paging off, interrupts off, CS = LOADER_CS and all other
 * segments LOADER_DS, each flat.
 */
struct multiboot_plan {
	u32 nr_segments;
	struct multiboot_segment segment[MULTIBOOT_SEGMENTS];
	u32 module[MULTIBOOT_MODULES]; /* guest-physical, page-aligned */
	struct guest_layout layout;
	u32 eip;
	u32 eax;
	u32 ebx; /* the information structure */
	u32 gdt_base;
	u32 gdt_limit;
};

/*
 * Check everything and choose the addresses; writes no guest memory.  0, or
 * -EINVAL with one line in `error` that says what is wrong and what to do.
 *
 * Of the header's flags bits 0 and 1 are met whether set or not.  Bit 2 (video
 * mode) is refused: it is a requirement, and there is no display.  Bit 16
 * (load addresses in the header, for formats other than ELF) is refused.
 * Segments are loaded at their physical addresses.  An entry point inside a
 * segment's virtual range is moved with that segment, as GRUB does.
 */
int multiboot_plan(const struct multiboot_boot *boot,
		   struct multiboot_plan *plan, char *error, size_t n);

/*
 * Write segments, modules, GDT and information as planned for the same `boot`.
 * The ACPI tables are found where a BIOS has them.  0, -EINVAL when `mem` is
 * not the RAM that was planned for, or what `mem` returned.
 */
int multiboot_load(const struct multiboot_boot *boot,
		   const struct multiboot_plan *plan,
		   const struct guest_mem *mem);

#endif
