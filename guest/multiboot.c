// SPDX-License-Identifier: BSD-2-Clause
/* Loading a Multiboot 1 kernel. */
#include "guest/multiboot.h"
#include "core/boot_info.h"
#include "core/lib.h"
#include "core/multiboot_format.h"
#include "guest/loader.h"

/* Tool Interface Standard, ELF 1.2, book I: the file's and program headers. */
struct elf32_ehdr {
	u8 ident[16];
	u16 type;
	u16 machine;
	u32 version;
	u32 entry;
	u32 phoff;
	u32 shoff;
	u32 flags;
	u16 ehsize;
	u16 phentsize;
	u16 phnum;
	u16 shentsize;
	u16 shnum;
	u16 shstrndx;
} __packed;
_Static_assert(offsetof(struct elf32_ehdr, phoff) == 28, "ELF 1.2");
_Static_assert(sizeof(struct elf32_ehdr) == 52, "ELF 1.2");

struct elf32_phdr {
	u32 type;
	u32 offset;
	u32 vaddr;
	u32 paddr;
	u32 filesz;
	u32 memsz;
	u32 flags;
	u32 align;
} __packed;
_Static_assert(sizeof(struct elf32_phdr) == 32, "ELF 1.2");

/* Magic, 32-bit, least significant byte first, version 1. */
#define ELF_IDENT "\177ELF\1\1\1"
#define ET_EXEC	  2
#define EM_386	  3
#define PT_LOAD	  1
#define PHNUM_MAX 64

/* 3.3, all of it: the fields after boot_loader_name stay 0. */
struct info {
	struct multiboot_info head;
	u32 drives[2];
	u32 config_table;
	u32 boot_loader_name;
	u32 rest[12];
} __packed;
_Static_assert(offsetof(struct info, boot_loader_name) == 64, "3.3");
_Static_assert(sizeof(struct info) == 116, "3.3");

/* What the loader puts below 640 KiB: this, and all strings behind it. */
struct tables {
	u64 gdt[4];
	struct info info;
	struct multiboot_mmap_entry mmap[E820_ENTRIES];
	struct multiboot_mod_list mods[MULTIBOOT_MODULES];
} __packed;

#define TABLES	    0x10000UL
#define TABLES_END  0x14000UL
#define STRINGS	    (TABLES + sizeof(struct tables))
#define LOADER_NAME "Ashlar"
#define TABLE_AT(f) ((u32)(TABLES + offsetof(struct tables, f)))
_Static_assert(sizeof(((struct tables *)0)->gdt) == LOADER_GDT_LIMIT + 1, "");
_Static_assert(TABLES_END <= GUEST_LOW_END, "below 640 KiB");
_Static_assert(GUEST_HOLE <= 0xffffffff, "addresses are 32 bits wide");

static bool overlap(u64 a, u64 a_end, u64 b, u64 b_end)
{
	return a < b_end && b < a_end;
}

static int check_flags(u32 flags, const struct report *r)
{
	u32 known = MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO;

	if (flags & MULTIBOOT_AOUT_KLUDGE)
		return refuse(r, "load addresses in the Multiboot header "
				 "(flags bit 16); link it as ELF32 and clear "
				 "the bit");
	if (flags & MULTIBOOT_VIDEO_MODE)
		return refuse(r, "asks for a video mode (Multiboot flags bit "
				 "2), there is no display; clear the bit");
	if (flags & MULTIBOOT_REQUIRED & ~known)
		return refuse(r,
			      "asks for more than Multiboot 1 has (flags %x); "
			      "clear all of bits 2-15",
			      flags);
	return 0;
}

static int check_header(const struct multiboot_boot *boot,
			const struct report *r)
{
	u64 n = MIN(boot->kernel_size, MULTIBOOT_SEARCH);
	struct multiboot_header h;
	u64 at;

	for (at = 0; at + sizeof(h) <= n; at += 4) {
		memcpy(&h, boot->kernel + at, sizeof(h));
		if (h.magic == MULTIBOOT_HEADER_MAGIC &&
		    h.magic + h.flags + h.checksum == 0)
			return check_flags(h.flags, r);
	}
	return refuse(r, "no Multiboot 1 header in the first 8 KiB; give a "
			 "Multiboot kernel, or write boot = linux");
}

static int read_ehdr(const struct multiboot_boot *boot, struct elf32_ehdr *e,
		     const struct report *r)
{
	u64 size = boot->kernel_size, table;

	memset(e, 0, sizeof(*e));
	if (size >= sizeof(*e))
		memcpy(e, boot->kernel, sizeof(*e));
	if (memcmp(e->ident, ELF_IDENT, sizeof(ELF_IDENT) - 1) ||
	    e->type != ET_EXEC || e->machine != EM_386 || e->version != 1)
		return refuse(r, "no ELF32 executable for i386; link it with "
				 "-m elf_i386, or convert it with objcopy -O "
				 "elf32-i386");
	if (e->phentsize != sizeof(struct elf32_phdr) || e->phnum > PHNUM_MAX)
		return refuse(r,
			      "%u program headers of %u bytes; link it with "
			      "at most %d of 32 bytes",
			      e->phnum, e->phentsize, PHNUM_MAX);
	table = (u64)e->phnum * e->phentsize;
	if (e->phoff > size || table > size - e->phoff)
		return refuse(r,
			      "truncated: program headers end at byte %lu of "
			      "%lu; copy it again",
			      e->phoff + table, size);
	return 0;
}

static int check_file(const struct multiboot_boot *boot,
		      const struct multiboot_segment *s, const struct report *r)
{
	u64 end = (u64)s->offset + s->file_size;

	if (s->file_size > s->size)
		return refuse(r,
			      "segment at %x has %u bytes in the file and %u "
			      "in memory; link it again",
			      s->phys, s->file_size, s->size);
	if (s->file_size && end > boot->kernel_size)
		return refuse(r,
			      "truncated: segment at %x ends at byte %lu of "
			      "%lu; copy it again",
			      s->phys, end, boot->kernel_size);
	return 0;
}

static int check_memory(const struct multiboot_plan *plan,
			const struct multiboot_segment *s,
			const struct report *r)
{
	const struct guest_layout *ram = &plan->layout;
	u64 end = (u64)s->phys + s->size;
	const struct multiboot_segment *o;

	if (end > GUEST_LOW_END && (s->phys < ram->main || end > ram->main_end))
		return refuse(r,
			      "segment %x-%lx is not in RAM (0-%lx and %lx-"
			      "%lx); link it there, or raise memory",
			      s->phys, end, GUEST_LOW_END, ram->main,
			      ram->main_end);
	if (overlap(s->phys, end, TABLES, TABLES_END))
		return refuse(r,
			      "segment %x-%lx lies over %lx-%lx, where the "
			      "boot information goes; link it elsewhere",
			      s->phys, end, TABLES, TABLES_END);
	for (o = plan->segment; o < plan->segment + plan->nr_segments; o++)
		if (overlap(s->phys, end, o->phys, (u64)o->phys + o->size))
			return refuse(r,
				      "segments at %x and %x overlap; link it "
				      "again",
				      o->phys, s->phys);
	return 0;
}

static int add_segment(const struct multiboot_boot *boot,
		       const struct elf32_phdr *ph, struct multiboot_plan *plan,
		       const struct report *r)
{
	const struct multiboot_segment s = { ph->offset, ph->filesz, ph->vaddr,
					     ph->paddr, ph->memsz };
	int err = check_file(boot, &s, r);

	if (err || !s.size)
		return err;
	err = check_memory(plan, &s, r);
	if (err)
		return err;
	if (plan->nr_segments == MULTIBOOT_SEGMENTS)
		return refuse(r, "more than %d segments; link it with fewer",
			      MULTIBOOT_SEGMENTS);
	plan->segment[plan->nr_segments++] = s;
	return 0;
}

static int read_segments(const struct multiboot_boot *boot,
			 const struct elf32_ehdr *e,
			 struct multiboot_plan *plan, const struct report *r)
{
	const u8 *at = boot->kernel + e->phoff;
	struct elf32_phdr ph;
	int err = 0;
	u32 i;

	for (i = 0; !err && i < e->phnum; i++, at += sizeof(ph)) {
		memcpy(&ph, at, sizeof(ph));
		if (ph.type == PT_LOAD)
			err = add_segment(boot, &ph, plan, r);
	}
	return err;
}

/*
 * The specification calls the entry point physical and ELF calls it virtual;
 * kernels that are linked high do either.
 */
static int find_entry(struct multiboot_plan *plan, u32 entry,
		      const struct report *r)
{
	const struct multiboot_segment *end = plan->segment + plan->nr_segments;
	const struct multiboot_segment *s;

	plan->eip = entry;
	for (s = plan->segment; s < end; s++)
		if (entry - s->virt < s->file_size) {
			plan->eip = entry - s->virt + s->phys;
			return 0;
		}
	for (s = plan->segment; s < end; s++)
		if (entry - s->phys < s->file_size)
			return 0;
	return refuse(r, "entry point %x is in no segment; link it again",
		      entry);
}

static u64 kernel_end(const struct multiboot_plan *plan)
{
	const struct multiboot_segment *s = plan->segment;
	u64 end = plan->layout.main;

	for (; s < plan->segment + plan->nr_segments; s++)
		end = MAX(end, (u64)s->phys + s->size);
	return ALIGN_UP(end, PAGE_SIZE);
}

static int place_modules(const struct multiboot_boot *boot,
			 struct multiboot_plan *plan,
			 const struct report *kernel)
{
	struct report r = *kernel;
	u64 at = kernel_end(plan), end = plan->layout.main_end;
	u32 i;

	if (boot->nr_modules > MULTIBOOT_MODULES)
		return refuse(kernel,
			      "%u modules, at most %d are passed on; name "
			      "fewer",
			      boot->nr_modules, MULTIBOOT_MODULES);
	r.what = "module";
	for (i = 0; i < boot->nr_modules; i++) {
		u64 size = boot->module[i].size;

		r.name = boot->module[i].name;
		if (at > end || size > end - at)
			return refuse(&r,
				      "%lu MiB do not fit between %lx and %lx; "
				      "raise memory",
				      MIB(size), at, end);
		plan->module[i] = (u32)at;
		at = ALIGN_UP(at + size, PAGE_SIZE);
	}
	return 0;
}

static const char *cmdline(const struct multiboot_boot *boot)
{
	return boot->cmdline ? boot->cmdline : "";
}

static int check_strings(const struct multiboot_boot *boot,
			 const struct report *r)
{
	u64 room = TABLES_END - STRINGS;
	u64 size = sizeof(LOADER_NAME) + strlen(cmdline(boot)) + 1;
	u32 i;

	for (i = 0; i < boot->nr_modules; i++)
		size += strlen(boot->module[i].name) + 1;
	if (size > room)
		return refuse(r,
			      "command line and module names of %lu bytes, "
			      "there is room for %lu; shorten cmdline",
			      size, room);
	return 0;
}

int multiboot_plan(const struct multiboot_boot *boot,
		   struct multiboot_plan *plan, char *error, size_t n)
{
	const struct report r = { "kernel", boot->kernel_name, error, n };
	struct elf32_ehdr e;
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->layout = boot->layout;
	plan->layout.main_end = MIN(plan->layout.main_end, GUEST_HOLE);
	plan->eax = MULTIBOOT_BOOTLOADER_MAGIC;
	plan->ebx = TABLE_AT(info);
	plan->gdt_base = TABLE_AT(gdt);
	plan->gdt_limit = LOADER_GDT_LIMIT;
	if (plan->layout.main_end <= plan->layout.main)
		return refuse(&r, "no RAM above 1 MiB; raise memory");
	err = check_header(boot, &r);
	if (!err)
		err = read_ehdr(boot, &e, &r);
	if (!err)
		err = read_segments(boot, &e, plan, &r);
	if (!err)
		err = find_entry(plan, e.entry, &r);
	if (!err)
		err = place_modules(boot, plan, &r);
	return err ? err : check_strings(boot, &r);
}

static int load_segments(const struct multiboot_boot *boot,
			 const struct multiboot_plan *plan,
			 const struct guest_mem *mem)
{
	const struct multiboot_segment *s = plan->segment;
	int err = 0;

	for (; !err && s < plan->segment + plan->nr_segments; s++) {
		if (s->file_size)
			err = mem->write(mem->ctx, s->phys,
					 boot->kernel + s->offset,
					 s->file_size);
		if (!err)
			err = mem->zero(mem->ctx, (u64)s->phys + s->file_size,
					s->size - s->file_size);
	}
	return err;
}

static int load_modules(const struct multiboot_boot *boot,
			const struct multiboot_plan *plan,
			const struct guest_mem *mem)
{
	const struct multiboot_module *m = boot->module;
	int err = 0;
	u32 i;

	for (i = 0; !err && i < boot->nr_modules; i++)
		err = mem->write(mem->ctx, plan->module[i], m[i].data,
				 m[i].size);
	return err;
}

/* Strings go one behind the other; *at moves on, *where says where it is. */
static int put_string(const struct guest_mem *mem, u64 *at, const char *text,
		      u32 *where)
{
	u64 n = strlen(text) + 1;

	*where = (u32)*at;
	*at += n;
	return mem->write(mem->ctx, *where, text, n);
}

static int write_strings(const struct multiboot_boot *boot, struct tables *t,
			 const struct guest_mem *mem)
{
	u64 at = STRINGS;
	u32 i, where;
	int err = put_string(mem, &at, LOADER_NAME, &where);

	t->info.boot_loader_name = where;
	if (!err)
		err = put_string(mem, &at, cmdline(boot), &where);
	t->info.head.cmdline = where;
	for (i = 0; !err && i < boot->nr_modules; i++) {
		err = put_string(mem, &at, boot->module[i].name, &where);
		t->mods[i].cmdline = where;
	}
	return err;
}

static void fill_info(const struct multiboot_boot *boot,
		      const struct multiboot_plan *plan,
		      struct multiboot_info *info)
{
	info->flags = MULTIBOOT_INFO_MEMORY | MULTIBOOT_INFO_CMDLINE |
		      MULTIBOOT_INFO_MODS | MULTIBOOT_INFO_MEM_MAP |
		      MULTIBOOT_INFO_LOADER_NAME;
	info->mem_lower = GUEST_LOW_END >> 10;
	/* What is at 1 MiB, and no other RAM (3.3). */
	if (plan->layout.main == GUEST_HIGH)
		info->mem_upper = (u32)((plan->layout.main_end - GUEST_HIGH) >>
					10);
	info->mods_count = boot->nr_modules;
	info->mods_addr = TABLE_AT(mods);
	info->mmap_addr = TABLE_AT(mmap);
}

static void fill_tables(const struct multiboot_boot *boot,
			const struct multiboot_plan *plan, struct tables *t)
{
	static const u64 gdt[] = LOADER_GDT(LOADER_CODE_32);
	struct e820_entry map[E820_ENTRIES];
	u32 i, n = loader_e820(&plan->layout, map);

	memset(t, 0, sizeof(*t));
	memcpy(t->gdt, gdt, sizeof(gdt));
	fill_info(boot, plan, &t->info.head);
	t->info.head.mmap_length = n * (u32)sizeof(t->mmap[0]);
	for (i = 0; i < n; i++)
		t->mmap[i] = (struct multiboot_mmap_entry){
			sizeof(t->mmap[0]) - sizeof(t->mmap[0].size),
			map[i].addr, map[i].size, map[i].type
		};
	for (i = 0; i < boot->nr_modules; i++) {
		t->mods[i].mod_start = plan->module[i];
		t->mods[i].mod_end = plan->module[i] +
				     (u32)boot->module[i].size;
	}
}

int multiboot_load(const struct multiboot_boot *boot,
		   const struct multiboot_plan *plan,
		   const struct guest_mem *mem)
{
	struct tables t;
	int err;

	if (!layout_equal(&mem->layout, &plan->layout))
		return -EINVAL;
	err = load_segments(boot, plan, mem);
	if (!err)
		err = load_modules(boot, plan, mem);
	fill_tables(boot, plan, &t);
	if (!err)
		err = write_strings(boot, &t, mem);
	return err ? err : mem->write(mem->ctx, TABLES, &t, sizeof(t));
}
