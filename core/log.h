/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log.  Any context but NMI and machine-check; takes the log lock.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/logring.h"
#include "core/types.h"

/* The port that the log goes to, for whoever drives it. */
struct log_sink {
	/* The ring holds something new. */
	void (*pump)(void);
	/* Returns when all that the ring holds is out. */
	void (*flush)(void);
	/* Last words: takes no lock, returns when they are out. */
	void (*write)(const char *text, size_t n);
};
/* Boot, BSP.  Until then lines wait in the ring. */
void log_set_sink(const struct log_sink *sink);

/* For the sink: the ring, and the lock that guards it. */
extern struct logring log_ring;
void log_lock(void);
void log_unlock(void);

/* One line, without the newline; longer than 240 bytes is cut. */
void log_printf(const char *fmt, ...) __printf(1, 2);

/*
 * Last words: unlocked, straight to the log port, then this core and by NMI all
 * others stop for good.  For broken host invariants only.
 */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

/* Any context, NMI too: another core has panicked, this one must stop. */
bool log_panicking(void);

/*
 * Boot cannot go on: one line that says what is missing, where, what to do,
 * then all cores halt.  No partition was started.
 */
void boot_refuse(const char *fmt, ...) __printf(1, 2) __noreturn;

#endif
