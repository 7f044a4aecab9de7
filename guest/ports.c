// SPDX-License-Identifier: BSD-2-Clause
/* The I/O ports that a guest has. */
#include "guest/ports.h"

#define ABSENT PORT_ABSENT
#define DEVICE PORT_DEVICE
#define LEGACY PORT_HANDLER_LEGACY

/* In ascending order. */
static const struct port_range port_table[] = {
	{ PORT_PIC1, PORT_PIC1 + 1, PORT_HANDLER_NONE, ABSENT, ABSENT,
	  "PIC: absent; a mask that does not read back makes Linux run "
	  "without one instead of waiting for its timer interrupt" },
	{ PORT_PIT_COUNTER0, PORT_PIT_COUNTER2, LEGACY, DEVICE, DEVICE,
	  "PIT counters, no interrupts: kernels calibrate the TSC by them" },
	{ PORT_PIT_CONTROL, PORT_PIT_CONTROL, LEGACY, ABSENT, DEVICE,
	  "PIT control word, write-only" },
	{ PORT_SYSTEM_B, PORT_SYSTEM_B, LEGACY, DEVICE, DEVICE,
	  "gate and output of PIT counter 2, refresh toggle" },
	{ PORT_KBC_STATUS, PORT_KBC_STATUS, LEGACY, DEVICE, DEVICE,
	  "no keyboard controller, but its reset pulse works" },
	{ PORT_CMOS_INDEX, PORT_CMOS_INDEX, LEGACY, ABSENT, DEVICE,
	  "CMOS index; the NMI mask in it is ignored" },
	{ PORT_CMOS_DATA, PORT_CMOS_DATA, LEGACY, DEVICE, ABSENT,
	  "RTC: the wall clock, read-only" },
	{ PORT_POST, PORT_POST, PORT_HANDLER_NONE, ABSENT, ABSENT,
	  "POST codes, and the delay of old drivers" },
	{ PORT_SYSTEM_A, PORT_SYSTEM_A, LEGACY, DEVICE, DEVICE,
	  "A20 always on; fast reset" },
	{ PORT_PIC2, PORT_PIC2 + 1, PORT_HANDLER_NONE, ABSENT, ABSENT,
	  "second PIC: absent" },
	{ GUEST_COM1_PORT, GUEST_COM1_PORT + 7, PORT_HANDLER_SERIAL, DEVICE,
	  DEVICE, "the partition's console" },
	{ PORT_MARK, PORT_MARK, PORT_HANDLER_MARK, ABSENT, DEVICE,
	  "mark in the log, with a ledger snapshot" },
	{ GUEST_PORT_SLEEP_CONTROL, GUEST_PORT_SLEEP_STATUS, LEGACY, DEVICE,
	  DEVICE, "ACPI sleep registers: power-off" },
	{ PORT_PCI_ADDRESS, PORT_PCI_ADDRESS, PORT_HANDLER_PCI_ADDRESS, DEVICE,
	  DEVICE, "PCI configuration address, 4-byte accesses only" },
	{ GUEST_PORT_RESET, GUEST_PORT_RESET, LEGACY, DEVICE, DEVICE,
	  "reset control, the FADT's reset register" },
	{ PORT_PCI_DATA, PORT_PCI_DATA + 3, PORT_HANDLER_PCI_DATA, DEVICE,
	  DEVICE, "PCI configuration data: assigned devices" },
};

const struct port_range *port_lookup(u16 port)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(port_table); i++) {
		if (port < port_table[i].first)
			return NULL;
		if (port <= port_table[i].last)
			return &port_table[i];
	}
	return NULL;
}

static u8 read_byte(struct guest_ports *g, u16 port, u64 tsc, u64 tsc_hz)
{
	const struct port_range *range = port_lookup(port);

	if (!range || range->read != PORT_DEVICE)
		return 0xff;
	if (range->handler == PORT_HANDLER_SERIAL && g->serial)
		return vserial_read(g->serial, port - range->first);
	if (range->handler == PORT_HANDLER_LEGACY && g->legacy)
		return vlegacy_read(g->legacy, port, tsc, tsc_hz);
	return 0xff;
}

static enum port_action write_byte(struct guest_ports *g, u16 port, u8 value,
				   u64 tsc, u64 tsc_hz)
{
	const struct port_range *range = port_lookup(port);

	if (!range || range->write != PORT_DEVICE)
		return PORT_ACTION_NONE;
	if (range->handler == PORT_HANDLER_MARK) {
		g->mark = value;
		return PORT_ACTION_MARK;
	}
	if (range->handler == PORT_HANDLER_SERIAL && g->serial)
		vserial_write(g->serial, port - range->first, value);
	if (range->handler == PORT_HANDLER_LEGACY && g->legacy)
		return vlegacy_write(g->legacy, port, value, tsc, tsc_hz);
	return PORT_ACTION_NONE;
}

int ports_access(struct guest_ports *g, u16 port, u8 size, bool write,
		 u32 *value, u64 tsc, u64 tsc_hz)
{
	enum port_action action = PORT_ACTION_NONE, a;
	u32 i, read = 0;

	if (size != 1 && size != 2 && size != 4)
		return -EINVAL;
	for (i = 0; i < size; i++) {
		u32 p = port + i, shift = i * 8;
		bool exists = p <= 0xffff;
		u8 byte = 0xff;

		if (write && exists) {
			byte = (u8)(*value >> shift);
			a = write_byte(g, (u16)p, byte, tsc, tsc_hz);
			action = MAX(action, a);
		} else if (exists) {
			byte = read_byte(g, (u16)p, tsc, tsc_hz);
		}
		read |= (u32)byte << shift;
	}
	if (!write)
		*value = read;
	return action;
}
