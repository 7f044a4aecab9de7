// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of a partition: started, ended, handed back.
 *
 * docs/decisions.md: INIT and start-up IPIs wait in root mode; The ledger
 * begins at 0 at each start; A partition restarts by itself ten times at once.
 */
#include "console/logport.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "eli/route.h"
#include "partition/parts.h"

/*
 * A kicked core is in root mode long before this, even if an emulator has put
 * its thread aside for seconds.
 */
#define ARRIVE_US 30000000

/* So many restarts by itself at once, and one more each so often, per vCPU. */
#define RESTART_BURST 10
#define RESTART_MS    500

struct partition partitions[MAX_PARTITIONS];
u32 nr_partitions;

static void set_reason(struct partition *p, const char *fmt, va_list ap)
{
	fmt_vsnprintf(p->life.reason, sizeof(p->life.reason), fmt, ap);
}

void partition_request(const struct partition *p, u32 request)
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

	spin_lock(&p->irq.lock);
	first = p->life.state == PARTITION_RUNNING && !p->life.ending;
	if (first) {
		p->life.ending = true;
		p->life.end_state = state;
		p->life.end_restart = restart;
		p->life.end_time = rdtsc();
		set_reason(p, fmt, ap);
	}
	spin_unlock(&p->irq.lock);
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
		partition_request(p, REQ_STOP);
	return first;
}

static enum partition_restart own_restart(const struct partition *p)
{
	if (p->config->restart == TABLE_RESTART_ALWAYS ||
	    (p->config->restart == TABLE_RESTART_COUNT &&
	     p->life.restarts < p->config->restart_count))
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
	const struct vcpu *v = &this_vcpu;
	va_list ap;
	bool first;

	va_start(ap, fmt);
	first = begin_end(p, PARTITION_PARKED, own_restart(p), fmt, ap);
	va_end(ap);
	if (!first)
		return;
	log_printf("%s/%u: %s", p->config->name, v->index, p->life.reason);
	dump(v);
	partition_request(p, REQ_STOP);
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

	spin_lock(&p->irq.lock);
	due = p->life.ending ? p->life.end_restart != RESTART_NONE :
			       p->life.waiting;
	p->life.end_restart = RESTART_NONE;
	p->life.waiting = false;
	spin_unlock(&p->irq.lock);
	if (due)
		logport_detach(p->id);
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

	spin_lock(&p->irq.lock);
	ok = p->life.state != PARTITION_RUNNING && !p->life.ending;
	if (ok) {
		p->life.state = PARTITION_RUNNING;
		p->life.waiting = false;
	}
	spin_unlock(&p->irq.lock);
	if (!ok)
		return -EBUSY;
	cpu_request(p->config->cpus[0], REQ_START);
	return 0;
}

const char *partition_mode_name(const struct partition *p)
{
	return table_mode_name(p->irq.mode);
}

const char *partition_state_name(const struct partition *p)
{
	static const char *const names[] = {
		[PARTITION_STOPPED] = "stopped",
		[PARTITION_RUNNING] = "running",
		[PARTITION_PARKED] = "parked",
	};

	return names[p->life.state];
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
		ledger_print(&l, p->config->name, n, partition_mode_name(p),
			     print_line, NULL);
	}
}

static void announce(const struct partition *p)
{
	log_printf("partition %s: %s: %s", p->config->name,
		   partition_state_name(p), p->life.reason);
}

u64 partition_log_ticks(const struct partition *p, u64 ms)
{
	return clock_ms(ms) * nr_partitions * p->config->nr_cpus;
}

/* Ticks until the restart that is due may be; 0 once nothing is waited for. */
static u64 try_restart(struct partition *p)
{
	bool start = false;
	u64 wait = 0;

	spin_lock(&p->irq.lock);
	if (p->life.waiting) {
		wait = rate_take(&p->life.restart_rate, rdtsc(),
				 partition_log_ticks(p, RESTART_MS),
				 RESTART_BURST);
		start = !wait;
	}
	if (start) {
		p->life.waiting = false;
		p->life.restarts++;
		p->life.state = PARTITION_RUNNING;
	}
	spin_unlock(&p->irq.lock);
	if (start)
		cpu_request(p->config->cpus[0], REQ_START);
	return wait;
}

bool life_waits(void)
{
	const struct vcpu *v = &this_vcpu;

	return v->part && !v->index && v->part->life.waiting &&
	       try_restart(v->part);
}

/* On vCPU 0's core, when every core is in root mode and clean. */
static void finish_end(struct partition *p)
{
	enum partition_restart restart;
	u64 wait;

	p->life.arrived = 0;
	p->life.cleaned = 0;
	switch_forget(p);
	log_printf("partition %s: cores back after %lu ticks", p->config->name,
		   p->life.back_time - p->life.end_time);
	partition_print_ledger(p);
	spin_lock(&p->irq.lock);
	p->life.state = p->life.end_state;
	p->life.ending = false;
	restart = p->life.end_restart;
	p->life.waiting = restart == RESTART_LIMITED;
	spin_unlock(&p->irq.lock);
	announce(p);
	if (restart == RESTART_NONE)
		logport_detach(p->id);
	else if (restart == RESTART_AT_ONCE)
		partition_start(p);
	wait = try_restart(p);
	if (wait)
		log_printf("partition %s: restarts too often: next in %lu ms",
			   p->config->name, wait / clock_ms(1) + 1);
}

static bool all_arrived(const struct partition *p)
{
	return __atomic_load_n(&p->life.arrived, __ATOMIC_ACQUIRE) ==
	       p->config->nr_cpus;
}

static bool all_cleaned(const struct partition *p)
{
	return __atomic_load_n(&p->life.cleaned, __ATOMIC_ACQUIRE) ==
	       p->config->nr_cpus;
}

void partition_await(const struct partition *p,
		     bool (*done)(const struct partition *p),
		     const char *failure)
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
	spin_lock(&p->irq.lock);
	spin_unlock(&p->irq.lock);
}

/* The order is that of design section 6, hand-back of a core. */
static void __noreturn leave_partition(struct vcpu *v)
{
	struct partition *p = v->part;

	backend->leave();
	domain_leave(&p->irq, v->index);
	__atomic_fetch_add(&p->life.arrived, 1, __ATOMIC_SEQ_CST);
	partition_await(p, all_arrived, "a core did not leave its guest");
	/* What the others have sent it is not for its next guest. */
	__atomic_fetch_and(
		&cpu_public[this_cpu.id].requests,
		~(u32)(REQ_NMI | REQ_INIT | REQ_SIPI | REQ_ZERO | REQ_MODE),
		__ATOMIC_SEQ_CST);
	if (v->index == 0) {
		p->life.back_time = rdtsc();
		parts_stop(p);
	}
	partition_await(p, parts_stopped, "its devices are not quiet");
	await_senders(p);
	if (!eli_hand_back())
		log_printf("cpu %u: the local APIC still has vectors pending",
			   this_cpu.id);
	__atomic_fetch_add(&p->life.cleaned, 1, __ATOMIC_SEQ_CST);
	if (v->index == 0) {
		partition_await(p, all_cleaned, "a core is not handed back");
		finish_end(p);
	}
	core_leave();
}

/* INIT: this core alone; the others go on. */
static void __noreturn leave_for_init(struct vcpu *v)
{
	struct partition *p = v->part;

	backend->leave();
	domain_leave(&p->irq, v->index);
	spin_lock(&p->irq.lock);
	routes_update(&p->irq);
	spin_unlock(&p->irq.lock);
	/* Its devices go on, and a line that is high comes again and again. */
	eli_hand_back();
	core_leave();
}

static void __noreturn enter(struct vcpu *v, const struct vcpu_start *start)
{
	static const struct vlapic_home *const homes[] = {
		[MODE_DID] = &vlapic_direct,
		[MODE_EXIT] = &vlapic_emulated,
		[MODE_ELI] = &vlapic_eli,
	};

	eli_reset_core();
	v->tsc_adjust = 0;
	v->mtrr_def_type = 0;
	v->debugctl = 0;
	v->kvm_clock = 0;
	v->xcr0 = 1;
	v->mode = v->domain->mode;
	eli_reset(v);
	vlapic_reset(&v->lapic, v->domain, v->index, homes[v->mode]);
	v->halted = false;
	v->nmis = 0;
	domain_take_nmis(v->domain, v->index);
	v->eois_exit = false;
	backend->reset(v, start);
	domain_own_apic(v->domain, v->index, vcpu_owns_apic(v));
	__atomic_fetch_or(&v->domain->running, BIT(v->index), __ATOMIC_SEQ_CST);
	/* With the sources that have waited for this vCPU. */
	routes_serve_eois(v);
	if (!v->index)
		switch_follow(v->part);
	v->in_guest = true;
	backend->run(v);
}

static void reset_counts(struct partition *p)
{
	struct cpu_public *c;
	u32 n;

	for (n = 0; n < p->config->nr_cpus; n++) {
		c = &cpu_public[p->config->cpus[n]];
		memset(&c->ledger, 0, sizeof(c->ledger));
		memset(c->latency, 0, sizeof(c->latency));
	}
}

/* Before the first guest is entered: where the time went, once. */
static void boot_report(void)
{
	static u32 done;
	u64 total = rdtsc() - boot_entry_tsc;
	u64 clock = clock_spent[CLOCK_REFERENCE_WAIT];
	u64 ipi = clock_spent[CLOCK_IPI_WAIT];
	u64 uart = clock_spent[CLOCK_UART_WAIT];
	u64 zeroing, copying;

	if (__atomic_exchange_n(&done, 1, __ATOMIC_SEQ_CST))
		return;
	load_times(&zeroing, &copying);
	log_printf("boot: %lu ticks from entry to the first guest: copying "
		   "%lu, zeroing %lu, clock %lu, INIT/SIPI %lu, UART %lu, rest "
		   "%lu",
		   total, copying, zeroing, clock, ipi, uart,
		   total - copying - zeroing - clock - ipi - uart);
}

static void start_failed(struct partition *p)
{
	spin_lock(&p->irq.lock);
	p->life.state = PARTITION_STOPPED;
	spin_unlock(&p->irq.lock);
	announce(p);
}

static void start_partition(struct vcpu *v)
{
	struct partition *p = v->part;
	int err;

	if (__atomic_load_n(&p->irq.running, __ATOMIC_SEQ_CST))
		panic("partition %s: a core is still in its last guest",
		      p->config->name);
	p->irq.mode = p->life.next_mode;
	p->irq.x2apic = 0;
	p->irq.off = 0;
	eli_reset_domain(&p->irq);
	reset_counts(p);
	err = parts_start(p);
	if (err && err != -EBUSY)
		start_failed(p);
	if (err)
		return;
	log_printf("partition %s: running: started", p->config->name);
	boot_report();
	enter(v, &p->entry);
}

static void start_ap(struct vcpu *v)
{
	struct vcpu_start start = {
		.mode = VCPU_REAL,
		.sipi_vector = v->domain->sipi_vector[v->index],
	};
	u32 signature, b, c, d;

	/* EDX holds it after INIT (SDM vol. 3 table 10-1). */
	cpuid(1, 0, &signature, &b, &c, &d);
	start.regs.gpr[GPR_RDX] = signature;
	enter(v, &start);
}

/* One is served, one latched, at most: less in the handler, deliver_nmi(). */
static void note_nmis(struct vcpu *v)
{
	u32 nmis = v->nmis + domain_take_nmis(v->domain, v->index);

	v->nmis = (u8)MIN(nmis, 2U);
}

void life_serve(u32 requests)
{
	struct vcpu *v = &this_vcpu;

	if (requests & REQ_STOP)
		leave_partition(v);
	if (requests & REQ_MODE)
		switch_serve(v);
	if (this_vcpu.in_guest) {
		if (requests & REQ_INIT) {
			/* A SIPI that came along is for the time after. */
			cpu_request(this_cpu.id, requests & REQ_SIPI);
			leave_for_init(v);
		}
		if (requests & REQ_NMI)
			note_nmis(v);
		if (requests & REQ_EOIS)
			routes_serve_eois(v);
		return;
	}
	if (requests & REQ_ZERO)
		load_help(v->part);
	if (requests & REQ_START)
		start_partition(v);
	if ((requests & REQ_SIPI) && v->part->life.state == PARTITION_RUNNING)
		start_ap(v);
}
