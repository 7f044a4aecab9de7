// SPDX-License-Identifier: BSD-2-Clause
/* What vtd/ needs of the processor and of the machine's memory. */
#include "core/mem.h"
#include "vtd/unit.h"

#define CACHE_LINE 64UL

static volatile void *at(const struct vtd_unit *u, u32 reg)
{
	return (u8 *)phys_to_virt(u->base) + reg;
}

u32 vtd_read32(const struct vtd_unit *u, u32 reg)
{
	return *(volatile u32 *)at(u, reg);
}

u64 vtd_read64(const struct vtd_unit *u, u32 reg)
{
	return *(volatile u64 *)at(u, reg);
}

void vtd_write32(const struct vtd_unit *u, u32 reg, u32 value)
{
	*(volatile u32 *)at(u, reg) = value;
}

void vtd_write64(const struct vtd_unit *u, u32 reg, u64 value)
{
	*(volatile u64 *)at(u, reg) = value;
}

int vtd_map(u64 base, u64 size)
{
	return paging_add_direct(base, size, MAP_RW | MAP_UC);
}

void *vtd_alloc(u64 size, u64 *phys)
{
	void *p = pool_shared(size);

	*phys = direct_to_phys(p);
	return p;
}

/* SDM vol. 2: CLFLUSH is ordered with stores to its line; MFENCE ends it. */
void vtd_write_back(const volatile void *p, size_t size)
{
	u64 line = ALIGN_DOWN((u64)p, CACHE_LINE);

	for (; line < (u64)p + size; line += CACHE_LINE)
		asm volatile("clflush (%0)" : : "r"(line) : "memory");
	asm volatile("mfence" : : : "memory");
}

void vtd_write_back_all(void)
{
	asm volatile("wbinvd" : : : "memory");
}
