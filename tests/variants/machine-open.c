// SPDX-License-Identifier: BSD-2-Clause
/* tests/variants/machine-slow.c without the lock. */
#include "core/spinlock.h"

#define spin_lock(lock)	  ((void)(lock))
#define spin_unlock(lock) ((void)(lock))
#include "tests/variants/machine-slow.c"
