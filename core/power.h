/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's power. */
#ifndef CORE_POWER_H
#define CORE_POWER_H

#include "core/acpi.h"

/* Boot, BSP: where power-off and reset find what they need, from now on. */
void power_init(const struct acpi_info *acpi);

/*
 * Any core, any context but NMI.  Return when it did not work: -ENODEV, and
 * why in *why.
 */
int power_off(const char **why);
int power_reset(const char **why);

#endif
