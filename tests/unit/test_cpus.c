// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "console/cpus.h"

static struct cpu_list list;
static char out[MAX_CPUS * CPUS_LINE_MAX];

static const char *print(void)
{
	char line[CPUS_LINE_MAX];
	u32 next = 0, before = 0;

	out[0] = '\0';
	for (; cpus_line(&list, &next, line); before = next) {
		assert_true(next > before && next <= list.nr);
		assert_null(strchr(line, '\n'));
		strcat(out, line);
		strcat(out, "\n");
	}
	assert_int_equal(next, list.nr);
	return out;
}

/* Threads of two to a core, cores of 32 to a socket. */
static int setup(void **state)
{
	(void)state;
	memset(&list, 0, sizeof(list));
	list.core_shift = 1;
	list.socket_shift = 6;
	return 0;
}

static void add(u32 first, u32 step, u32 nr)
{
	while (nr--) {
		list.apic_id[list.nr++] = first;
		first += step;
	}
}

static void test_a_line_each(void **state)
{
	(void)state;
	assert_string_equal(print(), "");
	add(64, 0, 1);
	add(0, 1, 2);
	assert_string_equal(print(), "cpu 0: APIC id 64, core 32, socket 1\n"
				     "cpu 1: APIC id 0, core 0, socket 0\n"
				     "cpu 2: APIC id 1, core 0, socket 0\n");
	add(2, 1, 13);
	assert_non_null(
		strstr(print(), "\ncpu 15: APIC id 14, core 7, socket 0\n"));
}

/* First threads, then their siblings, as many firmwares list them. */
static void test_ranges(void **state)
{
	(void)state;
	add(0, 2, 16);
	add(64, 2, 16);
	add(1, 2, 16);
	add(65, 2, 15);
	add(200, 0, 1);
	assert_string_equal(
		print(),
		"cpus 0-15: APIC ids 0, 2 to 30, cores 0 to 15, socket 0\n"
		"cpus 16-31: APIC ids 64, 66 to 94, cores 32 to 47, socket 1\n"
		"cpus 32-47: APIC ids 1, 3 to 31, cores 0 to 15, socket 0\n"
		"cpus 48-62: APIC ids 65, 67 to 93, cores 32 to 46, socket 1\n"
		"cpu 63: APIC id 200, core 100, socket 3\n");
}

static void test_any_order(void **state)
{
	u32 i, seed = 1;

	(void)state;
	add(63, (u32)-1, 17);
	assert_string_equal(print(), "cpus 0-16: APIC ids 63, 62 to 47, cores "
				     "31 to 23, socket 0\n");
	list.nr = MAX_CPUS;
	for (i = 0; i < MAX_CPUS; i++) {
		seed = seed * 1103515245 + 12345;
		list.apic_id[i] = ~seed;
	}
	print();
	list.core_shift = list.socket_shift = 0;
	memset(list.apic_id, 0xff, sizeof(list.apic_id));
	assert_string_equal(print(), "cpus 0-511: APIC ids 4294967295, "
				     "4294967295 to 4294967295, cores "
				     "4294967295 to 4294967295, socket "
				     "4294967295\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_line_each, setup),
		cmocka_unit_test_setup(test_ranges, setup),
		cmocka_unit_test_setup(test_any_order, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
