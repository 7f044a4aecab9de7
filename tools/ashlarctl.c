// SPDX-License-Identifier: BSD-2-Clause
/*
 * ashlarctl: what Ashlar would say about a partition table, said on the host by
 * Ashlar's own parser.  Exit status: 0 accepted, 1 refused, 2 usage or no file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "table/table.h"
#include "tools/table_explain.h"

static struct table table;
/* One byte more than is allowed, so that the parser sees what is too long. */
static char text[TABLE_MAX_SIZE + 1];

static void print_diag(void *ctx, unsigned int line, unsigned int col,
		       const char *what)
{
	fprintf(stderr, "%s:%u:%u: %s\n", (const char *)ctx, line, col, what);
}

static void print_line(void *ctx, const char *line)
{
	fprintf(ctx, "%s\n", line);
}

static int read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	int failed;

	if (!f)
		return -1;
	*len = fread(text, 1, sizeof(text), f);
	failed = ferror(f);
	fclose(f);
	return failed ? -1 : 0;
}

/* What a machine would refuse at boot is not known here. */
static int check(char *path, size_t len)
{
	int parsed = table_parse(text, len, &table, print_diag, path);
	int supported = table_supported(&table, print_diag, path);

	if (!parsed)
		table_warn(&table, print_diag, path);
	return parsed || supported;
}

static int explain(char *path, size_t len)
{
	if (table_parse(text, len, &table, print_diag, path))
		return 1;
	table_explain(&table, print_line, stdout);
	return fflush(stdout) ? 2 : 0;
}

static const struct {
	const char *name;
	int (*run)(char *path, size_t len);
} commands[] = {
	{ "check", check },
	{ "explain", explain },
};

int main(int argc, char **argv)
{
	size_t len, i;

	for (i = 0; argc == 3 && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		if (!read_file(argv[2], &len))
			return commands[i].run(argv[2], len);
		fprintf(stderr, "ashlarctl: %s: %s\n", argv[2],
			strerror(errno));
		return 2;
	}
	fprintf(stderr, "usage: ashlarctl check FILE | explain FILE\n");
	return 2;
}
