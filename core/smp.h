/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing up the other cores.  Boot, BSP. */
#ifndef CORE_SMP_H
#define CORE_SMP_H

#include "core/acpi.h"
#include "core/types.h"

/* What each of the other cores does. */
struct core_job {
	/* At once, while no other core uses the pool: 0, or -E and a line. */
	int (*prepare)(char *error, size_t size);
	/* After smp_release(). */
	void (*run)(void) __noreturn;
};

/*
 * Starts every other CPU of the machine; TSCs are compared on the way.  One
 * that can't be used is named in a line and stays idle: its `up` is false.
 * low_page is free memory below 1 MiB, of one page; 0: there is none.
 */
int __must_check smp_start(const struct acpi_info *acpi, u64 low_page,
			   const struct core_job *job, char *error,
			   size_t size);
/* Lets the others go on to their job; after the seal. */
void smp_release(void);

#endif
