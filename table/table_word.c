// SPDX-License-Identifier: BSD-2-Clause
/* Stretches of a line of the partition table. */
#include "core/lib.h"
#include "table/table_impl.h"

const char *word_show(char buf[WORD_SHOW_MAX], struct word w)
{
	size_t n = MIN(w.n, (size_t)WORD_SHOW_MAX - 4);

	fmt_snprintf(buf, WORD_SHOW_MAX, "%.*s%s", (int)n, w.s,
		     n < w.n ? "..." : "");
	return buf;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void word_trim(struct word *w)
{
	for (; w->n && is_blank(w->s[0]); w->n--)
		w->s++;
	while (w->n && is_blank(w->s[w->n - 1]))
		w->n--;
}

bool word_until(struct word *from, char c, struct word *w)
{
	*w = (struct word){ from->s, 0 };
	while (w->n < from->n && w->s[w->n] != c)
		w->n++;
	if (w->n == from->n) {
		*from = (struct word){ from->s + from->n, 0 };
		return false;
	}
	from->s += w->n + 1;
	from->n -= w->n + 1;
	return true;
}

bool word_next(struct word *from, struct word *w)
{
	word_trim(from);
	*w = (struct word){ from->s, 0 };
	while (w->n < from->n && !is_blank(w->s[w->n]))
		w->n++;
	from->s += w->n;
	from->n -= w->n;
	return w->n != 0;
}

bool word_is(struct word w, const char *text)
{
	return w.n == strlen(text) && !memcmp(w.s, text, w.n);
}

bool word_prefix(struct word *w, const char *prefix)
{
	size_t n = strlen(prefix);

	if (w->n < n || memcmp(w->s, prefix, n))
		return false;
	w->s += n;
	w->n -= n;
	return true;
}

void word_copy(char *dst, struct word w)
{
	memcpy(dst, w.s, w.n);
	dst[w.n] = '\0';
}

size_t word_digits(struct word *w, u64 max, u64 *v)
{
	size_t n;

	*v = 0;
	for (n = 0; n < w->n && w->s[n] >= '0' && w->s[n] <= '9'; n++)
		*v = MIN(*v * 10 + (u64)(w->s[n] - '0'), max + 1);
	w->s += n;
	w->n -= n;
	return n;
}

bool word_number(struct word w, u64 max, u64 *v)
{
	return word_digits(&w, max, v) && !w.n && *v <= max;
}

bool word_hex(struct word *w, u32 digits, u32 *v)
{
	*v = 0;
	if (w->n < digits)
		return false;
	for (; digits; digits--, w->s++, w->n--) {
		char c = *w->s;

		if (c >= '0' && c <= '9')
			*v = *v * 16 + (u32)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*v = *v * 16 + (u32)((c | 0x20) - 'a') + 10;
		else
			return false;
	}
	return true;
}

size_t word_list(char *buf, size_t size, size_t len, const char *name,
		 const char *before)
{
	if (len >= size)
		return len;
	return len + fmt_snprintf(buf + len, size - len, "%s%s",
				  len ? before : "", name);
}
