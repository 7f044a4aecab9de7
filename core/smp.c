// SPDX-License-Identifier: BSD-2-Clause
/* Bringing up the other cores: INIT, SIPI, the trampoline, TSCs compared. */
#include "core/smp.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/skew.h"
#include "core/x86.h"

#define INIT_WAIT_US 10000
#define SIPI_WAIT_US 200
#define UP_WAIT_US   5000000 /* an emulator may put its thread aside */

extern u8 trampoline_start[], trampoline_end[];
extern u8 trampoline_cr3[], trampoline_stack[];

/* Where a SIPI makes a CPU start. */
static u64 trampoline;

/* For the AP that is being started; one at a time. */
u64 ap_cr3;
static u8 ap_stack[512] __aligned(16);
static u32 ap_cpu;
static char ap_error[128];
static volatile u32 ap_failed;

/* Between the BSP and that one. */
static struct skew skew;
static s64 worst_skew;
/* CPUs that can't be used. */
static u32 nr_idle;

static const struct core_job *job;
static bool released;

void ap_main(void) __noreturn;

void ap_main(void)
{
	u32 cpu = ap_cpu;

	if (cpu_init(cpu, ap_error, sizeof(ap_error)) ||
	    job->prepare(ap_error, sizeof(ap_error))) {
		ap_failed = 1;
		for (;;)
			asm volatile("cli; hlt");
	}
	__atomic_store_n(&cpu_public[cpu].up, true, __ATOMIC_RELEASE);
	skew_answer(&skew);
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		cpu_idle();
	job->run();
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
static bool wake(u32 cpu)
{
	u32 apic_id = cpu_public[cpu].apic_id;
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

static int check_tsc(void)
{
	s64 ahead = skew_measure(&skew);
	s64 apart = ahead < 0 ? -ahead : ahead;

	if (apart <= SKEW_TOLERANCE) {
		worst_skew = MAX(worst_skew, apart);
		return 0;
	}
	fmt_snprintf(ap_error, sizeof(ap_error),
		     "its TSC is %ld ticks off that of cpu 0; a firmware "
		     "update may help",
		     (long)ahead);
	return -ENODEV;
}

/*
 * Whatever it does, and be it to start after all, it waits from now on for a
 * SIPI that does not come.
 */
static void leave_idle(u32 cpu)
{
	lapic_send(cpu_public[cpu].apic_id, APIC_DM_INIT | APIC_ASSERT);
	clock_delay_us(INIT_WAIT_US);
	cpu_public[cpu].up = false;
	ap_failed = 0;
}

/* 0, or -ENODEV and why in ap_error. */
static int start_one(u32 cpu)
{
	u64 t = rdtsc();
	bool up = wake(cpu);

	clock_add(CLOCK_IPI_WAIT, rdtsc() - t);
	if (ap_failed)
		return -ENODEV;
	if (up)
		return check_tsc();
	fmt_snprintf(ap_error, sizeof(ap_error), "does not start");
	return -ENODEV;
}

/* A CPU that can't be used keeps its number: those of others do not move. */
static int add_cpu(u32 cpu, u32 apic_id, char *error, size_t size)
{
	ap_cpu = cpu;
	ap_cr3 = paging_build_cpu(cpu);
	if (!ap_cr3) {
		fmt_snprintf(error, size, "cpu %u: no memory for it", cpu);
		return -ENOMEM;
	}
	cpu_public[cpu].apic_id = apic_id;
	nr_cpus = cpu + 1;
	if (!start_one(cpu))
		return 0;
	leave_idle(cpu);
	nr_idle++;
	log_printf("warning: cpu %u (APIC id %u) stays idle: %s", cpu, apic_id,
		   ap_error);
	return 0;
}

static int start_others(const struct acpi_info *acpi, u64 low_page, char *error,
			size_t size)
{
	u32 i;
	int err;

	if (!low_page) {
		fmt_snprintf(error, size,
			     "cpus: no free RAM below 640 KiB to "
			     "start them from; update the firmware");
		return -ENOMEM;
	}
	trampoline = low_page;
	memcpy(phys_to_virt(trampoline), trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	put64(trampoline_cr3, paging_boot_cr3());
	put64(trampoline_stack, (u64)(ap_stack + sizeof(ap_stack)));
	for (i = 0; i < acpi->nr_cpus && nr_cpus < MAX_CPUS; i++) {
		if (acpi->cpus[i].apic_id == this_cpu.apic_id)
			continue;
		err = add_cpu(nr_cpus, acpi->cpus[i].apic_id, error, size);
		if (err)
			return err;
	}
	return 0;
}

int smp_start(const struct acpi_info *acpi, u64 low_page,
	      const struct core_job *j, char *error, size_t size)
{
	int err;

	job = j;
	nr_cpus = 1;
	cpu_public[0].up = true;
	err = acpi->nr_cpus > 1 ? start_others(acpi, low_page, error, size) : 0;
	if (err)
		return err;
	if (worst_skew)
		log_printf("cpus: TSCs up to %ld ticks apart",
			   (long)worst_skew);
	log_printf("cpus: %u, TSCs in step", nr_cpus - nr_idle);
	return 0;
}

void smp_release(void)
{
	u32 i;

	__atomic_store_n(&released, true, __ATOMIC_RELEASE);
	for (i = 0; i < nr_cpus; i++)
		if (cpu_public[i].up && i != this_cpu.id)
			lapic_send(cpu_public[i].apic_id, APIC_DM_NMI);
}
