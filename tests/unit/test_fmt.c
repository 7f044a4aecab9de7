// SPDX-License-Identifier: BSD-2-Clause
/* The formatter against the C library's, and at the edges of the buffer. */
#include <setjmp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/lib.h"

/* Both must give the same text and the same length. */
#define SAME(...)                                                         \
	do {                                                              \
		char ours[128], theirs[128];                              \
		size_t n = fmt_snprintf(ours, sizeof(ours), __VA_ARGS__); \
		int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__);    \
		assert_string_equal(ours, theirs);                        \
		assert_int_equal(n, m);                                   \
	} while (0)

static void test_numbers(void **state)
{
	(void)state;
	SAME("%d %d %d", 0, -1, 42);
	SAME("%d %d", INT_MIN, INT_MAX);
	SAME("%i", -7);
	SAME("%u %u", 0u, UINT_MAX);
	SAME("%x %x", 0xdeadbeefu, 0u);
	SAME("%ld %ld", LONG_MIN, LONG_MAX);
	SAME("%lu %lx", ULONG_MAX, ULONG_MAX);
	SAME("%llu", (unsigned long long)ULLONG_MAX);
	SAME("%zu %zx", (size_t)SIZE_MAX, (size_t)SIZE_MAX);
}

static void test_widths(void **state)
{
	(void)state;
	SAME("[%5d][%-5d][%05d]", 42, 42, 42);
	SAME("[%5d][%-5d][%05d]", -42, -42, -42);
	SAME("[%1d][%01d]", -42, -42);
	SAME("[%08x][%016lx][%2x]", 0xabcu, 0xabcul, 0xabcdu);
	SAME("[%*d][%-*d]", 6, 1, 6, 1);
	SAME("[%10s][%-10s][%2s]", "abc", "abc", "abc");
	SAME("[%3c][%-3c]", 'x', 'x');
}

/* A negative `*` width once padded with 2^64 blanks. */
static void test_star_negative(void **state)
{
	(void)state;
	SAME("[%*d]", -6, 1);
	SAME("[%*s]", -6, "ab");
	SAME("[%.*s]", -1, "abc");
}

static void test_strings(void **state)
{
	const char unterminated[3] = { 'a', 'b', 'c' };

	(void)state;
	SAME("%s|%s", "", "abc");
	SAME("[%.2s][%.0s][%.9s]", "abc", "abc", "abc");
	SAME("[%5.2s][%-5.2s]", "abc", "abc");
	SAME("[%.*s]", 2, "abc");
	SAME("[%.3s]", unterminated);
	SAME("%c%c", 'a', 'b');
	SAME("100%%");
}

static void test_null_string(void **state)
{
	char buf[16];
	const char *volatile null = NULL;

	(void)state;
	fmt_snprintf(buf, sizeof(buf), "%s", null);
	assert_string_equal(buf, "(null)");
}

static void test_zero_flag_is_for_numbers(void **state)
{
	char buf[16];
	const char *volatile fmt = "[%05s][%03c]";

	(void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	fmt_snprintf(buf, sizeof(buf), fmt, "ab", 'c');
#pragma GCC diagnostic pop
	assert_string_equal(buf, "[   ab][  c]");
}

static void test_pointer(void **state)
{
	char buf[32];

	(void)state;
	fmt_snprintf(buf, sizeof(buf), "%p", (void *)0xffff800000001234UL);
	assert_string_equal(buf, "ffff800000001234");
}

static void test_truncation(void **state)
{
	char buf[8];
	size_t size, n;

	(void)state;
	for (size = 0; size <= sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		n = fmt_snprintf(buf, size, "%s%d", "abc", 123);
		assert_int_equal(n, 6);
		if (size)
			assert_int_equal(strlen(buf), MIN(size - 1, 6u));
		if (size)
			assert_memory_equal(buf, "abc123", MIN(size - 1, 6u));
		if (size < sizeof(buf))
			assert_int_equal(buf[size], '#');
	}
}

static void test_size_query(void **state)
{
	(void)state;
	assert_int_equal(fmt_snprintf(NULL, 0, "%20d", 1), 20);
}

static void test_incomplete(void **state)
{
	char buf[16];
	const char *volatile fmt = "ab%-0";

	(void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	fmt_snprintf(buf, sizeof(buf), fmt);
#pragma GCC diagnostic pop
	assert_string_equal(buf, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_star_negative),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_null_string),
		cmocka_unit_test(test_zero_flag_is_for_numbers),
		cmocka_unit_test(test_pointer),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_size_query),
		cmocka_unit_test(test_incomplete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
