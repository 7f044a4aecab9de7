/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is looked for in definition blocks (DSDT, SSDT).  Pure; boot.  table
 * points to the whole table, of which length bytes can be read.
 */
#ifndef CORE_AML_H
#define CORE_AML_H

#include "core/acpi.h"

/* ACPI 6.5, 7.4.2: SLP_TYP of the two PM1 blocks, from \_S5. */
bool aml_find_s5(const u8 *table, u32 length, u8 *slp_typa, u8 *slp_typb);

/*
 * 6.5.5: adds the buses that a literal _BBN names.  False: there is one that
 * is computed, or used, so the set may lack some.
 */
bool aml_root_buses(const u8 *table, u32 length, struct pci_buses *roots);

#endif
