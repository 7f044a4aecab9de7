/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log.  Any context but NMI and machine-check; takes the log lock.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/types.h"

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
