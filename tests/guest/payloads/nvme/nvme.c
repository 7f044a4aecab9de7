// SPDX-License-Identifier: BSD-2-Clause
/*
 * A disk that always has reads under way, for a guest that is stopped at any
 * moment: NVM Express 1.4, without interrupts.
 *
 * First the memory that reads go to, and all around it, must be zero, and stay
 * so for `settle` ms (50): nothing of the last guest's arrives.  Then READS
 * reads are kept in flight for ever.  Prints
 *
 *	nvme: clean | nvme: DIRTY at ADDRESS
 *	nvme: busy		READS are in flight, and some time has passed
 */
#include "lib/payload.h"
#include "lib/pci.h"

/* PCI class 01h, subclass 08h, NVM Express */
#define CLASS_NVME 0x010802
#define DEVICES	   32

/* Section 3.1 */
enum {
	NVME_CC = 0x14,
	NVME_CSTS = 0x1c,
	NVME_AQA = 0x24,
	NVME_ASQ = 0x28,
	NVME_ACQ = 0x30,
	NVME_DOORBELLS = 0x1000,
};
#define CC_ENABLE  BIT(0)
#define CC_ENTRIES (6U << 16 | 4U << 20) /* of 64 and of 16 bytes */
#define CSTS_READY BIT(0)

enum {
	ADMIN_CREATE_SQ = 1,
	ADMIN_CREATE_CQ = 5,
	IO_READ = 2,
};
#define CONTIGUOUS 1U

#define ENTRIES 32U
#define READS	16U

/* Where reads go, and what is looked at; the payload itself is higher. */
#define TARGET	   0x800000UL
#define LOOK	   0x200000UL
#define LOOK_END   0xe00000UL
#define TICKS	   10000000000UL
#define BUSY_TICKS 200000000UL

struct command {
	u8 opcode, flags;
	u16 id;
	u32 namespace;
	u64 reserved, metadata, prp1, prp2;
	u32 dword10, dword11, dword12, dword13, dword14, dword15;
};
_Static_assert(sizeof(struct command) == 64, "figure 104");

struct completion {
	u32 result, reserved;
	u16 head, queue, id, status; /* bit 0: the phase */
};
_Static_assert(sizeof(struct completion) == 16, "figure 121");

struct queue {
	u32 number, tail, head;
	u16 phase;
	struct command *commands;
	volatile struct completion *completions;
};

static struct command commands[2][64] __aligned(4096);
static volatile struct completion completions[2][256] __aligned(4096);
static volatile u8 *regs;

static u32 find(void)
{
	u32 device;

	for (device = 0; device < DEVICES; device++)
		if (pci_read(device, PCI_VENDOR_ID) != ~0U &&
		    pci_read(device, PCI_REVISION) >> 8 == CLASS_NVME)
			return device;
	payload_fail("no NVMe controller on bus 0");
}

static u32 read32(u32 reg)
{
	return *(volatile u32 *)(regs + reg);
}

static void write32(u32 reg, u32 value)
{
	*(volatile u32 *)(regs + reg) = value;
}

static void write64(u32 reg, u64 value)
{
	write32(reg, (u32)value);
	write32(reg + 4, (u32)(value >> 32));
}

static void await_ready(u32 wanted)
{
	u64 start = rdtsc();

	while ((read32(NVME_CSTS) & CSTS_READY) != wanted)
		if (rdtsc() - start > TICKS)
			payload_fail("the controller does not get ready");
}

static void submit(struct queue *q, const struct command *c)
{
	q->commands[q->tail] = *c;
	q->tail = (q->tail + 1) % ENTRIES;
	asm volatile("" : : : "memory");
	write32(NVME_DOORBELLS + q->number * 8, q->tail);
}

/* The id of what is done; -1: nothing yet. */
static s32 poll(struct queue *q)
{
	volatile struct completion *c = &q->completions[q->head];
	u16 id;

	if ((c->status & 1) != q->phase)
		return -1;
	if (c->status >> 1)
		payload_fail("command %u: status %x", c->id, c->status >> 1);
	id = c->id;
	q->head = (q->head + 1) % ENTRIES;
	if (!q->head)
		q->phase ^= 1;
	write32(NVME_DOORBELLS + q->number * 8 + 4, q->head);
	return id;
}

static void admin(struct queue *q, u8 opcode, const volatile void *memory,
		  u32 dword11)
{
	const struct command c = {
		.opcode = opcode,
		.prp1 = (u64)memory,
		.dword10 = (ENTRIES - 1) << 16 | 1,
		.dword11 = dword11,
	};
	u64 start = rdtsc();

	submit(q, &c);
	while (poll(q) < 0)
		if (rdtsc() - start > TICKS)
			payload_fail("command %u does not end", opcode);
}

static void start_controller(struct queue *q)
{
	u32 device = find();

	pci_enable(device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	regs = pci_bar0(device);
	write32(NVME_CC, 0);
	await_ready(0);
	write32(NVME_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	write64(NVME_ASQ, (u64)q[0].commands);
	write64(NVME_ACQ, (u64)q[0].completions);
	write32(NVME_CC, CC_ENTRIES | CC_ENABLE);
	await_ready(CSTS_READY);
	admin(&q[0], ADMIN_CREATE_CQ, q[1].completions, CONTIGUOUS);
	admin(&q[0], ADMIN_CREATE_SQ, q[1].commands, 1U << 16 | CONTIGUOUS);
}

/* Eight blocks of 512 bytes into the page of this number. */
static void read_page(struct queue *q, u32 number, u32 block)
{
	const struct command c = {
		.opcode = IO_READ,
		.id = (u16)number,
		.namespace = 1,
		.prp1 = TARGET + number * PAGE_SIZE,
		.dword10 = block * 8,
		.dword12 = 7,
	};

	submit(q, &c);
}

static bool is_zero(void)
{
	const volatile u64 *p;

	for (p = (u64 *)LOOK; p < (u64 *)LOOK_END; p++)
		if (*p) {
			say("nvme: DIRTY at %lx", (u64)p);
			return false;
		}
	return true;
}

/* The last look begins after that time. */
static bool stays_zero(void)
{
	u64 ms = cmdline_number("settle", 50);
	u64 end = rdtsc() + ms * cmdline_number("khz", 3000000);
	bool last;

	do {
		last = rdtsc() >= end;
		if (!is_zero())
			return false;
	} while (!last);
	return true;
}

PAYLOAD("nvme")
{
	struct queue q[2] = {
		{ 0, 0, 0, 1, commands[0], completions[0] },
		{ 1, 0, 0, 1, commands[1], completions[1] },
	};
	u32 i, block = 0;
	bool said = false;
	u64 end;
	s32 id;

	if (stays_zero())
		say("nvme: clean");
	start_controller(q);
	for (i = 0; i < READS; i++)
		read_page(&q[1], i, ++block);
	end = rdtsc() + rdtsc() % BUSY_TICKS;
	for (;;) {
		id = poll(&q[1]);
		if (id >= 0)
			read_page(&q[1], (u32)id, ++block % 1024);
		if (!said && rdtsc() > end) {
			say("nvme: busy");
			said = true;
		}
	}
}
