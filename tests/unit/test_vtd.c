// SPDX-License-Identifier: BSD-2-Clause
/*
 * All of vtd/ against units made here: registers, a queue that executes what is
 * in memory, caches that forget only what they are told to.  A unit that does
 * not snoop sees of memory what was written back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "apic/ioapic.h"
#include "core/clock.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "drivers/pci_regs.h"
#include "vtd/unit.h"

#define UNITS	2
#define BASE(n) (0xfed90000UL + (n)*0x1000UL)
#define FRO	0x220
#define NFR	2
/* 48 and 39 bits, 2 MiB and 1 GiB leaves, 256 domains. */
#define CAP                                                                \
	(2UL | 3UL << 9 | 47UL << 16 | (u64)(FRO / 16) << 24 | 3UL << 34 | \
	 (NFR - 1UL) << 40 | 3UL << 54)
#define ECAP (ECAP_C | ECAP_QI | ECAP_IR | ECAP_EIM | 0xf0UL << 8)
/* Functions: one of the firmware's, a USB controller that it uses, a card. */
#define DISK 0x0018
#define USB  0x00a0
#define CARD 0x0100
#define SID  0xf0f8

/* --- memory, as the processor and as units see it: anything, at first --- */

#define PAGES 512

static struct page {
	u8 *p, *seen;
	bool first; /* of what was taken at once */
} pages[PAGES];
static u32 nr_pages;

static void *take_pages(u64 size, u64 *phys)
{
	u8 *p = aligned_alloc(PAGE_SIZE, ALIGN_UP(size, PAGE_SIZE));
	u64 off;

	memset(p, 0, ALIGN_UP(size, PAGE_SIZE));
	for (off = 0; off < size; off += PAGE_SIZE) {
		assert_true(nr_pages < PAGES);
		pages[nr_pages++] = (struct page){
			.p = p + off,
			.seen = memset(malloc(PAGE_SIZE), 0xff, PAGE_SIZE),
			.first = !off,
		};
	}
	*phys = (u64)p;
	return p;
}

static struct page *page_of(u64 phys)
{
	u32 i;

	for (i = 0; i < nr_pages; i++)
		if (pages[i].p == (u8 *)(phys & PAGE_MASK))
			return &pages[i];
	fail_msg("a unit reads %lx", phys);
	return NULL;
}

void *vtd_alloc(u64 size, u64 *phys)
{
	return take_pages(size, phys);
}

void *pool_table(void *ctx, u64 *phys)
{
	(void)ctx;
	return take_pages(PAGE_SIZE, phys);
}

u64 *pool_table_at(void *ctx, u64 phys)
{
	(void)ctx;
	return (u64 *)phys;
}

/* A line at a time, as the hardware does. */
void vtd_write_back(const volatile void *p, size_t size)
{
	u64 line = ALIGN_DOWN((u64)p, 64);

	for (; line < (u64)p + size; line += 64)
		memcpy(page_of(line)->seen + line % PAGE_SIZE, (void *)line,
		       64);
}

void vtd_write_back_all(void)
{
	u32 i;

	for (i = 0; i < nr_pages; i++)
		memcpy(pages[i].seen, pages[i].p, PAGE_SIZE);
}

/* --- the units --- */

static struct model {
	u8 regs[PAGE_SIZE];
	u32 stuck; /* a bit of GSTS that never comes on */
	bool deaf; /* the queue does not move */
	/* By function of bus 0 and 1: what it has of the context, and of whom.
	 */
	bool cached[512];
	struct vtd_entry context[512];
	u16 tag[512];
	bool irte_cached[VTD_IRTES];
	struct vtd_entry irte[VTD_IRTES];
	u32 commands, iotlb_flushes, iec_flushes;
	u64 last_iotlb;
} models[UNITS];

struct host_clock host_clock = { .tsc_hz = 1000 * 1000 };
static char lines[16][200];
static u32 nr_lines;
static u32 hop_reads;

static u32 get32(const struct model *m, u32 reg)
{
	u32 v;

	memcpy(&v, m->regs + reg, 4);
	return v;
}

static u64 get64(const struct model *m, u32 reg)
{
	u64 v;

	memcpy(&v, m->regs + reg, 8);
	return v;
}

static void set32(struct model *m, u32 reg, u32 v)
{
	memcpy(m->regs + reg, &v, 4);
}

static void set64(struct model *m, u32 reg, u64 v)
{
	memcpy(m->regs + reg, &v, 8);
}

static struct vtd_entry fetch(const struct model *m, u64 phys)
{
	struct page *p = page_of(phys);
	struct vtd_entry e;

	memcpy(&e,
	       (get64(m, VTD_ECAP) & ECAP_C ? p->p : p->seen) +
		       phys % PAGE_SIZE,
	       16);
	return e;
}

/* What the unit finds for a function: the context, or an empty one. */
static struct vtd_entry context(struct model *m, u16 address)
{
	u64 root = get64(m, VTD_RTADDR) & VTD_ADDRESS;
	struct vtd_entry e;

	if (m->cached[address])
		return m->context[address];
	e = fetch(m, root + 16 * (address >> 8));
	if (e.lo & 1)
		e = fetch(m, (e.lo & VTD_ADDRESS) + 16 * (address & 255));
	/* Caching mode: what is not there is kept too, as domain 0's. */
	if ((e.lo & 1) || (get64(m, VTD_CAP) & CAP_CM)) {
		m->cached[address] = true;
		m->context[address] = e;
		m->tag[address] = e.lo & 1 ? context_domain(&e) : 0;
	}
	return e;
}

static struct vtd_entry irte(struct model *m, u32 index)
{
	if (!m->irte_cached[index])
		m->irte[index] = fetch(m, (get64(m, VTD_IRTA) & VTD_ADDRESS) +
						  16 * index);
	m->irte_cached[index] = true;
	return m->irte[index];
}

static void forget_context(struct model *m, struct vtd_entry d)
{
	u32 i;

	assert_int_equal(d.lo & 0xfffc00000000f1c0, 0);
	for (i = 0; i < 512; i++)
		if ((d.lo & 0x30) == DESC_GLOBAL ||
		    (i == (d.lo >> 32 & 0xffff) &&
		     m->tag[i] == (d.lo >> 16 & 0xffff)))
			m->cached[i] = false;
}

static void forget_irte(struct model *m, struct vtd_entry d)
{
	assert_int_equal(d.lo & 0xffff000007fff1e0, 0);
	m->iec_flushes++;
	if (d.lo & DESC_IEC_INDEX)
		m->irte_cached[d.lo >> 32 & 0xffff] = false;
	else
		memset(m->irte_cached, 0, sizeof(m->irte_cached));
}

static void wait_done(struct vtd_entry d)
{
	u32 value = (u32)(d.lo >> 32);

	assert_int_equal(d.lo & 0xfffff180 & 0xffffffff, 0);
	memcpy((void *)d.hi, &value, 4);
}

static void execute(struct model *m, struct vtd_entry d)
{
	switch (d.lo & 15) {
	case DESC_CONTEXT:
		forget_context(m, d);
		break;
	case DESC_IOTLB:
		assert_int_equal(d.lo & 0xffffffff0000f100, 0);
		m->iotlb_flushes++;
		m->last_iotlb = d.lo;
		break;
	case DESC_IEC:
		forget_irte(m, d);
		break;
	case DESC_WAIT:
		wait_done(d);
		break;
	default:
		fail_msg("descriptor %lx", d.lo);
	}
}

static void run_queue(struct model *m)
{
	u64 base = get64(m, VTD_IQA) & VTD_ADDRESS;
	u32 head = get32(m, VTD_IQH);

	if (m->deaf || !(get32(m, VTD_GSTS) & GCMD_QIE))
		return;
	for (; head != get32(m, VTD_IQT); head = (head + 16) % 4096)
		execute(m, fetch(m, base + head));
	set32(m, VTD_IQH, head);
}

/* One thing at a time, nothing once more. */
static void command(struct model *m, u32 value)
{
	const u32 once = GCMD_SRTP | GCMD_SIRTP | GCMD_WBF;
	u32 old = get32(m, VTD_GSTS);
	u32 changed = (value ^ (old & GCMD_KEPT)) & ~(u32)GCMD_CFI;

	m->commands++;
	assert_int_equal(changed & (changed - 1), 0);
	if (changed & GCMD_QIE)
		set32(m, VTD_IQH, 0);
	old = (value & ~once) | (old & (GCMD_SRTP | GCMD_SIRTP));
	old |= value & (GCMD_SRTP | GCMD_SIRTP);
	set32(m, VTD_GSTS, old & ~m->stuck);
}

static struct model *model_of(const struct vtd_unit *u)
{
	return &models[(u->base - BASE(0)) / 0x1000];
}

u32 vtd_read32(const struct vtd_unit *u, u32 reg)
{
	return get32(model_of(u), reg);
}

u64 vtd_read64(const struct vtd_unit *u, u32 reg)
{
	return get64(model_of(u), reg);
}

void vtd_write32(const struct vtd_unit *u, u32 reg, u32 value)
{
	struct model *m = model_of(u);

	if (reg == VTD_GCMD)
		command(m, value);
	else if (reg == VTD_PMEN)
		set32(m, reg, (value & ~1U) | value >> 31);
	else if (reg == VTD_FSTS)
		set32(m, reg, get32(m, reg) & ~(value & 0x71));
	else if (reg >= FRO && reg % 16 == 12)
		set32(m, reg, get32(m, reg) & ~value);
	else
		set32(m, reg, value);
	if (reg == VTD_IQT)
		run_queue(m);
}

void vtd_write64(const struct vtd_unit *u, u32 reg, u64 value)
{
	set64(model_of(u), reg, value);
}

int vtd_map(u64 base, u64 size)
{
	assert_true(base >= BASE(0) && base + size <= BASE(UNITS));
	return 0;
}

/* --- the rest of the machine --- */

void log_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(lines[nr_lines++ % 16], sizeof(lines[0]), fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	(void)fmt;
	mock_assert(0, "panic", __FILE__, __LINE__);
	abort();
}

static u32 config(u16 address, u32 reg)
{
	hop_reads++;
	if (reg == PCI_REVISION)
		return address == USB ? 0x0c033000 : 0x01060100;
	return reg == PCI_CACHE_LINE ? 0 : ~0U;
}

static const struct ioapic_remapper *pins;
static s32 first_pin;
static bool reaches_all;
static u8 ioapic_id;

int ioapic_remap(const struct ioapic_remapper *r, bool wide, u32 *n)
{
	*n = 0;
	first_pin = r->take(ioapic_id, 24);
	if (first_pin < 0)
		return first_pin;
	pins = r;
	reaches_all = wide;
	return 0;
}

/* --- the table: unit 0 has the disk, the IO-APIC and all else --- */

static u8 table[256];
static u32 used;
static struct dmar dmar;
static const struct acpi_info acpi = { .nr_ioapics = 1 };
static char error[200];

static u32 add(u16 type, u16 length)
{
	u32 at = used;

	memcpy(table + at, &type, 2);
	memcpy(table + at + 2, &length, 2);
	used += length;
	return at;
}

static void add_unit(u32 n, u16 segment, bool all)
{
	u32 at = add(0, all ? 24 : 16);
	u64 base = BASE(n);

	table[at + 4] = all;
	memcpy(table + at + 6, &segment, 2);
	memcpy(table + at + 8, &base, 8);
	if (all)
		memcpy(table + at + 16, "\3\10\0\0\2\360\37\0", 8);
}

static void add_rmrr(u16 address, u64 base, u64 limit)
{
	u32 at = add(1, 32);

	memcpy(table + at + 8, &base, 8);
	memcpy(table + at + 16, &limit, 8);
	memcpy(table + at + 24, "\1\10\0\0\0", 6);
	table[at + 30] = (u8)(address >> 3);
	table[at + 31] = address & 7;
}

static int setup(void **state)
{
	u32 n;

	(void)state;
	memset(table, 0, sizeof(table));
	table[36] = 38;
	table[37] = DMAR_INTR_REMAP;
	used = 48;
	add_unit(0, 0, true);
	add_unit(1, 1, false);
	add_rmrr(DISK, 0x5000, 0x6fff);
	add_rmrr(USB, 0x5000, 0x6fff);
	for (n = 0; n < UNITS; n++) {
		memset(&models[n], 0, sizeof(models[n]));
		set64(&models[n], VTD_CAP, CAP);
		set64(&models[n], VTD_ECAP, ECAP);
	}
	nr_lines = 0;
	error[0] = '\0';
	pins = NULL;
	ioapic_id = 2;
	return 0;
}

static void probe(void)
{
	assert_int_equal(dmar_check(&dmar, table, used, error, sizeof(error)),
			 0);
	assert_int_equal(vtd_probe(&dmar, config, error, sizeof(error)), 0);
}

static void boot(void)
{
	probe();
	assert_int_equal(vtd_take_over(&acpi, error, sizeof(error)), 0);
}

static void set_caps(u64 cap, u64 ecap)
{
	u32 n;

	for (n = 0; n < UNITS; n++) {
		set64(&models[n], VTD_CAP, cap);
		set64(&models[n], VTD_ECAP, ecap);
	}
}

static struct dma_domain make_domain(u64 gpa, u64 hpa, u64 size)
{
	struct slat t = { .alloc = pool_table, .table = pool_table_at };
	struct dma_domain d = { 0 };

	vtd_format(&t);
	assert_int_equal(slat_init(&t), 0);
	assert_int_equal(slat_map(&t, gpa, hpa, size, vtd_leaf()), 0);
	assert_int_equal(vtd_domain(&d, &t), 0);
	return d;
}

/* --- tests --- */

static void test_on(void **state)
{
	u32 n, on = (u32)(GCMD_TE | GCMD_QIE | GCMD_IRE);

	(void)state;
	assert_false(vtd_on());
	boot();
	assert_true(vtd_on());
	assert_true(vtd_remaps());
	assert_true(reaches_all);
	for (n = 0; n < UNITS; n++) {
		assert_int_equal(get32(&models[n], VTD_GSTS) & GCMD_KEPT, on);
		assert_int_equal(get64(&models[n], VTD_IRTA) & 0xfff, 0x80b);
		assert_int_equal(get32(&models[n], VTD_FECTL), 1U << 31);
	}
	assert_int_equal(nr_lines, 1);
	assert_string_equal(lines[0], "vtd: 2 units, 48 bits, interrupts "
				      "remapped");
}

/* What the firmware has left on, with a queue that is not done. */
static void test_left_on(void **state)
{
	u64 queue;

	(void)state;
	set_caps(CAP | CAP_PMR, ECAP);
	set32(&models[0], VTD_GSTS,
	      (u32)(GCMD_TE | GCMD_IRE | GCMD_QIE | GCMD_CFI));
	set32(&models[0], VTD_IQT, 32);
	models[0].deaf = true;
	take_pages(PAGE_SIZE, &queue);
	set64(&models[0], VTD_IQA, queue);
	set32(&models[0], VTD_PMEN, 1U << 31 | 1);
	set32(&models[0], FRO + 12, 1U << 31);
	set32(&models[0], VTD_FSTS, FSTS_PFO | 1 << 4);
	probe();
	/* It is deaf until its queue is switched off. */
	assert_int_equal(vtd_queue_stop(&vtd.unit[0]), 0);
	models[0].deaf = false;
	assert_int_equal(vtd_take_over(&acpi, error, sizeof(error)), 0);
	assert_int_equal(get32(&models[0], VTD_GSTS) & GCMD_CFI, 0);
	assert_int_equal(get32(&models[0], VTD_PMEN), 0);
	assert_int_equal(get32(&models[0], FRO + 12), 0);
	assert_int_equal(get32(&models[0], VTD_FSTS), 0);
}

static void fails_with(const char *why)
{
	probe();
	assert_int_equal(vtd_take_over(&acpi, error, sizeof(error)),
			 -ETIMEDOUT);
	assert_string_equal(error, why);
	assert_false(vtd_on());
}

#define SWITCH_OFF " (110); switch VT-d off in the firmware's setup"

static void test_time_limit(void **state)
{
	(void)state;
	models[1].stuck = (u32)GCMD_TE;
	fails_with("the IOMMU at fed91000h fails: translation on" SWITCH_OFF);
	setup(NULL);
	models[0].stuck = (u32)GCMD_QIE;
	fails_with("the IOMMU at fed90000h fails: queue on" SWITCH_OFF);
	setup(NULL);
	models[0].deaf = true;
	fails_with(
		"the IOMMU at fed90000h fails: flush of interrupts" SWITCH_OFF);
}

static void refused(const char *why)
{
	assert_int_equal(dmar_check(&dmar, table, used, error, sizeof(error)),
			 0);
	assert_int_equal(vtd_probe(&dmar, config, error, sizeof(error)),
			 -ENODEV);
	assert_string_equal(error, why);
}

static void test_refused(void **state)
{
	u64 high = 1UL << 32;

	(void)state;
	set64(&models[1], VTD_ECAP, ECAP & ~ECAP_QI);
	refused("the IOMMU at fed91000h has no queued invalidation");
	set64(&models[1], VTD_CAP, ~0UL);
	refused("the IOMMU at fed91000h is not there");
	set64(&models[1], VTD_CAP, CAP & ~CAP_SAGAW_48);
	set64(&models[1], VTD_ECAP, ECAP);
	set64(&models[0], VTD_CAP, CAP & ~CAP_SAGAW_39);
	refused("the IOMMU at fed90000h and the others have no tables of 3 or "
		"4 levels in common");
	memcpy(table + 48 + 8, &high, 8);
	refused("the IOMMU at 100000000h is not below 4 GiB");
}

/* The firmware's devices reach their memory, and nobody else anything. */
static void test_blocked(void **state)
{
	struct vtd_entry e;
	u32 address;

	(void)state;
	boot();
	for (address = 0; address < 512; address++) {
		e = context(&models[0], (u16)address);
		assert_int_equal(e.lo & 1, address == DISK || address == USB);
		assert_false(context(&models[1], (u16)address).lo & 1);
	}
}

static void test_attach(void **state)
{
	struct dma_domain a, b;
	struct vtd_entry e;
	u32 caps;

	(void)state;
	for (caps = 0; caps < 4; caps++) {
		setup(NULL);
		set_caps(CAP | (caps & 1 ? CAP_CM : 0),
			 caps & 2 ? ECAP & ~ECAP_C : ECAP);
		boot();
		assert_int_equal(vtd_claim(CARD), 0);
		/* Nor do others of its bus have a context. */
		assert_false(context(&models[0], CARD + 8).lo & 1);
		a = make_domain(0, SIZE_2M, SIZE_2M);
		b = make_domain(0, 2 * SIZE_2M, SIZE_2M);
		assert_int_not_equal(a.id, b.id);
		assert_false(context(&models[0], CARD).lo & 1);
		vtd_attach(CARD, &a);
		e = context(&models[0], CARD);
		assert_int_equal(e.lo, a.table | 1);
		assert_int_equal(e.hi, a.id << 8 | 2);
		vtd_attach(CARD, &b);
		assert_int_equal(context(&models[0], CARD).lo, b.table | 1);
		assert_int_equal(models[0].last_iotlb >> 16 & 0xffff,
				 caps & 1 ? b.id : a.id);
		vtd_attach(CARD, NULL);
		assert_false(context(&models[0], CARD).lo & 1);
		assert_int_equal(models[0].last_iotlb, b.id << 16 | 0xe2);
		/* Not the other segment's business. */
		assert_int_equal(models[1].iotlb_flushes, 1);
	}
}

static void test_claim(void **state)
{
	(void)state;
	boot();
	assert_int_equal(vtd_claim(DISK), -EBUSY);
	assert_true(context(&models[0], DISK).lo & 1);
	assert_int_equal(vtd_claim(USB), 0);
	assert_false(context(&models[0], USB).lo & 1);
	setup(NULL);
	table[48 + 4] = 0;
	boot();
	assert_int_equal(vtd_claim(CARD), -ENODEV);
}

/* Leaves as large as all units allow, snooped where all can. */
static void test_format(void **state)
{
	struct slat t = { 0 };
	struct dma_domain d;
	u64 *top;

	(void)state;
	boot();
	vtd_format(&t);
	assert_true(t.large_1g && !t.small_only);
	assert_int_equal(vtd_leaf(), 3);
	setup(NULL);
	set_caps(CAP & ~(CAP_1G | CAP_2M), ECAP | ECAP_SC);
	boot();
	vtd_format(&t);
	assert_true(!t.large_1g && t.small_only);
	assert_int_equal(vtd_leaf(), 0x803);
	/* Of three levels the uppermost is the third. */
	setup(NULL);
	set64(&models[1], VTD_CAP, CAP & ~CAP_SAGAW_48);
	boot();
	assert_string_equal(lines[0], "vtd: 2 units, 39 bits, interrupts "
				      "remapped");
	d = make_domain(SIZE_1G, SIZE_2M, SIZE_2M);
	top = (u64 *)d.table;
	assert_true(top[1] & 3);
	assert_int_equal(((u64 *)(top[1] & SLAT_ADDRESS))[0],
			 SIZE_2M | SLAT_LARGE | 3);
}

static void test_domain_limits(void **state)
{
	struct slat t = { .alloc = pool_table, .table = pool_table_at };
	struct dma_domain d;
	u32 n;

	(void)state;
	set64(&models[0], VTD_CAP, CAP & ~(CAP_SAGAW_48 | 7UL));
	boot();
	vtd_format(&t);
	assert_int_equal(slat_init(&t), 0);
	assert_int_equal(slat_map(&t, 1UL << 39, 0, PAGE_SIZE, 3), 0);
	assert_int_equal(vtd_domain(&d, &t), -ERANGE);
	/* 16 of them, without number 0 and the firmware's. */
	for (n = 0; n < 14; n++)
		d = make_domain(0, 0, PAGE_SIZE);
	assert_int_equal(d.id, 15);
	assert_int_equal(vtd_domain(&d, &t), -ENOSPC);
}

static void test_pins(void **state)
{
	u32 index, n;

	(void)state;
	for (n = 0; n < 2; n++) {
		setup(NULL);
		set_caps(CAP, n ? ECAP & ~ECAP_C : ECAP);
		boot();
		index = (u32)first_pin + 5;
		assert_int_equal(irte(&models[0], index).lo, 2);
		assert_int_equal(irte(&models[0], index).hi, 0x40000 | SID);
		/* Level, low, vector 41h, for a core that needs 32 bits. */
		assert_int_equal(pins->entry(index, 0x12345, 0xa041),
				 (u64)index << 49 | 1UL << 48 | 0xa041);
		assert_int_equal(irte(&models[0], index).lo,
				 0x0001234500410011);
		/* NMI: the mode is not the pin's. */
		assert_int_equal(pins->entry(index, 1, 0x400),
				 (u64)index << 49 | 1UL << 48);
		assert_int_equal(irte(&models[0], index).lo, 0x100000081);
	}
}

static void test_messages(void **state)
{
	struct route_out out = { .apic_id = 3, .vector = 0x51 };
	u32 flushes;
	s32 a, b;

	(void)state;
	boot();
	a = vtd_irte_take(CARD, 3);
	b = vtd_irte_take(CARD, 1);
	assert_true(a >= first_pin + 24 && a % 4 == 0);
	assert_int_equal(b, a + 4);
	assert_int_equal(irte(&models[0], (u32)a).hi, 0x40000 | CARD);
	vtd_message.set((u32)a, &out);
	assert_int_equal(irte(&models[0], (u32)a).lo, 0x300510001);
	out.masked = true;
	vtd_message.mask((u32)a, &out);
	assert_int_equal(irte(&models[0], (u32)a).lo, 2);
	assert_true(vtd_message.taken((u32)a));
	/* The same again is no flush, whatever a masked one says. */
	flushes = models[0].iec_flushes;
	out.vector++;
	vtd_message.set((u32)a, &out);
	assert_int_equal(models[0].iec_flushes, flushes);
	out.masked = false;
	vtd_message.set((u32)a, &out);
	vtd_message.set((u32)a, &out);
	assert_int_equal(models[0].iec_flushes, flushes + 1);
	assert_int_equal(vtd_irte_take(CARD, VTD_IRTES), -ENOSPC);
	assert_int_equal(vtd_irte_take(CARD, 0), -ENOSPC);
}

static void warned(const char *why)
{
	boot();
	assert_false(vtd_remaps());
	assert_int_equal(get32(&models[0], VTD_GSTS) & GCMD_IRE, 0);
	assert_int_equal(nr_lines, 2);
	assert_non_null(strstr(lines[0], why));
	assert_string_equal(lines[1], "vtd: 2 units, 48 bits");
}

static void test_not_remapped(void **state)
{
	(void)state;
	set64(&models[1], VTD_ECAP, ECAP & ~ECAP_IR);
	warned("can send any: not all IOMMUs can");
	setup(NULL);
	table[37] = 0;
	warned("can send any: the firmware says so");
	setup(NULL);
	ioapic_id = 7;
	warned("can send any: the firmware does not say which IOMMU IO-APIC");
}

/* The older form of interrupts, with 8 bits for the core. */
static void test_opt_out(void **state)
{
	u32 index;

	(void)state;
	table[37] |= DMAR_X2APIC_OPT_OUT;
	boot();
	assert_false(reaches_all);
	assert_int_equal(get64(&models[0], VTD_IRTA) & 0xfff, 0xb);
	index = (u32)first_pin;
	pins->entry(index, 0x45, 0x41);
	assert_int_equal(irte(&models[0], index).lo, 0x450000410001);
	assert_string_equal(lines[1],
			    "vtd: 2 units, 48 bits, interrupts remapped for "
			    "APIC ids up to 254");
}

static void record(struct model *m, u32 n, u64 lo, u64 hi)
{
	set64(m, FRO + 16 * n, lo);
	set64(m, FRO + 16 * n + 8, hi | 1UL << 63);
	set32(m, VTD_FSTS, get32(m, VTD_FSTS) | FSTS_PPF);
}

static void test_faults(void **state)
{
	struct vtd_fault f;

	(void)state;
	boot();
	assert_false(vtd_next_fault(&f));
	/* They begin with any, and are in order from there. */
	record(&models[0], 1, 0x123456000, 5UL << 32 | CARD);
	record(&models[1], 0, 0x7UL << 48, 0x22UL << 32 | 1UL << 62 | DISK);
	assert_true(vtd_next_fault(&f));
	assert_int_equal(f.address, CARD);
	assert_int_equal(f.reason, 5);
	assert_int_equal(f.where, 0x123456000);
	assert_true(f.write);
	set32(&models[0], VTD_FSTS, FSTS_PFO);
	assert_true(vtd_next_fault(&f));
	assert_int_equal(f.address, DISK);
	assert_int_equal(f.where, 7);
	assert_false(f.write);
	/* The overflow is gone, or nothing more would be recorded. */
	assert_int_equal(get32(&models[0], VTD_FSTS), 0);
	set32(&models[1], VTD_FSTS, 0);
	assert_false(vtd_next_fault(&f));
}

/* It reaches nothing and is heard of no more, whether it did before or not. */
static void test_quarantine(void **state)
{
	struct dma_domain d;
	u32 caps;

	(void)state;
	for (caps = 0; caps < 4; caps++) {
		setup(NULL);
		set_caps(CAP | (caps & 1 ? CAP_CM : 0),
			 caps & 2 ? ECAP & ~ECAP_C : ECAP);
		boot();
		/* Of no bus that has a claimed function. */
		vtd_quarantine(CARD);
		assert_int_equal(context(&models[0], CARD).lo, 0);
		assert_int_equal(vtd_claim(CARD), 0);
		assert_int_equal(context(&models[0], CARD).lo, 0);
		d = make_domain(0, 0, PAGE_SIZE);
		vtd_attach(CARD, &d);
		assert_int_equal(context(&models[0], CARD).lo, d.table | 1);
		vtd_quarantine(CARD);
		assert_int_equal(context(&models[0], CARD).lo, VTD_FPD);
		assert_int_equal(models[0].last_iotlb, d.id << 16 | 0xe2);
		vtd_attach(CARD, &d);
		assert_int_equal(context(&models[0], CARD).lo, d.table | 1);
		assert_int_equal(context(&models[0], CARD).hi, d.id << 8 | 2);
		vtd_attach(CARD, NULL);
		assert_int_equal(context(&models[0], CARD).lo, 0);
		vtd_quarantine(CARD);
		assert_int_equal(context(&models[0], CARD).lo, VTD_FPD);
	}
}

static void test_write_buffers(void **state)
{
	struct dma_domain d;
	u32 before;

	(void)state;
	set64(&models[0], VTD_CAP, CAP | CAP_RWBF);
	boot();
	assert_int_equal(vtd_claim(CARD), 0);
	d = make_domain(0, 0, PAGE_SIZE);
	before = models[0].commands;
	vtd_attach(CARD, &d);
	assert_int_equal(models[0].commands, before + 1);
}

/* Later there is no way but to stop. */
static void test_deaf(void **state)
{
	(void)state;
	boot();
	assert_int_equal(vtd_claim(CARD), 0);
	models[0].deaf = true;
	expect_assert_failure(vtd_flush(&vtd.unit[0], desc_iec_all()));
}

static int teardown(void **state)
{
	(void)state;
	while (nr_pages--) {
		free(pages[nr_pages].seen);
		if (pages[nr_pages].first)
			free(pages[nr_pages].p);
	}
	nr_pages = 0;
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_on),
		T(test_left_on),
		T(test_time_limit),
		T(test_refused),
		T(test_blocked),
		T(test_attach),
		T(test_claim),
		T(test_format),
		T(test_domain_limits),
		T(test_pins),
		T(test_messages),
		T(test_not_remapped),
		T(test_opt_out),
		T(test_faults),
		T(test_quarantine),
		T(test_write_buffers),
		T(test_deaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
