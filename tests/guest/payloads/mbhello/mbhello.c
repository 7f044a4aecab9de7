// SPDX-License-Identifier: BSD-2-Clause
/*
 * A Multiboot 1 guest that says on COM1 what its loader told it, checks the
 * state at entry (specification 0.6.96, 3.2), starts its second CPU by IPIs to
 * all but itself, in xAPIC mode as every kernel begins, and powers off.
 */
#include "core/multiboot_format.h"
#include "core/types.h"
#include "lib/flat.h"

#define KERNEL	     0x200000 /* multiboot.lds */
#define RSDP_FROM    0xe0000
#define RSDP_TO	     0x100000
#define BOOT_MAGIC   0x2badb002
#define CR0_PE	     BIT(0)
#define CR0_PG	     BIT(31)
#define EFLAGS_VM_IF (BIT(17) | BIT(9))
#define APIC_BASE    0x1b /* MSR; bits 8, 10, 11: BSP, x2APIC, enabled */
#define APIC_ID	     0xfee00020
#define APIC_SVR     0xfee000f0
#define APIC_ICR     0xfee00300
#define ICR_INIT     0xc4500 /* to all but self */
#define ICR_SIPI     0xc4600
#define AP_START     0x6000 /* start.S knows it */
#define AP_TICKS     2000000000ULL

/* As start.S pushed it. */
struct entry_state {
	u32 eax, ebx;
	u32 cs, data[5]; /* DS ES FS GS SS */
	u32 cr0, eflags;
};

/* The first fields of 3.3 that struct multiboot_info ends before. */
struct info {
	struct multiboot_info head;
	u32 drives[2];
	u32 config_table;
	u32 boot_loader_name;
} __packed;

extern const u8 bss_start[], bss_end[], kernel_end[], ap_begin[], ap_end[];
void payload(const struct entry_state *s);
void ap_payload(void) __noreturn;

const char payload_name[] = "mbhello";
static volatile u32 aps, ap_apic_id;

static u8 zeroes[3 * PAGE_SIZE] __attribute__((used));
static const char low_text[] __section(".low") = "low memory";

static void put_range(u64 from, u64 to)
{
	put_char(' ');
	put_hex(from);
	put_char('-');
	put_hex(to);
}

/* SDM vol. 2, LAR and LSL: of the descriptor that the selector names now. */
static bool is_flat(u32 selector, u32 type)
{
	u32 rights = 0, limit = 0;

	asm volatile("lar %1, %0" : "+r"(rights) : "r"(selector) : "cc");
	asm volatile("lsl %1, %0" : "+r"(limit) : "r"(selector) : "cc");
	/* Present, DPL 0, a segment of `type` and accessed; 32-bit. */
	return (rights & 0xfb00) == (0x9100 | type << 8) &&
	       (rights & BIT(22)) && limit == 0xffffffff;
}

static void check_entry(const struct entry_state *s)
{
	check(s->eax == BOOT_MAGIC, "eax");
	check((s->cr0 & (CR0_PE | CR0_PG)) == CR0_PE, "cr0");
	check(!(s->eflags & EFLAGS_VM_IF), "eflags");
}

/* Ashlar leaves its GDT; others need not, and then nothing can be told. */
static void check_segments(const struct entry_state *s, const char *loader)
{
	u32 i;

	if (!starts_with(loader, "Ashlar"))
		return;
	check(is_flat(s->cs, 0xa), "cs");
	for (i = 0; i < ARRAY_SIZE(s->data); i++)
		check(is_flat(s->data[i], 2), "a data segment");
}

static void check_bss(void)
{
	const u8 *p;

	for (p = bss_start; p < bss_end; p++)
		check(!*p, ".bss");
	check(bss_end - bss_start >= (long)sizeof(zeroes), ".bss size");
}

/* With A20 off the two would be one. */
static void check_a20(void)
{
	volatile u32 *low = (volatile u32 *)0x9000;
	volatile u32 *high = (volatile u32 *)0x109000;

	*high = 1;
	*low = 2;
	check(*high == 1 && *low == 2, "a20");
}

static void check_low(void)
{
	const volatile char *p = low_text;

	check(p[0] == 'l' && p[9] == 'y' && !p[10], "low segment");
}

static void check_rsdp(void)
{
	u32 a = RSDP_FROM;

	while (a < RSDP_TO && !starts_with(at(a), "RSD PTR "))
		a += 16;
	check(a < RSDP_TO, "rsdp");
}

/* True when [from, to) lies in a range of RAM of the memory map. */
static bool in_ram(const struct multiboot_info *info, u32 from, u32 to)
{
	const struct multiboot_mmap_entry *e;
	u32 off;

	for (off = 0; off < info->mmap_length; off += e->size + 4) {
		e = at(info->mmap_addr + off);
		if (e->type == 1 && from >= e->addr && to >= from &&
		    to <= e->addr + e->len)
			return true;
	}
	return false;
}

static void say_map(const struct multiboot_info *info)
{
	const struct multiboot_mmap_entry *e;
	u32 off;

	for (off = 0; off < info->mmap_length; off += e->size + 4) {
		e = at(info->mmap_addr + off);
		put_text("mmap");
		put_range(e->addr, e->addr + e->len);
		put_text(" type ");
		put_hex(e->type);
		put_text("\n");
	}
	put_text("mem ");
	put_hex(info->mem_lower);
	put_char(' ');
	put_hex(info->mem_upper);
	put_text("\n");
	check(in_ram(info, KERNEL, (u32)(unsigned long)kernel_end), "map");
}

/* A module's first line goes after its name. */
static void say_module(const struct multiboot_info *info,
		       const struct multiboot_mod_list *m)
{
	const char *p = at(m->mod_start);

	check(!(m->mod_start % PAGE_SIZE), "module not page-aligned");
	check(in_ram(info, m->mod_start, m->mod_end), "module not in RAM");
	check(m->mod_end <= KERNEL || p >= (const char *)kernel_end,
	      "module over the kernel");
	put_text("module ");
	put_text(at(m->cmdline));
	put_text(" size ");
	put_hex(m->mod_end - m->mod_start);
	put_text(": ");
	for (; p < (const char *)at(m->mod_end) && *p != '\n'; p++)
		put_char(*p);
	put_text("\n");
}

static void say_strings(const struct info *info)
{
	put_text("loader ");
	put_text(at(info->boot_loader_name));
	put_text("\ncmdline ");
	put_text(at(info->head.cmdline));
	put_text("\n");
}

static volatile u32 *mmio(u32 address)
{
	return (volatile u32 *)(unsigned long)address;
}

/* The second CPU, from start.S. */
void ap_payload(void)
{
	ap_apic_id = *mmio(APIC_ID) >> 24;
	check(!(rdmsr(APIC_BASE) & (BIT(8) | BIT(10))), "second CPU's APIC");
	__atomic_fetch_add(&aps, 1, __ATOMIC_SEQ_CST);
	for (;;)
		asm volatile("cli; hlt");
}

static void start_other(void)
{
	u64 start = rdtsc();
	const u8 *from;
	u8 *to = (u8 *)AP_START;

	check((rdmsr(APIC_BASE) & (BIT(8) | BIT(10) | BIT(11))) ==
		      (BIT(8) | BIT(11)),
	      "xAPIC mode");
	for (from = ap_begin; from < ap_end; from++)
		*to++ = *from;
	*mmio(APIC_SVR) = 0x1ff;
	*mmio(APIC_ICR) = ICR_INIT;
	*mmio(APIC_ICR) = ICR_SIPI | AP_START >> 12;
	while (!aps)
		check(rdtsc() - start < AP_TICKS, "second CPU");
	put_text("started ");
	put_hex(aps);
	put_text(" by xAPIC ");
	put_hex(*mmio(APIC_ID) >> 24);
	put_text(", its id ");
	put_hex(ap_apic_id);
	put_text("\n");
}

void payload(const struct entry_state *s)
{
	const u32 want = MULTIBOOT_INFO_MEMORY | MULTIBOOT_INFO_CMDLINE |
			 MULTIBOOT_INFO_MEM_MAP | MULTIBOOT_INFO_LOADER_NAME;
	const struct info *info = at(s->ebx);
	const struct multiboot_mod_list *mods;
	u32 i, nr = 0;

	check_bss();
	check_entry(s);
	check_a20();
	check_low();
	check((info->head.flags & want) == want, "information flags");
	check_segments(s, at(info->boot_loader_name));
	say_strings(info);
	say_map(&info->head);
	mods = at(info->head.mods_addr);
	if (info->head.flags & MULTIBOOT_INFO_MODS)
		nr = info->head.mods_count;
	for (i = 0; i < nr; i++)
		say_module(&info->head, &mods[i]);
	check_rsdp();
	start_other();
	end("ok", "");
}
