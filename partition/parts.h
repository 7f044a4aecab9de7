/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a partition consists of: one list, built and started from the first to
 * the last, stopped from the last to the first.  For partition/ only.
 */
#ifndef PARTITION_PARTS_H
#define PARTITION_PARTS_H

#include "console/monitor.h"
#include "partition/partition.h"

/* Any of the functions may be left out. */
struct part {
	const char *name;
	/* Boot, BSP: 0, or -E with a line in error. */
	int (*build)(struct partition *p, char *error, size_t size);
	/*
	 * On vCPU 0's core, while no vCPU runs: 0, or -E with the reason in
	 * life.reason; -EBUSY: the partition is to end.
	 */
	int (*start)(struct partition *p);
	/* On vCPU 0's core, when all of its cores are in root mode. */
	void (*stop)(struct partition *p);
	/* Then, on each of them, until it is true. */
	bool (*stopped)(const struct partition *p);
};

/* All of them, for all partitions; in partition/parts.c. */
int parts_build(struct partition *p, char *error, size_t size);
int parts_start(struct partition *p);
void parts_stop(struct partition *p);
bool parts_stopped(const struct partition *p);

/* partition/build.c: RAM, the tables over it. */
extern const struct part part_tables;
/* The same list of regions goes into the tables of a device's DMA. */
int __must_check map_regions(struct slat *t, const struct guest_region *r,
			     u32 nr, u64 bits);
/* partition/dma.c: what its devices reach. */
extern const struct part part_dma;
/* partition/machine.c: what the guest finds on its ports and pages. */
extern const struct part part_apics, part_ports, part_echo;
/* partition/load.c: its memory's contents. */
extern const struct part part_guest;

/* REQ_ZERO: zeroes frames of the guest's RAM until there are no more. */
void load_help(struct partition *p);
/* Ticks that loading the guest took, for the report of the boot. */
void load_times(u64 *zeroing, u64 *copying);

/* The first sidecore, in its loop: the virtual devices it serves. */
void machines_poll(void);
/* Likewise, partition/faults.c: what devices tried and must not. */
void faults_poll(void);
/* The core that NMIs of devices and of the log port go to: the same, at once.
 */
void faults_look(void);
/*
 * Its devices are attached to its memory, and what they tried before is
 * forgotten; or to nothing.  Either lifts a quarantine.
 */
void faults_attach(struct partition *p, bool on);
/* The monitor's: what they tried is forgotten, a quarantine lifted. */
void faults_clear(struct partition *p);
bool faults_describe(u32 i, struct monitor_faults *out);

/* Waits for what other cores of the host do by themselves, else panics. */
void partition_await(const struct partition *p,
		     bool (*done)(const struct partition *p),
		     const char *failure);
/* An enum cpu_request to each of its cores. */
void partition_request(const struct partition *p, u32 request);

/*
 * partition/life.c, for the loops of partition/cores.c: acts on this core's
 * requests.  Does not return when the vCPU leaves or enters.
 */
void life_serve(u32 requests);
/* partition/switch.c, REQ_MODE: with all other cores of the partition. */
void switch_serve(struct vcpu *v);
/* vCPU 0 runs: a change that was asked for meanwhile begins. */
void switch_follow(struct partition *p);
/* All cores are out of it. */
void switch_forget(struct partition *p);

/*
 * True while this core has to look at the clock, since its partition waits for
 * the time of a restart.  When that has come, the core is asked to.
 */
bool life_waits(void);

#endif
