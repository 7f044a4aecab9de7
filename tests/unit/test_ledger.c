// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/ledger.h"
#include "core/lib.h"

static char out[8192];

static void add_line(void *ctx, const char *text)
{
	assert_ptr_equal(ctx, out);
	assert_true(strlen(text) < LEDGER_LINE_MAX);
	assert_null(strchr(text, '\n'));
	strcat(out, text);
	strcat(out, "\n");
}

static const char *print(const struct ledger *l, const char *name, u32 vcpu,
			 const char *mode)
{
	out[0] = '\0';
	ledger_print(l, name, vcpu, mode, add_line, out);
	return out;
}

static void test_empty(void **state)
{
	struct ledger l = { 0 };

	(void)state;
	assert_string_equal(print(&l, "web", 0, "did"),
			    "ledger web/0 did exits=0 cycles=0\n");
}

static void test_lines(void **state)
{
	struct ledger l = { 0 };

	(void)state;
	ledger_count(&l, CAUSE_MSR_ICR, 150);
	ledger_count(&l, CAUSE_CPUID, 1000);
	ledger_count(&l, CAUSE_CPUID, 2000);
	ledger_count(&l, CAUSE_HLT, 0);
	assert_string_equal(print(&l, "web", 1, "eli"),
			    "ledger web/1 eli exits=4 cycles=3150\n"
			    "ledger web/1 cpuid=2 cycles=3000\n"
			    "ledger web/1 hlt=1 cycles=0\n"
			    "ledger web/1 msr-icr=1 cycles=150\n");
}

static void test_xapic_mode_is_named(void **state)
{
	struct ledger l = { 0 };
	char *last;

	(void)state;
	l.exits[CAUSE_MSR_EOI] = 1000000;
	l.exits[CAUSE_EPT_LAPIC] = 200; /* of a start */
	assert_null(strstr(print(&l, "web", 0, "did"), "warning"));
	l.exits[CAUSE_EPT_LAPIC] = 5000;
	print(&l, "a-name-of-all-15", 63, "did");
	last = strstr(out, "warning: a-name-of-all-1/63 is in xAPIC mode: ");
	assert_non_null(last);
	assert_string_equal(strchr(last, '\n'), "\n");
}

/* Counted as a cause, but not as an exit: its exit has a cause already. */
static void test_injection_mode_is_no_exit(void **state)
{
	struct ledger l = { 0 };

	(void)state;
	ledger_count(&l, CAUSE_EPT_IDT, 10);
	ledger_count(&l, CAUSE_INJECTION_MODE, 7);
	assert_string_equal(print(&l, "a", 0, "eli"),
			    "ledger a/0 eli exits=1 cycles=10\n"
			    "ledger a/0 ept-idt=1 cycles=10\n"
			    "ledger a/0 injection-mode=1 cycles=7\n");
}

/* The names are an interface: scripts depend on them. */
static void test_names(void **state)
{
	static const char names[] =
		"external-interrupt nmi-kick nmi-console interrupt-window "
		"preemption-timer cpuid hlt io-serial io-other msr-icr msr-eoi "
		"msr-timer msr-apic msr-other msr-read ept-ioapic ept-lapic "
		"ept-idt ept-other np-bounce exception cr xsetbv mark "
		"triple-fault init-sipi injection-mode injection-virtual "
		"injection-int injection-np injection-table injection-real "
		"injection-xapic injection-unaligned injection-short "
		"injection-unmapped injection-shared injection-settling ";
	char got[1024] = "";
	u32 i;

	(void)state;
	for (i = 0; i < CAUSE_COUNT; i++) {
		strcat(got, ledger_cause_name(i));
		strcat(got, " ");
	}
	assert_string_equal(got, names);
	assert_string_equal(ledger_cause_name(CAUSE_COUNT), "unknown");
	assert_string_equal(ledger_cause_name(~0U), "unknown");
	assert_string_equal(ledger_cause_name(CAUSE_NP_BOUNCE), "np-bounce");
}

static void test_longest_lines_fit(void **state)
{
	struct ledger l;
	u64 exits, cycles;
	u32 i, lines = 0;

	(void)state;
	memset(&l, 0xff, sizeof(l));
	print(&l, "abcdefghijklmno-and-more", ~0U, "posted");
	for (i = 0; out[i]; i++)
		lines += out[i] == '\n';
	assert_int_equal(lines, CAUSE_COUNT + 2);
	assert_non_null(strstr(out, "ledger abcdefghijklmno/4294967295 "
				    "external-interrupt=18446744073709551615 "
				    "cycles=18446744073709551615\n"));
	memset(&l, 0, sizeof(l));
	l.cycles[CAUSE_CR] = 5;
	ledger_totals(&l, &exits, &cycles);
	assert_int_equal(exits, 0);
	assert_int_equal(cycles, 5);
}

static void test_difference_and_sum(void **state)
{
	struct ledger l = { 0 }, before, now, diff, total = { 0 };

	(void)state;
	ledger_count(&l, CAUSE_MARK, 5);
	ledger_count(&l, CAUSE_CPUID, 100);
	ledger_snapshot(&before, &l);
	assert_memory_equal(&before, &l, sizeof(l));
	ledger_count(&l, CAUSE_CPUID, 70);
	ledger_count(&l, CAUSE_XSETBV, 9);
	ledger_snapshot(&now, &l);
	ledger_diff(&diff, &now, &before);
	assert_string_equal(print(&diff, "p", 0, "did"),
			    "ledger p/0 did exits=2 cycles=79\n"
			    "ledger p/0 cpuid=1 cycles=70\n"
			    "ledger p/0 xsetbv=1 cycles=9\n");
	ledger_add(&total, &diff);
	ledger_add(&total, &diff);
	assert_int_equal(total.exits[CAUSE_CPUID], 2);
	assert_int_equal(total.cycles[CAUSE_XSETBV], 18);
	ledger_add(&before, &diff);
	assert_memory_equal(&before, &now, sizeof(now));
	ledger_diff(&now, &now, &before);
	assert_string_equal(print(&now, "p", 0, "did"),
			    "ledger p/0 did exits=0 cycles=0\n");
}

/* A restart clears the ledger between two marks. */
static void test_difference_after_reset(void **state)
{
	struct ledger before = { 0 }, now = { 0 }, diff;

	(void)state;
	before.exits[CAUSE_HLT] = 100;
	before.cycles[CAUSE_HLT] = 1000;
	now.exits[CAUSE_HLT] = 3;
	now.cycles[CAUSE_HLT] = 2000;
	ledger_diff(&diff, &now, &before);
	assert_int_equal(diff.exits[CAUSE_HLT], 3);
	assert_int_equal(diff.cycles[CAUSE_HLT], 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_xapic_mode_is_named),
		cmocka_unit_test(test_injection_mode_is_no_exit),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_longest_lines_fit),
		cmocka_unit_test(test_difference_and_sum),
		cmocka_unit_test(test_difference_after_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
