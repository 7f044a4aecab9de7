/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of lib/ only. */
#ifndef INTERNAL_H
#define INTERNAL_H

#include "core/types.h"

/* lib/tables.c: this CPU's GDT, TSS and IDT. */
void tables_init(u32 cpu);

/* lib/apic.c, from lib/ap.S. */
void ap_entry(void) __attribute__((noreturn));

#endif
