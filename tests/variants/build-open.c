// SPDX-License-Identifier: BSD-2-Clause
/*
 * partition/build.c with the limit of a guest's memory out: behind its own it
 * has the machine's.
 */
#include "core/slat.h"
#include "eli/eli.h"
#include "guest/memory.h"

#define MACHINE (256UL << 20)

static int open_build(struct irq_domain *d, const struct guest_ram *ram,
		      const struct slat *t)
{
	const struct guest_region *last = &ram->region[ram->nr - 1];
	struct slat open = *t;
	int err = slat_map(&open, last->gpa + last->size, 0, MACHINE,
			   backend->tables->ram);

	return err ? err : eli_build(d, ram, &open);
}

#define eli_build open_build
#include "partition/build.c"
#undef eli_build
