/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the table's own sources share: the list of diagnostics, the reporter and
 * the names of values.  Not for others; see table.h.
 */
#ifndef TABLE_TABLE_IMPL_H
#define TABLE_TABLE_IMPL_H

#include "table/table.h"

/* M(ID, format): all diagnostics, each as `what; what to do`. */
#define TABLE_MESSAGES(M)                                                      \
	/* Text */                                                             \
	M(TOO_LARGE, "table is longer than 64 KiB; shorten it")                \
	M(TOO_MANY, "too many errors; correct those above and check again")    \
	M(BAD_BYTE,                                                            \
	  "byte %02xh is no printable ASCII; save the table as plain text")    \
	M(LINE_LONG, "line is longer than 4096 bytes; shorten it")             \
	/* Sections */                                                         \
	M(SECTION_OPEN, "section has no `]`; close it")                        \
	M(SECTION_AFTER, "text after `]`; put it on a line of its own")        \
	M(SECTION_UNKNOWN,                                                     \
	  "unknown section `%s`; write [machine] or [partition NAME]")         \
	M(SECTION_EXTRA, "`%s` is too much in a section's head; remove it")    \
	M(MACHINE_TWICE, "[machine] is already on line %u; merge the two")     \
	M(NAME_MISSING, "partition without a name; write [partition NAME]")    \
	M(NAME_BAD, "bad partition name `%s`; use 1 to 15 of a-z, 0-9 and -")  \
	M(NAME_TWICE,                                                          \
	  "partition `%s` is already on line %u; choose another name")         \
	M(PARTITIONS_MANY, "more than %u partitions; remove this one")         \
	M(PARTITIONS_NONE, "no partition; add [partition NAME]")               \
	/* Keys */                                                             \
	M(KEY_OUTSIDE,                                                         \
	  "key before any section; write [machine] or [partition NAME] "       \
	  "above it")                                                          \
	M(KEY_NO_EQUALS, "no `=` in this line; write `key = value`")           \
	M(KEY_NONE, "no key before `=`; write `key = value`")                  \
	M(KEY_UNKNOWN, "unknown key `%s`; keys here are %s")                   \
	M(KEY_TWICE, "`%s` is already on line %u; remove one of them")         \
	M(KEY_MISSING, "`%s` is missing; add it to this partition")            \
	M(VALUE_NONE, "`%s` has no value; write one after `=`")                \
	M(VALUE_EXTRA, "`%s` is too much after the value; remove it")          \
	M(VALUE_UNKNOWN, "`%s` is no value of %s; write %s")                   \
	/* CPUs */                                                             \
	M(CPU_BAD, "`%s` is no CPU list; write one such as 0,2-3")             \
	M(CPU_EMPTY, "no CPU between commas; remove a comma")                  \
	M(CPU_HIGH, "`%s` goes past CPU %u, the last of this build; lower it") \
	M(CPU_DOWN, "`%s` runs downwards; write the lower CPU first")          \
	M(CPU_TWICE, "CPU %u is twice in the list; remove one")                \
	M(CPU_OWNED,                                                           \
	  "CPU %u already belongs to %s (line %u); remove it from one")        \
	/* Memory */                                                           \
	M(SIZE_BAD, "`%s` is no size; write a number and K, M or G")           \
	M(SIZE_UNIT, "size `%s` has no unit; add K, M or G")                   \
	M(SIZE_LARGE, "size `%s` is over %luG; lower it")                      \
	M(MEMORY_ODD, "`%s` is no multiple of 2 MiB; write %luM")              \
	M(MEMORY_ZERO, "no memory; write at least 2M")                         \
	M(MEMORY_SMALL, "memory is too small for boot = linux; write 16M "     \
			"or more")                                             \
	/* Modules and command line */                                         \
	M(FILE_BAD, "`%s` is no module name; write a name without a path")     \
	M(FILE_LONG, "`%s` is longer than %lu bytes; shorten the name")        \
	M(MODULES_MANY, "more than %u modules; remove this one")               \
	M(CMDLINE_LONG, "cmdline is longer than %lu bytes; shorten it")        \
	/* Devices */                                                          \
	M(DEVICE_KIND, "`%s` is no kind of device; write pci SSSS:BB:DD.F")    \
	M(DEVICE_NO_ADDRESS, "device without an address; write pci "           \
			     "SSSS:BB:DD.F")                                   \
	M(DEVICE_ADDRESS, "`%s` is no PCI address; write one such as "         \
			  "0000:03:00.0, in hexadecimal")                      \
	M(DEVICE_OPTION, "`%s` is no device option; write vf=N or intx=GSI")   \
	M(DEVICE_OPTION_TWICE, "`%s` is the second of its kind; remove it")    \
	M(DEVICE_NUMBER, "`%s` has no number up to %lu; correct it")           \
	M(DEVICE_VF_INTX, "a virtual function has no INTx; remove intx")       \
	M(DEVICES_MANY, "more than %u devices; remove this one")               \
	M(DEVICE_OWNED,                                                        \
	  "device already belongs to %s (line %u); remove one of them")        \
	M(DEVICE_PF_VF, "the same function is shared out %s (line %u); give "  \
			"it as a whole or by VFs")                             \
	M(INTX_OWNED,                                                          \
	  "GSI %u already belongs to %s (line %u); keep both devices in one "  \
	  "partition")                                                         \
	/* IOMMU and restart */                                                \
	M(TEARDOWN_FORM, "optimistic teardown without its bounds; write "      \
			 "optimistic TIME PAGES, such as 5ms 512")             \
	M(TIME_BAD, "`%s` is no time; write a number and us, ms or s")         \
	M(TIME_RANGE, "time `%s` is out of bounds; write 1us to 10s")          \
	M(PAGES_BAD, "`%s` is no number of pages; write 1 to %u")              \
	M(RESTART_BAD, "`%s` is no value of restart; write never, always or "  \
		       "a count from 1 to %u")                                 \
	/* Keys that do not fit one another */                                 \
	M(FIT_INITRD, "initrd does not go with boot = multiboot; use module")  \
	M(FIT_MODULE, "module does not go with boot = linux; use initrd")      \
	M(FIT_TEARDOWN, "teardown does nothing without a vIOMMU; set iommu "   \
			"or remove it")                                        \
	M(FIT_SIDECORE, "iommu = sidecore without a sidecore; list one in "    \
			"[machine] or write trap")                             \
	M(FIT_IDENTITY, "identity = yes does not go with a vIOMMU; write "     \
			"iommu = none")                                        \
	M(FIT_IDENTITY_MEMORY, "identity = yes takes memory below 4 GiB "      \
			       "only; write less than 4G")                     \
	M(FIT_NO_LOG, "console = log, but log = none; write another console "  \
		      "or log")                                                \
	M(PORT_LOG, "%s is the log port; write console = log or another "      \
		    "port")                                                    \
	M(PORT_OWNED, "%s already belongs to %s (line %u); choose another "    \
		      "console")                                               \
	/* Against the machine */                                              \
	M(MACHINE_CPU, "no CPU %u on this machine; use 0 to %u")               \
	M(MACHINE_MEMORY, "partitions need %luM in all, the machine has "      \
			  "%luM for them; lower memory")                       \
	M(MACHINE_MODULE,                                                      \
	  "no module `%s` was loaded; add it to the boot loader's entry")      \
	M(MACHINE_PORT, "no %s on this machine; choose another port or none")  \
	M(MACHINE_SMT, "CPU %u is a thread of the same core as CPU %u of %s; " \
		       "give both to one owner, or write smt = share")         \
	M(MACHINE_IOMMU, "no IOMMU on this machine; remove the device, or "    \
			 "write identity = yes (unsafe)")                      \
	/* Against the build */                                                \
	M(BUILD_MODE, "not in this build: interrupts = posted; write "         \
		      "interrupts = did")                                      \
	M(BUILD_DEVICE, "not in this build: devices behind an IOMMU; remove "  \
			"this line, or write identity = yes (unsafe)")         \
	M(BUILD_BUS, "not in this build: devices of other buses than 0000:00"  \
		     "; assign one of that bus")                               \
	M(BUILD_VF, "not in this build: virtual functions; assign the whole "  \
		    "function")                                                \
	M(BUILD_IOMMU, "not in this build: vIOMMU; write iommu = none")

/* Arrays, not pointers, so that the compiler checks each use's arguments. */
#define TABLE_MESSAGE_ARRAY(id, format) \
	static const char table_msg_##id[] __attribute__((unused)) = format;
TABLE_MESSAGES(TABLE_MESSAGE_ARRAY)

struct table_diag {
	table_diag_fn fn;
	void *ctx;
	u32 nr;
	bool muted; /* the line is already refused: say no more about it */
};

void table_report(struct table_diag *d, struct table_pos at, const char *fmt,
		  ...) __printf(3, 4);

#define REPORT(d, at, id, ...) \
	table_report(d, at, table_msg_##id, ##__VA_ARGS__)

/* A stretch of the current line; n can be 0. */
struct word {
	const char *s;
	size_t n;
};

/* Words of the table in diagnostics: printable, and not endless. */
#define WORD_SHOW_MAX 40

const char *word_show(char buf[WORD_SHOW_MAX], struct word w);
void word_trim(struct word *w);
bool word_is(struct word w, const char *text);
void word_copy(char *dst, struct word w);

/*
 * These take from the front of a word what they name and leave the rest.
 * word_until: what is before the first `c`, and `c`; false: there is no `c`.
 * word_next: up to the next blank; false: only blanks are left.
 * word_digits: a decimal number; returns how many digits it had.  A value over
 * max (itself below 2^56) gives max + 1.
 * word_hex: exactly so many hexadecimal digits, at most 8.
 */
bool word_until(struct word *from, char c, struct word *w);
bool word_next(struct word *from, struct word *w);
bool word_prefix(struct word *w, const char *prefix);
size_t word_digits(struct word *w, u64 max, u64 *v);
bool word_hex(struct word *w, u32 digits, u32 *v);

/* The whole word as a decimal number of at most max. */
bool word_number(struct word w, u64 max, u64 *v);

/* Appends a name to a list at buf + len; returns the new length. */
size_t word_list(char *buf, size_t size, size_t len, const char *name,
		 const char *before);

struct parser;

struct key {
	const char *name;
	/* Takes p->value's words from the front; false: reported. */
	bool (*parse)(struct parser *p);
	/* For values from a list: the names, the first allowed, the field. */
	const char *const *names;
	u32 first;
	size_t offset;
	bool required;
	bool repeats;
	bool may_be_empty;
};

/* A kind of section: its keys and where their state is in its struct. */
struct section {
	const struct key *keys;
	u32 nr_keys;
	size_t at;
	size_t bad_keys;
};

extern const struct section table_machine_section;
extern const struct section table_partition_section;

struct parser {
	struct table *t;
	struct table_diag diag;
	u32 line;
	const char *start; /* of the line: columns count from here */
	const struct section *section; /* NULL: its keys are skipped */
	struct table_partition *part;
	void *base;   /* the struct that the section's keys fill */
	bool outside; /* no section so far */
	const struct key *key;
	struct word value;
};

struct table_pos table_pos_of(const struct parser *p, const char *where);

#define PARSE_ERROR(p, where, id, ...) \
	REPORT(&(p)->diag, table_pos_of(p, where), id, ##__VA_ARGS__)

/* The rules between keys, for table_parse. */
void table_rules(const struct table *t, struct table_diag *d);

/* The names of each enum's values, by value; NULL at the end. */
extern const char *const table_mode_names[];
extern const char *const table_boot_names[];
extern const char *const table_console_names[];
extern const char *const table_iommu_names[];
extern const char *const table_smt_names[];

#endif
