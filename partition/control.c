// SPDX-License-Identifier: BSD-2-Clause
#include "partition/control.h"
#include "core/clock.h"
#include "core/io.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "partition/partition.h"
#include "console/logport.h"
#include "core/x86.h"

/* ACPI 6.5 section 4.8.3.2.1, 4.8.3.7 */
#define PM1_SLP_TYP(t)	 ((u16)((t) << 10))
#define PM1_SLP_EN	 BIT(13)
#define SLEEP_SLP_EN	 BIT(5)
#define SLEEP_SLP_TYP(t) ((u8)((t) << 2))

#define RESET_CONTROL	0xcf9
#define KBC_COMMAND	0x64
#define KBC_PULSE_RESET 0xfe
/* How long the machine may take to go down. */
#define POWER_WAIT_US 100000

static struct acpi_info power;

void control_init(const struct acpi_info *acpi)
{
	power = *acpi;
}

static const char *const state_names[] = {
	[PARTITION_STOPPED] = "stopped",
	[PARTITION_RUNNING] = "running",
	[PARTITION_PARKED] = "parked",
};

const char *control_mode_name(const struct partition *p)
{
	return table_mode_name(p->mode);
}

const char *control_state_name(const struct partition *p)
{
	return state_names[p->state];
}

static u32 count(void *ctx)
{
	(void)ctx;
	return nr_partitions;
}

static void describe(void *ctx, u32 i, struct monitor_partition_info *info)
{
	const struct partition *p = &partitions[i];
	u32 n;

	(void)ctx;
	*info = (struct monitor_partition_info){
		.name = p->config->name,
		.state = control_state_name(p),
		.mode = control_mode_name(p),
		.reason = p->reason,
		.memory = p->config->memory,
		.vcpus = p->config->nr_cpus,
		.restarts = p->restarts,
	};
	for (n = 0; n < p->config->nr_cpus; n++)
		info->cpus |= BIT(p->config->cpus[n]);
}

static void ledger(void *ctx, u32 i, u32 vcpu, struct ledger *out)
{
	(void)ctx;
	ledger_snapshot(out,
			&cpu_public[partitions[i].config->cpus[vcpu]].ledger);
}

static void latency(void *ctx, u32 i, u32 vcpu,
		    struct histogram out[LATENCY_COUNT])
{
	u32 cpu = partitions[i].config->cpus[vcpu];
	u32 kind;

	(void)ctx;
	for (kind = 0; kind < LATENCY_COUNT; kind++)
		histogram_snapshot(&out[kind], &cpu_public[cpu].latency[kind]);
}

static void pool(void *ctx, u64 *left, u64 *size)
{
	(void)ctx;
	*left = pool_free_bytes();
	*size = pool_bytes();
}

static bool tables(void *ctx, u32 i, struct monitor_tables *out)
{
	struct mem_tables found;
	u64 root;

	(void)ctx;
	if (i < nr_cpus) {
		fmt_snprintf(out->name, sizeof(out->name), "cpu/%u", i);
		root = paging_root(i);
	} else if (i - nr_cpus < nr_partitions) {
		fmt_snprintf(out->name, sizeof(out->name), "%s",
			     partitions[i - nr_cpus].config->name);
		root = partitions[i - nr_cpus].second_level;
	} else {
		return false;
	}
	paging_survey(root, &found);
	out->tables = found.tables;
	out->pages = found.pages;
	out->sum = found.sum;
	return true;
}

static int stop(void *ctx, u32 i, const char **why)
{
	(void)ctx;
	*why = "it is not running";
	return partition_stop(&partitions[i], "stopped by the monitor", false);
}

static int start(void *ctx, u32 i, const char **why)
{
	(void)ctx;
	*why = "it is running";
	return partition_start(&partitions[i]);
}

static int restart(void *ctx, u32 i, const char **why)
{
	struct partition *p = &partitions[i];

	(void)ctx;
	*why = "it is on its way down";
	if (p->state != PARTITION_RUNNING)
		return partition_start(p);
	return partition_stop(p, "restarted by the monitor", true);
}

static int mode(void *ctx, u32 i, const char *name, const char **why)
{
	enum table_mode m;

	(void)ctx;
	*why = "not a mode of this build";
	for (m = TABLE_DID; m <= TABLE_POSTED; m++)
		if (!strcmp(name, table_mode_name(m)))
			return partition_set_mode(&partitions[i], m);
	return -EINVAL;
}

static void write_register(const struct acpi_register *r, u8 value)
{
	if (r->space == ACPI_SPACE_IO)
		outb((u16)r->address, value);
}

/* SCI_EN: some machines ignore SLP_EN while in legacy mode. */
static void enable_acpi(void)
{
	if (power.smi_cmd && power.acpi_enable && !(inw(power.pm1a_cnt) & 1))
		outb(power.smi_cmd, power.acpi_enable);
}

static int poweroff(void *ctx, const char **why)
{
	(void)ctx;
	*why = "the firmware's tables name no way to power off";
	if (!power.has_s5)
		return -ENODEV;
	port_flush();
	if (power.hw_reduced && power.has_sleep_control) {
		write_register(&power.sleep_control,
			       SLEEP_SLP_TYP(power.slp_typa) | SLEEP_SLP_EN);
	} else if (power.pm1a_cnt) {
		enable_acpi();
		outw(power.pm1a_cnt, PM1_SLP_TYP(power.slp_typa) | PM1_SLP_EN);
		if (power.pm1b_cnt)
			outw(power.pm1b_cnt,
			     PM1_SLP_TYP(power.slp_typb) | PM1_SLP_EN);
	}
	clock_delay_us(POWER_WAIT_US);
	*why = "the machine did not power off";
	return -ENODEV;
}

static int reboot(void *ctx, const char **why)
{
	(void)ctx;
	port_flush();
	if (power.has_reset)
		write_register(&power.reset, power.reset_value);
	clock_delay_us(POWER_WAIT_US);
	outb(RESET_CONTROL, 2);
	outb(RESET_CONTROL, 6);
	clock_delay_us(POWER_WAIT_US);
	outb(KBC_COMMAND, KBC_PULSE_RESET);
	clock_delay_us(POWER_WAIT_US);
	*why = "the machine did not reset";
	return -ENODEV;
}

const struct monitor_ops control_ops = {
	.count = count,
	.describe = describe,
	.ledger = ledger,
	.latency = latency,
	.pool = pool,
	.tables = tables,
	.stop = stop,
	.start = start,
	.restart = restart,
	.mode = mode,
	.poweroff = poweroff,
	.reboot = reboot,
};
