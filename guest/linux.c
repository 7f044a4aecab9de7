// SPDX-License-Identifier: BSD-2-Clause
/* Loading a bzImage by the 64-bit boot protocol. */
#include "guest/linux.h"
#include "core/lib.h"
#include "guest/loader.h"

/*
 * boot.rst, "The Real-Mode Kernel Header", up to init_size: all that a 64-bit
 * loader reads or changes.
 */
struct setup_header {
	u8 setup_sects;
	u16 root_flags;
	u32 syssize;
	u16 ram_size;
	u16 vid_mode;
	u16 root_dev;
	u16 boot_flag;
	u8 jump_opcode;
	u8 jump_length;
	u32 header;
	u16 version;
	u32 realmode_swtch;
	u16 start_sys_seg;
	u16 kernel_version;
	u8 type_of_loader;
	u8 loadflags;
	u16 setup_move_size;
	u32 code32_start;
	u32 ramdisk_image;
	u32 ramdisk_size;
	u32 bootsect_kludge;
	u16 heap_end_ptr;
	u8 ext_loader_ver;
	u8 ext_loader_type;
	u32 cmd_line_ptr;
	u32 initrd_addr_max;
	u32 kernel_alignment;
	u8 relocatable_kernel;
	u8 min_alignment;
	u16 xloadflags;
	u32 cmdline_size;
	u32 hardware_subarch;
	u64 hardware_subarch_data;
	u32 payload_offset;
	u32 payload_length;
	u64 setup_data;
	u64 pref_address;
	u32 init_size;
} __packed;

#define HEADER_OFFSET 0x1f1
#define HEADER_BASE   0x202 /* jump_length counts from here */
#define HEADER_MAX    0x290 /* next field of boot_params */
#define AT(f)	      (HEADER_OFFSET + offsetof(struct setup_header, f))

_Static_assert(AT(header) == HEADER_BASE, "boot.rst");
_Static_assert(AT(type_of_loader) == 0x210, "boot.rst");
_Static_assert(AT(cmd_line_ptr) == 0x228, "boot.rst");
_Static_assert(AT(xloadflags) == 0x236, "boot.rst");
_Static_assert(AT(pref_address) == 0x258, "boot.rst");
_Static_assert(AT(init_size) == 0x260, "boot.rst");
#define HEADER_END (HEADER_OFFSET + sizeof(struct setup_header))
_Static_assert(HEADER_END == 0x264, "boot.rst");

#define HDRS		   0x53726448 /* "HdrS" */
#define VERSION_2_12	   0x20c
#define XLF_KERNEL_64	   BIT(0)
#define LOADER_UNDEFINED   0xff
#define VID_MODE_NORMAL	   0xffff
#define SECTOR		   512
#define ENTRY_64	   0x200
#define INITRD_MAX_DEFAULT 0x37ffffff
#define LOAD_RELOCATABLE   0x1000000UL

/* Documentation/arch/x86/zero-page.rst. */
#define BP_ACPI_RSDP	0x070
#define BP_E820_ENTRIES 0x1e8
#define BP_E820_TABLE	0x2d0

/* What the loader puts below 640 KiB; Linux copies it all before it reuses. */
#define BOOT_PARAMS 0x10000UL
#define GDT	    0x11000UL
#define PML4	    0x12000UL
#define PDPT	    0x13000UL
#define PD	    0x14000UL /* 4 pages */
#define CMDLINE	    0x18000UL
#define CMDLINE_MAX 0xffffUL
_Static_assert(CMDLINE + CMDLINE_MAX < GUEST_LOW_END, "below 640 KiB");

/* SDM 3A 4.5: present, writable, accessed, dirty, page size. */
#define PTE_TABLE 0x023UL
#define PTE_2M	  0x0e3UL

/* What unpacks a kernel file that was packed once more; NULL: it was not. */
static const char *unpacker(const struct linux_boot *boot)
{
	static const struct {
		const char *magic, *tool;
	} formats[] = {
		{ "\x1f\x8b", "gunzip" },
		{ "\xfd\x37\x7a\x58\x5a", "unxz" },
		{ "\x28\xb5\x2f\xfd", "unzstd" },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		size_t n = strlen(formats[i].magic);

		if (boot->kernel_size >= n &&
		    !memcmp(boot->kernel, formats[i].magic, n))
			return formats[i].tool;
	}
	return NULL;
}

static int read_header(const struct linux_boot *boot, struct setup_header *h,
		       const struct report *r)
{
	memset(h, 0, sizeof(*h));
	if (boot->kernel_size >= HEADER_END)
		memcpy(h, boot->kernel + HEADER_OFFSET, sizeof(*h));
	if (h->header != HDRS && unpacker(boot))
		return refuse(r, "compressed, no bzImage; unpack it with %s",
			      unpacker(boot));
	if (h->header != HDRS)
		return refuse(r, "no bzImage (no HdrS at 202h); give a Linux "
				 "kernel image");
	if (h->version < VERSION_2_12)
		return refuse(r,
			      "boot protocol %x.%02d is older than 2.12; give "
			      "Linux 3.8 or later",
			      h->version >> 8, h->version & 0xff);
	if (!(h->xloadflags & XLF_KERNEL_64))
		return refuse(r, "no 64-bit entry (xloadflags bit 0); give a "
				 "kernel for x86-64");
	if (HEADER_BASE + (u64)h->jump_length < HEADER_END)
		return refuse(r, "setup header ends before init_size; give a "
				 "whole bzImage");
	return 0;
}

/* The last paragraph may be shorter than 16 bytes in the file. */
static int measure(const struct linux_boot *boot, const struct setup_header *h,
		   struct linux_plan *plan, const struct report *r)
{
	/* boot.rst: 0 means 4, for the sake of old kernels. */
	u64 sects = h->setup_sects ? h->setup_sects : 4;
	u64 setup = (sects + 1) * SECTOR;
	u64 want = (u64)h->syssize * 16;
	u64 have = boot->kernel_size;

	if (have < setup || have - setup + 15 < want)
		return refuse(r, "truncated: %lu bytes of %lu; copy it again",
			      have, setup + want);
	plan->setup_size = setup;
	plan->payload_size = MIN(want, have - setup);
	if (plan->payload_size <= ENTRY_64)
		return refuse(r,
			      "no code at the 64-bit entry (syssize %u); "
			      "give a whole bzImage",
			      h->syssize);
	return 0;
}

static int place_kernel(const struct setup_header *h, struct linux_plan *plan,
			const struct report *r)
{
	const struct guest_layout *ram = &plan->layout;
	u64 align = h->kernel_alignment;
	u64 room = MAX(h->init_size, plan->payload_size);
	u64 at = h->pref_address;

	if (!align || (align & (align - 1)) || align > SIZE_1G)
		return refuse(r,
			      "kernel_alignment %lx is no power of 2 up to "
			      "1 GiB; give a whole bzImage",
			      align);
	if (at < GUEST_HIGH && h->relocatable_kernel)
		at = LOAD_RELOCATABLE;
	if (h->relocatable_kernel)
		at = MAX(at, ram->main);
	if (at < ram->main)
		return refuse(r,
			      "wants to run at %lx, below %lu MiB, where RAM "
			      "begins; give a relocatable kernel",
			      at, ram->main >> 20);
	if (h->relocatable_kernel && at < ram->main_end)
		at = ALIGN_UP(at, align);
	if (at >= ram->main_end || room > ram->main_end - at)
		return refuse(r,
			      "needs %lu MiB from %lx up, RAM there ends at "
			      "%lu MiB; raise memory",
			      MIB(room), at, ram->main_end >> 20);
	plan->kernel = at;
	plan->kernel_end = at + room;
	return 0;
}

static int place_initrd(const struct linux_boot *boot,
			const struct setup_header *h, struct linux_plan *plan,
			const struct report *r)
{
	u64 top = h->initrd_addr_max ? h->initrd_addr_max : INITRD_MAX_DEFAULT;

	if (!boot->initrd_name)
		return 0;
	if (!boot->initrd || !boot->initrd_size)
		return refuse(r, "empty; give an initramfs, or leave the key "
				 "out");
	top = MIN(top + 1, plan->layout.main_end);
	if (top < plan->kernel_end ||
	    boot->initrd_size > top - plan->kernel_end ||
	    ALIGN_DOWN(top - boot->initrd_size, PAGE_SIZE) < plan->kernel_end)
		return refuse(r,
			      "%lu MiB do not fit between the kernel's end "
			      "at %lx and %lx; raise memory",
			      MIB(boot->initrd_size), plan->kernel_end, top);
	plan->initrd = ALIGN_DOWN(top - boot->initrd_size, PAGE_SIZE);
	plan->initrd_size = boot->initrd_size;
	return 0;
}

static int place_cmdline(const struct linux_boot *boot,
			 const struct setup_header *h, struct linux_plan *plan,
			 const struct report *r)
{
	u64 max = MIN(h->cmdline_size, CMDLINE_MAX);

	plan->cmdline = CMDLINE;
	plan->cmdline_size = boot->cmdline ? strlen(boot->cmdline) : 0;
	if (plan->cmdline_size > max)
		return refuse(r,
			      "command line of %lu bytes, the kernel takes "
			      "%lu; shorten cmdline",
			      plan->cmdline_size, max);
	return 0;
}

int linux_plan(const struct linux_boot *boot, struct linux_plan *plan,
	       char *error, size_t n)
{
	struct report kernel = { "kernel", boot->kernel_name, error, n };
	struct report initrd = { "initrd", boot->initrd_name, error, n };
	struct setup_header h;
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->layout = boot->layout;
	plan->layout.main_end = MIN(plan->layout.main_end, GUEST_HOLE);
	err = read_header(boot, &h, &kernel);
	if (!err)
		err = measure(boot, &h, plan, &kernel);
	if (!err)
		err = place_kernel(&h, plan, &kernel);
	if (!err)
		err = place_cmdline(boot, &h, plan, &kernel);
	if (!err)
		err = place_initrd(boot, &h, plan, &initrd);
	plan->rip = plan->kernel + ENTRY_64;
	plan->rsi = BOOT_PARAMS;
	plan->cr3 = PML4;
	plan->gdt_base = GDT;
	plan->gdt_limit = LOADER_GDT_LIMIT;
	return err;
}

static int put(const struct guest_mem *mem, u64 gpa, const void *src, u64 n)
{
	return mem->write(mem->ctx, gpa, src, n);
}

/*
 * The header goes over as it is in the image, with whatever newer protocols
 * appended to it, and then its known part with the loader's answers.
 */
static int write_header(const struct linux_boot *boot,
			const struct linux_plan *plan,
			const struct guest_mem *mem)
{
	struct setup_header h;
	u64 end;
	int err;

	memcpy(&h, boot->kernel + HEADER_OFFSET, sizeof(h));
	end = MIN(HEADER_BASE + (u64)h.jump_length, (u64)HEADER_MAX);
	err = put(mem, plan->rsi + HEADER_OFFSET, boot->kernel + HEADER_OFFSET,
		  end - HEADER_OFFSET);
	h.vid_mode = VID_MODE_NORMAL;
	h.type_of_loader = LOADER_UNDEFINED;
	h.ext_loader_ver = 0;
	h.ext_loader_type = 0;
	h.code32_start = (u32)plan->kernel;
	h.ramdisk_image = (u32)plan->initrd;
	h.ramdisk_size = (u32)plan->initrd_size;
	h.cmd_line_ptr = (u32)plan->cmdline;
	h.setup_data = 0;
	return err ? err : put(mem, plan->rsi + HEADER_OFFSET, &h, sizeof(h));
}

static int write_e820(const struct linux_plan *plan,
		      const struct guest_mem *mem)
{
	struct e820_entry map[E820_ENTRIES];
	u8 n = (u8)loader_e820(&plan->layout, map);
	int err = put(mem, plan->rsi + BP_E820_ENTRIES, &n, 1);

	return err ? err :
		     put(mem, plan->rsi + BP_E820_TABLE, map,
			 n * sizeof(map[0]));
}

static int write_boot_params(const struct linux_boot *boot,
			     const struct linux_plan *plan,
			     const struct guest_mem *mem, u64 rsdp)
{
	int err = mem->zero(mem->ctx, plan->rsi, PAGE_SIZE);

	if (!err)
		err = put(mem, plan->rsi + BP_ACPI_RSDP, &rsdp, sizeof(rsdp));
	if (!err)
		err = write_e820(plan, mem);
	if (!err)
		err = write_header(boot, plan, mem);
	return err;
}

/* 2048 large pages, 64 entries at a time for the sake of a small stack. */
static int write_directories(const struct guest_mem *mem)
{
	u64 entry[64];
	int err = 0;

	for (u64 i = 0; !err && i < 4 * 512; i += ARRAY_SIZE(entry)) {
		for (u64 j = 0; j < ARRAY_SIZE(entry); j++)
			entry[j] = (i + j) * SIZE_2M | PTE_2M;
		err = put(mem, PD + i * sizeof(entry[0]), entry, sizeof(entry));
	}
	return err;
}

static int write_page_tables(const struct guest_mem *mem)
{
	const u64 pml4e = PDPT | PTE_TABLE;
	u64 pdpte[4];
	int err = mem->zero(mem->ctx, PML4, 2 * PAGE_SIZE);

	for (u64 i = 0; i < ARRAY_SIZE(pdpte); i++)
		pdpte[i] = (PD + i * PAGE_SIZE) | PTE_TABLE;
	if (!err)
		err = put(mem, PML4, &pml4e, sizeof(pml4e));
	if (!err)
		err = put(mem, PDPT, pdpte, sizeof(pdpte));
	return err ? err : write_directories(mem);
}

static int write_gdt(const struct guest_mem *mem)
{
	static const u64 gdt[] = LOADER_GDT(LOADER_CODE_64);

	return put(mem, GDT, gdt, sizeof(gdt));
}

int linux_load(const struct linux_boot *boot, const struct linux_plan *plan,
	       const struct guest_mem *mem, u64 rsdp)
{
	const char *cmdline = boot->cmdline ? boot->cmdline : "";
	int err;

	if (!layout_equal(&mem->layout, &plan->layout))
		return -EINVAL;
	err = put(mem, plan->kernel, boot->kernel + plan->setup_size,
		  plan->payload_size);
	if (!err && plan->initrd_size)
		err = put(mem, plan->initrd, boot->initrd, plan->initrd_size);
	if (!err)
		err = put(mem, plan->cmdline, cmdline, plan->cmdline_size + 1);
	if (!err)
		err = write_gdt(mem);
	if (!err)
		err = write_page_tables(mem);
	if (!err)
		err = write_boot_params(boot, plan, mem, rsdp);
	return err;
}
