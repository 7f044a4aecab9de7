// SPDX-License-Identifier: BSD-2-Clause
/* The pool, the page tables of every core, the seal. */
#include "core/mem.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"

/* Page-table entries, SDM vol. 3 section 4.5 */
#define PTE_P	 BIT(0)
#define PTE_W	 BIT(1)
#define PTE_PCD	 BIT(4)
#define PTE_A	 BIT(5)
#define PTE_D	 BIT(6)
#define PTE_PS	 BIT(7)
#define PTE_NX	 BIT(63)
#define PTE_ADDR 0x000ffffffffff000UL

/* Any of read, write, execute: present, in second-level tables of VMX too. */
#define ENTRY_PRESENT 7UL
/* Accessed and dirty, SDM vol. 3 tables 4-19 and 29-6. */
#define TABLE_STATUS (BIT(5) | BIT(6) | BIT(8) | BIT(9))

#define FNV_BASIS 0xcbf29ce484222325UL
#define FNV_PRIME 0x100000001b3UL

#define PT_ENTRIES 512
#define LEVEL_PT   1
#define LEVEL_PD   2
#define LEVEL_PML4 4

/* Where a core sees its own page directory; see also core/percpu.h. */
#define LOCAL_PD (LOCAL_VMA + 0x46000)

_Static_assert(sizeof(struct percpu) <= 0x3e000, "percpu hits the stacks");

u64 image_delta;
/* The tables of the boot, which show the low 4 GiB. */
static const u64 *boot_pml4;

static struct {
	u64 start, next, end;
} pool;

/* Roots of the shared parts. */
static u64 *pd_image, *pdpt_direct;
static u64 pd_image_pa, pdpt_direct_pa;

/* Of each core: its sealed top level, and the directory of its own GiB. */
struct core_tables {
	u64 sealed_pa;
	u64 local_pd_pa;
};
static struct core_tables *core_tables;

void pool_init(u64 phys, u64 size)
{
	pool.start = ALIGN_UP(phys, PAGE_SIZE);
	pool.next = pool.start;
	pool.end = ALIGN_DOWN(phys + size, PAGE_SIZE);
}

u64 pool_free_bytes(void)
{
	return pool.end - pool.next;
}

u64 pool_bytes(void)
{
	return pool.end - pool.start;
}

void *pool_alloc(u64 pages, u64 *phys)
{
	void *p;

	if (pages > pool_free_bytes() / PAGE_SIZE)
		return NULL;
	*phys = pool.next;
	pool.next += pages * PAGE_SIZE;
	p = phys_to_virt(*phys);
	memset(p, 0, pages * PAGE_SIZE);
	return p;
}

void *pool_shared(u64 size)
{
	u64 phys;
	void *p = pool_alloc(ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE, &phys);

	return p && !paging_add_direct(phys, size, MAP_RW) ? p : NULL;
}

void *pool_table(void *ctx, u64 *phys)
{
	(void)ctx;
	return pool_alloc(1, phys);
}

u64 *pool_table_at(void *ctx, u64 phys)
{
	(void)ctx;
	return phys_to_virt(phys);
}

static u32 level_shift(u32 level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static u64 leaf_bits(u32 flags)
{
	u64 bits = PTE_P | PTE_A;

	if (flags & MAP_RW)
		bits |= PTE_W | PTE_D;
	if (!(flags & MAP_X))
		bits |= PTE_NX;
	if (flags & MAP_UC)
		bits |= PTE_PCD;
	return bits;
}

/* The table below an entry, made if it is not there. */
static u64 *next_table(u64 *entry)
{
	u64 pa;
	u64 *table;

	if (*entry & PTE_P)
		return phys_to_virt(*entry & PTE_ADDR);
	table = pool_alloc(1, &pa);
	if (table)
		*entry = pa | PTE_P | PTE_W | PTE_A;
	return table;
}

/* Maps one leaf, the largest that the alignment allows up to 2 MiB. */
static int map_leaf(u64 *table, u32 level, u64 va, u64 pa, u64 left, u32 flags,
		    u64 *mapped)
{
	u64 *entry;
	bool big;

	for (;; level--) {
		entry = &table[va >> level_shift(level) & (PT_ENTRIES - 1)];
		big = level == LEVEL_PD && left >= SIZE_2M &&
		      !((va | pa) & (SIZE_2M - 1));
		if (level == LEVEL_PT || big)
			break;
		table = next_table(entry);
		if (!table)
			return -ENOMEM;
	}
	*entry = pa | leaf_bits(flags) | (big ? PTE_PS : 0);
	*mapped = big ? SIZE_2M : PAGE_SIZE;
	return 0;
}

static int map_range(u64 *table, u32 level, u64 va, u64 pa, u64 size, u32 flags)
{
	u64 step;
	int err;

	for (; size; va += step, pa += step, size -= step) {
		err = map_leaf(table, level, va, pa, size, flags, &step);
		if (err)
			return err;
	}
	return 0;
}

static int map_image(void)
{
	const struct image_region *r;
	int err;

	for (r = image_regions; r->end; r++) {
		err = map_range(pd_image, LEVEL_PD, (u64)r->start,
				image_to_phys(r->start),
				(u64)(r->end - r->start), r->flags);
		if (err)
			return err;
	}
	return 0;
}

u64 paging_boot_cr3(void)
{
	return image_to_phys(boot_pml4);
}

int paging_init(const u64 *boot_tables, u32 cpus)
{
	boot_pml4 = boot_tables;
	pd_image = pool_alloc(1, &pd_image_pa);
	pdpt_direct = pool_alloc(1, &pdpt_direct_pa);
	if (!pd_image || !pdpt_direct)
		return -ENOMEM;
	core_tables = pool_shared(cpus * sizeof(*core_tables));
	return core_tables ? map_image() : -ENOMEM;
}

int paging_add_direct(u64 phys, u64 size, u32 flags)
{
	u64 start = ALIGN_DOWN(phys, PAGE_SIZE);
	u64 end = ALIGN_UP(phys + size, PAGE_SIZE);

	return map_range(pdpt_direct, LEVEL_PD + 1, DIRECT_VMA + start, start,
			 end - start, flags);
}

/* Allocates and maps private memory of a core; returns the pool's pointer. */
static void *map_private(u64 *pd, u64 va, u64 pages)
{
	u64 pa;
	void *p = pool_alloc(pages, &pa);

	if (!p || map_range(pd, LEVEL_PD, va, pa, pages * PAGE_SIZE, MAP_RW))
		return NULL;
	return p;
}

static int build_local(u64 *pd, u64 pd_pa)
{
	u64 pages = ALIGN_UP(sizeof(struct percpu), PAGE_SIZE) / PAGE_SIZE;

	if (!map_private(pd, (u64)&this_cpu, pages) ||
	    !map_private(pd, CPU_NMI_STACK, 1) ||
	    !map_private(pd, CPU_DF_STACK, 1) ||
	    !map_private(pd, CPU_MC_STACK, 1))
		return -ENOMEM;
	/* The core itself changes the window's entry. */
	return map_range(pd, LEVEL_PD, LOCAL_PD, pd_pa, PAGE_SIZE, MAP_RW);
}

static u32 index_of(u64 va, u32 level)
{
	return va >> level_shift(level) & (PT_ENTRIES - 1);
}

u64 paging_build_cpu(u32 cpu)
{
	u64 sealed_pa, boot_pa, pdpt_pa, pd_pa;
	u64 *sealed = pool_alloc(1, &sealed_pa);
	u64 *boot = pool_alloc(1, &boot_pa);
	u64 *pdpt = pool_alloc(1, &pdpt_pa);
	u64 *pd = pool_alloc(1, &pd_pa);
	const u64 bits = PTE_P | PTE_W | PTE_A;

	if (!sealed || !boot || !pdpt || !pd || build_local(pd, pd_pa))
		return 0;
	pdpt[index_of(IMAGE_VMA, 3)] = pd_image_pa | bits;
	pdpt[index_of(LOCAL_VMA, 3)] = pd_pa | bits;
	sealed[index_of(LOCAL_VMA, LEVEL_PML4)] = pdpt_pa | bits;
	sealed[index_of(DIRECT_VMA, LEVEL_PML4)] = pdpt_direct_pa | bits;
	memcpy(boot, sealed, PAGE_SIZE);
	/* Until the seal, the low 4 GiB, writable but never executable. */
	boot[index_of(DIRECT_VMA, LEVEL_PML4)] =
		boot_pml4[index_of(DIRECT_VMA, LEVEL_PML4)] | PTE_NX;
	core_tables[cpu] = (struct core_tables){ sealed_pa, pd_pa };
	return boot_pa;
}

void *paging_add_private(u64 va, u64 *phys)
{
	u64 *page = pool_alloc(1, phys);

	if (!page ||
	    map_range((u64 *)LOCAL_PD, LEVEL_PD, va, *phys, PAGE_SIZE, MAP_RW))
		return NULL;
	return (void *)va;
}

int paging_add_shared(u32 cpu, u64 va, u64 phys, u64 size)
{
	if (size > SIZE_1G - (va - LOCAL_VMA))
		return -ENOMEM;
	return map_range(phys_to_virt(core_tables[cpu].local_pd_pa), LEVEL_PD,
			 va, phys, size, MAP_RW);
}

void paging_seal_cpu(void)
{
	this_cpu.cr3 = core_tables[this_cpu.id].sealed_pa;
	write_cr3(this_cpu.cr3);
}

void *window_map(u64 phys)
{
	u64 *entry = (u64 *)LOCAL_PD + index_of(WINDOW_VMA, LEVEL_PD);
	u64 frame = ALIGN_DOWN(phys, SIZE_2M);

	if (this_cpu.window != frame) {
		*entry = frame | leaf_bits(MAP_RW) | PTE_PS;
		invlpg(WINDOW_VMA);
		this_cpu.window = frame;
	}
	return (void *)(WINDOW_VMA + (phys & (SIZE_2M - 1)));
}

/* Page tables are out of reach but for the window. */
static void window_close(void)
{
	((u64 *)LOCAL_PD)[index_of(WINDOW_VMA, LEVEL_PD)] = 0;
	invlpg(WINDOW_VMA);
	this_cpu.window = 0;
}

/* Host or second-level tables; in `bad` only what was asked for. */
struct walk {
	struct mem_tables found;
	bool check_wx;
	u32 bad;
};

static void count_leaf(struct walk *w, u64 va, bool writable, bool exec)
{
	w->found.pages++;
	if (!w->check_wx || !writable || !exec)
		return;
	if (w->bad++ < 4)
		log_printf("seal: page at %lx is writable and executable", va);
}

/* FNV-1a, by words; without what the processor sets. */
static void add_entry(struct walk *w, u64 entry)
{
	w->found.sum = (w->found.sum ^ (entry & ~TABLE_STATUS)) * FNV_PRIME;
}

/* Rights are the AND of W and the OR of NX over the levels. */
static void walk_table(struct walk *w, u64 table, u32 level, u64 va,
		       bool writable, bool exec)
{
	u64 e, addr;
	u32 i;

	w->found.tables++;
	for (i = 0; i < PT_ENTRIES; i++) {
		e = ((u64 *)window_map(table))[i];
		addr = va + ((u64)i << level_shift(level));
		if (level == LEVEL_PML4 && i >= PT_ENTRIES / 2)
			addr |= 0xffff000000000000UL;
		/* What a core's window shows at the moment is not counted. */
		if (!(e & ENTRY_PRESENT) || addr == WINDOW_VMA)
			continue;
		add_entry(w, e);
		if (level == LEVEL_PT || (e & PTE_PS))
			count_leaf(w, addr, writable && (e & PTE_W),
				   exec && !(e & PTE_NX));
		else
			walk_table(w, e & PTE_ADDR, level - 1, addr,
				   writable && (e & PTE_W),
				   exec && !(e & PTE_NX));
	}
}

u32 paging_check_wx(u32 cpus)
{
	struct walk w = { .check_wx = true };
	u32 i;

	for (i = 0; i < cpus; i++)
		walk_table(&w, core_tables[i].sealed_pa, LEVEL_PML4, 0, true,
			   true);
	window_close();
	log_printf("seal: %u tables, %u pages, %u writable and executable",
		   w.found.tables, w.found.pages, w.bad);
	return w.bad;
}

u64 paging_root(u32 cpu)
{
	return core_tables[cpu].sealed_pa;
}

void paging_survey(u64 root, struct mem_tables *found)
{
	struct walk w = { .found.sum = FNV_BASIS };

	walk_table(&w, root & PTE_ADDR, LEVEL_PML4, 0, true, true);
	window_close();
	*found = w.found;
}
