/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 64-bit Linux boot protocol (Linux, Documentation/arch/x86/boot.rst): a
 * bzImage of protocol 2.12 or later with XLF_KERNEL_64.  Pure; while booting.
 */
#ifndef GUEST_LINUX_H
#define GUEST_LINUX_H

#include "core/types.h"
#include "guest/layout.h"

/* What to boot.  Names are used in messages only. */
struct linux_boot {
	const char *kernel_name;
	const u8 *kernel;
	u64 kernel_size;
	const char *initrd_name; /* NULL: no initrd */
	const u8 *initrd;
	u64 initrd_size;
	const char *cmdline; /* NULL: empty */
	struct guest_layout layout;
};

/*
 * Where everything goes, and the state of the boot vCPU at entry: long mode,
 * paging on, interrupts off, CS = LOADER_CS, DS = ES = SS = LOADER_DS.
 */
struct linux_plan {
	u64 setup_size;	  /* bytes of the image before the payload */
	u64 payload_size; /* bytes of the image to copy */
	u64 kernel;	  /* guest-physical addresses from here on */
	u64 kernel_end;	  /* kernel + init_size */
	u64 initrd;	  /* 0: none */
	u64 initrd_size;
	u64 cmdline;
	u64 cmdline_size; /* without the final 0 */
	struct guest_layout layout;
	u64 rip;
	u64 rsi; /* boot_params */
	u64 cr3; /* identity map of the low 4 GiB */
	u64 gdt_base;
	u32 gdt_limit;
};

/*
 * Check everything and choose the addresses; writes no guest memory.  0, or
 * -EINVAL with one line in `error` that says what is wrong and what to do.
 *
 * An initrd may hold anything: Linux itself reports what it cannot unpack.
 *
 * The kernel goes to its pref_address, a relocatable one up to where main RAM
 * begins.  With less RAM than that it is refused and not put lower, because
 * Linux moves itself up to pref_address whatever the loader chose.
 * pref_address below 1 MiB in a relocatable image means 16 MiB.
 */
int linux_plan(const struct linux_boot *boot, struct linux_plan *plan,
	       char *error, size_t n);

/*
 * Write payload, initrd, command line, boot_params, GDT and page tables as
 * planned for the same `boot`.  `rsdp` goes to acpi_rsdp_addr.  Memory that
 * holds none of these is not touched: it is zero already.  0, -EINVAL when
 * `mem` is not the RAM that was planned for, or what `mem` returned.
 */
int linux_load(const struct linux_boot *boot, const struct linux_plan *plan,
	       const struct guest_mem *mem, u64 rsdp);

#endif
