// SPDX-License-Identifier: BSD-2-Clause
/*
 * The partition table's text: lines, sections and where keys belong.  Values
 * are in table_keys.c, what they mean for one another in table_check.c.
 */
#include "core/lib.h"
#include "table/table_impl.h"

struct table_pos table_pos_of(const struct parser *p, const char *where)
{
	return (struct table_pos){ p->line, (u32)(where - p->start) + 1 };
}

static void open_section(struct parser *p, const struct section *section,
			 void *base, struct table_origin *origin)
{
	p->section = section;
	p->base = base;
	p->origin = origin;
}

static bool name_ok(struct word w)
{
	size_t i;

	if (!w.n || w.n > TABLE_MAX_NAME)
		return false;
	for (i = 0; i < w.n; i++) {
		char c = w.s[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return false;
	}
	return true;
}

static void report_twice(struct parser *p, struct word w, u32 line)
{
	char buf[WORD_SHOW_MAX];

	PARSE_ERROR(p, w.s, TWICE, word_show(buf, w), line);
}

static void check_name(struct parser *p, struct word w)
{
	const struct table_partition *o = p->t->partitions;
	char buf[WORD_SHOW_MAX];

	if (!name_ok(w)) {
		PARSE_ERROR(p, w.s, NAME_BAD, word_show(buf, w));
		return;
	}
	for (; o < p->t->partitions + p->t->nr_partitions; o++)
		if (word_is(w, o->name)) {
			report_twice(p, w, o->origin.head.line);
			break;
		}
}

/* A bad name is reported, and the section's keys are still checked. */
static void open_partition(struct parser *p, const char *where,
			   struct word name)
{
	struct table *t = p->t;
	struct table_partition *part;

	if (t->nr_partitions == MAX_PARTITIONS) {
		PARSE_ERROR(p, where, MANY, MAX_PARTITIONS, "partitions");
		return;
	}
	check_name(p, name);
	part = &t->partitions[t->nr_partitions++];
	word_copy(part->name, name_ok(name) ? name : (struct word){ "?", 1 });
	part->origin.head = table_pos_of(p, where);
	p->part = part;
	open_section(p, &table_partition_section, part, &part->origin);
}

static void open_machine(struct parser *p, const char *where, struct word name)
{
	struct table_origin *o = &p->t->origin;

	if (o->head.line)
		report_twice(p, name, o->head.line);
	else
		o->head = table_pos_of(p, where);
	open_section(p, &table_machine_section, p->t, o);
}

/* `text` begins with `[`. */
static void parse_section(struct parser *p, struct word text)
{
	struct word head, kind, name, extra;
	const char *open = text.s;
	char buf[WORD_SHOW_MAX];

	p->section = NULL;
	p->outside = false;
	text.s++;
	text.n--;
	if (!word_until(&text, ']', &head)) {
		PARSE_ERROR(p, open, SECTION_OPEN);
		p->diag.muted = true;
	}
	word_next(&head, &kind);
	if (word_is(kind, "partition")) {
		word_next(&head, &name);
		open_partition(p, open, name);
	} else if (word_is(kind, "machine")) {
		open_machine(p, open, kind);
	} else {
		PARSE_ERROR(p, open, SECTION_UNKNOWN, word_show(buf, kind));
		return;
	}
	if (word_next(&head, &extra) || word_next(&text, &extra))
		PARSE_ERROR(p, extra.s, EXTRA, word_show(buf, extra));
}

static const struct key *find_key(const struct section *s, struct word name)
{
	u32 i;

	for (i = 0; i < s->nr_keys; i++)
		if (word_is(name, s->keys[i].name))
			return &s->keys[i];
	return NULL;
}

static void unknown_key(struct parser *p, struct word name)
{
	char list[160], buf[WORD_SHOW_MAX];
	size_t len = 0;
	u32 i;

	for (i = 0; i < p->section->nr_keys; i++)
		len = word_list(list, sizeof(list), len,
				p->section->keys[i].name, ", ");
	PARSE_ERROR(p, name.s, KEY_UNKNOWN, word_show(buf, name), list);
}

/* Parses the value; false: it was refused. */
static bool parse_value(struct parser *p, const char *name)
{
	const struct key *k = p->key;
	char buf[WORD_SHOW_MAX];
	struct word extra;

	if (!p->value.n && !k->may_be_empty) {
		PARSE_ERROR(p, name, VALUE_NONE, k->name);
		return false;
	}
	if (!k->parse(p))
		return false;
	if (word_next(&p->value, &extra)) {
		PARSE_ERROR(p, extra.s, EXTRA, word_show(buf, extra));
		return false;
	}
	return true;
}

static void parse_known_key(struct parser *p, struct word name)
{
	u32 id = (u32)(p->key - p->section->keys);
	struct table_pos *at = &p->origin->at[id];

	if (at->line && !p->key->repeats) {
		report_twice(p, name, at->line);
		return;
	}
	if (!at->line)
		*at = table_pos_of(p, p->value.n ? p->value.s : name.s);
	if (!parse_value(p, name.s))
		p->origin->bad |= (u32)BIT(id);
}

static void parse_key(struct parser *p, struct word text)
{
	const char *start = text.s;
	struct word name;
	bool equals = word_until(&text, '=', &name);

	word_trim(&name);
	word_trim(&text);
	p->value = text;
	if (p->outside) {
		PARSE_ERROR(p, start, KEY_OUTSIDE);
		p->outside = false;
	}
	if (!p->section)
		return;
	if (!equals || !name.n) {
		PARSE_ERROR(p, start, KEY_NONE);
		return;
	}
	p->key = find_key(p->section, name);
	if (p->key)
		parse_known_key(p, name);
	else
		unknown_key(p, name);
}

/* Reports the first bad byte of a line. */
static void check_bytes(struct parser *p, struct word text)
{
	for (; text.n; text.s++, text.n--) {
		if (*text.s == '\t' || (*text.s >= ' ' && *text.s <= '~'))
			continue;
		PARSE_ERROR(p, text.s, BAD_BYTE, (u8)*text.s);
		p->diag.muted = true;
		return;
	}
}

/*
 * A line with a bad byte, or too long, is parsed all the same, without further
 * diagnostics: so it causes none that are not its own.
 */
static void parse_line(struct parser *p, struct word text)
{
	p->line++;
	p->start = text.s;
	p->diag.muted = false;
	if (text.n && text.s[text.n - 1] == '\r')
		text.n--;
	if (text.n > TABLE_MAX_LINE) {
		PARSE_ERROR(p, text.s + TABLE_MAX_LINE, LONG, "line",
			    TABLE_MAX_LINE);
		p->diag.muted = true;
		text.n = TABLE_MAX_LINE;
	}
	word_trim(&text);
	if (!text.n || text.s[0] == '#')
		return;
	check_bytes(p, text);
	if (text.s[0] == '[')
		parse_section(p, text);
	else if (text.s[0] == ';')
		PARSE_ERROR(p, text.s, COMMENT);
	else
		parse_key(p, text);
}

int table_parse(const char *text, size_t len, struct table *t,
		table_diag_fn diag, void *ctx)
{
	struct parser p = { .t = t,
			    .diag = { .fn = diag, .ctx = ctx },
			    .outside = true };
	struct word rest = { text, len }, line;
	struct table_pos begin = { 1, 1 };

	memset(t, 0, sizeof(*t));
	t->first_sidecore = -1;
	t->log = TABLE_CONSOLE_COM1;
	if (len > TABLE_MAX_SIZE) {
		REPORT(&p.diag, begin, LONG, "table", TABLE_MAX_SIZE);
		return -EINVAL;
	}
	while (rest.n) {
		word_until(&rest, '\n', &line);
		parse_line(&p, line);
	}
	if (!t->origin.head.line)
		t->origin.head = begin;
	p.diag.muted = false;
	table_rules(t, &p.diag);
	return p.diag.nr ? -EINVAL : 0;
}
