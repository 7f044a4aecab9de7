// SPDX-License-Identifier: BSD-2-Clause
/* The boot, as one list. */
#include "apic/ioapic.h"
#include "console/cpus.h"
#include "console/logport.h"
#include "core/acpi.h"
#include "core/boot_info.h"
#include "core/build_id.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/power.h"
#include "core/smp.h"
#include "core/trap.h"
#include "core/x86.h"
#include "drivers/pci.h"
#include "drivers/uart.h"
#include "eli/eli.h"
#include "eli/route.h"
#include "partition/control.h"
#include "partition/partition.h"
#include "partition/place.h"
#include "table/table.h"
#include "vtd/vtd.h"

#define TABLE_MODULE "table"
#define ERROR_SIZE   160
/* CPUID leaf 1 ECX */
#define CPUID_HYPERVISOR BIT(31)
/* Level types in CPUID leaf 0Bh ECX */
#define LEVEL_SMT  1
#define LEVEL_CORE 2
/* VT-d specification 4.1, 11.4.4.2 */
#define VTD_GLOBAL_STATUS  0x1c
#define VTD_TES		   BIT(31)
#define VTD_IRES	   BIT(25)
#define POOL_BASE_SIZE	   (1UL << 20)
#define POOL_PER_CPU	   (224UL << 10)
#define POOL_PER_PARTITION (64UL << 10)
#define POOL_PER_GIB	   PAGE_SIZE
/* With IOMMUs: their tables and queues, and tables of memory once more. */
#define POOL_IOMMUS (1UL << 20)

static struct boot_info boot_info;
static struct acpi_info acpi;
static struct place_map memory;
static u64 low_page;
static struct table table;
static struct dmar dmar;
static bool has_iommu; /* that Ashlar can drive */
static char error[ERROR_SIZE];

/* From boot/entry.S. */
extern u64 boot_pml4[];
/* From linker.ld. */
extern const u8 image_start[], image_end[];

void start(u32 magic, u32 info, u64 delta) __noreturn;

static const void *map_low(void *ctx, u64 phys, size_t len)
{
	(void)ctx;
	if (phys >= DIRECT_BOOT_END || len > DIRECT_BOOT_END - phys)
		return NULL;
	return phys_to_virt(phys);
}

static const struct phys_reader low_memory = { .map = map_low };

static void must(int err)
{
	if (err)
		boot_refuse("%s", error);
}

static void read_boot_info(u32 magic, u32 info)
{
	const struct boot_module *m = boot_info.modules;
	const char *why;
	u32 i;

	if (boot_info_parse(magic, info, &low_memory, &boot_info, &why))
		boot_refuse("%s", why);
	log_printf("boot: multiboot%c, image at %lxh",
		   magic == MULTIBOOT2_BOOTLOADER_MAGIC ? '2' : '1',
		   image_to_phys(image_start));
	for (i = 0; i < boot_info.nr_modules; i++)
		if (m[i].words[0])
			log_printf("warning: module %s: \"%s\" behind its name "
				   "is ignored; arguments go into the table",
				   m[i].name, m[i].words);
}

/* One that is broken costs the IOMMU, not the boot. */
static void read_dmar(void)
{
	if (acpi.bad_dmar)
		log_printf("warning: DMAR: its length or checksum is wrong: "
			   "VT-d is not used");
	if (!acpi.dmar)
		return;
	has_iommu = !dmar_check(&dmar, phys_to_virt(acpi.dmar),
				acpi.dmar_length, error, sizeof(error));
	if (!has_iommu)
		log_printf("warning: DMAR: %s: VT-d is not used", error);
}

static void read_acpi(void)
{
	must(acpi_parse(boot_info.has_rsdp ? boot_info.rsdp : NULL, &low_memory,
			&acpi, error, sizeof(error)));
	if (acpi.more_cpus)
		log_printf("warning: cpus: those behind the first %u, from "
			   "APIC id %u, stay idle",
			   MAX_CPUS, acpi.more_cpus_from);
	if (acpi.more_ioapics)
		log_printf("warning: %u IO-APICs are more than %u and are left "
			   "alone",
			   acpi.more_ioapics, ACPI_IOAPICS);
	power_init(&acpi);
	read_dmar();
}

/* Memory of the firmware's devices, should the map call it free. */
static int spare_reserved(void)
{
	struct dmar_reserved r;
	int err = 0;
	u32 at = 0;

	while (!err && dmar_next_reserved(&dmar, &at, &r))
		err = place_subtract(&memory, r.base, r.limit + 1 - r.base);
	return err;
}

/* RAM that is free: not the first MiB, Ashlar's image or a module. */
static void find_memory(void)
{
	const struct boot_region *r = boot_info.regions;
	const struct boot_module *m = boot_info.modules;
	int err = 0;
	u32 i;

	for (i = 0; i < boot_info.nr_regions && !err; i++)
		if (r[i].type == BOOT_RAM)
			err = place_add(&memory, r[i].base, r[i].size);
	if (!err)
		err = place_subtract(&memory, image_to_phys(image_start),
				     (u64)(image_end - image_start));
	for (i = 0; i < boot_info.nr_modules && !err; i++)
		if (m[i].size)
			err = place_subtract(&memory, m[i].base, m[i].size);
	if (!err)
		err = spare_reserved();
	low_page = place_low_page(&memory);
	if (!err)
		err = place_subtract(&memory, 0, 1UL << 20);
	if (err)
		boot_refuse("memory: the map has too many pieces; update the "
			    "firmware");
}

/* Takes the pool: a fixed part, and what grows with the machine. */
static void take_pool(void)
{
	u64 size = POOL_BASE_SIZE + acpi.nr_cpus * POOL_PER_CPU +
		   MAX_PARTITIONS * POOL_PER_PARTITION +
		   place_usable(&memory) / SIZE_1G * POOL_PER_GIB;
	u64 phys;

	if (has_iommu)
		size += POOL_IOMMUS +
			place_usable(&memory) / SIZE_1G * POOL_PER_GIB;
	size = ALIGN_UP(size, SIZE_2M);
	if (place_take(&memory, size, SIZE_2M, PLACE_BELOW_4G, &phys))
		boot_refuse("memory: no %lu KiB free below 4 GiB for Ashlar; "
			    "add memory",
			    size / 1024);
	pool_init(phys, size);
}

static void build_tables(void)
{
	const struct boot_module *m = boot_info.modules;
	/* One more, should the firmware's list lack this one. */
	u32 cpus = MIN(acpi.nr_cpus + 1, MAX_CPUS);
	u32 i, err = 0;
	u64 cr3;

	if (paging_init(boot_pml4, cpus) || cpus_alloc(cpus))
		boot_refuse("memory: none left for %u CPUs; add memory", cpus);
	for (i = 0; i < boot_info.nr_modules; i++)
		err |= (u32)paging_add_direct(m[i].base, m[i].size, MAP_RO);
	for (i = 0; i < acpi.nr_ioapics; i++)
		err |= (u32)paging_add_direct(acpi.ioapics[i].address,
					      PAGE_SIZE, MAP_RW | MAP_UC);
	cr3 = paging_build_cpu(0);
	if (err || !cr3)
		boot_refuse("memory: none left for page tables; add memory");
	write_cr3(cr3);
}

/*
 * How many of the lowest bits of an APIC id a level takes, SDM vol. 2, CPUID
 * leaf 0Bh; else `otherwise`.
 */
static u32 id_bits(u32 subleaf, u32 level, u32 otherwise)
{
	u32 max, a, b, c, d;

	cpuid(0, 0, &max, &b, &c, &d);
	if (max < 0xb)
		return otherwise;
	cpuid(0xb, subleaf, &a, &b, &c, &d);
	/* A level of one may have bits for more (Bochs). */
	if ((c >> 8 & 0xff) != level || (b & 0xffff) <= 1)
		return otherwise;
	return a & 31;
}

static void list_cpus(void)
{
	char line[CPUS_LINE_MAX];
	u32 next = 0;

	cpu_list.nr = nr_cpus;
	for (; next < nr_cpus; next++)
		cpu_list.apic_id[next] = cpu_public[next].apic_id;
	cpu_list.core_shift = id_bits(0, LEVEL_SMT, 0);
	cpu_list.socket_shift = id_bits(1, LEVEL_CORE, 31);
	for (next = 0; cpus_line(&cpu_list, &next, line);)
		log_printf("%s", line);
}

/*
 * Without a hypervisor the vendors want interrupt remapping with x2APIC.
 */
static void report_x2apic(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	if (!vtd_remaps() && !(c & CPUID_HYPERVISOR))
		log_printf("cpus: x2APIC without interrupt remapping, which "
			   "vendors support under a hypervisor only");
}

static void start_cpus(void)
{
	static const struct core_job job = { core_prepare, core_start };

	must(cpu_init(0, error, sizeof(error)));
	must(clock_init(&acpi, error, sizeof(error)));
	cpu_find_features();
	backend = host_features & FEATURE_SVM ? &svm_backend : &vmx_backend;
	must(core_prepare(error, sizeof(error)));
	must(smp_start(&acpi, low_page, &job, error, sizeof(error)));
	list_cpus();
}

static void probe_iommus(void)
{
	if (!has_iommu)
		return;
	has_iommu = !vtd_probe(&dmar, pci_read, error, sizeof(error));
	if (!has_iommu)
		log_printf("warning: %s: VT-d is not used", error);
}

static void report(void *ctx, unsigned int line, unsigned int col,
		   const char *text)
{
	(void)ctx;
	log_printf("table:%u:%u: %s", line, col, text);
}

static void describe_machine(struct table_machine *m)
{
	static const char *names[BOOT_MODULES];
	static const u16 com[] = { UART_COM1, UART_COM2, UART_COM3, UART_COM4 };
	u32 i;

	*m = (struct table_machine){
		.nr_cpus = nr_cpus,
		.memory = place_usable(&memory),
		.modules = names,
		.nr_modules = boot_info.nr_modules,
		.iommu = has_iommu,
	};
	for (i = 0; i < nr_cpus; i++) {
		m->core_of[i] = cpu_list.apic_id[i] >> cpu_list.core_shift;
		if (!cpu_public[i].up)
			cpu_set_add(&m->idle, i);
	}
	for (i = 0; i < boot_info.nr_modules; i++)
		names[i] = boot_info.modules[i].name;
	for (i = 0; i < ARRAY_SIZE(com); i++)
		if (uart_present(com[i]))
			m->com_ports |= 1U << i;
}

static const struct boot_module *table_module(void)
{
	const struct boot_module *m = boot_info.modules;
	char names[128];

	for (; m < boot_info.modules + boot_info.nr_modules; m++)
		if (!strcmp(m->name, TABLE_MODULE))
			return m;
	boot_module_names(&boot_info, names, sizeof(names));
	boot_refuse("no module named \"%s\" (there are: %s); load the "
		    "partition table as one",
		    TABLE_MODULE, names);
}

static void read_table(void)
{
	const struct boot_module *m = table_module();
	static struct table_machine machine;
	u32 i;
	int err;

	describe_machine(&machine);
	err = table_parse(phys_to_virt(m->base), m->size, &table, report, NULL);
	if (!err)
		err = table_check(&table, &machine, report, NULL) |
		      table_supported(&table, report, NULL);
	if (err)
		boot_refuse("the partition table has errors");
	table_warn(&table, report, NULL);
	for (i = 0; !has_iommu && i < table.nr_partitions; i++)
		if (table.partitions[i].identity)
			log_printf("warning: partition %s: identity = yes: DMA "
				   "of its devices reaches all memory",
				   table.partitions[i].name);
	if (table.smt == TABLE_SMT_SHARE)
		log_printf("warning: smt = share: threads of one physical core "
			   "may spy on each other");
}

static bool has_devices(void)
{
	u32 i, n = 0;

	for (i = 0; i < table.nr_partitions; i++)
		n += table.partitions[i].nr_devices;
	return n;
}

/* What Ashlar can't drive and the firmware left on stays on. */
static void check_iommus(void)
{
	volatile u32 *status;
	struct dmar_unit u;
	u32 at = 0;

	while (dmar_next_unit(&dmar, &at, &u)) {
		status = phys_to_virt(u.base + VTD_GLOBAL_STATUS);
		if (u.base >= PLACE_BELOW_4G || *status == ~0U ||
		    !(*status & (VTD_TES | VTD_IRES)))
			continue;
		if (has_devices())
			boot_refuse("the firmware left the IOMMU at %lxh on, "
				    "which keeps devices from their "
				    "partitions; switch VT-d off in its setup",
				    u.base);
		log_printf("warning: the firmware left the IOMMU at %lxh on",
			   u.base);
	}
}

static void leftovers_off(void)
{
	if (!has_iommu)
		check_iommus();
	ioapic_init(&acpi);
	pci_init(&acpi);
	pci_quiet();
	pci_read_tree(has_iommu);
	if (has_iommu)
		must(vtd_take_over(&acpi, error, sizeof(error)));
	report_x2apic();
}

static void build_partitions(void)
{
	routes_init(table.first_sidecore);
	assign_init(&low_memory, &acpi);
	must(partitions_build(&table, &boot_info, &memory, error,
			      sizeof(error)));
	if (backend->init())
		boot_refuse("memory: none left for the permission maps");
}

static void seal(void)
{
	u32 bad = paging_check_wx(nr_cpus);

	if (bad)
		boot_refuse("seal: %u pages are writable and executable", bad);
}

/* vCPUs are bound to their cores by each core itself. */
static void __noreturn enter_cores(void)
{
	u32 i;

	smp_release();
	paging_seal_cpu();
	core_settle();
	cores_await();
	logport_open();
	for (i = 0; i < nr_partitions; i++)
		partition_start(&partitions[i]);
	core_run();
}

void start(u32 magic, u32 info, u64 delta)
{
	image_delta = delta;
	trap_init();
	logport_init(&control_clients);
	log_printf("Ashlar %s", build_id);

	read_boot_info(magic, info);
	read_acpi();
	find_memory();
	take_pool();
	build_tables();
	start_cpus();
	probe_iommus();
	read_table();
	leftovers_off();
	must(logport_configure(&table, error, sizeof(error)));
	if (logport_is_nmi_cpu(this_cpu.id))
		vtd_announce_faults(cpu_public[this_cpu.id].apic_id);
	build_partitions();
	eli_init();
	seal();
	enter_cores();
}
