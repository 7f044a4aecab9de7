// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a guest's memory holds when it starts: loaders and ACPI tables.
 *
 * docs/decisions.md: Guests are loaded by their own cores.
 */
#include "console/logport.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "guest/acpi.h"
#include "guest/linux.h"
#include "guest/multiboot.h"
#include "partition/parts.h"

/* A start that takes longer says so, and again so often. */
#define PROGRESS_MS 2000

static int load_acpi(struct partition *p, u64 *rsdp)
{
	struct guest_acpi_pci pci;
	struct guest_acpi_config config = { .nr_vcpus = p->config->nr_cpus };
	u64 left;
	u8 *buf = guest_map(&p->ram, GUEST_ACPI, &left);

	assign_describe(&p->devices, &pci);
	if (p->devices.pci.nr)
		config.pci = &pci;
	return guest_acpi_build(buf, GUEST_ACPI_END - GUEST_ACPI, GUEST_ACPI,
				&config, rsdp);
}

/* What a loader means to do, between looking and writing. */
union load_job {
	struct {
		struct linux_boot boot;
		struct linux_plan plan;
	} bzimage;
	struct {
		struct multiboot_boot boot;
		struct multiboot_plan plan;
	} multiboot;
};

/* A value of the table's key `boot`. */
struct loader {
	/* 0, or -EINVAL with a line in error. */
	int (*plan)(const struct partition *p, union load_job *job, char *error,
		    size_t size);
	/* Fills zeroed memory; where the guest begins is left in *start. */
	int (*load)(const union load_job *job, const struct guest_mem *mem,
		    u64 rsdp, struct vcpu_start *start);
};

static int plan_linux(const struct partition *p, union load_job *job,
		      char *error, size_t size)
{
	struct linux_boot *b = &job->bzimage.boot;

	*b = (struct linux_boot){
		.kernel_name = p->image.kernel->name,
		.kernel = phys_to_virt(p->image.kernel->base),
		.kernel_size = p->image.kernel->size,
		.cmdline = p->config->cmdline,
		.layout = p->layout,
	};
	if (p->image.initrd) {
		b->initrd_name = p->image.initrd->name;
		b->initrd = phys_to_virt(p->image.initrd->base);
		b->initrd_size = p->image.initrd->size;
	}
	return linux_plan(b, &job->bzimage.plan, error, size);
}

static int load_linux(const union load_job *job, const struct guest_mem *mem,
		      u64 rsdp, struct vcpu_start *start)
{
	const struct linux_plan *plan = &job->bzimage.plan;

	*start = (struct vcpu_start){
		.mode = VCPU_LONG,
		.rip = plan->rip,
		.regs.gpr[GPR_RSI] = plan->rsi,
		.cr3 = plan->cr3,
		.gdt_base = plan->gdt_base,
		.gdt_limit = plan->gdt_limit,
	};
	return linux_load(&job->bzimage.boot, plan, mem, rsdp);
}

_Static_assert(TABLE_MAX_MODULES <= MULTIBOOT_MODULES, "module pointers");

static int plan_multiboot(const struct partition *p, union load_job *job,
			  char *error, size_t size)
{
	struct multiboot_boot *b = &job->multiboot.boot;
	u32 i;

	*b = (struct multiboot_boot){
		.kernel_name = p->image.kernel->name,
		.kernel = phys_to_virt(p->image.kernel->base),
		.kernel_size = p->image.kernel->size,
		.nr_modules = p->config->nr_modules,
		.cmdline = p->config->cmdline,
		.layout = p->layout,
	};
	for (i = 0; i < b->nr_modules; i++)
		b->module[i] = (struct multiboot_module){
			.name = p->image.modules[i]->name,
			.data = phys_to_virt(p->image.modules[i]->base),
			.size = p->image.modules[i]->size,
		};
	return multiboot_plan(b, &job->multiboot.plan, error, size);
}

static int load_multiboot(const union load_job *job,
			  const struct guest_mem *mem, u64 rsdp,
			  struct vcpu_start *start)
{
	const struct multiboot_plan *plan = &job->multiboot.plan;

	(void)rsdp;
	*start = (struct vcpu_start){
		.mode = VCPU_FLAT32,
		.rip = plan->eip,
		.regs.gpr[GPR_RAX] = plan->eax,
		.regs.gpr[GPR_RBX] = plan->ebx,
		.gdt_base = plan->gdt_base,
		.gdt_limit = plan->gdt_limit,
	};
	return multiboot_load(&job->multiboot.boot, plan, mem);
}

static const struct loader loaders[] = {
	[TABLE_LINUX] = { plan_linux, load_linux },
	[TABLE_MULTIBOOT] = { plan_multiboot, load_multiboot },
};

/* TSC ticks, of the last load. */
static u64 zeroing, copying;

void load_times(u64 *zero, u64 *copy)
{
	*zero = zeroing;
	*copy = copying;
}

/* Fills the guest's memory; where it begins is left in p->entry. */
static int fill(struct partition *p, char *error, size_t size)
{
	const struct loader *l = &loaders[p->config->boot];
	union load_job job;
	struct guest_mem mem;
	u64 rsdp;
	int err;

	fmt_snprintf(error, size, "it does not fit its memory");
	guest_memory_access(&p->ram, &p->layout, &mem);
	err = l->plan(p, &job, error, size);
	if (!err)
		err = load_acpi(p, &rsdp);
	return err ? err : l->load(&job, &mem, rsdp, &p->entry);
}

static bool is_ending(const struct partition *p)
{
	return __atomic_load_n(&p->life.ending, __ATOMIC_RELAXED);
}

/* One frame; false: there are no more, or they need not be zero any more. */
static bool zero_one(struct partition *p)
{
	u64 frame;

	if (is_ending(p))
		return false;
	frame = __atomic_fetch_add(&p->zeroing.taken, 1, __ATOMIC_RELAXED);
	if (frame >= guest_frames(&p->ram))
		return false;
	guest_zero(&p->ram, frame);
	__atomic_fetch_add(&p->zeroing.done, 1, __ATOMIC_RELEASE);
	/* This takes long: the port may be waiting for this core. */
	logport_pump();
	return true;
}

void load_help(struct partition *p)
{
	while (zero_one(p))
		;
}

static bool is_zero(const struct partition *p)
{
	return __atomic_load_n(&p->zeroing.done, __ATOMIC_ACQUIRE) ==
	       guest_frames(&p->ram);
}

static void report_zeroing(const struct partition *p, u64 *last)
{
	u64 now = rdtsc();

	if (now - *last < clock_ms(PROGRESS_MS))
		return;
	*last = now;
	log_printf("partition %s: zeroing: %lu of %lu MiB", p->config->name,
		   p->zeroing.done * SIZE_2M >> 20,
		   guest_frames(&p->ram) * SIZE_2M >> 20);
}

/*
 * By all of its cores, which wait for their SIPI.  False: given up, since it is
 * to end; then those who are still at it leave as this core does.
 */
static bool zero_all(struct partition *p)
{
	u64 last = rdtsc();
	u32 n;

	p->zeroing = (struct zeroing){ 0 };
	for (n = 1; n < p->config->nr_cpus; n++)
		cpu_request(p->config->cpus[n], REQ_ZERO);
	while (zero_one(p))
		report_zeroing(p, &last);
	if (is_ending(p))
		return false;
	partition_await(p, is_zero, "a core does not zero its memory");
	return true;
}

static int start(struct partition *p)
{
	char error[160];
	u64 t0 = rdtsc(), t1;
	int err;

	if (!zero_all(p))
		return -EBUSY;
	t1 = rdtsc();
	err = fill(p, error, sizeof(error));
	zeroing = t1 - t0;
	copying = rdtsc() - t1;
	if (err)
		fmt_snprintf(p->life.reason, sizeof(p->life.reason), "%s",
			     error);
	return err;
}

/* Can its guest be loaded? */
static int build(struct partition *p, char *error, size_t size)
{
	char why[160];
	union load_job job;
	int err = loaders[p->config->boot].plan(p, &job, why, sizeof(why));

	if (err)
		fmt_snprintf(error, size, "partition %s: %s", p->config->name,
			     why);
	return err;
}

const struct part part_guest = {
	.name = "guest",
	.build = build,
	.start = start,
};
