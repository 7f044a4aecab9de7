/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The leftovers of the PC that kernels touch at boot and at reset: PIT, RTC,
 * system control ports, reset and sleep registers.  None raises an interrupt.
 *
 * Pure; any context.  The caller owns the struct and holds the partition's
 * lock around every call.  Time comes with each call: `tsc`, which does not
 * run backwards, and its frequency `tsc_hz`, the same in all calls.  With a
 * frequency of 0 or above VLEGACY_MAX_HZ the clocks stand still.
 */
#ifndef GUEST_LEGACY_H
#define GUEST_LEGACY_H

#include "core/types.h"

#define PIT_HZ	       1193182UL
#define VLEGACY_MAX_HZ BIT(40)

/* What the caller must do after a write; the larger wins. */
enum port_action {
	PORT_ACTION_NONE,
	PORT_ACTION_MARK,
	PORT_ACTION_RESET,
	PORT_ACTION_POWEROFF,
};

/* One counter of the 8254.  Times are in PIT ticks since tsc 0. */
struct vpit_channel {
	u8 control; /* access mode 5:4, mode 3:1, BCD 0 */
	bool gate;
	bool loaded; /* a whole count was written since the control word */
	bool running;
	bool low_written, low_read; /* halves of a two-byte access */
	bool count_latched, status_latched;
	u8 low; /* 0 where only the high byte is written */
	u8 status;
	u16 latch;
	u32 count; /* 1 to 65536 */
	u64 done;  /* ticks counted before `start` */
	u64 start; /* valid while running */
};

struct vlegacy {
	struct vpit_channel pit[3];
	u8 port61; /* bits 0-3 as written */
	u8 reset_control;
	u8 cmos_index;
	u64 unix_base; /* seconds since 1970 at tsc 0 */
};

/* State that firmware leaves behind; `unix_base` as above. */
void vlegacy_init(struct vlegacy *l, u64 unix_base, u64 tsc, u64 tsc_hz);

/*
 * A byte access to one of the ports that guest/ports.c gives to this device;
 * any other reads as ones and ignores writes.
 */
u8 vlegacy_read(struct vlegacy *l, u16 port, u64 tsc, u64 tsc_hz);
enum port_action vlegacy_write(struct vlegacy *l, u16 port, u8 value, u64 tsc,
			       u64 tsc_hz);

#endif
