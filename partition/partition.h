/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions at run time: their life, their cores, their devices.
 */
#ifndef PARTITION_PARTITION_H
#define PARTITION_PARTITION_H

#include "apic/vioapic.h"
#include "devices/assign.h"
#include "boot/boot.h"
#include "core/percpu.h"
#include "core/place.h"
#include "core/rate.h"
#include "core/spinlock.h"
#include "table/table.h"
#include "drivers/echo.h"
#include "guest/layout.h"
#include "guest/ports.h"
#include "guest/vcpu.h"

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

/* RAM begins on 2 MiB and is whole frames, but for the first MiB of identity */
#define PARTITION_REGIONS 20

struct partition {
	const struct table_partition *config;
	u32 id;
	u32 nr_ram;
	struct guest_region ram[PARTITION_REGIONS];
	struct eli_partition *eli; /* good on its own cores, after the seal */
	u64 second_level;	   /* EPT pointer or nested CR3 */
	u32 apic_id[MAX_CPUS];	   /* host APIC id of each vCPU's core */
	struct guest_layout layout;
	struct assigned devices;
	const struct boot_module *kernel, *initrd;
	const struct boot_module *modules[TABLE_MAX_MODULES];

	/* FIFO; guards the devices, the modes, state, restarts and rates. */
	struct spinlock lock;
	struct guest_ports ports;
	struct vserial serial;
	struct vlegacy legacy;
	struct vioapic ioapic;
	struct echo echo; /* the first sidecore's, but for its page */
	u64 echo_pa;	  /* 0: there is no sidecore */
	enum table_mode mode,
		next_mode; /* since the last start; from the next */
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
	struct rate marks;

	/* Atomic: bit n, vCPU n takes interrupts; is in x2APIC mode. */
	u64 running, x2apic;
	/* Atomic, during an end: cores in root mode, cores handed back. */
	u32 arrived, cleaned;

	/* Its pins of the IO-APICs: bit n, GSI n; set while booting. */
	u32 gsis;
	/* Mode `did`: bit n, vCPU n's EOIs are to exit; they do. */
	u64 eois_wanted, eois_exit;

	/* xAPIC mode: written by each vCPU, read by senders. */
	u32 ldr[MAX_CPUS], dfr[MAX_CPUS];
};

/* Is each vCPU's local APIC the core's own?  Mode `did`. */
static inline bool partition_direct(const struct partition *p)
{
	return p->mode == TABLE_DID;
}

extern struct partition partitions[MAX_PARTITIONS];
extern u32 nr_partitions;

extern u8 host_phys_bits;
extern u32 host_msr_features;

/* --- exit path, on a core of the partition --- */

/* Forbidden act: says so with the registers, and ends the partition. */
void partition_park(struct partition *p, const char *fmt, ...) __printf(2, 3);
/*
 * The guest's vector to each vCPU in the set: by an IPI that carries it where
 * its local APIC is the core's own, else for injection.  `level` is for the
 * latter: IO-APICs want to hear of the EOI.
 */
void partition_send(struct partition *p, u64 targets, u8 vector, bool level);
/* The EOI of a level-triggered vector has been seen. */
void partition_eoi(struct partition *p, u8 vector);
/* The vCPUs that an IO-APIC message would reach now, and its vector. */
u64 partition_targets(struct partition *p, const struct vioapic_msg *m,
		      u8 *vector);
/* NMI, INIT or SIPI to each vCPU in the set. */
void partition_request(struct partition *p, u64 targets, u32 request,
		       u8 vector);
/* An I/O instruction; *value is read or written. */
void partition_io(struct vcpu *v, u16 port, u8 size, bool write, u32 *value);
u32 partition_ioapic_read(struct partition *p, u32 offset);
void partition_ioapic_write(struct partition *p, u32 offset, u32 value);
/* With the lock held: an IO-APIC message to whom an ICR write would reach. */
void partition_deliver(struct partition *p, const struct vioapic_msg *m);
/* With the lock held: a line of the guest's IO-APIC changes. */
void partition_set_line(struct partition *p, u32 pin, bool level);
/*
 * How far apart events of one partition that are logged must be: `ms`, times
 * the number of partitions, so that all together can't fill the port.
 */
u64 partition_log_ticks(u64 ms);
/* What the guest asked for through its ports. */
void partition_reset(struct partition *p);
void partition_poweroff(struct partition *p);

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

/* From its next start on; 0, or -EINVAL if the build has no such mode. */
int partition_set_mode(struct partition *p, enum table_mode mode);

/* The first sidecore, in its loop: the virtual devices it serves. */
void partitions_poll(void);

/* All vCPUs' ledgers to the log. */
void partition_print_ledger(const struct partition *p);

/* --- boot, BSP --- */

/*
 * Memory, modules and second-level tables for every partition of the table.
 * 0, or -E with a line in error.
 */
int __must_check partitions_build(const struct table *t,
				  const struct boot_info *bi,
				  struct place_map *map, char *error,
				  size_t size);

/* Can its guest be loaded?  0, or -E with a line in error. */
int __must_check partition_check(const struct partition *p, char *error,
				 size_t size);

/*
 * For the back ends: fills t with the partition's RAM and its devices' memory,
 * leaves with these bits, and leaves its root in p->second_level.  0, -ENOMEM,
 * or -EBUSY where two are at one address.
 */
struct slat;
int __must_check partition_map(struct partition *p, struct slat *t,
			       u64 ram_bits, u64 device_bits);

/*
 * Before the first guest is entered: where the time went, once.  This core's
 * ticks for copying and zeroing.
 */
void boot_report(u64 copying, u64 zeroing);

/* --- the cores --- */

/*
 * Acts on this core's requests: from the exit path with its vCPU in the guest,
 * or from the root loop.  Does not return when the vCPU leaves or enters.
 */
void partition_serve(u32 requests);

/*
 * Root loop: true while this core has to look at the clock, since its partition
 * waits for the time of a restart.  When that has come, the core is asked to.
 */
bool partition_waits(void);

#endif
