// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every configuration address of bus 0, and the identity of every device of
 * the other buses, by every width, read and overwritten: nothing is there but
 * the host bridge and the partition's cards, of which nothing changes but what
 * a guest may change.
 *
 * Command line: cards=N, from slot 1 on, the first with the id id=N, decimal;
 * functions=N and buses=N for the first of them only.  With wait=1 it waits for
 * lines: a number is what is written last each time; `end` is the end.  With
 * ecam=1 the host bridge's, the cards' and the next one's are then read and
 * overwritten in memory, too, all 4 KiB of each.
 */
#include "drivers/pci_regs.h"
#include "guest/layout.h"
#include "lib/payload.h"
#include "lib/random.h"

/* PCI Local Bus 3.0, 3.2.2.3.2 and 6.1 */
#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  BIT(31)
#define REGISTERS      64
#define ECAM_REGISTERS 1024
#define MAX_CARDS      4
#define CARD(n)	       (((n) + 1) * 8)
#define ID_82540EM     0x100e8086
#define REG_COMMAND    1
#define REG_BAR	       4
#define REG_LINE       15
#define REG_MESSAGE    16
#define REG_BEHIND     20
/* I/O, memory, bus master, INTx disable; and the error bits of the status */
#define MAY_CHANGE 0xf9000407U

static u32 before[MAX_CARDS][REGISTERS];
static u32 cards, functions, buses;
static bool ecam;

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

static void overwrite(struct random *random, u32 last)
{
	u32 i;

	outl(CONFIG_DATA, ~0U);
	outl(CONFIG_DATA, (u32)random_next(random));
	for (i = 0; i < 4; i++) {
		outb((u16)(CONFIG_DATA + i), 0);
		outb((u16)(CONFIG_DATA + i), 0xff);
		outb((u16)(CONFIG_DATA + i), (u8)random_next(random));
	}
	for (i = 0; i < 4; i += 2)
		outw((u16)(CONFIG_DATA + i), (u16)random_next(random));
	outl(CONFIG_DATA, last);
}

static void attack_function(u32 function, struct random *random, u32 last)
{
	bool there = function % 8 == 0 && function / 8 <= cards;
	u32 reg, value;

	for (reg = 0; reg < REGISTERS; reg++) {
		outl(CONFIG_ADDRESS, address(0, function, reg));
		value = reads_all();
		if (!there && value != ~0U)
			payload_fail("register %x of function %x reads %x",
				     reg * 4, function, value);
		overwrite(random, last);
	}
}

/* The same register by ECAM: what it must read as, then all widths. */
static void attack_memory(u32 function, u32 reg, struct random *random,
			  u32 last)
{
	volatile u8 *at = (u8 *)GUEST_ECAM + (function << 12 | reg * 4);
	bool there = function % 8 == 0 && function / 8 <= cards;
	u32 want = reg < REGISTERS ? read_register(function, reg) :
		   there	   ? 0 :
				     ~0U;
	u32 i;

	if (*(volatile u32 *)at != want)
		payload_fail("register %x of function %x in memory reads %x, "
			     "not %x",
			     reg * 4, function, *(volatile u32 *)at, want);
	*(volatile u32 *)at = ~0U;
	if (!(reg % 2))
		*(volatile u64 *)at = random_next(random);
	for (i = 0; reg < REGISTERS && i < 4; i++)
		at[i] = (u8)random_next(random);
	for (i = 0; reg < REGISTERS && i < 4; i += 2)
		*(volatile u16 *)(at + i) = (u16)random_next(random);
	*(volatile u32 *)at = last;
}

static void attack_ecam(struct random *random, u32 last)
{
	u32 n, reg;

	for (n = 0; n <= cards + 1; n++)
		for (reg = 0; reg < ECAM_REGISTERS; reg++)
			attack_memory(n * 8, reg, random, last);
}

static u32 other_buses(struct random *random)
{
	u32 bus, device, n = 0;

	for (bus = 1; bus < buses; bus++)
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

/* Of a capability the guest sees MSI-X or MSI, with no more registers. */
static u32 may_change(u32 n, u32 reg)
{
	bool capable = before[n][REG_COMMAND] & PCI_STATUS_CAPABILITIES;

	if (reg >= REG_MESSAGE && reg < REG_BEHIND && capable)
		return ~0U;
	return reg == REG_COMMAND ? MAY_CHANGE : reg == REG_LINE ? 0xff : 0;
}

static void check_card(u32 n)
{
	u32 reg, now;

	for (reg = 0; reg < REGISTERS; reg++) {
		now = read_register(CARD(n), reg);
		if ((now ^ before[n][reg]) & ~may_change(n, reg))
			payload_fail("register %x of card %u was %x, is %x",
				     reg * 4, n, before[n][reg], now);
	}
}

static u32 attack(struct random *random, u32 last)
{
	u32 function;

	for (function = 0; function < functions; function++)
		attack_function(function, random, last);
	if (ecam)
		attack_ecam(random, last);
	return other_buses(random);
}

static u32 attack_as_told(struct random *random)
{
	char line[20] = "";
	u32 others = 0;

	say("config: ready");
	for (;;) {
		if (!console_line(line, sizeof(line)))
			continue;
		if (!strcmp(line, "end"))
			return others;
		others += attack(random, (u32)parse_number(line, 0));
		say("config: done");
	}
}

PAYLOAD("config")
{
	struct random random = { cmdline_number("seed", 1) };
	u32 n, reg, others;

	cards = MIN((u32)cmdline_number("cards", 1), (u32)MAX_CARDS);
	functions = (u32)cmdline_number("functions", 256);
	buses = (u32)cmdline_number("buses", 256);
	ecam = cmdline_number("ecam", 0);
	if (read_register(CARD(0), 0) != cmdline_number("id", ID_82540EM))
		payload_fail("no such card at device 1");
	for (n = 0; n < cards; n++)
		for (reg = 0; reg < REGISTERS; reg++)
			before[n][reg] = read_register(CARD(n), reg);
	others = cmdline_number("wait", 0) ? attack_as_told(&random) :
					     attack(&random, 0);
	for (n = 0; n < cards; n++)
		check_card(n);
	outl(CONFIG_ADDRESS, address(0, CARD(0), REG_BAR));
	outl(CONFIG_DATA, ~0U);
	payload_ok("functions=%u others=%u bar0=%x size=%x at=%lx", functions,
		   others, before[0][REG_BAR], -(inl(CONFIG_DATA) & ~0xfU),
		   (u64)payload_start);
}
