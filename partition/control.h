/* SPDX-License-Identifier: BSD-2-Clause */
/* What the log port and its monitor can do to the partitions. */
#ifndef PARTITION_CONTROL_H
#define PARTITION_CONTROL_H

#include "console/logport.h"

extern const struct logport_clients control_clients;

#endif
