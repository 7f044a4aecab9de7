/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor: one command per line on the log port, replies that end in a
 * line `ok` or `error: ...`.
 *
 * Pure.  It reaches the system through monitor_ops and its port through
 * monitor_port.  A command runs in steps, so that a reply of any length needs
 * a bounded buffer and the polling loop is never held up by one.  All calls
 * on one monitor are serialised by the caller (the multiplexer's).
 */
#ifndef CONSOLE_MONITOR_H
#define CONSOLE_MONITOR_H

#include "console/cpus.h"
#include "core/cpuset.h"
#include "core/histogram.h"
#include "core/ledger.h"
#include "core/logring.h"
#include "core/types.h"

#define MONITOR_PROMPT	 "ashlar> "
#define MONITOR_LINE_MAX 80
/* One step writes at most so many characters, newlines counted as one. */
#define MONITOR_STEP_MAX                         \
	MAX((CAUSE_COUNT + 2) * LEDGER_LINE_MAX, \
	    LATENCY_COUNT * LATENCY_LINE_MAX)

/* Strings belong to the callee and stay valid until its next call. */
struct monitor_partition_info {
	const char *name;
	const char *state;   /* "running", "stopped" or "parked" */
	const char *mode;    /* "did", "exit", "eli" or "posted" */
	const char *reason;  /* of stopped and parked; NULL or "" for none */
	struct cpu_set cpus; /* numbers as in the table */
	u64 memory;	     /* bytes */
	u32 vcpus;
	u32 restarts;
};

/* Page tables, of a CPU (`cpu/N`) or a partition. */
struct monitor_tables {
	char name[24];
	u32 tables, pages;
	u64 sum; /* over all entries */
};

/* What of the IOMMU is in use. */
struct monitor_iommu {
	u32 domains;
	u32 contexts; /* functions that reach one */
	u32 entries;  /* of the remapping table that send */
};

/* What a partition's device tried and must not. */
struct monitor_faults {
	const char *name;
	u16 address;
	u32 count; /* 0: nothing; else the last: */
	const char *kind;
	u64 where;
	bool quarantined;
};

/*
 * The system.  i is a partition, below count().  Those that return int return
 * 0, or -E and set *why (preset to NULL) to a text for the operator or leave
 * it.  poweroff and reboot do not return when they succeed; they are called
 * after the reply has been handed to the port.
 */
struct monitor_ops {
	u32 (*count)(void);
	void (*describe)(u32 i, struct monitor_partition_info *info);
	void (*ledger)(u32 i, u32 vcpu, struct ledger *out);
	void (*latency)(u32 i, u32 vcpu, struct histogram out[LATENCY_COUNT]);
	const struct cpu_list *(*cpus)(void);
	/* Bytes; and the tables one by one: false after the last. */
	void (*pool)(u64 *free, u64 *size);
	bool (*tables)(u32 i, struct monitor_tables *out);
	/* False: there is none. */
	bool (*iommu)(struct monitor_iommu *out);
	/* Device by device: false after the last. */
	bool (*faults)(u32 i, struct monitor_faults *out);
	/* Of partition i's: forgotten, and a quarantine lifted. */
	void (*clear_faults)(u32 i);
	int (*stop)(u32 i, const char **why);
	int (*start)(u32 i, const char **why);
	int (*restart)(u32 i, const char **why);
	int (*mode)(u32 i, const char *mode, const char **why);
	int (*nmi)(u32 i, const char **why);
	int (*poweroff)(const char **why);
	int (*reboot)(const char **why);
};

/*
 * The port.  write() takes text whose lines end in '\n'.  attach() gives the
 * port to a partition's console once what was written is out; -ENODEV: it has
 * none here.  log_next() locks the log and iterates.
 */
struct monitor_port {
	void (*write)(void *ctx, const char *text, size_t n);
	int (*attach)(void *ctx, u32 partition);
	void (*log_start)(void *ctx, struct logring_iter *it);
	bool (*log_next)(void *ctx, struct logring_iter *it, char *line,
			 size_t size);
};

struct monitor_command;

struct monitor {
	const struct monitor_ops *ops;
	const struct monitor_port *port;
	void *port_ctx;

	/* the line editor */
	char line[MONITOR_LINE_MAX + 1];
	u32 len;
	bool overlong;
	bool after_cr;
	u8 escape;

	/* the command in progress, NULL for none */
	const struct monitor_command *command;
	const char *arg;   /* within line; NULL for none */
	const char *value; /* the argument after it, likewise */
	u32 step;
	bool silent; /* the command wrote its last line itself */
	struct logring_iter log;
	u32 stat_partition;
	u32 stat_vcpu;
	u32 next_cpu;
};

void monitor_init(struct monitor *m, const struct monitor_ops *ops,
		  const struct monitor_port *port, void *port_ctx);

/*
 * One byte typed; echoes it.  Not to be called while monitor_busy().  Returns
 * true when it ended the line: the prompt is no longer on the screen, and if
 * the line was not empty the monitor is now busy.
 */
bool monitor_input(struct monitor *m, u8 byte);

/* True while a command has steps left. */
bool monitor_busy(const struct monitor *m);

/* True if the next step may end the machine: not before all text is out. */
bool monitor_leaving(const struct monitor *m);

/*
 * Runs the next step, if busy.  To be called when all that was written before
 * has been handed to the port.
 */
void monitor_step(struct monitor *m);

/* Writes the prompt and what has been typed so far. */
void monitor_prompt(struct monitor *m);

/* True when a command is half typed. */
bool monitor_typing(const struct monitor *m);

#endif
