// SPDX-License-Identifier: BSD-2-Clause
/* The parts of a partition that a guest finds on its ports and pages. */
#include "apic/vlapic.h"
#include "console/logport.h"
#include "core/clock.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/x86.h"
#include "partition/parts.h"

/* At most so many marks at once, and one more each so often, per vCPU. */
#define MARK_BURST 16
#define MARK_MS	   200

static u64 lapic_read(void *ctx, u64 offset, u8 size)
{
	(void)ctx;
	(void)size;
	return vlapic_mmio_read(&this_vcpu.lapic, (u32)offset);
}

static void lapic_write(void *ctx, u64 offset, u8 size, u64 value)
{
	(void)ctx;
	(void)size;
	if (offset == APIC_ICR << 4)
		this_vcpu.cause = CAUSE_MSR_ICR;
	vlapic_mmio_write(&this_vcpu.lapic, (u32)offset, (u32)value);
}

static int build_apics(struct partition *p, char *error, size_t size)
{
	const struct mmio_region lapic = {
		.gpa = GUEST_LAPIC,
		.size = PAGE_SIZE,
		.cause = CAUSE_EPT_LAPIC,
		.read = lapic_read,
		.write = lapic_write,
	};
	const struct mmio_region ioapic = {
		.gpa = GUEST_IOAPIC,
		.size = PAGE_SIZE,
		.cause = CAUSE_EPT_IOAPIC,
		.ctx = &p->intx,
		.read = intx_read,
		.write = intx_write,
	};
	int err;

	intx_init(&p->intx, &p->irq);
	err = mmio_register(&p->mmio, &lapic);
	if (!err)
		err = mmio_register(&p->mmio, &ioapic);
	if (err)
		fmt_snprintf(error, size,
			     "partition %s: no place for its APICs",
			     p->config->name);
	return err;
}

/* Others may look at what is reset here as soon as a partition has started. */
static int start_apics(struct partition *p)
{
	spin_lock(&p->irq.lock);
	intx_reset(&p->intx);
	spin_unlock(&p->irq.lock);
	return 0;
}

const struct part part_apics = {
	.name = "APICs",
	.build = build_apics,
	.start = start_apics,
};

static bool console_tx(void *ctx, u8 byte)
{
	return console_put(ctx, byte);
}

static size_t console_tx_room(void *ctx)
{
	return console_room(ctx);
}

static int start_ports(struct partition *p)
{
	struct console *c = logport_console(p->id);

	spin_lock(&p->irq.lock);
	vserial_init(&p->serial, c ? console_tx : NULL,
		     c ? console_tx_room : NULL, c);
	vlegacy_init(&p->legacy, host_clock.wall, rdtsc(), host_clock.tsc_hz);
	p->ports = (struct guest_ports){
		.serial = c ? &p->serial : NULL,
		.legacy = &p->legacy,
	};
	spin_unlock(&p->irq.lock);
	return 0;
}

const struct part part_ports = {
	.name = "ports",
	.start = start_ports,
};

/* The page that the partition shares with the first sidecore. */
static int build_echo(struct partition *p, char *error, size_t size)
{
	u64 va = SHARED_VMA + p->id * PAGE_SIZE;
	s32 sidecore = logport_sidecore();

	if (sidecore < 0)
		return 0;
	p->echo.page = (struct echo_page *)va;
	if (pool_alloc(1, &p->echo_pa) &&
	    !paging_add_shared((u32)sidecore, va, p->echo_pa, PAGE_SIZE))
		return 0;
	fmt_snprintf(error, size, "partition %s: no memory for its echo",
		     p->config->name);
	return -ENOMEM;
}

/* The sidecore polls without ever waiting, so this is short. */
static bool echo_is_new(const struct partition *p)
{
	return echo_ready(&p->echo);
}

static int start_echo(struct partition *p)
{
	echo_reset(&p->echo);
	partition_await(p, echo_is_new, "the sidecore does not poll");
	return 0;
}

const struct part part_echo = {
	.name = "echo",
	.build = build_echo,
	.start = start_echo,
};

static void poll_echo(struct partition *p)
{
	if (likely(!echo_poll(&p->echo, GUEST_ECHO_GSI, rdtsc())))
		return;
	spin_lock(&p->irq.lock);
	if (p->life.state == PARTITION_RUNNING) {
		intx_set_line(&p->intx, GUEST_ECHO_GSI, true);
		intx_set_line(&p->intx, GUEST_ECHO_GSI, false);
	}
	spin_unlock(&p->irq.lock);
}

void machines_poll(void)
{
	struct partition *p;

	for (p = partitions; p < partitions + nr_partitions; p++)
		poll_echo(p);
}

/* After every call on the serial port, see guest/serial.h. */
static void settle_serial(struct partition *p)
{
	if (vserial_edge(&p->serial))
		intx_set_line(&p->intx, GUEST_COM1_GSI, false);
	intx_set_line(&p->intx, GUEST_COM1_GSI, vserial_irq(&p->serial));
}

bool partition_input(struct partition *p, u8 byte)
{
	bool taken = true;

	spin_lock(&p->irq.lock);
	/* What is typed for a partition that does not run is dropped. */
	if (p->life.state == PARTITION_RUNNING) {
		taken = vserial_input(&p->serial, byte);
		settle_serial(p);
	}
	spin_unlock(&p->irq.lock);
	return taken;
}

void partition_drained(struct partition *p)
{
	spin_lock(&p->irq.lock);
	if (p->life.state == PARTITION_RUNNING) {
		vserial_tx_ready(&p->serial);
		settle_serial(p);
	}
	spin_unlock(&p->irq.lock);
}

static void mark(struct vcpu *v, u8 byte)
{
	struct partition *p = v->part;
	u64 now = rdtsc();
	u64 wait;

	v->cause = CAUSE_MARK;
	spin_lock(&p->irq.lock);
	wait = rate_take(&p->marks, now, partition_log_ticks(p, MARK_MS),
			 MARK_BURST);
	spin_unlock(&p->irq.lock);
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
	if (assign_io(&p->devices, port, size, write, value))
		return;
	spin_lock(&p->irq.lock);
	action = ports_access(&p->ports, port, size, write, value, rdtsc(),
			      host_clock.tsc_hz);
	byte = p->ports.mark;
	if (is_serial(port) && p->ports.serial)
		settle_serial(p);
	spin_unlock(&p->irq.lock);
	if (is_serial(port))
		logport_pump();
	if (action == PORT_ACTION_MARK)
		mark(v, byte);
	else if (action == PORT_ACTION_RESET)
		partition_reset(p);
	else if (action == PORT_ACTION_POWEROFF)
		partition_poweroff(p);
}
