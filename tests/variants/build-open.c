// SPDX-License-Identifier: BSD-2-Clause
/*
 * partition/build.c with the limit of a guest's memory out: behind its own it
 * has the machine's.
 */
#define partition_map limited_map
#include "partition/build.c"
#undef partition_map

#define MACHINE (256UL << 20)

int partition_map(struct partition *p, struct slat *t, u64 ram_bits,
		  u64 device_bits);

int partition_map(struct partition *p, struct slat *t, u64 ram_bits,
		  u64 device_bits)
{
	const struct guest_region *last = &p->ram[p->nr_ram - 1];
	int err = limited_map(p, t, ram_bits, device_bits);

	return err ? err :
		     slat_map(t, last->gpa + last->size, 0, MACHINE, ram_bits);
}
