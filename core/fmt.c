// SPDX-License-Identifier: BSD-2-Clause
/* printf and its kin. */
#include "core/lib.h"

struct out {
	char *buf;
	size_t size;
	size_t len;
};

struct spec {
	bool left;
	bool zero;
	size_t width;
	size_t precision;
	int longs;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, size_t n)
{
	while (n--)
		put(o, c);
}

static void put_field(struct out *o, const struct spec *s, const char *text,
		      size_t n)
{
	size_t fill = s->width > n ? s->width - n : 0;

	if (!s->left)
		pad(o, s->zero ? '0' : ' ', fill);
	while (n--)
		put(o, *text++);
	if (s->left)
		pad(o, ' ', fill);
}

static void put_number(struct out *o, struct spec *s, u64 v, unsigned int base,
		       bool negative)
{
	char tmp[24];
	size_t n = sizeof(tmp);

	do {
		tmp[--n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative && s->zero) {
		put(o, '-');
		s->width -= s->width > 0;
	} else if (negative) {
		tmp[--n] = '-';
	}
	put_field(o, s, tmp + n, sizeof(tmp) - n);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	size_t n = 0;

	if (!text)
		text = "(null)";
	while (n < s->precision && text[n])
		n++;
	put_field(o, s, text, n);
}

/* As in C: a negative width means its absolute value, to the left. */
static void set_width(struct spec *s, int width)
{
	if (width < 0)
		s->left = true;
	s->width = width < 0 ? 0 - (size_t)width : (size_t)width;
}

static const char *parse_spec(const char *f, struct spec *s, va_list *ap)
{
	*s = (struct spec){ .precision = SIZE_MAX };
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else
			break;
	}
	if (*f == '*') {
		set_width(s, va_arg(*ap, int));
		f++;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + (size_t)(*f - '0');
	if (*f == '.') {
		s->precision = 0;
		f++;
		if (*f == '*') {
			s->precision = (size_t)va_arg(*ap, int);
			f++;
		}
		for (; *f >= '0' && *f <= '9'; f++)
			s->precision = s->precision * 10 + (size_t)(*f - '0');
	}
	for (; *f == 'l' || *f == 'z'; f++)
		s->longs++;
	return f;
}

static void put_signed(struct out *o, struct spec *s, s64 v)
{
	put_number(o, s, v < 0 ? 0 - (u64)v : (u64)v, 10, v < 0);
}

static void put_conversion(struct out *o, struct spec *s, char c, va_list *ap)
{
	char ch;

	switch (c) {
	case 'c':
		s->zero = false;
		ch = (char)va_arg(*ap, int);
		put_field(o, s, &ch, 1);
		break;
	case 's':
		s->zero = false;
		put_string(o, s, va_arg(*ap, const char *));
		break;
	case 'd':
	case 'i':
		put_signed(o, s,
			   s->longs ? va_arg(*ap, long) : va_arg(*ap, int));
		break;
	case 'u':
	case 'x':
		put_number(o, s,
			   s->longs ? va_arg(*ap, unsigned long) :
				      va_arg(*ap, unsigned int),
			   c == 'x' ? 16 : 10, false);
		break;
	case 'p':
		put_number(o, s, (u64)va_arg(*ap, void *), 16, false);
		break;
	default:
		put(o, c);
	}
}

size_t fmt_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	struct spec s;
	va_list args;

	va_copy(args, ap);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s, &args);
		if (!*fmt)
			break;
		put_conversion(&o, &s, *fmt, &args);
	}
	va_end(args);
	if (size)
		buf[MIN(o.len, size - 1)] = '\0';
	return o.len;
}

size_t fmt_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
