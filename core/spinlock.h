/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FIFO ticket lock.  Any context but NMI.  Held for bounded time only: no guest
 * runs and no device is waited for, but for the log port without a sidecore.
 */
#ifndef CORE_SPINLOCK_H
#define CORE_SPINLOCK_H

#include "core/x86.h"

struct spinlock {
	u32 next, serving;
};

static inline void spin_lock(struct spinlock *l)
{
	u32 ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
		cpu_pause();
}

static inline void spin_unlock(struct spinlock *l)
{
	__atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}

#endif
