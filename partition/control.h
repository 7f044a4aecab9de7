/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the monitor can do to the system; and the machine's own power.
 */
#ifndef PARTITION_CONTROL_H
#define PARTITION_CONTROL_H

#include "core/acpi.h"
#include "console/monitor.h"

struct partition;

extern const struct monitor_ops control_ops;

const char *control_mode_name(const struct partition *p);
const char *control_state_name(const struct partition *p);

/* Boot, BSP: remembers what power-off and reset need. */
void control_init(const struct acpi_info *acpi);

#endif
