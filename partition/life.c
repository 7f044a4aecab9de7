// SPDX-License-Identifier: BSD-2-Clause
/* The life of a partition: built, started, ended, handed back. */
#include "partition/partition.h"
#include "core/clock.h"
#include "partition/control.h"
#include "devices/intx.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "console/logport.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "guest/acpi.h"
#include "guest/linux.h"
#include "guest/memory.h"
#include "guest/multiboot.h"

/*
 * A kicked core is in root mode long before this, even if an emulator has put
 * its thread aside for seconds.
 */
#define ARRIVE_US 30000000

/* So many restarts by itself at once, and one more each so often. */
#define RESTART_BURST 10
#define RESTART_MS    500

struct partition partitions[MAX_PARTITIONS];
u32 nr_partitions;

static void set_reason(struct partition *p, const char *fmt, va_list ap)
{
	fmt_vsnprintf(p->reason, sizeof(p->reason), fmt, ap);
}

static void request_all(struct partition *p, u32 request)
{
	u32 n;

	for (n = 0; n < p->config->nr_cpus; n++)
		cpu_request(p->config->cpus[n], request);
}

/* The first to end a partition says why; false for all who come later. */
static bool begin_end(struct partition *p, enum partition_state state,
		      enum partition_restart restart, const char *fmt,
		      va_list ap)
{
	bool first;

	spin_lock(&p->lock);
	first = p->state == PARTITION_RUNNING && !p->ending;
	if (first) {
		p->ending = true;
		p->end_state = state;
		p->end_restart = restart;
		p->end_time = rdtsc();
		set_reason(p, fmt, ap);
	}
	spin_unlock(&p->lock);
	return first;
}

static bool end(struct partition *p, enum partition_state state,
		enum partition_restart restart, const char *fmt, ...)
	__printf(4, 5);

static bool end(struct partition *p, enum partition_state state,
		enum partition_restart restart, const char *fmt, ...)
{
	va_list ap;
	bool first;

	va_start(ap, fmt);
	first = begin_end(p, state, restart, fmt, ap);
	va_end(ap);
	if (first)
		request_all(p, REQ_STOP);
	return first;
}

static enum partition_restart own_restart(const struct partition *p)
{
	if (p->config->restart == TABLE_RESTART_ALWAYS ||
	    (p->config->restart == TABLE_RESTART_COUNT &&
	     p->restarts < p->config->restart_count))
		return RESTART_LIMITED;
	return RESTART_NONE;
}

/* General registers by enum gpr; the place of RSP is unused. */
static void dump(const struct vcpu *v)
{
	const char *name = v->part->config->name;
	const u64 *r = this_cpu.regs.gpr;
	struct vcpu_state s;
	u32 i;

	backend->get_state(&s);
	log_printf("%s/%u: rip %lx rsp %lx rflags %lx", name, v->index, s.rip,
		   s.rsp, s.rflags);
	log_printf("%s/%u: cr0 %lx cr3 %lx cr4 %lx efer %lx", name, v->index,
		   s.cr0, s.cr3, s.cr4, s.efer);
	backend->dump(v);
	for (i = 0; i < GPR_COUNT; i += 4)
		log_printf("%s/%u: r%u-r%u %lx %lx %lx %lx", name, v->index, i,
			   i + 3, r[i], r[i + 1], r[i + 2], r[i + 3]);
}

void partition_park(struct partition *p, const char *fmt, ...)
{
	const struct vcpu *v = &this_cpu.vcpu;
	va_list ap;
	bool first;

	va_start(ap, fmt);
	first = begin_end(p, PARTITION_PARKED, own_restart(p), fmt, ap);
	va_end(ap);
	if (!first)
		return;
	log_printf("%s/%u: %s", p->config->name, v->index, p->reason);
	dump(v);
	request_all(p, REQ_STOP);
}

void partition_reset(struct partition *p)
{
	enum partition_restart restart = own_restart(p);

	end(p, PARTITION_STOPPED, restart,
	    restart ? "reset by the guest" :
		      "reset by the guest, restart = "
		      "never or used up");
}

void partition_poweroff(struct partition *p)
{
	end(p, PARTITION_STOPPED, RESTART_NONE, "powered off by the guest");
}

/* For one that has ended or is about to, and would start again. */
static bool cancel_restart(struct partition *p)
{
	bool due;

	spin_lock(&p->lock);
	due = p->ending ? p->end_restart != RESTART_NONE : p->waiting;
	p->end_restart = RESTART_NONE;
	p->waiting = false;
	spin_unlock(&p->lock);
	if (due)
		port_detach(p->id);
	return due;
}

int partition_stop(struct partition *p, const char *reason, bool restart)
{
	if (end(p, PARTITION_STOPPED, restart ? RESTART_AT_ONCE : RESTART_NONE,
		"%s", reason))
		return 0;
	return !restart && cancel_restart(p) ? 0 : -EBUSY;
}

int partition_start(struct partition *p)
{
	bool ok;

	spin_lock(&p->lock);
	ok = p->state != PARTITION_RUNNING && !p->ending;
	if (ok) {
		p->state = PARTITION_RUNNING;
		p->waiting = false;
	}
	spin_unlock(&p->lock);
	if (!ok)
		return -EBUSY;
	cpu_request(p->config->cpus[0], REQ_START);
	return 0;
}

int partition_set_mode(struct partition *p, enum table_mode mode)
{
	if (mode == TABLE_POSTED)
		return -EINVAL;
	spin_lock(&p->lock);
	p->next_mode = mode;
	spin_unlock(&p->lock);
	return 0;
}

static void print_line(void *ctx, const char *text)
{
	(void)ctx;
	log_printf("%s", text);
}

void partition_print_ledger(const struct partition *p)
{
	struct ledger l;
	u32 n;

	for (n = 0; n < p->config->nr_cpus; n++) {
		ledger_snapshot(&l, &cpu_public[p->config->cpus[n]].ledger);
		ledger_print(&l, p->config->name, n, control_mode_name(p),
			     print_line, NULL);
	}
}

static void announce(const struct partition *p)
{
	log_printf("partition %s: %s: %s", p->config->name,
		   control_state_name(p), p->reason);
}

u64 partition_log_ticks(u64 ms)
{
	return clock_ms(ms) * nr_partitions;
}

/* Ticks until the restart that is due may be; 0 once nothing is waited for. */
static u64 try_restart(struct partition *p)
{
	bool start = false;
	u64 wait = 0;

	spin_lock(&p->lock);
	if (p->waiting) {
		wait = rate_take(&p->restart_rate, rdtsc(),
				 partition_log_ticks(RESTART_MS),
				 RESTART_BURST);
		start = !wait;
	}
	if (start) {
		p->waiting = false;
		p->restarts++;
		p->state = PARTITION_RUNNING;
	}
	spin_unlock(&p->lock);
	if (start)
		cpu_request(p->config->cpus[0], REQ_START);
	return wait;
}

bool partition_waits(void)
{
	const struct vcpu *v = &this_cpu.vcpu;

	return v->part && !v->index && v->part->waiting && try_restart(v->part);
}

/* On vCPU 0's core, when every core is in root mode and clean. */
static void finish_end(struct partition *p)
{
	enum partition_restart restart;
	u64 wait;

	p->arrived = 0;
	p->cleaned = 0;
	log_printf("partition %s: cores back after %lu ticks", p->config->name,
		   p->back_time - p->end_time);
	partition_print_ledger(p);
	spin_lock(&p->lock);
	p->state = p->end_state;
	p->ending = false;
	restart = p->end_restart;
	p->waiting = restart == RESTART_LIMITED;
	spin_unlock(&p->lock);
	announce(p);
	if (restart == RESTART_NONE)
		port_detach(p->id);
	else if (restart == RESTART_AT_ONCE)
		partition_start(p);
	wait = try_restart(p);
	if (wait)
		log_printf("partition %s: restarts too often: next in %lu ms",
			   p->config->name, wait / clock_ms(1) + 1);
}

static bool all_arrived(const struct partition *p)
{
	return __atomic_load_n(&p->arrived, __ATOMIC_ACQUIRE) ==
	       p->config->nr_cpus;
}

static bool all_cleaned(const struct partition *p)
{
	return __atomic_load_n(&p->cleaned, __ATOMIC_ACQUIRE) ==
	       p->config->nr_cpus;
}

/* The sidecore polls without ever waiting, so this is short. */
static bool echo_is_new(const struct partition *p)
{
	return echo_ready(&p->echo);
}

/* For what other cores of the host do by themselves. */
static void await(const struct partition *p,
		  bool (*done)(const struct partition *p), const char *failure)
{
	u64 start = rdtsc();
	u64 limit = ARRIVE_US * (host_clock.tsc_hz / 1000000);

	while (!done(p)) {
		if (rdtsc() - start > limit)
			panic("partition %s: %s", p->config->name, failure);
		cpu_pause();
	}
}

/*
 * Whoever raises a device's interrupt looks at `running` and sends with the
 * lock held: what was sent before this vCPU left has been sent by now.
 */
static void await_senders(struct partition *p)
{
	spin_lock(&p->lock);
	spin_unlock(&p->lock);
}

/* The order is that of design section 6, hand-back of a core. */
static void __noreturn leave_partition(struct vcpu *v)
{
	struct partition *p = v->part;

	backend->leave();
	__atomic_fetch_and(&p->running, ~BIT(v->index), __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&p->arrived, 1, __ATOMIC_SEQ_CST);
	await(p, all_arrived, "a core did not leave its guest");
	/* What the others have sent it is not for its next guest. */
	__atomic_fetch_and(&cpu_public[this_cpu.id].requests,
			   ~(u32)(REQ_NMI | REQ_INIT | REQ_SIPI),
			   __ATOMIC_SEQ_CST);
	if (v->index == 0) {
		p->back_time = rdtsc();
		assign_stop(p);
	}
	await(p, assign_stopped, "its devices are not quiet");
	await_senders(p);
	if (!eli_hand_back())
		log_printf("cpu %u: the local APIC still has vectors pending",
			   this_cpu.id);
	__atomic_fetch_add(&p->cleaned, 1, __ATOMIC_SEQ_CST);
	if (v->index == 0) {
		await(p, all_cleaned, "a core is not handed back");
		finish_end(p);
	}
	cpu_leave();
}

/* INIT: this core alone; the others go on. */
static void __noreturn leave_for_init(struct vcpu *v)
{
	struct partition *p = v->part;

	backend->leave();
	__atomic_fetch_and(&p->running, ~BIT(v->index), __ATOMIC_SEQ_CST);
	spin_lock(&p->lock);
	intx_update(p);
	spin_unlock(&p->lock);
	/* Its devices go on, and a line that is high comes again and again. */
	eli_hand_back();
	cpu_leave();
}

static bool console_tx(void *ctx, u8 byte)
{
	return console_put(ctx, byte);
}

static size_t console_tx_room(void *ctx)
{
	return console_room(ctx);
}

static void reset_counts(struct cpu_public *c)
{
	memset(&c->ledger, 0, sizeof(c->ledger));
	memset(c->latency, 0, sizeof(c->latency));
}

static void reset_devices(struct partition *p)
{
	struct console *c = port_console(p->id);
	u32 n;

	vserial_init(&p->serial, c ? console_tx : NULL,
		     c ? console_tx_room : NULL, c);
	vlegacy_init(&p->legacy, host_clock.wall, rdtsc(), host_clock.tsc_hz);
	vioapic_init(&p->ioapic, GUEST_IOAPIC_ID);
	p->ports = (struct guest_ports){
		.serial = c ? &p->serial : NULL,
		.legacy = &p->legacy,
		.pci = p->devices.pci.nr ? &p->devices.pci : NULL,
	};
	p->mode = p->next_mode;
	eli_reset_partition(p);
	p->x2apic = 0;
	echo_reset(&p->echo);
	for (n = 0; n < p->config->nr_cpus; n++)
		reset_counts(&cpu_public[p->config->cpus[n]]);
}

static int load_acpi(struct partition *p, u64 *rsdp)
{
	struct guest_acpi_pci pci;
	struct guest_acpi_config config = { .nr_vcpus = p->config->nr_cpus };
	u64 left;
	u8 *buf = guest_ram(p, GUEST_ACPI, &left);

	assign_describe(p, &pci);
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
		.kernel_name = p->kernel->name,
		.kernel = phys_to_virt(p->kernel->base),
		.kernel_size = p->kernel->size,
		.cmdline = p->config->cmdline,
		.layout = p->layout,
	};
	if (p->initrd) {
		b->initrd_name = p->initrd->name;
		b->initrd = phys_to_virt(p->initrd->base);
		b->initrd_size = p->initrd->size;
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
		.kernel_name = p->kernel->name,
		.kernel = phys_to_virt(p->kernel->base),
		.kernel_size = p->kernel->size,
		.nr_modules = p->config->nr_modules,
		.cmdline = p->config->cmdline,
		.layout = p->layout,
	};
	for (i = 0; i < b->nr_modules; i++)
		b->module[i] = (struct multiboot_module){
			.name = p->modules[i]->name,
			.data = phys_to_virt(p->modules[i]->base),
			.size = p->modules[i]->size,
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

/* TSC ticks */
struct load_times {
	u64 zeroing, copying;
};

/*
 * Zeroes and fills the guest's memory; where it begins is left in *start.
 * -EBUSY: the partition is to end.
 */
static int load(struct partition *p, struct vcpu_start *start,
		struct load_times *times)
{
	const struct loader *l = &loaders[p->config->boot];
	char error[160] = "it does not fit its memory";
	union load_job job;
	struct guest_mem mem;
	u64 rsdp, t0, t1;
	int err;

	t0 = rdtsc();
	if (!guest_zero(p))
		return -EBUSY;
	t1 = rdtsc();
	guest_memory_access(p, &mem);
	err = l->plan(p, &job, error, sizeof(error));
	if (!err)
		err = load_acpi(p, &rsdp);
	if (!err)
		err = l->load(&job, &mem, rsdp, start);
	times->zeroing = t1 - t0;
	times->copying = rdtsc() - t1;
	if (err)
		fmt_snprintf(p->reason, sizeof(p->reason), "%s", error);
	return err;
}

int partition_check(const struct partition *p, char *error, size_t size)
{
	union load_job job;

	return loaders[p->config->boot].plan(p, &job, error, size);
}

static void __noreturn enter(struct vcpu *v, const struct vcpu_start *start)
{
	eli_reset_core();
	v->tsc_adjust = 0;
	v->mtrr_def_type = 0;
	v->debugctl = 0;
	v->kvm_clock = 0;
	v->xcr0 = 1;
	v->direct = partition_direct(v->part);
	eli_reset(v);
	vlapic_reset(v);
	v->halted = false;
	v->nmi_pending = false;
	v->nmi_masked = false;
	v->eois_exit = false;
	backend->reset(v, start);
	__atomic_fetch_or(&v->part->running, BIT(v->index), __ATOMIC_SEQ_CST);
	/* With the pins that have waited for this vCPU. */
	intx_serve_eois(v);
	this_cpu.in_guest = true;
	backend->run(v);
}

static void start_partition(struct vcpu *v)
{
	struct partition *p = v->part;
	struct load_times times;
	struct vcpu_start start;
	int err;

	if (__atomic_load_n(&p->running, __ATOMIC_SEQ_CST))
		panic("partition %s: a core is still in its last guest",
		      p->config->name);
	reset_devices(p);
	assign_start(p);
	err = load(p, &start, &times);
	if (err == -EBUSY)
		return;
	if (err) {
		spin_lock(&p->lock);
		p->state = PARTITION_STOPPED;
		spin_unlock(&p->lock);
		announce(p);
		return;
	}
	spin_lock(&p->lock);
	/* An end that was asked for meanwhile has a reason of its own. */
	if (!p->ending)
		fmt_snprintf(p->reason, sizeof(p->reason), "started");
	spin_unlock(&p->lock);
	log_printf("partition %s: running: started", p->config->name);
	boot_report(times.copying, times.zeroing);
	await(p, echo_is_new, "the sidecore does not poll");
	enter(v, &start);
}

static void start_ap(struct vcpu *v)
{
	struct vcpu_start start = {
		.mode = VCPU_REAL,
		.sipi_vector = cpu_public[this_cpu.id].sipi_vector,
	};
	u32 signature, b, c, d;

	/* EDX holds it after INIT (SDM vol. 3 table 10-1). */
	cpuid(1, 0, &signature, &b, &c, &d);
	start.regs.gpr[GPR_RDX] = signature;
	enter(v, &start);
}

void partition_serve(u32 requests)
{
	struct vcpu *v = &this_cpu.vcpu;

	if (requests & REQ_STOP)
		leave_partition(v);
	if (this_cpu.in_guest) {
		if (requests & REQ_INIT) {
			/* A SIPI that came along is for the time after. */
			cpu_request(this_cpu.id, requests & REQ_SIPI);
			leave_for_init(v);
		}
		if (requests & REQ_NMI)
			v->nmi_pending = true;
		if (requests & REQ_EOIS)
			intx_serve_eois(v);
		return;
	}
	if (requests & REQ_START)
		start_partition(v);
	if ((requests & REQ_SIPI) && v->part->state == PARTITION_RUNNING)
		start_ap(v);
}
