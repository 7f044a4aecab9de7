// SPDX-License-Identifier: BSD-2-Clause
/* What the linker's --wrap=core_prepare makes of each core: as if firmware had
 * left vectors pending in its local APIC. */
#include "core/lapic.h"
#include "core/x86.h"
#include "partition/partition.h"

#define SELF 0x40000U

int __real_core_prepare(char *error, size_t size);
int __wrap_core_prepare(char *error, size_t size);

int __wrap_core_prepare(char *error, size_t size)
{
	wrmsr(APIC_MSR(APIC_ICR), SELF | 0x51);
	wrmsr(APIC_MSR(APIC_ICR), SELF | 0xe1);
	return __real_core_prepare(error, size);
}
