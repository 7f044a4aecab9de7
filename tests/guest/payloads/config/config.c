// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every configuration address of bus 0, and the identity of every device of
 * the other buses, by every width, read and overwritten: nothing is there but
 * the network card and the host bridge, and of the card nothing changes but
 * what a guest may change.
 */
#include "lib/payload.h"
#include "lib/random.h"

/* PCI Local Bus 3.0, 3.2.2.3.2 and 6.1 */
#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  BIT(31)
#define FUNCTIONS      256
#define REGISTERS      64
#define BUSES	       256
#define BRIDGE	       0x00
#define CARD	       0x08
#define ID_82540EM     0x100e8086
#define REG_COMMAND    1
#define REG_BAR	       4
#define REG_LINE       15
/* I/O, memory, bus master, INTx disable; and the error bits of the status */
#define MAY_CHANGE 0xf9000407U

static u32 before[REGISTERS];

static u32 address(u32 bus, u32 function, u32 reg)
{
	return (u32)CONFIG_ENABLE | bus << 16 | function << 8 | reg * 4;
}

static u32 read_register(u32 function, u32 reg)
{
	outl(CONFIG_ADDRESS, address(0, function, reg));
	return inl(CONFIG_DATA);
}

/* All widths and places; what an absent one reads as is ones. */
static u32 reads_all(void)
{
	u32 value = inl(CONFIG_DATA), i;

	for (i = 0; i < 4; i++)
		if (inb((u16)(CONFIG_DATA + i)) != (u8)(value >> 8 * i))
			payload_fail("byte %u of %x reads as another", i,
				     inl(CONFIG_ADDRESS));
	for (i = 0; i < 4; i += 2)
		if (inw((u16)(CONFIG_DATA + i)) != (u16)(value >> 8 * i))
			payload_fail("word %u of %x reads as another", i,
				     inl(CONFIG_ADDRESS));
	return value;
}

static void overwrite(struct random *random)
{
	u32 i;

	outl(CONFIG_DATA, ~0U);
	outl(CONFIG_DATA, (u32)random_next(random));
	for (i = 0; i < 4; i++)
		outb((u16)(CONFIG_DATA + i), (u8)random_next(random));
	for (i = 0; i < 4; i += 2)
		outw((u16)(CONFIG_DATA + i), (u16)random_next(random));
	outl(CONFIG_DATA, 0);
}

static void attack_function(u32 function, struct random *random)
{
	bool there = function == CARD || function == BRIDGE;
	u32 reg, value;

	for (reg = 0; reg < REGISTERS; reg++) {
		outl(CONFIG_ADDRESS, address(0, function, reg));
		value = reads_all();
		if (!there && value != ~0U)
			payload_fail("register %x of function %x reads %x",
				     reg * 4, function, value);
		overwrite(random);
	}
}

static u32 other_buses(struct random *random)
{
	u32 bus, device, n = 0;

	for (bus = 1; bus < BUSES; bus++)
		for (device = 0; device < 32; device++) {
			outl(CONFIG_ADDRESS, address(bus, device * 8, 0));
			if (inl(CONFIG_DATA) != ~0U)
				payload_fail("device %u of bus %u is there",
					     device, bus);
			outl(CONFIG_DATA, (u32)random_next(random));
			n++;
		}
	return n;
}

static void check_card(void)
{
	u32 reg, now, may;

	for (reg = 0; reg < REGISTERS; reg++) {
		now = read_register(CARD, reg);
		may = reg == REG_COMMAND ? MAY_CHANGE :
		      reg == REG_LINE	 ? 0xff :
					   0;
		if ((now ^ before[reg]) & ~may)
			payload_fail("register %x of the card was %x, is %x",
				     reg * 4, before[reg], now);
	}
}

PAYLOAD("config")
{
	struct random random = { cmdline_number("seed", 1) };
	u32 function, reg, others;

	if (read_register(CARD, 0) != ID_82540EM)
		payload_fail("no 82540EM at device 2");
	for (reg = 0; reg < REGISTERS; reg++)
		before[reg] = read_register(CARD, reg);
	for (function = 0; function < FUNCTIONS; function++)
		attack_function(function, &random);
	others = other_buses(&random);
	check_card();
	outl(CONFIG_ADDRESS, address(0, CARD, REG_BAR));
	outl(CONFIG_DATA, ~0U);
	payload_ok("functions=%u others=%u bar0=%x size=%x at=%lx", FUNCTIONS,
		   others, before[REG_BAR], -(inl(CONFIG_DATA) & ~0xfU),
		   (u64)payload_start);
}
