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
	/* Text and sections */                                                \
	M(LONG, "%s is longer than %u bytes; shorten it")                      \
	M(TOO_MANY, "too many errors; correct those above and check again")    \
	M(BAD_BYTE,                                                            \
	  "byte %02xh is no printable ASCII; save the table as plain text")    \
	M(COMMENT, "`;` starts no comment; write # at the line's start")       \
	M(EXTRA, "`%s` is too much here; remove it")                           \
	M(TWICE, "`%s` is already on line %u; remove one of them")             \
	M(MANY, "more than %u %s; remove this one")                            \
	M(SECTION_OPEN, "section has no `]`; close it")                        \
	M(SECTION_UNKNOWN, "unknown section `%s`; write [machine] or "         \
			   "[partition NAME], in lower case")                  \
	M(NAME_BAD, "bad partition name `%s`; use 1 to 15 of a-z, 0-9 and -")  \
	M(PARTITIONS_NONE, "no partition; add [partition NAME]")               \
	/* Keys and values */                                                  \
	M(KEY_OUTSIDE, "key before any section; write [machine] or "           \
		       "[partition NAME] above it")                            \
	M(KEY_NONE, "no `key = value` in this line; write one")                \
	M(KEY_UNKNOWN, "unknown key `%s`; keys here are %s")                   \
	M(KEY_MISSING, "`%s` is missing; add it to this partition")            \
	M(VALUE_NONE, "`%s` has no value; write one after `=`")                \
	M(VALUE_BAD, "`%s` is no value of %s; write %s")                       \
	M(UNIT_BAD,                                                            \
	  "unit of `%s` is none of K, M and G; write a size such as 256M")     \
	M(CPU_MANY, "more than %u CPUs in the list; name fewer")               \
	M(CPU_TWICE, "CPU %u is twice in the list; remove one")                \
	M(OWNED, "%s already belongs to %s (line %u); give it to one only")    \
	M(PORT_LOG, "%s is the log port; write console = log or another port") \
	M(MEMORY_SMALL,                                                        \
	  "memory is too small for boot = linux; write 16M or more")           \
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
	/* Against the machine */                                              \
	M(MACHINE_CPU, "no CPU %u on this machine; use 0 to %u")               \
	M(MACHINE_CPU_IDLE, "CPU %u can't be used, see the log; use another")  \
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
	M(BUILD_SEGMENT, "not in this build: devices of other segments than "  \
			 "0000; remove this one")                              \
	M(BUILD_VF, "not in this build: virtual functions; assign the whole "  \
		    "function")                                                \
	M(BUILD_IOMMU, "not in this build: vIOMMU; write iommu = none")        \
	/* Accepted all the same */                                            \
	M(WARN_CMDLINE, "warning: `%s` on the cmdline %s; remove it")

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

/* Prints `?` for bytes that are not printable ASCII. */
void table_report(struct table_diag *d, struct table_pos at, const char *fmt,
		  ...) __printf(3, 4);

#define REPORT(d, at, id, ...) \
	table_report(d, at, table_msg_##id, ##__VA_ARGS__)

/* A stretch of the current line; n can be 0. */
struct word {
	const char *s;
	size_t n;
};

/* Words of the table in diagnostics: not endless. */
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

/* A kind of section: its keys. */
struct section {
	const struct key *keys;
	u32 nr_keys;
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
	void *base; /* the struct that the section's keys fill */
	struct table_origin *origin;
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
