// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/histogram.h"
#include "core/lib.h"

static char out[LATENCY_COUNT * LATENCY_LINE_MAX];

static void add_line(void *ctx, const char *text)
{
	assert_ptr_equal(ctx, out);
	assert_true(strlen(text) < LATENCY_LINE_MAX - 1);
	assert_null(strchr(text, '\n'));
	strcat(out, text);
	strcat(out, "\n");
}

static const char *print(const struct histogram *h, const char *name, u32 vcpu)
{
	out[0] = '\0';
	latency_print(h, name, vcpu, add_line, out);
	return out;
}

static void test_empty(void **state)
{
	struct histogram h[LATENCY_COUNT] = { 0 };

	(void)state;
	assert_string_equal(print(h, "web", 0), "");
}

static void test_buckets(void **state)
{
	static const struct {
		u64 value;
		u32 bucket;
	} cases[] = {
		{ 0, 0 },	 { 1, 0 },
		{ 2, 1 },	 { 3, 1 },
		{ 4, 2 },	 { 1023, 9 },
		{ 1024, 10 },	 { BIT(31) - 1, 30 },
		{ BIT(31), 31 }, { BIT(32) - 1, 31 },
		{ BIT(32), 31 }, { ~0UL, 31 },
	};
	struct histogram h, want;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&h, 0, sizeof(h));
		memset(&want, 0, sizeof(want));
		histogram_add(&h, cases[i].value);
		want.count[cases[i].bucket] = 1;
		want.max = cases[i].value;
		assert_memory_equal(&h, &want, sizeof(h));
	}
}

static void test_lines(void **state)
{
	struct histogram h[LATENCY_COUNT] = { 0 };

	(void)state;
	histogram_add(&h[LATENCY_EXIT], 1);
	histogram_add(&h[LATENCY_EXIT], 200);
	histogram_add(&h[LATENCY_EXIT], 130);
	histogram_add(&h[LATENCY_EXIT], 5000);
	histogram_add(&h[LATENCY_BOUNCE], 77);
	assert_string_equal(
		print(h, "web", 3),
		"latency web/3 exit count=4 max=5000 0=1 128=2 4096=1\n"
		"latency web/3 bounce count=1 max=77 64=1\n");
}

static void test_longest_lines_fit(void **state)
{
	struct histogram h[LATENCY_COUNT];
	const char *text;
	u32 lines = 0;

	(void)state;
	memset(h, 0xff, sizeof(h));
	text = print(h, "abcdefghijklmno", 4294967295U);
	while ((text = strstr(text, " 2147483648=18446744073709551615\n"))) {
		text++;
		lines++;
	}
	assert_int_equal(lines, LATENCY_COUNT);
}

static void test_snapshot(void **state)
{
	struct histogram h, copy;

	(void)state;
	memset(&h, 0x5a, sizeof(h));
	histogram_snapshot(&copy, &h);
	assert_memory_equal(&copy, &h, sizeof(h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_longest_lines_fit),
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
