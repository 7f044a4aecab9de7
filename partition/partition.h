/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions at run time: what they consist of, their life, their cores.
 */
#ifndef PARTITION_PARTITION_H
#define PARTITION_PARTITION_H

#include "apic/domain.h"
#include "core/boot_info.h"
#include "core/rate.h"
#include "devices/assign.h"
#include "devices/intx.h"
#include "drivers/echo.h"
#include "guest/layout.h"
#include "guest/memory.h"
#include "guest/mmio.h"
#include "guest/ports.h"
#include "guest/vcpu.h"
#include "partition/place.h"
#include "table/table.h"
#include "vtd/vtd.h"

enum partition_state {
	PARTITION_STOPPED,
	PARTITION_RUNNING,
	PARTITION_PARKED,
};

enum partition_restart {
	RESTART_NONE,
	RESTART_AT_ONCE, /* the monitor's */
	RESTART_LIMITED, /* by the table's `restart`: counted, not too often */
};

/* Guarded by the partition's lock, but for what is atomic. */
struct life {
	enum partition_state state;
	bool ending; /* cores are on their way out */
	enum partition_state end_state;
	enum partition_restart end_restart;
	bool waiting;  /* ended, and to start again when its time comes */
	u64 end_time;  /* TSC when the end was asked for */
	u64 back_time; /* TSC when its last core was in root mode */
	u32 restarts;  /* limited ones */
	struct rate restart_rate;
	char reason[160];
	enum irq_mode next_mode; /* at the latest from the next start on */
	bool changing;		 /* to that, now: partition/switch.c */
	/* Atomic: how often a core has met the others to change it. */
	u64 met, met_before;
	/* Atomic, during an end: cores in root mode, cores handed back. */
	u32 arrived, cleaned;
};

/* Atomic: frames of RAM that a core has taken, and those that are zeroed. */
struct zeroing {
	u64 taken, done;
};

/* The boot modules that a guest is loaded from. */
struct guest_image {
	const struct boot_module *kernel, *initrd;
	const struct boot_module *modules[TABLE_MAX_MODULES];
};

/* What a device of the partition tried; with the partition's lock. */
struct device_faults {
	u32 count;
	struct vtd_fault last;
	struct rate budget;
};

struct partition {
	const struct table_partition *config;
	u32 id;
	struct irq_domain irq; /* with the partition's lock */
	struct life life;

	/* The parts; what each is, partition/parts.c lists. */
	struct guest_ram ram;
	struct guest_layout layout;
	u64 second_level; /* EPT pointer or nested CR3 */
	struct mmio_space mmio;
	struct guest_image image;
	struct zeroing zeroing;
	struct vcpu_start entry; /* of vCPU 0, once it is loaded */
	struct guest_ports ports;
	struct vserial serial;
	struct vlegacy legacy;
	struct intx intx;
	struct dma_domain dma;
	bool attached; /* its devices, to that; with the lock */
	struct device_faults faults[TABLE_MAX_DEVICES];
	struct rate fault_lines;
	struct assigned devices;
	struct echo echo; /* the first sidecore's, but for its page */
	u64 echo_pa;	  /* 0: there is no sidecore */
	struct rate marks;
};

extern struct partition partitions[MAX_PARTITIONS];
extern u32 nr_partitions;

/* --- exit path, on a core of the partition --- */

/* Forbidden act: says so with the registers, and ends the partition. */
void partition_park(struct partition *p, const char *fmt, ...) __printf(2, 3);
/* An I/O instruction; *value is read or written. */
void partition_io(struct vcpu *v, u16 port, u8 size, bool write, u32 *value);
/* What the guest asked for through its ports. */
void partition_reset(struct partition *p);
void partition_poweroff(struct partition *p);
/* What others asked of this core; does not return when the vCPU leaves. */
void partition_serve_requests(void);

/* --- any core, any context but NMI --- */

/* Console input and freed output room: may raise the serial interrupt. */
bool partition_input(struct partition *p, u8 byte);
void partition_drained(struct partition *p);
/*
 * 0, or -EBUSY when the state does not allow it.  A partition that waits for
 * its restart starts at once, or is stopped and does not restart.
 */
int partition_start(struct partition *p);
int partition_stop(struct partition *p, const char *reason, bool restart);

/* At once, where it runs.  -EBUSY: it is changing its mode already. */
int partition_set_mode(struct partition *p, enum irq_mode mode);

const char *partition_mode_name(const struct partition *p);
const char *partition_state_name(const struct partition *p);

/* All vCPUs' ledgers to the log. */
void partition_print_ledger(const struct partition *p);

/*
 * How far apart events of one partition must be that print its ledger: `ms`,
 * times its vCPUs, times the number of partitions, so that all together can't
 * fill the port.
 */
u64 partition_log_ticks(const struct partition *p, u64 ms);

/* --- boot, BSP --- */

/*
 * Places memory for every partition of the table and builds their parts.
 * 0, or -E with a line in error.
 */
int __must_check partitions_build(const struct table *t,
				  const struct boot_info *bi,
				  struct place_map *map, char *error,
				  size_t size);

/* --- each core --- */

/* Boot, while no other core uses the pool: its memory.  0, or -E and a line. */
int __must_check core_prepare(char *error, size_t size);
/* Once, after eli_init(), with interrupts off at their sources. */
void core_settle(void);
/* BSP, after smp_release(): until all cores have settled. */
void cores_await(void);
/* After that, for good: what the core is there for. */
void core_run(void) __noreturn;
/* The other cores, once released: seal, settle, run. */
void core_start(void) __noreturn;
/* The root loop: the vCPU is out of the guest. */
void core_leave(void) __noreturn;

#endif
