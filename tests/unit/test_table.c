// SPDX-License-Identifier: BSD-2-Clause
/*
 * The partition table.  tests/tables holds tables with the diagnostics they
 * must bring, NAME.expect beside NAME.table:
 *   bad/          what table_parse refuses
 *   good/         what check accepts
 *   unsupported/  what parses, and table_supported refuses
 *   machine/      what table_check says on the machine of NAME.machine
 * Every diagnostic there is must be seen in the course of these tests.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "table/table_impl.h"
#include "tools/table_explain.h"

#define TABLES "tests/tables/"

#define MESSAGE_ENTRY(id, format) format,
static const char *const messages[] = { TABLE_MESSAGES(MESSAGE_ENTRY) };
#define NR_MESSAGES ARRAY_SIZE(messages)

static struct table table;
static char got[256 * 1024];
static size_t got_len;
static unsigned int nr_got;
static bool said[NR_MESSAGES];

/* Whether text is the format filled in; then *literal is the format's own. */
static bool fits(const char *format, const char *text, size_t *literal)
{
	const char *next;
	size_t own = 0;

	for (; *format && *format != '%'; format++, text++, own++)
		if (*format != *text)
			return false;
	*literal = own;
	if (!*format)
		return !*text;
	next = format + strcspn(format, "sux") + 1;
	for (;; text++) {
		if (fits(next, text, literal)) {
			*literal += own;
			return true;
		}
		if (!*text || (next[-1] == 'u' && !strchr("0123456789", *text)))
			return false;
	}
}

/* A text belongs to the format with most of its letters. */
static void note_message(const char *text)
{
	size_t i, literal, best = 0, found = NR_MESSAGES;

	for (i = 0; i < NR_MESSAGES; i++)
		if (fits(messages[i], text, &literal) && literal > best) {
			best = literal;
			found = i;
		}
	if (found == NR_MESSAGES)
		fail_msg("of no known format: %s", text);
	said[found] = true;
}

static void collect(void *ctx, unsigned int line, unsigned int col,
		    const char *text)
{
	const char *c;

	assert_ptr_equal(ctx, &table);
	assert_true(line >= 1 && col >= 1);
	for (c = text; *c; c++)
		assert_in_range(*c, ' ', '~');
	assert_non_null(strstr(text, "; "));
	note_message(text);
	nr_got++;
	got_len += (size_t)snprintf(got + got_len, sizeof(got) - got_len,
				    "%u:%u: %s\n", line, col, text);
	assert_true(got_len < sizeof(got));
}

static void forget(void)
{
	got[0] = '\0';
	got_len = 0;
	nr_got = 0;
}

/* From memory without a byte to spare, so that reading past it is seen. */
static int parse_bytes(const char *text, size_t len)
{
	char *exact = malloc(len ? len : 1);
	int ret;

	memcpy(exact, text, len);
	forget();
	ret = table_parse(exact, len, &table, collect, &table);
	free(exact);
	assert_int_equal(ret, nr_got ? -EINVAL : 0);
	return ret;
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void assert_refused(const char *text, const char *expected)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(got, expected);
}

/* A partition that is right but for the lines added to it. */
#define PARTITION         \
	"[partition a]\n" \
	"cpus = 0\n"      \
	"memory = 16M\n"  \
	"kernel = vmlinuz\n"

static void assert_accepted(const char *text)
{
	parse(text);
	assert_string_equal(got, "");
}

/* Files */

static char *read_file(const char *path, size_t *len)
{
	static char buf[256 * 1024];
	FILE *f = fopen(path, "rb");

	if (!f)
		fail_msg("cannot open %s", path);
	*len = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[*len] = '\0';
	return buf;
}

static const char *beside(const char *path, const char *suffix)
{
	static char buf[256];

	snprintf(buf, sizeof(buf), "%.*s%s",
		 (int)(strlen(path) - strlen(".table")), path, suffix);
	return buf;
}

static void assert_expected(const char *path)
{
	size_t len;
	const char *expected = read_file(beside(path, ".expect"), &len);

	if (strcmp(got, expected))
		print_error("%s:\n%s", path, got);
	assert_string_equal(got, expected);
}

static void for_each_table(const char *pattern, void (*run)(const char *path))
{
	glob_t g;
	size_t i;

	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (i = 0; i < g.gl_pathc; i++)
		run(g.gl_pathv[i]);
	globfree(&g);
}

static int parse_file(const char *path)
{
	size_t len;
	const char *text = read_file(path, &len);

	return parse_bytes(text, len);
}

static void run_bad(const char *path)
{
	assert_int_equal(parse_file(path), -EINVAL);
	assert_expected(path);
}

static void test_bad(void **state)
{
	(void)state;
	for_each_table(TABLES "bad/*.table", run_bad);
}

static void run_good(const char *path)
{
	parse_file(path);
	if (nr_got)
		fail_msg("%s: %s", path, got);
	assert_int_equal(table_supported(&table, collect, &table), 0);
	assert_int_equal(nr_got, 0);
}

static void test_good(void **state)
{
	(void)state;
	for_each_table(TABLES "good/*.table", run_good);
	for_each_table("examples/*.table", run_good);
}

static void run_unsupported(const char *path)
{
	parse_file(path);
	assert_string_equal(got, "");
	assert_int_equal(table_supported(&table, collect, &table), -EINVAL);
	assert_expected(path);
}

static void test_unsupported(void **state)
{
	(void)state;
	for_each_table(TABLES "unsupported/*.table", run_unsupported);
}

/* One fact a line; see tests/tables/machine/lacking.machine. */
static struct table_machine read_machine(const char *path)
{
	static char names[16][64];
	static const char *modules[16];
	struct table_machine m = { .modules = modules };
	char *save, *line, word[64];
	unsigned long a, b;
	size_t len;
	u32 i;

	for (i = 0; i < MAX_CPUS; i++)
		m.core_of[i] = 1000 + i;
	line = strtok_r(read_file(path, &len), "\n", &save);
	for (; line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "cpus %lu", &a) == 1) {
			m.nr_cpus = (u32)a;
		} else if (sscanf(line, "core %lu %lu", &a, &b) == 2) {
			assert_in_range(a, 0, MAX_CPUS - 1);
			m.core_of[a] = (u32)b;
		} else if (sscanf(line, "idle %lu", &a) == 1) {
			cpu_set_add(&m.idle, (u32)a);
		} else if (sscanf(line, "memory %lu", &a) == 1) {
			m.memory = a << 20;
		} else if (sscanf(line, "module %63s", word) == 1) {
			modules[m.nr_modules] = names[m.nr_modules];
			strcpy(names[m.nr_modules++], word);
		} else if (!strcmp(line, "iommu")) {
			m.iommu = true;
		} else if (sscanf(line, "com %lu", &a) == 1) {
			m.com_ports |= (u32)BIT(a - 1);
		} else if (line[0] != '#') {
			fail_msg("%s: %s", path, line);
		}
	}
	return m;
}

static void run_machine(const char *path)
{
	struct table_machine m;
	int ret;

	parse_file(path);
	assert_string_equal(got, "");
	m = read_machine(beside(path, ".machine"));
	ret = table_check(&table, &m, collect, &table);
	assert_int_equal(ret, nr_got ? -EINVAL : 0);
	assert_expected(path);
}

static void test_machine(void **state)
{
	(void)state;
	for_each_table(TABLES "machine/*.table", run_machine);
}

/* Values */

static void test_defaults(void **state)
{
	const struct table_partition *p = &table.partitions[0];

	(void)state;
	assert_accepted(PARTITION);
	assert_int_equal(table.sidecores.word[0], 0);
	assert_int_equal(table.first_sidecore, -1);
	assert_int_equal(table.log, TABLE_CONSOLE_COM1);
	assert_int_equal(table.smt, TABLE_SMT_ISOLATE);
	assert_int_equal(table.nr_partitions, 1);
	assert_string_equal(p->name, "a");
	assert_int_equal(p->origin.head.line, 1);
	assert_int_equal(p->mode, MODE_DID);
	assert_int_equal(p->boot, TABLE_LINUX);
	assert_string_equal(p->kernel, "vmlinuz");
	assert_string_equal(p->initrd, "");
	assert_string_equal(p->cmdline, "");
	assert_int_equal(p->nr_modules, 0);
	assert_int_equal(p->nr_devices, 0);
	assert_int_equal(p->console, TABLE_CONSOLE_LOG);
	assert_int_equal(p->iommu, TABLE_IOMMU_NONE);
	assert_int_equal(p->teardown.kind, TABLE_STRICT);
	assert_false(p->identity);
	assert_int_equal(p->restart, TABLE_RESTART_NEVER);
}

static void test_cpu_order(void **state)
{
	static const u16 cpus[] = { 9, 4, 5, 6, 511, 0 };
	const struct table_partition *p = &table.partitions[0];

	(void)state;
	assert_accepted("[machine]\nsidecores = 8,2-3,1\n"
			"[partition a]\ncpus = 9,4-6,511,0\n"
			"memory = 16M\nkernel = k\n");
	assert_int_equal(table.sidecores.word[0], 0x10e);
	assert_int_equal(table.first_sidecore, 8);
	assert_int_equal(p->nr_cpus, ARRAY_SIZE(cpus));
	assert_memory_equal(p->cpus, cpus, sizeof(cpus));
	/* As many as a partition can have, behind the first 64. */
	assert_accepted("[machine]\nsidecores = 64\n"
			"[partition a]\ncpus = 448-511\n"
			"memory = 16M\nkernel = k\n"
			"[partition b]\ncpus = 256\n"
			"memory = 16M\nkernel = k\n");
	assert_int_equal(p->nr_cpus, 64);
	assert_int_equal(p->cpus[63], 511);
	assert_int_equal(table.sidecores.word[1], 1);
	assert_int_equal(p[1].cpus[0], 256);
}

static void test_all_values(void **state)
{
	const struct table_partition *p = table.partitions;

	(void)state;
	parse_file(TABLES "unsupported/all.table");
	assert_int_equal(p[0].memory, 2 << 20);
	assert_int_equal(p[0].mode, MODE_EXIT);
	assert_int_equal(p[0].boot, TABLE_MULTIBOOT);
	assert_int_equal(p[0].nr_modules, 2);
	assert_string_equal(p[0].modules[1], "m");
	assert_int_equal(p[0].console, TABLE_CONSOLE_COM2);
	assert_int_equal(p[0].nr_devices, 2);
	assert_true(p[0].devices[0].has_vf && p[0].devices[1].has_vf);
	assert_int_equal(p[0].devices[0].vf, 65534);
	assert_int_equal(p[0].devices[1].vf, 0);
	assert_false(p[0].devices[0].has_intx);
	assert_int_equal(p[0].iommu, TABLE_IOMMU_TRAP);
	assert_int_equal(p[0].teardown.kind, TABLE_OPTIMISTIC);
	assert_int_equal(p[0].teardown.time_us, 10000000);
	assert_int_equal(p[0].teardown.pages, 65536);
	assert_int_equal(p[1].mode, MODE_ELI);
	assert_true(p[1].identity);
	assert_int_equal(p[1].devices[0].segment, 0xabcd);
	assert_int_equal(p[1].devices[0].bus, 0xff);
	assert_int_equal(p[1].devices[0].device, 0x1f);
	assert_int_equal(p[1].devices[0].function, 7);
	assert_true(p[1].devices[0].has_intx);
	assert_int_equal(p[1].devices[0].intx, 4294967295);
	assert_int_equal(p[2].mode, MODE_POSTED);
	assert_int_equal(p[2].memory, 1UL << 46);
	assert_string_equal(table_mode_name(p[2].mode), "posted");
}

static void test_restart(void **state)
{
	const struct table_partition *p = table.partitions;

	(void)state;
	assert_accepted(PARTITION "restart = never\n");
	assert_int_equal(p->restart, TABLE_RESTART_NEVER);
	assert_accepted(PARTITION "restart = always\n");
	assert_int_equal(p->restart, TABLE_RESTART_ALWAYS);
	assert_accepted(PARTITION "restart = 1\n");
	assert_int_equal(p->restart, TABLE_RESTART_COUNT);
	assert_int_equal(p->restart_count, 1);
	assert_accepted(PARTITION "restart = 65535\n");
	assert_int_equal(p->restart_count, 65535);
}

/* An empty command line, and what looks like other syntax inside one. */
static void test_cmdline(void **state)
{
	(void)state;
	assert_accepted(PARTITION "cmdline =\n");
	assert_string_equal(table.partitions[0].cmdline, "");
	assert_accepted(PARTITION "cmdline =  a = [b] # c\t \n");
	assert_string_equal(table.partitions[0].cmdline, "a = [b] # c");
}

/* Text */

static void test_line_ends(void **state)
{
	(void)state;
	assert_accepted("[partition a]\r\ncpus = 0\r\n\r\n"
			"memory = 16M\r\nkernel = vmlinuz\r\n");
	assert_string_equal(table.partitions[0].kernel, "vmlinuz");
	assert_accepted(PARTITION "restart = 2");
	assert_int_equal(table.partitions[0].restart_count, 2);
	assert_accepted(PARTITION "restart = 2\r");
	assert_int_equal(table.partitions[0].restart_count, 2);
	assert_refused(
		PARTITION "restart = 2\r\r\n",
		"5:12: byte 0dh is no printable ASCII; save the table as "
		"plain text\n");
	assert_refused("", "1:1: no partition; add [partition NAME]\n");
}

/* What people write at first. */
static void test_slips(void **state)
{
	static const char *const units[] = { "256", "256m", "256MB", "256MiB" };
	char text[128], expected[128];
	size_t i;

	(void)state;
	assert_refused("[partition a]\ncpus = 0, 1\nmemory = 16M\nkernel = k",
		       "2:8: `0, 1` is no value of cpus; write commas and no "
		       "blanks, as in 0,2-3\n");
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		snprintf(text, sizeof(text),
			 "[partition a]\ncpus = 0\nmemory = %s\nkernel = k",
			 units[i]);
		snprintf(expected, sizeof(expected),
			 "3:10: unit of `%s` is none of K, M and G; write a "
			 "size such as 256M\n",
			 units[i]);
		assert_refused(text, expected);
	}
	assert_refused(PARTITION " ; comment = 1\n",
		       "5:2: `;` starts no comment; write # at the line's "
		       "start\n");
	assert_refused(PARTITION "[Partition x]\n",
		       "5:1: unknown section `Partition`; write [machine] or "
		       "[partition NAME], in lower case\n");
}

/* What is refused on one more line below PARTITION, and with what. */
static void assert_bytes(const char *line, size_t len, const char *expected)
{
	char text[256];
	size_t n = sizeof(PARTITION) - 1;

	memcpy(text, PARTITION, n);
	memcpy(text + n, line, len);
	parse_bytes(text, n + len);
	assert_string_equal(got, expected);
}

#define BYTES(line, expected) assert_bytes(line, sizeof(line) - 1, expected)

#define NO_ASCII " is no printable ASCII; save the table as plain text\n"

static void test_bad_bytes(void **state)
{
	(void)state;
	BYTES("cmdline = a\0b", "5:12: byte 00h" NO_ASCII);
	BYTES("cmdline = \x1b[2J", "5:11: byte 1bh" NO_ASCII);
	BYTES("\x7f = 1", "5:1: byte 7fh" NO_ASCII);
	BYTES("cmdline = caf\xc3\xa9", "5:14: byte c3h" NO_ASCII);
	/* A bad byte is all that is said about its line, and only that. */
	BYTES("[part\xff\nrestart = 1\n", "5:6: byte ffh" NO_ASCII);
	BYTES("nokey\xff\nrestart = x\n",
	      "5:6: byte ffh" NO_ASCII
	      "6:11: `x` is no value of restart; write never, always or a "
	      "count from 1 to 65535\n");
	/* What editors for UTF-8 may put in front. */
	assert_refused("\xef\xbb\xbf" PARTITION,
		       "1:1: byte efh" NO_ASCII
		       "1:1: no partition; add [partition NAME]\n");
}

/* In a value and in a comment. */
static void test_every_byte(void **state)
{
	char expected[80] = "", line[] = "cmdline = a?b";
	int c;

	(void)state;
	for (c = 0; c < 256; c++) {
		if (c == '\n')
			continue;
		line[11] = (char)c;
		snprintf(expected, sizeof(expected),
			 "5:12: byte %02xh" NO_ASCII, c);
		assert_bytes(line, sizeof(line) - 1,
			     c == '\t' || (c >= ' ' && c <= '~') ? "" :
								   expected);
		line[0] = '#';
		assert_bytes(line, sizeof(line) - 1, "");
		line[0] = 'c';
	}
}

/* PARTITION, then text of a size chosen by the test. */
static char *with_tail(size_t tail, const char *before, char fill)
{
	static char text[128 * 1024];
	size_t n = (size_t)snprintf(text, sizeof(text), PARTITION "%s", before);

	assert_true(n + tail < sizeof(text));
	memset(text + n, fill, tail);
	text[n + tail] = '\0';
	return text;
}

static void test_line_length(void **state)
{
	(void)state;
	assert_accepted(with_tail(4096, "", '#'));
	assert_refused(with_tail(4097, "", '#'),
		       "5:4097: line is longer than 4096 bytes; shorten it\n");
	assert_refused(with_tail(60000, "restart = 1", ' '),
		       "5:4097: line is longer than 4096 bytes; shorten it\n");
	assert_refused(with_tail(5000, "bogus = ", 'x'),
		       "5:4097: line is longer than 4096 bytes; shorten it\n");
}

static void test_size(void **state)
{
	size_t room = 64 * 1024 - (sizeof(PARTITION) - 1);

	(void)state;
	assert_accepted(with_tail(room, "", '\n'));
	assert_refused(with_tail(room + 1, "", '\n'),
		       "1:1: table is longer than 65536 bytes; shorten it\n");
}

static void test_value_length(void **state)
{
	const struct table_partition *p = table.partitions;

	(void)state;
	assert_accepted(with_tail(2047, "cmdline = ", 'c'));
	assert_int_equal(strlen(p->cmdline), 2047);
	assert_int_equal(parse(with_tail(2048, "cmdline = ", 'c')), -EINVAL);
	assert_string_equal(p->cmdline, "");
	assert_accepted(with_tail(63, "initrd = ", 'i'));
	assert_int_equal(strlen(p->initrd), 63);
	assert_int_equal(parse(with_tail(64, "initrd = ", 'i')), -EINVAL);
	assert_string_equal(p->initrd, "");
}

static unsigned int count_lines(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void test_many_errors(void **state)
{
	static const char last[] = "69:1: too many errors; correct those above "
				   "and check again\n";
	char text[1024] = PARTITION;
	unsigned int i;

	(void)state;
	for (i = 0; i < 64; i++)
		strcat(text, "?\n");
	parse(text);
	assert_int_equal(nr_got, 64);
	assert_null(strstr(got, "too many"));
	strcat(text, "?\n");
	parse(text);
	assert_int_equal(nr_got, 65);
	assert_string_equal(got + got_len - strlen(last), last);
	strcat(text, "?\n?\n[partition a]\n");
	parse(text);
	assert_int_equal(nr_got, 65);
	assert_int_equal(count_lines(got), 65);
}

/* As many as there may be of each. */
static void test_counts(void **state)
{
	char text[4096] = "";
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++)
		sprintf(text + strlen(text),
			"[partition p%u]\ncpus = %u\nmemory = 65536G\n"
			"kernel = k\n",
			i, i);
	assert_accepted(text);
	assert_int_equal(table.nr_partitions, 16);
	strcpy(text, PARTITION);
	for (i = 0; i < 16; i++)
		sprintf(text + strlen(text), "device = pci 0:%02x:00.0\n", i);
	assert_int_equal(parse(text), -EINVAL);
	strcpy(text, PARTITION);
	for (i = 0; i < 16; i++)
		sprintf(text + strlen(text), "device = pci 0000:%02x:00.0\n",
			i);
	assert_accepted(text);
	assert_int_equal(table.partitions[0].nr_devices, 16);
	strcpy(text, PARTITION "boot = multiboot\n");
	for (i = 0; i < 8; i++)
		sprintf(text + strlen(text), "module = m%u\n", i);
	assert_accepted(text);
	assert_int_equal(table.partitions[0].nr_modules, 8);
}

/* The sum of the largest partitions must not wrap to something small. */
static void test_memory_sum(void **state)
{
	static const char *const modules[] = { "k" };
	struct table_machine m = {
		.nr_cpus = 16,
		.memory = 1UL << 40,
		.modules = modules,
		.nr_modules = 1,
		.com_ports = 1,
	};
	char text[2048] = "[machine]\nsmt = share\n";
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++)
		sprintf(text + strlen(text),
			"[partition p%u]\ncpus = %u\nmemory = 65536G\n"
			"kernel = k\n",
			i, i);
	assert_accepted(text);
	assert_int_equal(table_check(&table, &m, collect, &table), -EINVAL);
	assert_string_equal(got, "5:10: partitions need 1073741824M in all, "
				 "the machine has 1048576M for them; lower "
				 "memory\n");
	m.memory = 16UL << 46;
	assert_int_equal(table_check(&table, &m, collect, &table), 0);
}

/* collect() asserts that whatever comes of these is printable. */
static void test_any_byte(void **state)
{
	static const char *const forms[] = {
		"%c",		"%c = 1",
		"[%c]",		"[partition %c]",
		"cpus = %c",	"memory = 1%c",
		"kernel = %c",	"device = pci %c",
		"restart = %c", "console = %c%c",
	};
	char text[256];
	size_t f;
	int c;

	(void)state;
	for (f = 0; f < ARRAY_SIZE(forms); f++)
		for (c = 0; c < 256; c++) {
			int n = snprintf(text, sizeof(text), forms[f], c, c);

			parse_bytes(text, (size_t)n);
			n = snprintf(text, sizeof(text), PARTITION);
			n += snprintf(text + n, sizeof(text) - (size_t)n,
				      forms[f], c, c);
			parse_bytes(text, (size_t)n);
		}
}

/* Every beginning of a table that uses everything. */
static void test_any_end(void **state)
{
	static char text[4096];
	size_t len, n;

	(void)state;
	memcpy(text, read_file(TABLES "unsupported/all.table", &len),
	       sizeof(text));
	assert_in_range(len, 400, sizeof(text));
	for (n = 0; n <= len; n++)
		parse_bytes(text, n);
	assert_string_equal(got, "");
}

/* What else is wrong can still be asked after a refusal. */
static void test_check_after_refusal(void **state)
{
	struct table_machine m = { .nr_cpus = 1 };

	(void)state;
	parse("[partition ?]\ncpus = 0,5\ninterrupts = posted\nx\n"
	      "kernel = \x7f\n");
	forget();
	assert_int_equal(table_supported(&table, collect, &table), -EINVAL);
	assert_int_equal(table_check(&table, &m, collect, &table), -EINVAL);
	assert_string_equal(got,
			    "3:14: not in this build: interrupts = posted; "
			    "write interrupts = did\n"
			    "2:8: no CPU 5 on this machine; use 0 to 0\n"
			    "1:1: no com1 on this machine; choose another "
			    "port or none\n"
			    "5:10: no module `?` was loaded; add it to the "
			    "boot loader's entry\n");
}

/* explain */

static void collect_line(void *ctx, const char *line)
{
	assert_ptr_equal(ctx, &table);
	assert_null(strchr(line, '\n'));
	got_len += (size_t)snprintf(got + got_len, sizeof(got) - got_len,
				    "%s\n", line);
}

static void explain(void)
{
	assert_int_equal(nr_got, 0);
	forget();
	table_explain(&table, collect_line, &table);
}

static void test_explain(void **state)
{
	(void)state;
	parse_file(TABLES "unsupported/design.table");
	explain();
	assert_string_equal(
		got, "machine\n"
		     "  sidecores  3\n"
		     "  log        com1, read by sidecore 3\n"
		     "  smt        isolate\n"
		     "partition web\n"
		     "  cpus       0,1 (vCPUs in this order)\n"
		     "  memory     512M\n"
		     "  interrupts did\n"
		     "  boot       linux, module vmlinuz\n"
		     "  initrd     module initrd.img\n"
		     "  cmdline    console=ttyS0 quiet\n"
		     "  console    in the log, each line after `web| `\n"
		     "  device     pci 0000:03:00.0\n"
		     "  iommu      sidecore, teardown within 5000 us and "
		     "512 pages\n"
		     "  restart    never: a reset stops it\n");
}

static void test_explain_all(void **state)
{
	static const char *const parts[] = {
		"sidecores  none\n",
		"com1, read by NMI on CPU 0\n",
		"boot       multiboot, module k\n  module     m\n",
		"com2, for this partition alone\n",
		"pci 0000:02:00.0, VF 65534\n",
		"pci abcd:ff:1f.7, INTx on GSI 4294967295\n",
		"trap, strict teardown\n",
		"warning    identity",
		"memory     67108864M\n",
		"interrupts posted\n",
	};
	size_t i;

	(void)state;
	parse_file(TABLES "unsupported/all.table");
	explain();
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(got, parts[i]))
			fail_msg("no `%s` in:\n%s", parts[i], got);
	assert_accepted("[machine]\nlog = none\nsmt = share\nsidecores = "
			"4,2\n" PARTITION "console = none\nrestart = 3\n");
	explain();
	assert_non_null(strstr(got, "sidecores  2,4\n"));
	assert_non_null(strstr(got, "log        none"));
	assert_non_null(strstr(got, "warning    threads"));
	assert_non_null(strstr(got, "console    none\n"));
	assert_non_null(strstr(got, "restart    at most 3 times\n"));
}

/* All of the longest command line is there, cut at blanks where it has any. */
static void test_explain_long(void **state)
{
	char text[4096] = PARTITION "cmdline =", *c;
	unsigned int i, n = 0;

	(void)state;
	for (i = 0; i < 290; i++)
		sprintf(text + strlen(text), " word%u", i % 10 + 10);
	assert_accepted(text);
	explain();
	for (c = got; (c = strstr(c, "word")); c++)
		n++;
	assert_int_equal(n, 290);
	assert_null(strstr(got, "wor\n"));
	assert_accepted(with_tail(2047, "cmdline = ", '\''));
	explain();
	for (n = 0, c = got; *c; c++)
		n += *c == '\'';
	assert_int_equal(n, 2047);
}

static const char *warnings(const char *tail)
{
	char text[512];

	snprintf(text, sizeof(text), PARTITION "%s\n", tail);
	assert_accepted(text);
	table_warn(&table, collect, &table);
	return got;
}

static void test_warnings(void **state)
{
	(void)state;
	assert_string_equal(warnings("cmdline = quiet x2apic nolapicx"), "");
	assert_string_equal(warnings("cmdline ="), "");
	assert_string_equal(warnings("cmdline = nolapic\nboot = multiboot"),
			    "");
	assert_string_equal(warnings("cmdline = quiet nox2apic"),
			    "5:11: warning: `nox2apic` on the cmdline makes "
			    "each EOI exit; remove it\n");
	assert_non_null(strstr(warnings("cmdline = noapic"), "`noapic` "));
	assert_non_null(strstr(warnings("cmdline = nolapic_timer"),
			       "`nolapic_timer` on the cmdline leaves the "
			       "guest no timer; "));
	assert_string_equal(warnings("cmdline = acpi=off nolapic"),
			    "5:11: warning: `nolapic` on the cmdline leaves "
			    "the guest no timer; remove it\n"
			    "5:11: warning: `acpi=off` on the cmdline hides "
			    "CPUs and interrupts from the guest; remove it\n");
}

/* Last: nothing in the list of diagnostics is left unsaid. */
static void test_every_message(void **state)
{
	bool missing = false;
	size_t i;

	(void)state;
	for (i = 0; i < NR_MESSAGES; i++) {
		if (said[i])
			continue;
		print_error("never said: %s\n", messages[i]);
		missing = true;
	}
	assert_false(missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_cpu_order),
		cmocka_unit_test(test_all_values),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_cmdline),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_line_length),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_value_length),
		cmocka_unit_test(test_many_errors),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_memory_sum),
		cmocka_unit_test(test_any_byte),
		cmocka_unit_test(test_any_end),
		cmocka_unit_test(test_check_after_refusal),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_explain_all),
		cmocka_unit_test(test_explain_long),
		cmocka_unit_test(test_every_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
