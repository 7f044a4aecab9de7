// SPDX-License-Identifier: BSD-2-Clause
/* The ring that the log waits in. */
#include "core/logring.h"
#include "core/lib.h"

_Static_assert((LOGRING_SIZE & (LOGRING_SIZE - 1)) == 0, "power of two");
_Static_assert(LOGRING_APPEND_MAX < LOGRING_SIZE / 2, "an append must fit");

static char at(const struct logring *r, u64 pos)
{
	return r->buf[pos & (LOGRING_SIZE - 1)];
}

static void drop_oldest_line(struct logring *r)
{
	while (r->first < r->head && at(r, r->first++) != '\n')
		;
}

static void make_room(struct logring *r, size_t n)
{
	while (r->head + n - r->first > LOGRING_SIZE)
		drop_oldest_line(r);
	if (r->drain < r->first) {
		r->lost += r->first - r->drain;
		r->drain = r->first;
	}
}

static void store(struct logring *r, char c)
{
	bool safe = (c >= ' ' && c <= '~') || c == '\t' || c == '\n';

	r->buf[r->head++ & (LOGRING_SIZE - 1)] = safe ? c : '?';
}

void logring_append(struct logring *r, const char *text, size_t n)
{
	size_t i;

	if (!n)
		return;
	n = MIN(n, LOGRING_APPEND_MAX - 1);
	make_room(r, n + 1);
	for (i = 0; i < n; i++)
		store(r, text[i]);
	if (text[n - 1] != '\n')
		store(r, '\n');
}

/* The port may stand in the middle of a line whose rest is gone. */
static void write_note(struct logring *r)
{
	r->note_len = (u32)fmt_snprintf(r->note, sizeof(r->note),
					"%s[%lu bytes lost]\n",
					r->midline ? "\n" : "", r->lost);
	r->note_pos = 0;
	r->lost = 0;
}

static bool next_byte(struct logring *r, char *c)
{
	if (r->note_pos == r->note_len && r->lost)
		write_note(r);
	if (r->note_pos < r->note_len)
		*c = r->note[r->note_pos++];
	else if (r->drain < r->head)
		*c = at(r, r->drain++);
	else
		return false;
	r->midline = *c != '\n';
	return true;
}

size_t logring_drain(struct logring *r, char *buf, size_t n)
{
	size_t i = 0;

	while (i < n && next_byte(r, buf + i))
		if (buf[i++] == '\n')
			break;
	return i;
}

void logring_iter_start(const struct logring *r, struct logring_iter *it)
{
	it->pos = r->first;
	it->end = r->head;
}

bool logring_iter_next(const struct logring *r, struct logring_iter *it,
		       char *line, size_t size)
{
	size_t n = 0;
	char c;

	it->pos = MAX(it->pos, r->first);
	if (it->pos >= it->end)
		return false;
	while (it->pos < it->end) {
		c = at(r, it->pos++);
		if (c == '\n')
			break;
		if (n + 1 < size)
			line[n++] = c;
	}
	line[n] = '\0';
	return true;
}
