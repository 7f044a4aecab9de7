/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which CPU number is which APIC id, core and socket, as text.  Pure but for
 * the one list.
 */
#ifndef CONSOLE_CPUS_H
#define CONSOLE_CPUS_H

#include "core/types.h"

/* Cores and sockets are the upper bits of an APIC id: SDM vol. 2, leaf 0Bh. */
struct cpu_list {
	u32 nr;
	u32 apic_id[MAX_CPUS];
	u32 core_shift, socket_shift; /* below 32 */
};

/* The machine's; set while booting. */
extern struct cpu_list cpu_list;

#define CPUS_LINE_MAX 128

/*
 * The line that begins with CPU *next, without a newline; *next is then the
 * CPU that the following one begins with.  False behind the last.  Of a large
 * machine it takes as many as have ids of one socket at equal distances.
 */
bool cpus_line(const struct cpu_list *l, u32 *next, char line[CPUS_LINE_MAX]);

#endif
