// SPDX-License-Identifier: BSD-2-Clause
/*
 * DMA by QEMU's device edu (its docs/specs/edu.rst), to addresses of any kind.
 * Each line typed is one: `own` is a page of the payload's, there and back;
 * `write ADDRESS` and `read ADDRESS`, in decimal, let the device write there or
 * read from there; `sweep` writes into each 2 MiB from 32 to 256 MiB; `storm
 * COUNT` writes so often to where nothing is; `master` makes the device a bus
 * master.  The answer is a line:
 *
 *	edu own: ok
 *	edu sweep: done
 *	edu storm: done
 *	edu master: on | off
 *	edu write ADDRESS: done
 *	edu read ADDRESS: nothing | SEEN
 *
 * SEEN: what came is neither what the device held before nor all zeros or ones,
 * which a read that was blocked may give.
 */
#include "lib/payload.h"
#include "lib/pci.h"

#define ID_EDU 0x11e81234

/* Registers, and the device's own page */
#define EDU_SOURCE	0x80
#define EDU_DESTINATION 0x88
#define EDU_COUNT	0x90
#define EDU_COMMAND	0x98
#define COMMAND_RUN	BIT(0)
#define COMMAND_TO_RAM	BIT(1)
#define EDU_PAGE	0x40000
#define SIZE		512UL

#define PATTERN 0x6d61727473696873UL
#define TICKS	10000000000UL

#define NOTHING (1UL << 60)

#define SWEEP	  (32UL << 20)
#define SWEEP_END (256UL << 20)

static u32 device;
static volatile u8 *edu;
static u64 page[512] __aligned(4096);

static void edu_write(u32 reg, u64 value)
{
	*(volatile u64 *)(edu + reg) = value;
}

static u64 edu_read(u32 reg)
{
	return *(volatile u64 *)(edu + reg);
}

static void dma(u64 source, u64 destination, u64 command)
{
	u64 start = rdtsc();

	edu_write(EDU_SOURCE, source);
	edu_write(EDU_DESTINATION, destination);
	edu_write(EDU_COUNT, SIZE);
	edu_write(EDU_COMMAND, command | COMMAND_RUN);
	while (edu_read(EDU_COMMAND) & COMMAND_RUN)
		if (rdtsc() - start > TICKS)
			payload_fail("DMA does not end");
}

static void into_device(u64 address)
{
	dma(address, EDU_PAGE, 0);
}

static void out_of_device(u64 address)
{
	dma(EDU_PAGE, address, COMMAND_TO_RAM);
}

static void fill(u64 pattern)
{
	u32 i;

	for (i = 0; i < SIZE / 8; i++)
		page[i] = pattern + i;
}

static bool holds(u64 first, u64 step)
{
	u32 i;

	for (i = 0; i < SIZE / 8; i++)
		if (page[i] != first + i * step)
			return false;
	return true;
}

static void own(void)
{
	fill(PATTERN);
	into_device((u64)page);
	fill(0);
	out_of_device((u64)page);
	if (!holds(PATTERN, 1))
		payload_fail("DMA to its own memory: %lx", page[0]);
	say("edu own: ok");
}

static void write_to(u64 address)
{
	fill(PATTERN);
	into_device((u64)page);
	out_of_device(address);
	say("edu write %lu: done", address);
}

static void read_from(u64 address)
{
	fill(PATTERN);
	into_device((u64)page);
	into_device(address);
	fill(0);
	out_of_device((u64)page);
	say("edu read %lu: %s", address,
	    holds(PATTERN, 1) || holds(0, 0) || holds(~0UL, 0) ? "nothing" :
								 "SEEN");
}

static void sweep(void)
{
	u64 frame;

	fill(PATTERN);
	into_device((u64)page);
	for (frame = SWEEP; frame < SWEEP_END; frame += SIZE_2M)
		out_of_device(frame + SIZE_2M / 2);
	say("edu sweep: done");
}

static void storm(u64 count)
{
	while (count--)
		out_of_device(NOTHING);
	say("edu storm: done");
}

static void master(void)
{
	u32 command;

	pci_enable(device, PCI_COMMAND_MASTER);
	command = pci_read(device, PCI_COMMAND);
	say("edu master: %s", command & PCI_COMMAND_MASTER ? "on" : "off");
}

static void obey(const char *line)
{
	if (!strcmp(line, "own"))
		own();
	else if (!memcmp(line, "write ", 6))
		write_to(parse_number(line + 6, 0));
	else if (!memcmp(line, "read ", 5))
		read_from(parse_number(line + 5, 0));
	else if (!strcmp(line, "sweep"))
		sweep();
	else if (!memcmp(line, "storm ", 6))
		storm(parse_number(line + 6, 0));
	else if (!strcmp(line, "master"))
		master();
	else
		say("edu: what is %s?", line);
}

PAYLOAD("edu")
{
	char line[64];

	device = pci_find(ID_EDU);
	pci_enable(device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	edu = pci_bar0(device);
	say("edu: ready, page %lx", (u64)page);
	for (;;)
		if (console_line(line, sizeof(line)))
			obey(line);
}
