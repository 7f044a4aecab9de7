// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/lib.h"
#include "core/logring.h"

static struct logring ring;
static char drained[4 * LOGRING_SIZE];

static int setup(void **state)
{
	(void)state;
	memset(&ring, 0, sizeof(ring));
	return 0;
}

static void append(const char *text)
{
	logring_append(&ring, text, strlen(text));
}

/* Everything the drain has, in pieces of n. */
static const char *drain(size_t n)
{
	size_t len = 0, got;

	while ((got = logring_drain(&ring, drained + len, n)))
		len += got;
	drained[len] = '\0';
	return drained;
}

static void append_numbered(u32 from, u32 to)
{
	char line[64];

	for (; from < to; from++) {
		fmt_snprintf(line, sizeof(line), "line %06u", from);
		append(line);
	}
}

static void test_empty(void **state)
{
	struct logring_iter it;
	char line[8];

	(void)state;
	assert_string_equal(drain(10), "");
	logring_iter_start(&ring, &it);
	assert_false(logring_iter_next(&ring, &it, line, sizeof(line)));
	logring_append(&ring, "x", 0);
	assert_string_equal(drain(10), "");
}

static void test_drain_gives_each_byte_once(void **state)
{
	(void)state;
	append("one\n");
	append("two");
	append("\n");
	append("three\nfour\n");
	assert_string_equal(drain(1), "one\ntwo\n\nthree\nfour\n");
	assert_string_equal(drain(3), "");
	append("five");
	assert_string_equal(drain(3), "five\n");
	assert_string_equal(drain(3), "");
}

static void test_unsafe_bytes_do_not_enter(void **state)
{
	(void)state;
	append("a\033[2Jb\rc\td\177\200\377e");
	logring_append(&ring, "x\0y", 3);
	assert_string_equal(drain(64), "a?[2Jb?c\td???e\nx?y\n");
}

static void test_long_append_is_cut(void **state)
{
	static char text[LOGRING_SIZE * 2];
	size_t n;

	(void)state;
	memset(text, 'x', sizeof(text));
	logring_append(&ring, text, sizeof(text));
	append("next");
	n = strlen(drain(1000));
	assert_int_equal(n, LOGRING_APPEND_MAX + 5);
	assert_int_equal(drained[LOGRING_APPEND_MAX - 1], '\n');
	assert_string_equal(drained + LOGRING_APPEND_MAX, "next\n");
}

/* The drain keeps up: not a byte is lost however often the ring wraps. */
static void test_wrap_without_loss(void **state)
{
	char want[32], got[32];
	u32 i;

	(void)state;
	for (i = 0; i < 30000; i++) {
		append_numbered(i, i + 1);
		fmt_snprintf(want, sizeof(want), "line %06u\n", i);
		got[logring_drain(&ring, got, sizeof(got) - 1)] = '\0';
		assert_string_equal(got, want);
	}
}

static void test_loss_is_told_exactly(void **state)
{
	unsigned long lost;
	const char *rest;
	u32 number;

	(void)state;
	append_numbered(0, 10000); /* 120000 bytes */
	rest = drain(7);
	assert_int_equal(
		sscanf(rest, "[%lu bytes lost]\nline %u\n", &lost, &number), 2);
	assert_int_equal(lost, number * 12UL);
	rest = strchr(rest, '\n') + 1;
	assert_int_equal(lost + strlen(rest), 120000);
	assert_true(strlen(rest) > LOGRING_SIZE - 2 * 12);
	assert_string_equal(rest + strlen(rest) - 12, "line 009999\n");
}

/* The note starts on a line of its own though the port stood in a line. */
static void test_loss_in_the_middle_of_a_line(void **state)
{
	char part[6];

	(void)state;
	append_numbered(0, 1);
	assert_int_equal(logring_drain(&ring, part, 6), 6);
	append_numbered(1, 10000);
	assert_memory_equal(drain(5), "\n[", 2);
	assert_non_null(strstr(drained, " bytes lost]\nline "));
}

static void test_loss_while_the_note_is_drained(void **state)
{
	unsigned long first, second;
	char part[8] = { 0 };
	const char *rest;

	(void)state;
	append_numbered(0, 10000);
	assert_int_equal(logring_drain(&ring, part, 3), 3);
	append_numbered(10000, 20000);
	rest = drain(64);
	memmove(drained + 3, drained, strlen(drained) + 1);
	memcpy(drained, part, 3);
	assert_int_equal(sscanf(rest, "[%lu bytes lost]\n[%lu bytes lost]\n",
				&first, &second),
			 2);
	rest = strstr(drained, "line");
	assert_int_equal(first + second + strlen(rest), 240000);
}

static void test_iteration_shows_whole_retained_lines(void **state)
{
	struct logring_iter it;
	char line[16], want[16];
	u32 n = 0, first = 0;

	(void)state;
	append_numbered(0, 10000);
	logring_iter_start(&ring, &it);
	while (logring_iter_next(&ring, &it, line, sizeof(line))) {
		if (!n)
			assert_int_equal(sscanf(line, "line %u", &first), 1);
		fmt_snprintf(want, sizeof(want), "line %06u", first + n);
		assert_string_equal(line, want);
		n++;
	}
	assert_int_equal(first + n, 10000);
	assert_true(n > 5400);
	/* Draining does not take lines from `log`. */
	drain(1000);
	logring_iter_start(&ring, &it);
	assert_true(logring_iter_next(&ring, &it, line, sizeof(line)));
	fmt_snprintf(want, sizeof(want), "line %06u", first);
	assert_string_equal(line, want);
}

static void test_iteration_overrun(void **state)
{
	struct logring_iter it;
	char line[16];
	u32 number;

	(void)state;
	append_numbered(0, 100);
	logring_iter_start(&ring, &it);
	assert_true(logring_iter_next(&ring, &it, line, sizeof(line)));
	append_numbered(100, 5500); /* overwrites some of the 100 */
	assert_true(logring_iter_next(&ring, &it, line, sizeof(line)));
	assert_int_equal(sscanf(line, "line %u", &number), 1);
	assert_in_range(number, 2, 99);
	append_numbered(5500, 20000);
	assert_false(logring_iter_next(&ring, &it, line, sizeof(line)));
}

static void test_iteration_cuts_to_the_buffer(void **state)
{
	struct logring_iter it;
	char line[4];

	(void)state;
	append("abcdef\n\ng");
	logring_iter_start(&ring, &it);
	assert_true(logring_iter_next(&ring, &it, line, sizeof(line)));
	assert_string_equal(line, "abc");
	assert_true(logring_iter_next(&ring, &it, line, sizeof(line)));
	assert_string_equal(line, "");
	assert_true(logring_iter_next(&ring, &it, line, 1));
	assert_string_equal(line, "");
	assert_false(logring_iter_next(&ring, &it, line, sizeof(line)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_drain_gives_each_byte_once, setup),
		cmocka_unit_test_setup(test_unsafe_bytes_do_not_enter, setup),
		cmocka_unit_test_setup(test_long_append_is_cut, setup),
		cmocka_unit_test_setup(test_wrap_without_loss, setup),
		cmocka_unit_test_setup(test_loss_is_told_exactly, setup),
		cmocka_unit_test_setup(test_loss_in_the_middle_of_a_line,
				       setup),
		cmocka_unit_test_setup(test_loss_while_the_note_is_drained,
				       setup),
		cmocka_unit_test_setup(
			test_iteration_shows_whole_retained_lines, setup),
		cmocka_unit_test_setup(test_iteration_overrun, setup),
		cmocka_unit_test_setup(test_iteration_cuts_to_the_buffer,
				       setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
