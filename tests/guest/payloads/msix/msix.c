// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages of any kind in the MSI-X table of an 82576, which sends one when it
 * is told to: Intel, "82576 Gigabit Ethernet Controller Datasheet",
 * section 8.8. On two CPUs every vector from 16 up is counted.  After each
 * message all counts must be as they were, but for the one that may have come:
 * all vectors, destinations, delivery modes, and formats of the address.
 *
 * A message that arrived before vector 10h did is in the counts, since that is
 * the lowest: each CPU is sent one then.
 *
 * With once=1 a single message to CPU 0, which must not come.
 */
#include "lib/e1000.h"
#include "lib/payload.h"
#include "lib/pci.h"

#define ID_82576 0x10c98086
/* A cause for each entry: set, unmasked, cleared when it is sent */
#define GPIE	  0x1514
#define GPIE_MSIX BIT(4)
#define EICS	  0x1520
#define EIMS	  0x1524
#define EIAC	  0x152c

#define CAPABILITY 0x40
#define CPUS	   2
#define VECTORS	   256
#define FIRST	   16
#define FENCE	   0x10
#define VECTOR	   0x41
#define TICKS	   1000000000UL
#define PATIENCE   16

/* SDM vol. 3 section 11.11; VT-d specification 5.1.5.2 */
#define ADDRESS	   0xfee00000U
#define LOGICAL	   0x4U
#define HINT	   0x8U
#define REMAPPABLE 0x10U
#define NOBODY	   CPUS

static volatile u32 taken[CPUS][VECTORS];
static u32 expected[CPUS][VECTORS];
static volatile u32 *table;
static u64 sent, arrived, wrong;
static char first[120];

static void on_vector(u64 vector)
{
	taken[rdmsr(X2APIC_ID) % CPUS][vector]++;
	x2apic_eoi();
}

static void other_cpu(u32 id)
{
	(void)id;
	x2apic_enable();
	interrupts_on();
	for (;;)
		asm volatile("hlt");
}

static void await(u32 cpu, u8 vector)
{
	u64 start = rdtsc();

	expected[cpu][vector]++;
	while (taken[cpu][vector] < expected[cpu][vector] &&
	       rdtsc() - start < TICKS)
		cpu_pause();
}

static void check(u32 low, u32 high, u32 data)
{
	u32 cpu, vector, n;

	for (cpu = 0; cpu < CPUS; cpu++)
		for (vector = 0; vector < VECTORS; vector++) {
			n = taken[cpu][vector];
			if (n == expected[cpu][vector])
				continue;
			if (!wrong++)
				fmt_snprintf(first, sizeof(first),
					     "%08x%08x %x: %u of vector %x on "
					     "CPU %u, not %u",
					     high, low, data, n, vector, cpu,
					     expected[cpu][vector]);
			expected[cpu][vector] = n;
		}
}

static void __noreturn give_up(void)
{
	payload_fail("%lu counts are wrong, first %s", wrong, first);
}

/* The CPU that it comes to, or NOBODY. */
static void shoot(u32 low, u32 high, u32 data, u32 cpu)
{
	u32 n;

	table[3] = 1;
	table[0] = low;
	table[1] = high;
	table[2] = data;
	table[3] = 0;
	e1000_write(EICS, 1);
	sent++;
	if (cpu < CPUS) {
		await(cpu, (u8)data);
		arrived++;
	}
	for (n = 0; n < CPUS; n++) {
		apic_send(n, FENCE);
		await(n, FENCE);
	}
	check(low, high, data);
	if (wrong > PATIENCE)
		give_up();
}

static u32 to(u32 dest)
{
	return ADDRESS | dest << 12;
}

/* Of those that a logical destination names it comes to the first. */
static void destinations(void)
{
	u32 dest;

	for (dest = 0; dest < 256; dest++) {
		shoot(to(dest), 0, VECTOR, MIN(dest, NOBODY));
		shoot(to(dest) | HINT, 0, VECTOR, MIN(dest, NOBODY));
		shoot(to(dest) | LOGICAL, 0, VECTOR,
		      dest & 3 ? !(dest & 1) : NOBODY);
	}
}

static void vectors(void)
{
	u32 cpu, vector;

	for (cpu = 0; cpu < CPUS; cpu++)
		for (vector = 0; vector < VECTORS; vector++)
			shoot(to(cpu), 0, vector,
			      vector < FIRST ? NOBODY : cpu);
}

/* An entry of the remapping table is not the guest's to name. */
static void formats(void)
{
	u32 index;

	for (index = 0; index < 1024; index += 3) {
		shoot(ADDRESS | REMAPPABLE | index << 5, 0, VECTOR,
		      MIN(index >> 7, NOBODY));
		shoot(ADDRESS | REMAPPABLE | HINT | index << 5, 0, 0, NOBODY);
	}
	shoot(0xfed00000, 0, VECTOR, NOBODY);
	shoot(0, 0, VECTOR, NOBODY);
	shoot(0x04000000, 0, VECTOR, NOBODY);
	shoot(to(0), 1, VECTOR, NOBODY);
	shoot(to(0), ~0U, VECTOR, NOBODY);
}

/* Fixed and lowest priority come; one with the level bit does not. */
static void modes(void)
{
	u32 mode;

	for (mode = 0; mode < 8; mode++) {
		shoot(to(0), 0, mode << 8 | VECTOR, mode < 2 ? 0 : NOBODY);
		shoot(to(1), 0, mode << 8 | VECTOR, mode < 2 ? 1 : NOBODY);
		shoot(to(1), 0, 0xc000 | mode << 8 | VECTOR, NOBODY);
		shoot(to(1), 0, mode << 8, NOBODY);
	}
}

static void prepare(void)
{
	u32 device = pci_find(ID_82576), bar;

	idt_set_others(on_vector);
	idt_set_from(FIRST);
	x2apic_enable();
	if (!cpu_start(1, other_cpu))
		payload_fail("the second CPU does not start");
	interrupts_on();
	pci_enable(device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	e1000_regs = pci_bar0(device);
	bar = pci_read(device, CAPABILITY + PCI_MSIX_TABLE) & PCI_MSIX_BAR;
	table = (u32 *)(u64)(pci_read(device, PCI_BAR(bar)) &
			     PCI_BAR_MEMORY_MASK);
	pci_write(device, CAPABILITY, (u32)PCI_MSIX_ENABLE);
	e1000_write(GPIE, GPIE_MSIX);
	e1000_write(EIAC, 1);
	e1000_write(EIMS, 1);
}

PAYLOAD("msix")
{
	prepare();
	if (cmdline_number("once", 0)) {
		shoot(to(0), 0, VECTOR, NOBODY);
	} else {
		destinations();
		vectors();
		formats();
		modes();
	}
	if (wrong)
		give_up();
	payload_ok("sent=%lu arrived=%lu", sent, arrived);
}
