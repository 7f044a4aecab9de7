// SPDX-License-Identifier: BSD-2-Clause
/* What cores do: requests, the root loop, the sidecore. */
#include "console/logport.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "eli/route.h"
#include "partition/parts.h"

/* What lies at this_vcpu, a page of this core's own. */
struct vcpu_page {
	struct vcpu vcpu;
	struct eli_vcpu eli;
};
_Static_assert(sizeof(struct vcpu_page) <= PAGE_SIZE, "a vCPU has one page");

/* How long the others may take to settle; an emulator may put one aside. */
#define SETTLE_MS 30000

static u32 nr_settled;

int core_prepare(char *error, size_t size)
{
	u64 phys;
	int err;

	if (!paging_add_private((u64)&this_vcpu, &phys)) {
		fmt_snprintf(error, size, "no memory for its vCPU");
		return -ENOMEM;
	}
	err = backend->check(error, size);
	return err ? err : backend->alloc_cpu(error, size);
}

void partition_serve_requests(void)
{
	u32 requests = cpu_take_requests();

	if (logport_is_nmi_cpu(this_cpu.id) || (requests & REQ_PUMP))
		logport_pump();
	if (logport_is_nmi_cpu(this_cpu.id))
		faults_look();
	if (requests && this_vcpu.part)
		life_serve(requests);
}

/* Cores that wait: for a start, for SIPI, for nothing at all. */
static void root_loop(void)
{
	this_vcpu.in_guest = false;
	for (;;) {
		if (life_waits())
			cpu_pause();
		else
			cpu_idle();
		this_cpu.kick_mark = 0;
		partition_serve_requests();
	}
}

void core_leave(void)
{
	cpu_leave(root_loop);
}

/*
 * Sources whose vector their guest can't have.  Twice, since Bochs sends once
 * more what was not masked at once; not for as long as there are any, since
 * whoever makes them come must not have this core to itself.
 */
static void relay_interrupts(void)
{
	s32 vector;
	u32 i;

	for (i = 0; i < 2; i++) {
		asm volatile("sti; nop; cli" : : : "memory");
		vector = cpu_next_taken();
		if (likely(vector < 0))
			return;
		do {
			route_relay((u32)vector);
			lapic_eoi();
			vector = cpu_next_taken();
		} while (vector >= 0);
	}
}

/* The first sidecore; it takes requests too, a panic among them. */
static void __noreturn sidecore_loop(void)
{
	logport_take();
	for (;;) {
		logport_poll();
		machines_poll();
		faults_poll();
		relay_interrupts();
		if (this_cpu.kick_mark) {
			this_cpu.kick_mark = 0;
			partition_serve_requests();
		}
		cpu_pause();
	}
}

static void bind(struct vcpu *v, struct partition *p, u32 n)
{
	v->part = p;
	v->domain = &p->irq;
	v->ram = &p->ram;
	v->eli = &((struct vcpu_page *)v)->eli;
	v->index = n;
	v->ledger = &cpu_public[this_cpu.id].ledger;
	v->latency = cpu_public[this_cpu.id].latency;
}

/* Which vCPU is this core's, if any. */
static void find_vcpu(void)
{
	struct partition *p;
	u32 n;

	for (p = partitions; p < partitions + nr_partitions; p++)
		for (n = 0; n < p->config->nr_cpus; n++)
			if (p->config->cpus[n] == this_cpu.id)
				bind(&this_vcpu, p, n);
}

/*
 * What the firmware has left pending or in service must reach no guest, and
 * what comes from the first guest must not be taken for it.
 */
void core_settle(void)
{
	if (!eli_hand_back())
		log_printf("warning: cpu %u: interrupts of the firmware do not "
			   "end",
			   this_cpu.id);
	__atomic_fetch_add(&nr_settled, 1, __ATOMIC_RELEASE);
}

void cores_await(void)
{
	u64 start = rdtsc();
	u32 i, n = 0;

	for (i = 0; i < nr_cpus; i++)
		n += cpu_public[i].up;
	while (__atomic_load_n(&nr_settled, __ATOMIC_ACQUIRE) < n) {
		if (rdtsc() - start > clock_ms(SETTLE_MS))
			panic("not all CPUs have left the boot");
		cpu_pause();
	}
}

void core_start(void)
{
	paging_seal_cpu();
	core_settle();
	core_run();
}

void core_run(void)
{
	find_vcpu();
	backend->on();
	if (logport_sidecore() == (s32)this_cpu.id)
		sidecore_loop();
	core_leave();
}
