// SPDX-License-Identifier: BSD-2-Clause
/* A partition's virtual devices, and the IPIs that carry its vectors. */
#include "apic/icr.h"
#include "core/lapic.h"
#include "core/clock.h"
#include "devices/intx.h"
#include "core/log.h"
#include "partition/partition.h"
#include "console/logport.h"
#include "core/x86.h"

/* At most so many marks at once, and one more each so often, for each vCPU. */
#define MARK_BURST 16
#define MARK_MS	   200

static __attribute__((noinline)) void post(struct partition *p, u32 vcpu,
					   u8 vector, bool level)
{
	u32 cpu = p->config->cpus[vcpu];

	/* This core looks before it enters its guest again. */
	if (vapic_post(&cpu_public[cpu].posted, vector, level, rdtsc()) &&
	    cpu != this_cpu.id)
		cpu_request(cpu, REQ_INTERRUPT);
}

void partition_send(struct partition *p, u64 targets, u8 vector, bool level)
{
	u32 n;

	for (; targets; targets &= targets - 1) {
		n = (u32)__builtin_ctzl(targets);
		if (likely(partition_direct(p)))
			lapic_send(p->apic_id[n], vector);
		else
			post(p, n, vector, level);
	}
}

void partition_request(struct partition *p, u64 targets, u32 request, u8 vector)
{
	u32 cpu;

	for (; targets; targets &= targets - 1) {
		cpu = p->config->cpus[__builtin_ctzl(targets)];
		if (request == REQ_SIPI)
			cpu_public[cpu].sipi_vector = vector;
		cpu_request(cpu, request);
	}
}

u64 partition_targets(struct partition *p, const struct vioapic_msg *m,
		      u8 *vector)
{
	bool x2apic = p->x2apic & 1;
	struct icr_env env = {
		.self = 0,
		.nr_vcpus = p->config->nr_cpus,
		.running = __atomic_load_n(&p->running, __ATOMIC_ACQUIRE),
		.x2apic = x2apic,
		.ldr = p->ldr,
		.dfr = p->dfr,
	};
	u64 low = m->vector | (u64)m->delivery_mode << ICR_DM_SHIFT |
		  (m->logical ? ICR_LOGICAL : 0);
	struct icr_plan plan;

	icr_decode(&env,
		   low | (x2apic ? ICR_X2APIC_DEST(m->dest) :
				   ICR_XAPIC_DEST(m->dest)),
		   &plan);
	*vector = plan.vector;
	return plan.kind == ICR_FIXED ? plan.targets : 0;
}

void partition_deliver(struct partition *p, const struct vioapic_msg *m)
{
	u8 vector;
	u64 targets = partition_targets(p, m, &vector);

	partition_send(p, targets, vector, m->level_triggered);
}

void partition_set_line(struct partition *p, u32 pin, bool level)
{
	struct vioapic_msg msg;

	if (vioapic_set_line(&p->ioapic, pin, level, &msg))
		partition_deliver(p, &msg);
}

static void poll_echo(struct partition *p)
{
	if (likely(!echo_poll(&p->echo, GUEST_ECHO_GSI, rdtsc())))
		return;
	spin_lock(&p->lock);
	if (p->state == PARTITION_RUNNING) {
		partition_set_line(p, GUEST_ECHO_GSI, true);
		partition_set_line(p, GUEST_ECHO_GSI, false);
	}
	spin_unlock(&p->lock);
}

void partitions_poll(void)
{
	struct partition *p;

	for (p = partitions; p < partitions + nr_partitions; p++)
		poll_echo(p);
}

/* After every call on the serial port, see guest/serial.h. */
static void settle_serial(struct partition *p)
{
	if (vserial_edge(&p->serial))
		partition_set_line(p, GUEST_COM1_GSI, false);
	partition_set_line(p, GUEST_COM1_GSI, vserial_irq(&p->serial));
}

static void deliver_pins(struct partition *p, u32 pins)
{
	struct vioapic_msg msg;

	for (; pins; pins &= pins - 1) {
		vioapic_message(&p->ioapic, (u32)__builtin_ctz(pins), &msg);
		partition_deliver(p, &msg);
	}
}

void partition_ioapic_write(struct partition *p, u32 offset, u32 value)
{
	spin_lock(&p->lock);
	if (offset == VIOAPIC_EOI) {
		intx_eoi(p, (u8)value);
		intx_ioapic_eoi(p, (u8)value);
	}
	deliver_pins(p, vioapic_write(&p->ioapic, offset, value));
	intx_update(p);
	spin_unlock(&p->lock);
	intx_report(p);
}

u32 partition_ioapic_read(struct partition *p, u32 offset)
{
	u32 value, index;

	spin_lock(&p->lock);
	value = vioapic_read(&p->ioapic, offset);
	index = p->ioapic.select - VIOAPIC_REG_RTE;
	if (offset == VIOAPIC_IOWIN && index < 2 * VIOAPIC_PINS && !(index % 2))
		value = (u32)intx_remote_irr(p, index / 2, value);
	spin_unlock(&p->lock);
	return value;
}

void partition_eoi(struct partition *p, u8 vector)
{
	spin_lock(&p->lock);
	intx_eoi(p, vector);
	deliver_pins(p, vioapic_eoi(&p->ioapic, vector));
	intx_update(p);
	spin_unlock(&p->lock);
}

bool partition_input(struct partition *p, u8 byte)
{
	bool taken = true;

	spin_lock(&p->lock);
	/* What is typed for a partition that does not run is dropped. */
	if (p->state == PARTITION_RUNNING) {
		taken = vserial_input(&p->serial, byte);
		settle_serial(p);
	}
	spin_unlock(&p->lock);
	return taken;
}

void partition_drained(struct partition *p)
{
	spin_lock(&p->lock);
	if (p->state == PARTITION_RUNNING) {
		vserial_tx_ready(&p->serial);
		settle_serial(p);
	}
	spin_unlock(&p->lock);
}

static void mark(struct vcpu *v, u8 byte)
{
	struct partition *p = v->part;
	u64 now = rdtsc();
	u64 wait;

	v->cause = CAUSE_MARK;
	spin_lock(&p->lock);
	wait = rate_take(&p->marks, now,
			 partition_log_ticks(MARK_MS) * p->config->nr_cpus,
			 MARK_BURST);
	spin_unlock(&p->lock);
	if (wait)
		return;
	log_printf("mark %s/%u %02x tsc=%lu", p->config->name, v->index, byte,
		   now);
	partition_print_ledger(p);
}

static bool is_serial(u16 port)
{
	return port >= GUEST_COM1_PORT && port < GUEST_COM1_PORT + UART_SCR + 1;
}

void partition_io(struct vcpu *v, u16 port, u8 size, bool write, u32 *value)
{
	struct partition *p = v->part;
	int action;
	u8 byte;

	v->cause = is_serial(port) ? CAUSE_IO_SERIAL : CAUSE_IO_OTHER;
	if (assign_io(p, port, size, write, value))
		return;
	spin_lock(&p->lock);
	action = ports_access(&p->ports, port, size, write, value, rdtsc(),
			      host_clock.tsc_hz);
	byte = p->ports.mark;
	if (is_serial(port) && p->ports.serial)
		settle_serial(p);
	spin_unlock(&p->lock);
	if (is_serial(port))
		port_pump();
	if (action == PORT_ACTION_MARK)
		mark(v, byte);
	else if (action == PORT_ACTION_RESET)
		partition_reset(p);
	else if (action == PORT_ACTION_POWEROFF)
		partition_poweroff(p);
}
