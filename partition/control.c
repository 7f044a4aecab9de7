// SPDX-License-Identifier: BSD-2-Clause
/* What the monitor and the log port do to partitions. */
#include "partition/control.h"
#include "console/logport.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/power.h"
#include "guest/vcpu.h"
#include "partition/parts.h"

static u32 count(void)
{
	return nr_partitions;
}

static void describe(u32 i, struct monitor_partition_info *info)
{
	const struct partition *p = &partitions[i];
	u32 n;

	*info = (struct monitor_partition_info){
		.name = p->config->name,
		.state = partition_state_name(p),
		.mode = partition_mode_name(p),
		.reason = p->life.state == PARTITION_RUNNING ? NULL :
							       p->life.reason,
		.memory = p->config->memory,
		.vcpus = p->config->nr_cpus,
		.restarts = p->life.restarts,
	};
	for (n = 0; n < p->config->nr_cpus; n++)
		cpu_set_add(&info->cpus, p->config->cpus[n]);
}

static void ledger(u32 i, u32 vcpu, struct ledger *out)
{
	ledger_snapshot(out,
			&cpu_public[partitions[i].config->cpus[vcpu]].ledger);
}

static void latency(u32 i, u32 vcpu, struct histogram out[LATENCY_COUNT])
{
	u32 cpu = partitions[i].config->cpus[vcpu];
	u32 kind;

	for (kind = 0; kind < LATENCY_COUNT; kind++)
		histogram_snapshot(&out[kind], &cpu_public[cpu].latency[kind]);
}

static void pool(u64 *left, u64 *size)
{
	*left = pool_free_bytes();
	*size = pool_bytes();
}

static bool tables(u32 i, struct monitor_tables *out)
{
	struct mem_tables found;
	u64 root;

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

static void forget_faults(u32 i)
{
	faults_clear(&partitions[i]);
}

static bool iommu(struct monitor_iommu *out)
{
	struct vtd_use use;

	if (!vtd_on())
		return false;
	vtd_use(&use);
	*out = (struct monitor_iommu){ use.domains, use.contexts, use.entries };
	return true;
}

static int stop(u32 i, const char **why)
{
	*why = "it is not running";
	return partition_stop(&partitions[i], "stopped by the monitor", false);
}

static int start(u32 i, const char **why)
{
	*why = "it is running";
	return partition_start(&partitions[i]);
}

static int restart(u32 i, const char **why)
{
	struct partition *p = &partitions[i];

	*why = "it is on its way down";
	if (p->life.state != PARTITION_RUNNING)
		return partition_start(p);
	return partition_stop(p, "restarted by the monitor", true);
}

static const struct cpu_list *cpus(void)
{
	return &cpu_list;
}

/* Where nobody is in the guest yet, it is dropped. */
static int nmi(u32 i, const char **why)
{
	struct partition *p = &partitions[i];

	*why = "it is not running";
	if (p->life.state != PARTITION_RUNNING)
		return -EBUSY;
	domain_nmi(&p->irq, BIT(0));
	return 0;
}

static int mode(u32 i, const char *name, const char **why)
{
	enum irq_mode m;

	for (m = MODE_DID; m < MODE_POSTED; m++) {
		*why = "it is changing its mode already";
		if (!strcmp(name, table_mode_name(m)))
			return partition_set_mode(&partitions[i], m);
	}
	*why = "not a mode of this build";
	return -EINVAL;
}

static int poweroff(const char **why)
{
	logport_flush();
	return power_off(why);
}

static int reboot(const char **why)
{
	logport_flush();
	return power_reset(why);
}

static const struct monitor_ops control_ops = {
	.count = count,
	.describe = describe,
	.ledger = ledger,
	.latency = latency,
	.cpus = cpus,
	.pool = pool,
	.tables = tables,
	.iommu = iommu,
	.faults = faults_describe,
	.clear_faults = forget_faults,
	.stop = stop,
	.start = start,
	.restart = restart,
	.mode = mode,
	.nmi = nmi,
	.poweroff = poweroff,
	.reboot = reboot,
};

static bool input(u32 partition, u8 byte)
{
	return partition_input(&partitions[partition], byte);
}

static void drained(u32 partition)
{
	partition_drained(&partitions[partition]);
}

/* While booting there is no vCPU on any core. */
static u64 served(void)
{
	const struct partition *p = nr_partitions ? this_vcpu.part : NULL;

	return p ? BIT(p->id) : LOGPORT_FOR_ALL;
}

const struct logport_clients control_clients = {
	.ops = {
		.input = input,
		.drained = drained,
		.lock = log_lock,
		.unlock = log_unlock,
	},
	.served = served,
	.monitor = &control_ops,
};
