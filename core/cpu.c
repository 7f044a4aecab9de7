// SPDX-License-Identifier: BSD-2-Clause
/* Cores: descriptor tables, bring-up, requests, the root loop. */
#include "core/lapic.h"
#include "core/acpi.h"
#include "core/clock.h"
#include "devices/intx.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "partition/partition.h"
#include "core/percpu.h"
#include "console/logport.h"
#include "core/trap.h"
#include "core/x86.h"

#define INIT_WAIT_US 10000
#define SIPI_WAIT_US 200
#define UP_WAIT_US   5000000 /* an emulator may put its thread aside */
#define TSC_ROUNDS   16

#define GDT_CODE	  0x00af9b000000ffffUL
#define GDT_DATA	  0x00cf93000000ffffUL
#define GDT_TSS_AVAILABLE (0x89UL << 40)

struct cpu_public cpu_public[MAX_CPUS];
u32 nr_cpus;

extern u8 trampoline_start[], trampoline_end[];
extern u8 trampoline_cr3[], trampoline_stack[];
extern u64 boot_pml4[];

/* Where a SIPI makes a CPU start. */
static u64 trampoline;

/* For the AP that is being started; one at a time. */
u64 ap_cr3;
static u8 ap_stack[512] __aligned(16);
static u32 ap_cpu;
static char ap_error[128];
static volatile u32 ap_failed;

/* TSC comparison: whose turn, and what the other read. */
static volatile u32 tsc_turn;
static volatile u64 tsc_other;

static bool released;

void ap_main(void) __noreturn;
void cpu_loop(void) __noreturn;
void cpu_idle(void);

bool cpu_is_amd(void)
{
	u32 max, sig[3];

	cpuid(0, 0, &max, &sig[0], &sig[2], &sig[1]);
	return !memcmp(sig, "AuthenticAMD", sizeof(sig)) ||
	       !memcmp(sig, "HygonGenuine", sizeof(sig));
}

static void load_tables(void)
{
	u64 tss = (u64)&this_cpu.tss;
	const struct __packed {
		u16 limit;
		u64 base;
	} dtr = { sizeof(this_cpu.gdt) - 1, (u64)this_cpu.gdt };

	this_cpu.gdt[1] = GDT_CODE;
	this_cpu.gdt[2] = GDT_DATA;
	this_cpu.gdt[3] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 |
			  GDT_TSS_AVAILABLE | (tss >> 24 & 0xff) << 56;
	this_cpu.gdt[4] = tss >> 32;
	this_cpu.tss.ist[IST_NMI - 1] = CPU_NMI_STACK_TOP;
	this_cpu.tss.ist[IST_DF - 1] = CPU_DF_STACK_TOP;
	this_cpu.tss.ist[IST_MC - 1] = CPU_MC_STACK_TOP;
	this_cpu.tss.io_map_base = sizeof(struct tss);
	asm volatile("lgdt %0; ltr %w1" : : "m"(dtr), "r"(SEL_TSS));
	idt_load_host();
}

int cpu_init(u32 cpu, char *error, size_t size)
{
	u64 cr3 = read_cr3();
	u32 a, b, c, d;

	this_cpu.id = cpu;
	this_cpu.cr3 = cr3;
	load_tables();
	cpuid(1, 0, &a, &b, &c, &d);
	write_cr4(CR4_PAE | CR4_MCE | CR4_OSFXSR |
		  (c & BIT(26) ? CR4_OSXSAVE : 0));
	wrmsr(MSR_IA32_PAT, PAT_RESET);
	if (lapic_enable(error, size))
		return -ENODEV;
	this_cpu.apic_id = lapic_id();
	this_cpu.vcpu.ledger = &cpu_public[cpu].ledger;
	this_cpu.vcpu.latency = cpu_public[cpu].latency;
	cpu_public[cpu].apic_id = this_cpu.apic_id;
	return 0;
}

/* Both sides pass the turn on; each round's other TSC must lie between. */
static s64 compare_tsc(void)
{
	u64 before, after;
	s64 worst = 0;
	u32 i;

	for (i = 0; i < TSC_ROUNDS; i++) {
		before = rdtsc();
		tsc_turn = 1;
		while (tsc_turn)
			cpu_pause();
		after = rdtsc();
		if (tsc_other < before)
			worst = MIN(worst, -(s64)(before - tsc_other));
		else if (tsc_other > after)
			worst = MAX(worst, (s64)(tsc_other - after));
	}
	return worst;
}

static void answer_tsc(void)
{
	u32 i;

	for (i = 0; i < TSC_ROUNDS; i++) {
		while (!tsc_turn)
			cpu_pause();
		tsc_other = rdtsc();
		tsc_turn = 0;
	}
}

void ap_main(void)
{
	u32 cpu = ap_cpu;

	if (cpu_init(cpu, ap_error, sizeof(ap_error)) ||
	    backend->check(ap_error, sizeof(ap_error)) ||
	    backend->alloc_cpu(ap_error, sizeof(ap_error))) {
		ap_failed = 1;
		for (;;)
			asm volatile("cli; hlt");
	}
	__atomic_store_n(&cpu_public[cpu].up, true, __ATOMIC_RELEASE);
	answer_tsc();
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		cpu_pause();
	cpu_main();
}

static bool wait_up(u32 cpu, u64 us)
{
	u64 start = rdtsc();
	u64 limit = us * (host_clock.tsc_hz / 1000000);

	while (!ap_failed &&
	       !__atomic_load_n(&cpu_public[cpu].up, __ATOMIC_ACQUIRE)) {
		if (rdtsc() - start > limit)
			return false;
		cpu_pause();
	}
	return true;
}

/* SDM vol. 3 section 9.4.4: INIT, then SIPI, twice if need be. */
static bool wake(u32 cpu, u32 apic_id)
{
	u32 tries;

	lapic_send(apic_id, APIC_DM_INIT | APIC_ASSERT);
	clock_delay_us(INIT_WAIT_US);
	for (tries = 0; tries < 2; tries++) {
		lapic_send(apic_id, APIC_DM_SIPI | APIC_ASSERT |
					    (u32)(trampoline >> PAGE_SHIFT));
		if (wait_up(cpu, tries ? UP_WAIT_US : SIPI_WAIT_US))
			return true;
	}
	return false;
}

static void put64(const u8 *field, u64 value)
{
	u8 *page = phys_to_virt(trampoline);

	memcpy(page + (field - trampoline_start), &value, sizeof(value));
}

static int start_one(u32 cpu, u32 apic_id, char *error, size_t size)
{
	u64 t = rdtsc();
	s64 skew;
	bool up;

	ap_cpu = cpu;
	ap_cr3 = paging_build_cpu(cpu);
	if (!ap_cr3) {
		fmt_snprintf(error, size, "cpu %u: no memory for it", cpu);
		return -ENOMEM;
	}
	up = wake(cpu, apic_id);
	clock_add(CLOCK_IPI_WAIT, rdtsc() - t);
	if (ap_failed || !up) {
		fmt_snprintf(
			error, size, "cpu %u (APIC id %u): %s", cpu, apic_id,
			ap_failed ?
				ap_error :
				"does not start; disable it in the firmware");
		return -ENODEV;
	}
	skew = compare_tsc();
	if (skew) {
		fmt_snprintf(error, size,
			     "cpu %u: its TSC is %ld ticks off "
			     "that of cpu 0; a firmware update may help",
			     cpu, (long)skew);
		return -ENODEV;
	}
	return 0;
}

int smp_start(const struct acpi_info *acpi, u64 low_page, char *error,
	      size_t size)
{
	u32 i, cpu = 1;
	int err;

	nr_cpus = 1;
	cpu_public[0].up = true;
	if (acpi->nr_cpus <= 1)
		return 0;
	if (!low_page) {
		fmt_snprintf(error, size,
			     "cpus: no free RAM below 640 KiB to "
			     "start them from; update the firmware");
		return -ENOMEM;
	}
	trampoline = low_page;
	memcpy(phys_to_virt(trampoline), trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	put64(trampoline_cr3, image_to_phys(boot_pml4));
	put64(trampoline_stack, (u64)(ap_stack + sizeof(ap_stack)));
	for (i = 0; i < acpi->nr_cpus; i++) {
		if (acpi->cpus[i].apic_id == this_cpu.apic_id)
			continue;
		err = start_one(cpu, acpi->cpus[i].apic_id, error, size);
		if (err)
			return err;
		nr_cpus = ++cpu;
	}
	return 0;
}

void smp_release(void)
{
	__atomic_store_n(&released, true, __ATOMIC_RELEASE);
}

void cpu_request(u32 cpu, u32 bits)
{
	struct cpu_public *p = &cpu_public[cpu];

	__atomic_fetch_or(&p->requests, bits, __ATOMIC_SEQ_CST);
	if (cpu == this_cpu.id)
		this_cpu.kick_mark = 1;
	else
		lapic_send(p->apic_id, APIC_DM_NMI);
}

void cpu_serve_requests(void)
{
	u32 requests = __atomic_exchange_n(&cpu_public[this_cpu.id].requests, 0,
					   __ATOMIC_SEQ_CST);

	if (log_panicking())
		for (;;)
			asm volatile("cli; hlt");
	if (port_is_nmi_cpu(this_cpu.id) || (requests & REQ_PUMP))
		port_pump();
	if (requests && this_cpu.vcpu.part)
		partition_serve(requests);
}

/* Cores that wait: for a start, for SIPI, for nothing at all. */
void cpu_loop(void)
{
	this_cpu.in_guest = false;
	for (;;) {
		if (partition_waits())
			cpu_pause();
		else
			cpu_idle();
		this_cpu.kick_mark = 0;
		cpu_serve_requests();
	}
}

s32 cpu_next_taken(void)
{
	s32 vector = vectors_highest(this_cpu.taken);

	if (vector >= 0)
		vectors_clear(this_cpu.taken, (u32)vector);
	return vector;
}

/*
 * Pins whose vector their guest can't have.  Twice, since Bochs sends once more
 * what was not masked at once; not for as long as there are any, since whoever
 * makes them come must not have this core to itself.
 */
static void take_interrupts(void)
{
	s32 vector;
	u32 i;

	for (i = 0; i < 2; i++) {
		asm volatile("sti; nop; cli" : : : "memory");
		vector = cpu_next_taken();
		if (likely(vector < 0))
			return;
		do {
			intx_relay((u32)vector);
			lapic_eoi();
			vector = cpu_next_taken();
		} while (vector >= 0);
	}
}

/* The first sidecore; it takes requests too, a panic among them. */
static void __noreturn sidecore_loop(void)
{
	port_take();
	for (;;) {
		port_poll();
		partitions_poll();
		take_interrupts();
		if (this_cpu.kick_mark) {
			this_cpu.kick_mark = 0;
			cpu_serve_requests();
		}
		cpu_pause();
	}
}

/* Which vCPU is this core's, if any. */
static void bind_vcpu(struct vcpu *v)
{
	struct partition *p;
	u32 n;

	for (p = partitions; p < partitions + nr_partitions; p++)
		for (n = 0; n < p->config->nr_cpus; n++)
			if (p->config->cpus[n] == this_cpu.id) {
				v->part = p;
				v->index = n;
			}
}

void cpu_main(void)
{
	paging_seal_cpu();
	bind_vcpu(&this_cpu.vcpu);
	backend->on();
	if (port_sidecore() == (s32)this_cpu.id)
		sidecore_loop();
	cpu_leave();
}
