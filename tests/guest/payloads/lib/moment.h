/* SPDX-License-Identifier: BSD-2-Clause */
/* A moment of the TSC. */
#ifndef MOMENT_H
#define MOMENT_H

#include "core/types.h"

/* Waits for it: to the tick where a tick is an instruction. */
void wait_until(u64 end);

#endif
