/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log port: who writes it, who reads it.  With a sidecore, the first one
 * polls it and all others only append to rings.  Without, a partition's cores
 * write out what is theirs, and input comes by NMI to the boot core.
 *
 * docs/decisions.md: The sidecore takes the log port for good; Without a
 * sidecore each partition pays.
 */
#ifndef CONSOLE_LOGPORT_H
#define CONSOLE_LOGPORT_H

#include "console/console.h"
#include "table/table.h"

/* The partitions, by number, as the port sees them. */
struct logport_clients {
	struct mux_ops ops;
	/* Bit n: this core writes out the output of partition n. */
	u64 (*served)(void);
	const struct monitor_ops *monitor;
};
#define LOGPORT_FOR_ALL (~0UL)

/* Boot, BSP: the early log on COM1, before the table names the port. */
void logport_init(const struct logport_clients *clients);

/*
 * Boot, BSP: the table's choice of the log port.  0, or -E with a line.
 */
int __must_check logport_configure(const struct table *t, char *error,
				   size_t size);

/* After the seal, BSP: opens the monitor. */
void logport_open(void);

/* The first sidecore: the port is its own from now on; the body of its loop,
 * which never waits. */
void logport_take(void);
void logport_poll(void);

/* Console ring of a partition; NULL where it has none. */
struct console *logport_console(u32 partition);

/*
 * Any context but NMI, no partition lock held: the partition has ended.  If the
 * port is its raw console, the monitor gets it back.
 */
void logport_detach(u32 partition);

/*
 * Any context but NMI, no partition lock held: without a sidecore moves some of
 * what is waiting, both ways, but for the output of other partitions than this
 * core's, and asks for more turns by REQ_PUMP; with one does nothing.
 */
void logport_pump(void);

/* Everything out, bounded; before the machine goes down. */
void logport_flush(void);

/* Whether UART NMIs go to this CPU; whether it is the one that polls. */
bool logport_is_nmi_cpu(u32 cpu);
/* The first sidecore, -1: there is none. */
s32 logport_sidecore(void);

#endif
