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
		"ept-msix "
		"ept-idt ept-other np-bounce exception cr xsetbv mark "
		"triple-fault init-sipi injection-mode injection-virtual "
		"injection-int injection-np injection-table injection-real "
		"injection-xapic injection-unaligned injection-short "
		"injection-unmapped injection-shared injection-settling ";
	struct ledger l = { 0 };
	char got[1024] = "";
	char *line;
	u32 i;

	(void)state;
	for (i = 0; i < CAUSE_COUNT; i++)
		ledger_count(&l, i, 1);
	print(&l, "a", 0, "did");
	/* Behind the totals and "ledger a/0 ". */
	strtok(out, "\n");
	while ((line = strtok(NULL, "\n"))) {
		strncat(got, line + 11, strcspn(line + 11, "="));
		strcat(got, " ");
	}
	assert_string_equal(got, names);
	l = (struct ledger){ .exits[CAUSE_NP_BOUNCE] = 1 };
	assert_non_null(strstr(print(&l, "a", 0, "did"), " np-bounce=1 "));
}

static void test_longest_lines_fit(void **state)
{
	struct ledger l;
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
	assert_string_equal(print(&l, "a", 0, "did"),
			    "ledger a/0 did exits=0 cycles=5\n"
			    "ledger a/0 cr=0 cycles=5\n");
}

static void test_snapshot(void **state)
{
	struct ledger l = { 0 }, now;
	u32 i;

	(void)state;
	for (i = 0; i < CAUSE_COUNT; i++)
		ledger_count(&l, i, 5 * i);
	memset(&now, 0x5a, sizeof(now));
	ledger_snapshot(&now, &l);
	assert_memory_equal(&now, &l, sizeof(l));
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
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
