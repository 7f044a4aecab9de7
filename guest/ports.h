/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O ports a guest has.  One table says which, who answers and why; what
 * is not in it reads as ones and ignores writes.
 *
 * Pure; any context.  The caller owns the structs and holds the partition's
 * lock around ports_access().
 *
 * docs/decisions.md: Every port exits.
 */
#ifndef GUEST_PORTS_H
#define GUEST_PORTS_H

#include "core/types.h"
#include "guest/layout.h"
#include "guest/legacy.h"
#include "guest/serial.h"

/* COM1 and the ports that the FADT names are in guest/layout.h. */
#define PORT_PIC1	  0x20
#define PORT_PIT_COUNTER0 0x40
#define PORT_PIT_COUNTER1 0x41
#define PORT_PIT_COUNTER2 0x42
#define PORT_PIT_CONTROL  0x43
#define PORT_SYSTEM_B	  0x61
#define PORT_KBC_STATUS	  0x64
#define PORT_CMOS_INDEX	  0x70
#define PORT_CMOS_DATA	  0x71
#define PORT_POST	  0x80
#define PORT_SYSTEM_A	  0x92
#define PORT_PIC2	  0xa0
#define PORT_MARK	  0x5e9
#define PORT_PCI_ADDRESS  0xcf8
#define PORT_PCI_DATA	  0xcfc

enum port_handler {
	PORT_HANDLER_NONE,
	PORT_HANDLER_SERIAL,
	PORT_HANDLER_LEGACY,
	PORT_HANDLER_PCI_ADDRESS,
	PORT_HANDLER_PCI_DATA,
	PORT_HANDLER_MARK,
};

enum port_policy {
	PORT_ABSENT, /* reads as ones, writes ignored */
	PORT_DEVICE, /* the handler's */
};

struct port_range {
	u16 first, last; /* both included */
	enum port_handler handler;
	enum port_policy read, write;
	const char *why;
};

/* NULL: not in the table. */
const struct port_range *port_lookup(u16 port);

struct guest_ports {
	struct vserial *serial; /* NULL: the partition has no virtual port */
	struct vlegacy *legacy; /* NULL: none of these either */
	u8 mark;		/* valid with PORT_ACTION_MARK */
};

/*
 * One access of `size` 1, 2 or 4 bytes at any `port`.  A read sets *value,
 * zero above `size`; a write uses that much of it.  Devices are a byte wide,
 * so a wider access is split into bytes from the lowest port up (past FFFFh is
 * nothing).  Passed whole are a 4-byte access to CF8, and only that reaches the
 * PCI address register, and what lies within CFC-CFF.  Time as in
 * guest/legacy.h.
 *
 * Returns an enum port_action, the strongest if several bytes ask for one, or
 * -EINVAL for another size, with nothing done.  The serial port's line may
 * have changed: see guest/serial.h.
 */
int __must_check ports_access(struct guest_ports *g, u16 port, u8 size,
			      bool write, u32 *value, u64 tsc, u64 tsc_hz);

#endif
