// SPDX-License-Identifier: BSD-2-Clause
/*
 * A Multiboot 1 guest whose interrupt descriptor table has the 8-byte gates of
 * 32-bit mode, and its page to itself.  `count` timer interrupts, each `delay`
 * after it is asked for, and as many IPIs to itself, without paging, with
 * 32-bit and with PAE paging, by which the table is at another address; then as
 * many of the timer in real mode.  Each comes once.  The table reads as it was
 * written; but with exact=0 the P bit of vectors from 32 up need not.  pae=1:
 * reserved bits of PAE's top entries are refused, too, which TCG has not.
 *
 * Part n is between marks, byte n of "abcd" and of "ABCD".
 */
#include "core/multiboot_format.h"
#include "core/types.h"
#include "lib/flat.h"

#define VECTORS	    256
#define FIRST	    32
#define TICK	    0x51 /* start.S knows it */
#define SELF	    0x62
#define STUB_SIZE   16
#define GATE	    0x00008e0000080000ULL /* interrupt, DPL 0, selector 8 */
#define GATE_P	    0x0000800000000000ULL
#define WINDOW	    0x40000000U /* what is from 0 on, again */
#define LARGE	    0x83	/* PS, writable, present */
#define CR0_PAGING  0x80000000U
#define CR0_NOCACHE 0x40000000U
#define GP	    13
#define MAP_SIZE    0x400000U
#define APIC_BASE   0x1b
#define X2APIC_ON   0xc00
#define X2APIC(reg) (0x800U + (reg))
#define EOI	    X2APIC(0x0b)
#define SVR	    X2APIC(0x0f)
#define ISR	    X2APIC(0x10)
#define IRR	    X2APIC(0x20)
#define TIMER	    X2APIC(0x32)
#define TMICT	    X2APIC(0x38)
#define TDCR	    X2APIC(0x3e)
#define SELF_IPI    X2APIC(0x3f)
#define PATIENCE    20000000000ULL
#define REAL_START  0x6000 /* start.S knows it */
#define IVT_SIZE    0x400

struct table_register {
	u16 limit;
	u32 base;
} __packed;

const char payload_name[] = "gates";
extern const u8 stubs[][STUB_SIZE], real_begin[], real_end[];
/* Within the copy of what is from real_begin on. */
extern const u8 real_wanted[], real_delay[], real_ticks[], real_strays[];
extern const u8 real_on_tick[], real_on_stray[];
void payload(u32 info);
void taken(u32 vector);
/* start.S: CR0.PG on, by these tables. */
void paging_on(u32 cr3, u32 cr4);
void paging_off(void);
bool paging_refused(u32 cr3, u32 cr4, u32 cr0);
extern const u8 on_refusal[];
void real_mode(void);

static u64 idt[PAGE_SIZE / 8] __aligned(4096);
static u64 written[PAGE_SIZE / 8];
static u32 directory[1024] __aligned(4096);
static u64 pae_directory[512] __aligned(4096);
static u64 pae_top[4] __aligned(32);
static volatile bool tick_due, self_due;
static u32 count, delay;
static bool exact, pae_checked;

static u32 address(const volatile void *p)
{
	return (u32)(unsigned long)p;
}

static void load_idt(u32 base, u16 size)
{
	const struct table_register r = { (u16)(size - 1), base };

	asm volatile("lidt %0" : : "m"(r) : "memory");
}

static void set_gate(u32 vector, const u8 *handler)
{
	idt[vector] = GATE | (address(handler) & 0xffff) |
		      (u64)(address(handler) & 0xffff0000) << 32;
	written[vector] = idt[vector];
}

static void fill_idt(void)
{
	u32 i;

	for (i = 0; i < VECTORS; i++)
		set_gate(i, stubs[i]);
}

static void check_idt(void)
{
	u64 may = exact ? 0 : GATE_P;
	u32 i;

	for (i = 0; i < PAGE_SIZE / 8; i++)
		if ((idt[i] ^ written[i]) &
		    ~(i >= FIRST && i < VECTORS ? may : 0)) {
			put_text("gates: gate ");
			put_hex(i);
			put_text(" is ");
			put_hex(idt[i]);
			put_text("\n");
			end("FAIL ", "a gate");
		}
}

static bool pending(u8 vector)
{
	u32 reg = vector / 32, bit = vector % 32;

	return (rdmsr(ISR + reg) >> bit & 1) || (rdmsr(IRR + reg) >> bit & 1);
}

/* Every vector, from start.S, with interrupts off. */
void taken(u32 vector)
{
	volatile bool *due = vector == TICK ? &tick_due : &self_due;

	if ((vector != TICK && vector != SELF) || !*due) {
		put_text("gates: vector ");
		put_hex(vector);
		put_text("\n");
		end("FAIL ", "an interrupt that nobody asked for");
	}
	*due = false;
	wrmsr(EOI, 0);
}

static void await(const volatile bool *due, const char *what)
{
	u64 start = rdtsc();

	while (*due)
		check(rdtsc() - start < PATIENCE, what);
}

static void interrupts(u32 part)
{
	u32 i;

	asm volatile("sti" : : : "memory");
	mark("abc"[part]);
	for (i = 0; i < count; i++) {
		tick_due = true;
		wrmsr(TMICT, delay);
		await(&tick_due, "a lost tick");
	}
	for (i = 0; i < count; i++) {
		self_due = true;
		wrmsr(SELF_IPI, SELF);
		await(&self_due, "a lost IPI");
	}
	mark("ABC"[part]);
	asm volatile("cli" : : : "memory");
	check(!pending(TICK) && !pending(SELF), "one too many");
	check_idt();
}

/* By 4 MiB pages. */
static void with_32_bit_paging(void)
{
	directory[0] = LARGE;
	directory[WINDOW / MAP_SIZE] = LARGE;
	paging_on(address(directory), BIT(4));
	load_idt(WINDOW + address(idt), VECTORS * 8);
	interrupts(1);
	paging_off();
}

/* A bit that no processor has; the second exits under VMX. */
static void refused_pae(void)
{
	u32 top = address(pae_top);

	load_idt(address(idt), VECTORS * 8);
	set_gate(GP, on_refusal);
	pae_top[1] = 1ULL << 52 | 1;
	check(paging_refused(top, BIT(5), CR0_PAGING), "a reserved bit");
	check(paging_refused(top, BIT(5), CR0_PAGING | CR0_NOCACHE),
	      "a reserved bit, with CD");
	pae_top[1] = 0;
	set_gate(GP, stubs[GP]);
}

/* By 2 MiB pages; each entry of the top has 1 GiB. */
static void with_pae(void)
{
	if (pae_checked)
		refused_pae();
	pae_directory[0] = LARGE;
	pae_directory[1] = LARGE | MAP_SIZE / 2;
	pae_top[0] = address(pae_directory) | 1;
	pae_top[WINDOW >> 30] = pae_top[0];
	paging_on(address(pae_top), BIT(5));
	load_idt(WINDOW + address(idt), VECTORS * 8);
	interrupts(2);
	paging_off();
}

static volatile u32 *real_field(const u8 *field)
{
	return (volatile u32 *)(REAL_START + (field - real_begin));
}

static void copy(u32 to, const u8 *from, const u8 *until)
{
	volatile u8 *p = (volatile u8 *)(unsigned long)to;

	while (from < until)
		*p++ = *from++;
}

/* The table of real mode begins at 0; its entries are offset and segment. */
static void in_real_mode(void)
{
	volatile u32 *ivt = (volatile u32 *)0;
	u32 i;

	/* Not a pointer to nothing. */
	asm volatile("" : "+r"(ivt));
	for (i = 0; i < IVT_SIZE / 4; i++)
		ivt[i] = address(real_field(real_on_stray));
	ivt[TICK] = address(real_field(real_on_tick));
	copy(REAL_START, real_begin, real_end);
	*real_field(real_wanted) = count;
	*real_field(real_delay) = delay;
	mark('d');
	load_idt(0, IVT_SIZE);
	real_mode();
	load_idt(address(idt), VECTORS * 8);
	mark('D');
	check(*real_field(real_ticks) == count, "a tick in real mode");
	check(!*real_field(real_strays), "a stray in real mode");
}

/* The number behind KEY= on the command line. */
static u32 number(const char *text, const char *key)
{
	u32 value = 0;

	while (*text && !starts_with(text, key))
		text++;
	check(*text, key);
	while (*text != '=')
		text++;
	for (text++; *text >= '0' && *text <= '9'; text++)
		value = 10 * value + (u32)(*text - '0');
	return value;
}

void payload(u32 info)
{
	const struct multiboot_info *head = at(info);
	const char *line = at(head->cmdline);

	count = number(line, "count=");
	delay = number(line, "delay=");
	exact = number(line, "exact=");
	pae_checked = number(line, "pae=");
	wrmsr(APIC_BASE, (u32)rdmsr(APIC_BASE) | X2APIC_ON);
	wrmsr(SVR, 0x1ff);
	wrmsr(TDCR, 0xb);
	wrmsr(TIMER, TICK);
	fill_idt();
	load_idt(address(idt), VECTORS * 8);
	interrupts(0);
	with_32_bit_paging();
	with_pae();
	in_real_mode();
	end("ok", "");
}
