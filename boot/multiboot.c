// SPDX-License-Identifier: BSD-2-Clause
/* The Multiboot 1 and 2 information structures -> struct boot_info. */
#include "core/boot_info.h"
#include "core/multiboot_format.h"

/* Multiboot2 2.0, 3.6: tags follow this header, each 8-byte aligned. */
struct multiboot2_info {
	u32 total_size;
	u32 reserved;
} __packed;
_Static_assert(sizeof(struct multiboot2_info) == 8, "3.6.1");

enum multiboot_tag_type {
	MULTIBOOT_TAG_TYPE_END = 0,
	MULTIBOOT_TAG_TYPE_CMDLINE = 1,
	MULTIBOOT_TAG_TYPE_MODULE = 3,
	MULTIBOOT_TAG_TYPE_MMAP = 6,
	MULTIBOOT_TAG_TYPE_ACPI_OLD = 14,
	MULTIBOOT_TAG_TYPE_ACPI_NEW = 15,
};

struct multiboot_tag {
	u32 type;
	u32 size;
} __packed;
_Static_assert(sizeof(struct multiboot_tag) == 8, "3.6.2");

struct multiboot_tag_module {
	struct multiboot_tag tag;
	u32 mod_start;
	u32 mod_end;
} __packed;
_Static_assert(sizeof(struct multiboot_tag_module) == 16, "3.6.6");

struct multiboot_tag_mmap {
	struct multiboot_tag tag;
	u32 entry_size;
	u32 entry_version;
} __packed;
_Static_assert(sizeof(struct multiboot_tag_mmap) == 16, "3.6.8");

struct multiboot2_mmap_entry {
	u64 addr;
	u64 len;
	u32 type;
	u32 zero;
} __packed;
_Static_assert(sizeof(struct multiboot2_mmap_entry) == 24, "3.6.8");

/* Far above what loaders write; they keep the loops below short. */
#define INFO_MAX   (1u << 20)
#define MMAP_MAX   (1u << 16)
#define STRING_MAX 4096u

#define RSDP_V1_SIZE 20

struct parse {
	const struct phys_reader *r;
	struct boot_info *bi;
	const char *format;
	bool has_mmap;
	bool has_new_rsdp;
	u32 nr_raw;
	struct boot_region *raw; /* as the loader gave them */
};

static int __printf(3, 4) fail(struct parse *p, int err, const char *fmt, ...)
{
	char *buf = p->bi->error;
	size_t size = sizeof(p->bi->error), n;
	va_list ap;

	n = fmt_snprintf(buf, size, "%s: ", p->format);
	va_start(ap, fmt);
	fmt_vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
	return err;
}

static int read_at(struct parse *p, const char *what, u64 phys, void *buf,
		   size_t len)
{
	if (phys_read(p->r, phys, buf, len))
		return fail(p, -EFAULT, "%s at %lx is not readable", what,
			    phys);
	return 0;
}

static bool is_blank(char c)
{
	return (u8)c <= ' ' || c == 0x7f;
}

static int read_cmdline(struct parse *p, u64 phys, u64 limit)
{
	char *out = p->bi->cmdline;
	u64 i;
	int err;

	for (i = 0; i < MIN(limit, sizeof(p->bi->cmdline)); i++) {
		err = read_at(p, "command line", phys + i, &out[i], 1);
		if (err)
			return err;
		if (!out[i])
			return 0;
	}
	out[i ? i - 1 : 0] = '\0';
	if (i == limit)
		return fail(p, -EINVAL, "command line at %lx has no end", phys);
	return fail(p, -ENOSPC, "command line at %lx is longer than %lu", phys,
		    sizeof(p->bi->cmdline) - 1);
}

/*
 * The first word, of which each `/` drops what came before it, and in *end its
 * length with the blanks and the path before it.
 */
static int read_name(struct parse *p, u64 phys, u64 limit, char *name, u64 *end)
{
	bool started = false;
	size_t n = 0;
	char c = '\0';
	u64 i;
	int err;

	for (i = 0; i < limit; i++) {
		err = read_at(p, "module command line", phys + i, &c, 1);
		if (err)
			return err;
		if (!c || (started && is_blank(c)))
			break;
		if (is_blank(c))
			continue;
		started = true;
		if (c == '/')
			n = 0;
		else if (n++ < BOOT_NAME_SIZE - 1)
			name[n - 1] = c;
	}
	if (i == limit)
		return fail(p, -EINVAL, "module command line at %lx has no end",
			    phys);
	if (n >= BOOT_NAME_SIZE)
		return fail(p, -ENOSPC, "module name at %lx is longer than %d",
			    phys, BOOT_NAME_SIZE - 1);
	name[n] = '\0';
	*end = i;
	return 0;
}

/* What else is there, a blank between two words, as far as it fits. */
static int read_words(struct parse *p, u64 phys, u64 limit, char *words)
{
	size_t n = 0;
	char c = '\0';
	u64 i;
	int err;

	for (i = 0; i < limit && n < BOOT_NAME_SIZE - 1; i++) {
		err = read_at(p, "module command line", phys + i, &c, 1);
		if (err)
			return err;
		if (!c)
			break;
		if (!is_blank(c))
			words[n++] = c;
		else if (n && words[n - 1] != ' ')
			words[n++] = ' ';
	}
	words[n && words[n - 1] == ' ' ? n - 1 : n] = '\0';
	return 0;
}

static int add_module(struct parse *p, u32 start, u32 end, u64 cmdline,
		      u64 limit)
{
	struct boot_info *bi = p->bi;
	struct boot_module *m;
	u64 skip = 0;
	int err;

	if (bi->nr_modules == BOOT_MODULES)
		return fail(p, -ENOSPC, "more than %d modules", BOOT_MODULES);
	m = &bi->modules[bi->nr_modules];
	err = cmdline ? read_name(p, cmdline, limit, m->name, &skip) : 0;
	if (!err && cmdline)
		err = read_words(p, cmdline + skip, limit - skip, m->words);
	if (err)
		return err;
	if (end < start)
		return fail(p, -EINVAL,
			    "module %u \"%s\" ends at %x, below its start %x",
			    bi->nr_modules, m->name, end, start);
	m->base = start;
	m->size = end - start;
	bi->nr_modules++;
	return 0;
}

static int add_region(struct parse *p, u64 base, u64 size, u32 type)
{
	struct boot_region *r;

	if (base >= PHYS_LIMIT || !size)
		return 0;
	if (p->nr_raw == BOOT_REGIONS)
		return fail(p, -ENOSPC, "memory map has more than %d entries",
			    BOOT_REGIONS);
	r = &p->raw[p->nr_raw++];
	r->base = base;
	r->size = MIN(size, PHYS_LIMIT - base);
	if (type == BOOT_RAM || type == BOOT_ACPI || type == BOOT_NVS)
		r->type = type;
	else
		r->type = BOOT_RESERVED;
	return 0;
}

/*
 * What covers `at` (type 0: nothing), and in *next where that ends.  False
 * beyond the last region.
 */
static bool cover(const struct parse *p, u64 at, u32 *type, u64 *next)
{
	static const u8 rank[] = { [BOOT_RAM] = 1,
				   [BOOT_ACPI] = 2,
				   [BOOT_NVS] = 3,
				   [BOOT_RESERVED] = 4 };
	const struct boot_region *r;
	u64 end;

	*type = 0;
	*next = PHYS_LIMIT + 1;
	for (r = p->raw; r < p->raw + p->nr_raw; r++) {
		end = r->base + r->size;
		if (r->base > at) {
			*next = MIN(*next, r->base);
		} else if (end > at) {
			*next = MIN(*next, end);
			if (rank[r->type] > rank[*type])
				*type = r->type;
		}
	}
	return *next <= PHYS_LIMIT;
}

static int emit(struct parse *p, u64 base, u64 end, u32 type)
{
	struct boot_info *bi = p->bi;
	struct boot_region *r;

	if (bi->nr_regions) {
		r = &bi->regions[bi->nr_regions - 1];
		if (r->type == type && r->base + r->size == base) {
			r->size += end - base;
			return 0;
		}
	}
	if (bi->nr_regions == BOOT_REGIONS)
		return fail(p, -ENOSPC, "memory map has more than %d regions",
			    BOOT_REGIONS);
	r = &bi->regions[bi->nr_regions++];
	*r = (struct boot_region){ base, end - base, type };
	return 0;
}

/* Overlapping entries in any order -> disjoint regions in ascending order. */
static int resolve_regions(struct parse *p)
{
	u64 at = 0, next;
	u32 type;
	int err;

	while (cover(p, at, &type, &next)) {
		err = type ? emit(p, at, next, type) : 0;
		if (err)
			return err;
		at = next;
	}
	return 0;
}

static bool in_ram(const struct boot_info *bi, const struct boot_module *m)
{
	const struct boot_region *r;

	for (r = bi->regions; r < bi->regions + bi->nr_regions; r++)
		if (r->type == BOOT_RAM && m->base >= r->base &&
		    m->base - r->base <= r->size &&
		    m->size <= r->size - (m->base - r->base))
			return true;
	return false;
}

/* The names would not say which of the two. */
static int check_name(struct parse *p, u32 i)
{
	const struct boot_module *m = p->bi->modules;
	u32 j;

	for (j = 0; j < i && m[i].name[0]; j++)
		if (!strcmp(m[j].name, m[i].name))
			return fail(p, -EINVAL,
				    "modules %u and %u are both named \"%s\"; "
				    "give each a name of its own",
				    j, i, m[i].name);
	return 0;
}

static int check_modules(struct parse *p)
{
	const struct boot_module *m;
	u32 i;
	int err;

	for (i = 0; i < p->bi->nr_modules; i++) {
		err = check_name(p, i);
		if (err)
			return err;
		m = &p->bi->modules[i];
		if (m->size && !in_ram(p->bi, m))
			return fail(p, -EINVAL,
				    "module %u \"%s\" at %lx-%lx is not in RAM",
				    i, m->name, m->base, m->base + m->size);
	}
	return 0;
}

static int parse_mods(struct parse *p, const struct multiboot_info *mbi)
{
	struct multiboot_mod_list mod;
	u32 i;
	int err;

	if (mbi->mods_count > BOOT_MODULES)
		return fail(p, -ENOSPC, "%u modules, at most %d are supported",
			    mbi->mods_count, BOOT_MODULES);
	for (i = 0; i < mbi->mods_count; i++) {
		err = read_at(p, "module list",
			      (u64)mbi->mods_addr + i * sizeof(mod), &mod,
			      sizeof(mod));
		if (!err)
			err = add_module(p, mod.mod_start, mod.mod_end,
					 mod.cmdline, STRING_MAX);
		if (err)
			return err;
	}
	return 0;
}

static int parse_mmap(struct parse *p, const struct multiboot_info *mbi)
{
	struct multiboot_mmap_entry e;
	u32 off, left;
	int err;

	if (mbi->mmap_length > MMAP_MAX)
		return fail(p, -EINVAL, "memory map at %x has length %u",
			    mbi->mmap_addr, mbi->mmap_length);
	for (off = 0; off < mbi->mmap_length; off += e.size + 4) {
		left = mbi->mmap_length - off;
		memset(&e, 0, sizeof(e));
		err = read_at(p, "memory map", (u64)mbi->mmap_addr + off, &e,
			      MIN(left, sizeof(e)));
		if (err)
			return err;
		if (left < sizeof(e) || e.size < sizeof(e) - 4 ||
		    e.size > left - 4)
			return fail(p, -EINVAL,
				    "memory map at %x: entry at offset %u: "
				    "size %u, %u bytes left",
				    mbi->mmap_addr, off, e.size, left);
		err = add_region(p, e.addr, e.len, e.type);
		if (err)
			return err;
	}
	p->has_mmap = true;
	return 0;
}

static int parse_multiboot(struct parse *p, u64 info)
{
	struct multiboot_info mbi = { 0 };
	int err;

	err = read_at(p, "information", info, &mbi, sizeof(mbi));
	if (!err && (mbi.flags & MULTIBOOT_INFO_CMDLINE) && mbi.cmdline)
		err = read_cmdline(p, mbi.cmdline, STRING_MAX);
	if (!err && (mbi.flags & MULTIBOOT_INFO_MODS))
		err = parse_mods(p, &mbi);
	if (!err && (mbi.flags & MULTIBOOT_INFO_MEM_MAP))
		err = parse_mmap(p, &mbi);
	return err;
}

static int parse_mmap_tag(struct parse *p, u64 phys, u32 size)
{
	struct multiboot_tag_mmap tag = { 0 };
	struct multiboot2_mmap_entry e = { 0 };
	u32 off;
	int err;

	if (p->has_mmap)
		return fail(p, -EINVAL, "second memory map at %lx", phys);
	err = read_at(p, "memory map", phys, &tag, sizeof(tag));
	if (err)
		return err;
	if (tag.entry_size < sizeof(e) || tag.entry_size > size ||
	    (size - sizeof(tag)) % tag.entry_size)
		return fail(p, -EINVAL,
			    "memory map at %lx: entry size %u, tag size %u",
			    phys, tag.entry_size, size);
	for (off = sizeof(tag); off < size; off += tag.entry_size) {
		err = read_at(p, "memory map", phys + off, &e, sizeof(e));
		if (!err)
			err = add_region(p, e.addr, e.len, e.type);
		if (err)
			return err;
	}
	p->has_mmap = true;
	return 0;
}

static int parse_module_tag(struct parse *p, u64 phys, u32 size)
{
	struct multiboot_tag_module tag = { 0 };
	int err = read_at(p, "module", phys, &tag, sizeof(tag));

	if (err)
		return err;
	return add_module(p, tag.mod_start, tag.mod_end, phys + sizeof(tag),
			  size - sizeof(tag));
}

/* The new RSDP is a superset of the old one, so it wins in any order. */
static int parse_rsdp_tag(struct parse *p, u64 phys, bool new)
{
	struct boot_info *bi = p->bi;
	int err;

	if (p->has_new_rsdp)
		return 0;
	err = read_at(p, "RSDP", phys + sizeof(struct multiboot_tag), bi->rsdp,
		      new ? sizeof(bi->rsdp) : RSDP_V1_SIZE);
	bi->has_rsdp = !err;
	p->has_new_rsdp = new;
	return err;
}

static u32 tag_min_size(u32 type)
{
	switch (type) {
	case MULTIBOOT_TAG_TYPE_MODULE:
		return sizeof(struct multiboot_tag_module);
	case MULTIBOOT_TAG_TYPE_MMAP:
		return sizeof(struct multiboot_tag_mmap);
	case MULTIBOOT_TAG_TYPE_ACPI_OLD:
		return sizeof(struct multiboot_tag) + RSDP_V1_SIZE;
	case MULTIBOOT_TAG_TYPE_ACPI_NEW:
		return sizeof(struct multiboot_tag) +
		       sizeof(((struct boot_info *)0)->rsdp);
	default:
		return sizeof(struct multiboot_tag);
	}
}

static int parse_tag(struct parse *p, u64 phys, const struct multiboot_tag *tag)
{
	switch (tag->type) {
	case MULTIBOOT_TAG_TYPE_CMDLINE:
		return read_cmdline(p, phys + sizeof(*tag),
				    tag->size - sizeof(*tag));
	case MULTIBOOT_TAG_TYPE_MODULE:
		return parse_module_tag(p, phys, tag->size);
	case MULTIBOOT_TAG_TYPE_MMAP:
		return parse_mmap_tag(p, phys, tag->size);
	case MULTIBOOT_TAG_TYPE_ACPI_OLD:
	case MULTIBOOT_TAG_TYPE_ACPI_NEW:
		return parse_rsdp_tag(p, phys,
				      tag->type == MULTIBOOT_TAG_TYPE_ACPI_NEW);
	default:
		return 0;
	}
}

static int parse_tags(struct parse *p, u64 info, u32 total)
{
	struct multiboot_tag tag;
	u32 off = sizeof(struct multiboot2_info);
	int err;

	while (off < total && total - off >= sizeof(tag)) {
		err = read_at(p, "tag", info + off, &tag, sizeof(tag));
		if (err)
			return err;
		if (tag.size < tag_min_size(tag.type) || tag.size > total - off)
			return fail(p, -EINVAL,
				    "tag %u at offset %u: size %u, needs %u, "
				    "%u bytes left",
				    tag.type, off, tag.size,
				    tag_min_size(tag.type), total - off);
		if (tag.type == MULTIBOOT_TAG_TYPE_END)
			return 0;
		err = parse_tag(p, info + off, &tag);
		if (err)
			return err;
		off = (u32)ALIGN_UP(off + tag.size, 8u);
	}
	return fail(p, -EINVAL, "information at %lx has no end tag", info);
}

static int parse_multiboot2(struct parse *p, u64 info)
{
	struct multiboot2_info mbi = { 0 };
	int err;

	if (info % 8)
		return fail(p, -EINVAL, "information at %lx is not aligned",
			    info);
	err = read_at(p, "information", info, &mbi, sizeof(mbi));
	if (err)
		return err;
	if (mbi.total_size > INFO_MAX)
		return fail(p, -EINVAL, "information at %lx has size %u", info,
			    mbi.total_size);
	return parse_tags(p, info, mbi.total_size);
}

static int parse(struct parse *p, u32 magic, u64 info)
{
	int err;

	if (magic == MULTIBOOT_BOOTLOADER_MAGIC) {
		p->format = "multiboot";
		err = parse_multiboot(p, info);
	} else if (magic == MULTIBOOT2_BOOTLOADER_MAGIC) {
		p->format = "multiboot2";
		err = parse_multiboot2(p, info);
	} else {
		return fail(p, -EINVAL, "magic %x is no Multiboot loader's",
			    magic);
	}
	if (err)
		return err;
	if (!p->has_mmap)
		return fail(p, -EINVAL, "information at %lx: no memory map",
			    info);
	err = resolve_regions(p);
	return err ? err : check_modules(p);
}

int boot_info_parse(u32 magic, u64 info, const struct phys_reader *r,
		    struct boot_info *bi, const char **error)
{
	static struct boot_region raw[BOOT_REGIONS];
	struct parse p;
	int err;

	memset(&p, 0, sizeof(p));
	memset(bi, 0, sizeof(*bi));
	p.r = r;
	p.bi = bi;
	p.raw = raw;
	p.format = "boot";
	err = parse(&p, magic, info);
	*error = err ? bi->error : NULL;
	return err;
}

void boot_module_names(const struct boot_info *bi, char *buf, size_t size)
{
	size_t n = fmt_snprintf(buf, size, "%s", bi->nr_modules ? "" : "none");
	u32 i;

	for (i = 0; i < bi->nr_modules && n < size; i++)
		n += fmt_snprintf(buf + n, size - n, "%s\"%s\"", i ? ", " : "",
				  bi->modules[i].name);
	if (n >= size)
		memcpy(buf + size - 4, "...", 4);
}
