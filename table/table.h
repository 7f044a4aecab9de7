/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The partition table: the text that says who owns what.  Pure; any context;
 * no allocation.  `struct table` is large, so callers keep it static.
 *
 * A table is ASCII text of at most 64 KiB in lines of at most 4096 bytes.  A
 * line ends with LF, with CR LF, or with the text.  A line that starts with `#`
 * is a comment and may hold any bytes.  Keys, names and values are
 * case-sensitive; blanks are spaces and tabs, and stand between words only.
 */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include "core/cpuset.h"
#include "core/irq_mode.h"
#include "core/types.h"

#define TABLE_MAX_SIZE	  (64 * 1024)
#define TABLE_MAX_LINE	  4096
#define TABLE_MAX_ERRORS  64
#define TABLE_MAX_NAME	  15
#define TABLE_MAX_MODULES 8
#define TABLE_MAX_DEVICES 16
/* 2^46 bytes, the most that is mapped for one guest. */
#define TABLE_MAX_MEMORY	 (BIT(46))
#define TABLE_MIN_MEMORY_LINUX	 (16UL << 20)
#define TABLE_MAX_TEARDOWN_US	 (10UL * 1000 * 1000)
#define TABLE_MAX_TEARDOWN_PAGES 65536
#define TABLE_MAX_RESTARTS	 65535
/* TotalVFs is a 16-bit field and VFs count from 0 (SR-IOV 1.1, 3.3.6). */
#define TABLE_MAX_VF 65534

/* In each of these enums 0 is the default. */
enum table_boot {
	TABLE_LINUX,
	TABLE_MULTIBOOT,
};

/* Also the type of the log port, which is COM1 to COM4 or none. */
enum table_console {
	TABLE_CONSOLE_LOG,
	TABLE_CONSOLE_COM1,
	TABLE_CONSOLE_COM2,
	TABLE_CONSOLE_COM3,
	TABLE_CONSOLE_COM4,
	TABLE_CONSOLE_NONE,
};

enum table_iommu {
	TABLE_IOMMU_NONE,
	TABLE_IOMMU_TRAP,
	TABLE_IOMMU_SIDECORE,
};

enum table_teardown_kind {
	TABLE_STRICT,
	TABLE_OPTIMISTIC,
};

enum table_identity {
	TABLE_IDENTITY_NO,
	TABLE_IDENTITY_YES,
};

enum table_restart {
	TABLE_RESTART_NEVER,
	TABLE_RESTART_ALWAYS,
	TABLE_RESTART_COUNT,
};

enum table_smt {
	TABLE_SMT_ISOLATE,
	TABLE_SMT_SHARE,
};

enum table_machine_key {
	TABLE_KEY_SIDECORES,
	TABLE_KEY_LOG,
	TABLE_KEY_SMT,
	TABLE_MACHINE_KEYS,
};

enum table_partition_key {
	TABLE_KEY_CPUS,
	TABLE_KEY_MEMORY,
	TABLE_KEY_INTERRUPTS,
	TABLE_KEY_BOOT,
	TABLE_KEY_KERNEL,
	TABLE_KEY_INITRD,
	TABLE_KEY_MODULE,
	TABLE_KEY_CMDLINE,
	TABLE_KEY_CONSOLE,
	TABLE_KEY_DEVICE,
	TABLE_KEY_IOMMU,
	TABLE_KEY_TEARDOWN,
	TABLE_KEY_IDENTITY,
	TABLE_KEY_RESTART,
	TABLE_PARTITION_KEYS,
};

/* Both count from 1, columns in bytes; line 0: not in the text. */
struct table_pos {
	u32 line;
	u32 col;
};

/* Where a section's head and its keys' values are in the text. */
struct table_origin {
	struct table_pos head;
	struct table_pos at[TABLE_PARTITION_KEYS]; /* the first, if repeated */
	u32 bad; /* bit n: the value of key n was refused */
};

struct table_device {
	u16 segment;
	u8 bus;
	u8 device;
	u8 function;
	bool has_vf;
	bool has_intx;
	u16 vf;	  /* counts from 0 */
	u32 intx; /* global system interrupt */
	struct table_pos at;
};

/* As drivers/pci_bus.h has it, in its segment. */
static inline u16 table_device_address(const struct table_device *d)
{
	return (u16)(d->bus << 8 | d->device << 3 | d->function);
}

struct table_partition {
	char name[TABLE_MAX_NAME + 1];
	struct table_origin origin;
	u32 nr_cpus;
	u16 cpus[MAX_VCPUS]; /* in the order written: vCPU n is cpus[n] */
	u64 memory;	     /* bytes, a multiple of 2 MiB */
	enum irq_mode mode;
	enum table_boot boot;
	char kernel[64];
	char initrd[64]; /* "": none */
	char modules[TABLE_MAX_MODULES][64];
	struct table_pos module_at[TABLE_MAX_MODULES];
	u32 nr_modules;
	char cmdline[2048];
	enum table_console console;
	struct table_device devices[TABLE_MAX_DEVICES];
	u32 nr_devices;
	enum table_iommu iommu;
	struct {
		enum table_teardown_kind kind;
		u64 time_us;
		u32 pages;
	} teardown;
	enum table_identity identity;
	enum table_restart restart;
	u32 restart_count;
};

struct table {
	struct cpu_set sidecores;
	s32 first_sidecore; /* the first as written; -1: none */
	enum table_console log;
	enum table_smt smt;
	struct table_origin origin; /* of [machine]; 1:1 without one */
	u32 nr_partitions;
	struct table_partition partitions[MAX_PARTITIONS];
};

/* What table_check compares a table with. */
struct table_machine {
	u32 nr_cpus;
	struct cpu_set idle;	    /* those that can't be used */
	u32 core_of[MAX_CPUS];	    /* physical core of each CPU */
	u64 memory;		    /* bytes that partitions can have */
	const char *const *modules; /* names, paths stripped */
	u32 nr_modules;
	bool iommu;
	u32 com_ports; /* bit n: COM(n+1) is there */
};

/*
 * Gets each diagnostic: `what; what to do`, printable ASCII whatever the table
 * holds.  Callers print `table:LINE:COL: ` before it.  After TABLE_MAX_ERRORS
 * of them one more says that there are too many, and no others follow.
 */
typedef void (*table_diag_fn)(void *ctx, unsigned int line, unsigned int col,
			      const char *text);

/* The text need not end with NUL. Returns 0, or -EINVAL if anything was
 * reported; then *t is still well-formed (counts in bounds, strings ended), so
 * that the two checks below can add their own diagnostics, and is of no other
 * use.  Reports all that needs no machine to be seen. */
int __must_check table_parse(const char *text, size_t len, struct table *t,
			     table_diag_fn diag, void *ctx);

/* 0, or -EINVAL where the machine has not what the table asks for. */
int __must_check table_check(const struct table *t,
			     const struct table_machine *m, table_diag_fn diag,
			     void *ctx);

/* 0, or -EINVAL where the table needs what this build does not have. */
int __must_check table_supported(const struct table *t, table_diag_fn diag,
				 void *ctx);

/* Of a table without errors: what is allowed and hardly meant. */
void table_warn(const struct table *t, table_diag_fn diag, void *ctx);

const char *table_mode_name(enum irq_mode mode);

#endif
