// SPDX-License-Identifier: BSD-2-Clause
/*
 * The MSR policy: its table, included whole since nothing else lists its
 * entries, its bitmap, and what must never be a guest's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "exits/msr.c" /* NOLINT(bugprone-suspicious-include) */

/* All that a machine can have; it has one of the two vendors' extensions. */
#define COMMON (FEATURE_RDTSCP | FEATURE_DEADLINE | FEATURE_KVM_CLOCK)

#define VMX_FEATURES (COMMON | FEATURE_VMX)
#define SVM_FEATURES (COMMON | FEATURE_SVM)
#define VENDORS	     (FEATURE_VMX | FEATURE_SVM)
#define ALL_FEATURES (COMMON | VENDORS)
#define LOW_END	     0x2000U
#define HIGH	     0xc0000000U
#define HIGH_END     0xc0002000U
/* SVM's map has a third range, for AMD's own. */
#define AMD	0xc0010000U
#define AMD_END 0xc0012000U

/* MSRs are given by number here: the SDM is asked, not the code. */
struct span {
	u32 first, last;
};

#define FOR_EACH_IN_BITMAP(msr)            \
	for ((msr) = 0; (msr) != HIGH_END; \
	     (msr) = (msr) + 1 == LOW_END ? HIGH : (msr) + 1)

#define FOR_EACH_FEATURES(f)                      \
	for ((f) = 0; (f) <= ALL_FEATURES; (f)++) \
		if (((f)&VENDORS) != VENDORS)

static bool within(const struct span *spans, size_t n, u32 msr)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (msr >= spans[i].first && msr <= spans[i].last)
			return true;
	return false;
}

/* SDM vol. 3 section 25.6.9: four bitmaps of 1 KiB; 0 is no exit. */
static bool exits(const u8 *bitmap, u32 msr, bool write)
{
	u32 at = (msr >= HIGH ? 0x400 : 0) + (write ? 0x800 : 0);

	msr &= 0x1fff;
	return bitmap[at + msr / 8] >> (msr % 8) & 1;
}

/* APM2 section 15.11: 2 KiB for each range, read and write bit in pairs. */
static bool svm_exits(const u8 *map, u32 msr, bool write)
{
	u32 range = msr < LOW_END ? 0 : msr < AMD ? 0x800 : 0x1000;
	u32 bit = (msr & 0x1fff) * 2 + write;

	return map[range + bit / 8] >> (bit % 8) & 1;
}

static bool direct_in(enum msr_set set, u32 msr, bool write, u32 features)
{
	const struct msr_range *r = msr_lookup(msr, features);

	return r && msr_policy(r, write, set) == MSR_DIRECT;
}

static bool direct(u32 msr, bool write, u32 features)
{
	return direct_in(MSR_SET_DIRECT, msr, write, features);
}

static void test_no_overlap(void **state)
{
	u32 i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		for (j = 0; j < i; j++)
			if (ranges[i].first <= ranges[j].last &&
			    ranges[j].first <= ranges[i].last &&
			    ((ranges[i].needs | ranges[j].needs) & VENDORS) !=
				    VENDORS)
				fail_msg("entries %u and %u overlap at %x", j,
					 i, ranges[i].first);
}

static void test_entries(void **state)
{
	const struct msr_range *r;
	bool trap;

	(void)state;
	for (r = ranges; r < ranges + ARRAY_SIZE(ranges); r++) {
		trap = r->read == MSR_TRAP || r->write == MSR_TRAP;
		assert_true(r->first <= r->last);
		if (r->read == MSR_DIRECT || r->write == MSR_DIRECT)
			assert_true(r->last < LOW_END ||
				    (r->first >= HIGH && r->last < HIGH_END));
		assert_true(r->read <= MSR_ZERO && r->write <= MSR_ZERO);
		/* An entry that gives nothing is better left out. */
		assert_true(r->read != MSR_GP || r->write != MSR_GP);
		assert_true(r->handler < MSR_H_COUNT);
		/* EFER under SVM is the back end's own. */
		assert_true(!trap || r->handler != MSR_H_NONE ||
			    r->needs == FEATURE_SVM);
		assert_false(r->handler == MSR_H_FIXED && r->write == MSR_TRAP);
		assert_true(!r->value || r->handler == MSR_H_FIXED);
		assert_int_equal(r->needs & ~ALL_FEATURES, 0);
		assert_true(r->why && r->why[0]);
	}
}

static void test_lookup_finds_each_entry(void **state)
{
	const struct msr_range *r;
	u32 features, msr;

	(void)state;
	for (r = ranges; r < ranges + ARRAY_SIZE(ranges); r++)
		FOR_EACH_FEATURES(features)
	for (msr = r->first; msr <= r->last; msr++)
		if ((msr_lookup(msr, features) == r) !=
		    ((r->needs & features) == r->needs))
			fail_msg("%x, features %x", msr, features);
}

static void bitmap_agrees(enum msr_set set)
{
	u8 bitmap[PAGE_SIZE];
	u32 features, msr;
	int write;

	FOR_EACH_FEATURES(features)
	{
		memset(bitmap, 0x5a, sizeof(bitmap));
		msr_policy_bitmap(bitmap, features, set);
		FOR_EACH_IN_BITMAP(msr)
		for (write = 0; write < 2; write++)
			if (exits(bitmap, msr, write) ==
			    direct_in(set, msr, write, features))
				fail_msg("%s of %x, features %x",
					 write ? "write" : "read", msr,
					 features);
	}
}

static void msrpm_agrees(enum msr_set set)
{
	u8 map[2 * PAGE_SIZE];
	u32 features, msr, i;
	int write;

	FOR_EACH_FEATURES(features)
	{
		memset(map, 0x5a, sizeof(map));
		msr_policy_msrpm(map, features, set);
		FOR_EACH_IN_BITMAP(msr)
		for (write = 0; write < 2; write++)
			if (svm_exits(map, msr, write) ==
			    direct_in(set, msr, write, features))
				fail_msg("%s of %x, features %x",
					 write ? "write" : "read", msr,
					 features);
		for (msr = AMD; msr < AMD_END; msr++)
			assert_true(svm_exits(map, msr, false) &&
				    svm_exits(map, msr, true));
		for (i = 0x1800; i < sizeof(map); i++)
			assert_int_equal(map[i], 0xff);
	}
}

static void test_maps_agree_with_lookup(void **state)
{
	enum msr_set set;

	(void)state;
	for (set = 0; set < MSR_SETS; set++) {
		bitmap_agrees(set);
		msrpm_agrees(set);
	}
}

/* Emulated: nothing of the local APIC and its deadline, all else the same. */
static void test_emulated_view(void **state)
{
	u32 msr;
	int write;

	(void)state;
	FOR_EACH_IN_BITMAP(msr)
	for (write = 0; write < 2; write++) {
		bool apic = (msr >= 0x800 && msr <= 0x8ff) || msr == 0x6e0;

		if (direct_in(MSR_SET_EMULATED, msr, write, VMX_FEATURES) !=
		    (!apic && direct(msr, write, VMX_FEATURES)))
			fail_msg("%s of %x", write ? "write" : "read", msr);
	}
}

/* Where EOIs exit nothing else changes. */
static void test_eoi_view(void **state)
{
	u32 msr;
	int write;

	(void)state;
	FOR_EACH_IN_BITMAP(msr)
	for (write = 0; write < 2; write++)
		if (direct_in(MSR_SET_DIRECT_EOI, msr, write, VMX_FEATURES) !=
		    (direct(msr, write, VMX_FEATURES) &&
		     !(write && msr == 0x80b)))
			fail_msg("%s of %x", write ? "write" : "read", msr);
}

/*
 * Mode `did`, not in x2APIC mode: the APIC's MSRs do not exist (SDM vol. 3
 * section 11.12.1), the deadline stays direct.
 */
static void test_timer_view(void **state)
{
	u32 msr;
	int write;

	(void)state;
	FOR_EACH_IN_BITMAP(msr)
	for (write = 0; write < 2; write++) {
		bool apic = msr >= 0x800 && msr <= 0x8ff;

		if (direct_in(MSR_SET_TIMER, msr, write, VMX_FEATURES) !=
		    (!apic && direct(msr, write, VMX_FEATURES)))
			fail_msg("%s of %x", write ? "write" : "read", msr);
	}
	assert_true(direct_in(MSR_SET_TIMER, 0x6e0, true, VMX_FEATURES));
}

/* No neighbour of the page is written. */
static void test_bitmap_stays_in_its_page(void **state)
{
	u8 bitmap[3 * PAGE_SIZE];
	u32 i;

	(void)state;
	memset(bitmap, 0x5a, sizeof(bitmap));
	msr_policy_bitmap(bitmap + PAGE_SIZE, VMX_FEATURES, MSR_SET_DIRECT);
	for (i = 0; i < PAGE_SIZE; i++) {
		assert_int_equal(bitmap[i], 0x5a);
		assert_int_equal(bitmap[2 * PAGE_SIZE + i], 0x5a);
	}
}

/* The design's list for direct delivery, each in the directions it has. */
static const struct span x2apic_reads[] = {
	{ 0x808, 0x808 }, { 0x80a, 0x80a }, { 0x810, 0x827 },
	{ 0x838, 0x839 }, { 0x83e, 0x83e },
};
static const struct span x2apic_writes[] = {
	{ 0x808, 0x808 },
	{ 0x80b, 0x80b },
	{ 0x838, 0x838 },
	{ 0x83e, 0x83f },
};

/* While shadowed EOI, and what shows the guest's own vectors only. */
static const struct span eli_reads[] = {
	{ 0x808, 0x808 },
	{ 0x80a, 0x80a },
	{ 0x810, 0x81f },
};
static const struct span eli_writes[] = {
	{ 0x808, 0x808 },
	{ 0x80b, 0x80b },
};

static void eli_is_the_list(u32 features)
{
	u32 msr;

	FOR_EACH_IN_BITMAP(msr)
	{
		bool apic = (msr >= 0x800 && msr <= 0x8ff) || msr == 0x6e0;
		bool read = direct_in(MSR_SET_ELI, msr, false, features);
		bool write = direct_in(MSR_SET_ELI, msr, true, features);

		if (read !=
		    (apic ? within(eli_reads, ARRAY_SIZE(eli_reads), msr) :
			    direct(msr, false, features)))
			fail_msg("reads of %x", msr);
		if (write !=
		    (apic ? within(eli_writes, ARRAY_SIZE(eli_writes), msr) :
			    direct(msr, true, features)))
			fail_msg("writes of %x", msr);
	}
}

static void x2apic_direct_is_the_list(u32 features)
{
	u32 msr;

	for (msr = 0x800; msr <= 0x8ff; msr++) {
		if (direct(msr, false, features) !=
		    within(x2apic_reads, ARRAY_SIZE(x2apic_reads), msr))
			fail_msg("reads of %x", msr);
		if (direct(msr, true, features) !=
		    within(x2apic_writes, ARRAY_SIZE(x2apic_writes), msr))
			fail_msg("writes of %x", msr);
	}
}

#define EFER 0xc0000080

/*
 * Besides the local APIC: TSC (reads), SYSENTER, PAT, deadline, EFER, STAR to
 * FMASK, FS, GS, KERNEL_GS, TSC_AUX.  SVM keeps
 * EFER: it has SVME.  Whoever adds one comes by here.
 */
static const struct span other_direct[] = {
	{ 0x10, 0x10 },
	{ 0x174, 0x176 },
	{ 0x277, 0x277 },
	{ 0x6e0, 0x6e0 },
	{ 0xc0000080, 0xc0000084 },
	{ 0xc0000100, 0xc0000103 },
};

static void other_direct_is_the_list(u32 features)
{
	bool want;
	u32 msr;

	FOR_EACH_IN_BITMAP(msr)
	{
		if (msr >= 0x800 && msr <= 0x8ff)
			continue;
		want = within(other_direct, ARRAY_SIZE(other_direct), msr) &&
		       (msr != EFER || features & FEATURE_VMX);
		if (direct(msr, false, features) != want)
			fail_msg("reads of %x", msr);
		if (direct(msr, true, features) != (want && msr != 0x10))
			fail_msg("writes of %x", msr);
	}
}

static void test_direct_is_the_list(void **state)
{
	(void)state;
	x2apic_direct_is_the_list(VMX_FEATURES);
	x2apic_direct_is_the_list(SVM_FEATURES);
	eli_is_the_list(VMX_FEATURES);
	eli_is_the_list(SVM_FEATURES);
	other_direct_is_the_list(VMX_FEATURES);
	other_direct_is_the_list(SVM_FEATURES);
}

static const struct {
	u32 first, last;
	const char *why;
} dangerous[] = {
	{ 0x1b, 0x1b, "APIC_BASE moves or disables the local APIC" },
	{ 0x34, 0x34, "SMI_COUNT" },
	{ 0x3a, 0x3a, "FEATURE_CONTROL" },
	{ 0x3b, 0x3b, "TSC_ADJUST moves the host's time" },
	{ 0x79, 0x79, "BIOS_UPDT_TRIG loads microcode" },
	{ 0x7a, 0x7a, "FEATURE_ACTIVATION" },
	{ 0x8b, 0x8b, "BIOS_SIGN_ID, written before microcode is read" },
	{ 0x9b, 0x9b, "SMM_MONITOR_CTL" },
	{ 0x9e, 0x9e, "SMBASE" },
	{ 0xe2, 0xe2, "PKG_CST_CONFIG_CONTROL" },
	{ 0x150, 0x150, "voltage mailbox" },
	{ 0x179, 0x17b, "MCG_CAP, MCG_STATUS, MCG_CTL" },
	{ 0x199, 0x199, "PERF_CTL" },
	{ 0x19a, 0x19b, "CLOCK_MODULATION, THERM_INTERRUPT" },
	{ 0x1a0, 0x1a0, "MISC_ENABLE" },
	{ 0x1d9, 0x1d9, "DEBUGCTL" },
	{ 0x1f2, 0x1f3, "SMRR" },
	{ 0x1fc, 0x1fc, "POWER_CTL" },
	{ 0x200, 0x26f, "MTRRs" },
	{ 0x280, 0x29f, "MCi_CTL2 sends CMCI" },
	{ 0x2ff, 0x2ff, "MTRR_DEF_TYPE" },
	{ 0x345, 0x345, "PERF_CAPABILITIES" },
	{ 0x38d, 0x390, "performance counters raise the LVT" },
	{ 0x400, 0x47f, "machine-check banks" },
	{ 0x480, 0x493, "VMX capabilities" },
	{ 0x4d0, 0x4d0, "MCG_EXT_CTL" },
	{ 0x4e0, 0x4e1, "SMM_FEATURE_CONTROL, SMM_ENABLE" },
	{ 0x570, 0x57f, "processor trace writes physical memory" },
	{ 0x600, 0x600, "DS_AREA" },
	{ 0x606, 0x64f, "power limits" },
	{ 0x770, 0x774, "HWP" },
	{ 0x802, 0x803, "APIC id and version" },
	{ 0x80d, 0x80d, "LDR" },
	{ 0x80f, 0x80f, "SVR" },
	{ 0x828, 0x828, "ESR" },
	{ 0x82f, 0x82f, "LVT CMCI" },
	{ 0x830, 0x830, "ICR" },
	{ 0x832, 0x837, "the other LVTs" },
	{ 0xc80, 0xc80, "DEBUG_INTERFACE" },
	{ 0xda0, 0xda0, "XSS" },
};

static void test_dangerous_are_never_direct(void **state)
{
	u32 features, msr, i;

	(void)state;
	FOR_EACH_FEATURES(features)
	{
		/* The TSC is read all day; only writes are dangerous. */
		assert_false(direct(0x10, true, features));
		for (i = 0; i < ARRAY_SIZE(dangerous); i++)
			for (msr = dangerous[i].first; msr <= dangerous[i].last;
			     msr++)
				if (direct(msr, false, features) ||
				    direct(msr, true, features))
					fail_msg("%x: %s", msr,
						 dangerous[i].why);
	}
}

/* What is not there at all: neither readable nor writable. */
static void test_absent(void **state)
{
	static const struct span absent[] = {
		{ 0x79, 0x79 },	  { 0x9b, 0x9b },
		{ 0x9e, 0x9e },	  { 0x1f2, 0x1f3 },
		{ 0x200, 0x26f }, { 0x280, 0x29f },
		{ 0x400, 0x493 }, { 0x570, 0x57f },
		{ 0x600, 0x600 }, { 0x82f, 0x82f },
		{ 0x831, 0x831 }, { 0x840, 0x8ff },
		{ 0xc80, 0xc80 }, { 0xc0000085, 0xc00000ff },
	};
	u32 msr, i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(absent); i++)
		for (msr = absent[i].first; msr <= absent[i].last; msr++)
			if (msr_lookup(msr, VMX_FEATURES) ||
			    msr_lookup(msr, SVM_FEATURES))
				fail_msg("%x is in the table", msr);
}

static void test_needs(void **state)
{
	(void)state;
	assert_null(msr_lookup(0xc0000103, 0));
	assert_null(msr_lookup(0xc0000103, FEATURE_DEADLINE));
	assert_non_null(msr_lookup(0xc0000103, FEATURE_RDTSCP));
	assert_null(msr_lookup(0x6e0, 0));
	assert_null(msr_lookup(0x6e0, FEATURE_RDTSCP));
	assert_non_null(msr_lookup(0x6e0, FEATURE_DEADLINE));
	/* Its neighbour, of the same kind, needs nothing. */
	assert_non_null(msr_lookup(0xc0000102, 0));
	assert_null(msr_lookup(0x4b564d00, (u32)~FEATURE_KVM_CLOCK));
	assert_non_null(msr_lookup(0x4b564d01, FEATURE_KVM_CLOCK));
	assert_null(msr_lookup(0xc0010015, VMX_FEATURES));
	assert_int_equal(msr_lookup(EFER, SVM_FEATURES)->write, MSR_TRAP);
}

/* Programs for AMD's processors write them unasked. */
static void test_legacy_counters(void **state)
{
	const struct msr_range *r;
	u32 msr;

	(void)state;
	for (msr = AMD; msr < AMD + 8; msr++) {
		assert_null(msr_lookup(msr, VMX_FEATURES));
		r = msr_lookup(msr, SVM_FEATURES);
		assert_non_null(r);
		assert_int_equal(r->read, MSR_ZERO);
		assert_int_equal(r->write, MSR_ZERO);
	}
}

/* Features that the table knows nothing of give nothing. */
static void test_unknown_features(void **state)
{
	u8 a[PAGE_SIZE], b[PAGE_SIZE];

	(void)state;
	msr_policy_bitmap(a, VMX_FEATURES, MSR_SET_DIRECT);
	msr_policy_bitmap(b, (u32)~FEATURE_SVM, MSR_SET_DIRECT);
	assert_memory_equal(a, b, sizeof(a));
}

static void assert_fixed(u32 msr, u64 value)
{
	const struct msr_range *r = msr_lookup(msr, 0);

	assert_non_null(r);
	assert_int_equal(r->read, MSR_TRAP);
	assert_int_equal(r->handler, MSR_H_FIXED);
	assert_int_equal(r->value, value);
}

static void test_fixed_values(void **state)
{
	(void)state;
	assert_fixed(0x3a, 1);	/* locked, VMX off */
	assert_fixed(0xfe, 0);	/* no MTRRs but the default type */
	assert_fixed(0x179, 0); /* no banks */
	assert_fixed(0x8b, 0xffffffff00000000UL);
}

static void test_outside_both_ranges(void **state)
{
	static const u32 msrs[] = {
		LOW_END,  0x10000830, 0x40000000, 0x4b564d02, 0x80000830,
		HIGH - 1, HIGH_END,   0xc0010114, 0xc0011029, 0xffffffff,
	};
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		assert_null(msr_lookup(msrs[i], ~0U));
	for (i = LOW_END; i < HIGH; i += 0xfff1)
		assert_null(msr_lookup(i, ~0U));
	for (i = HIGH_END; i < 0xc0040000; i++)
		assert_null(msr_lookup(i, VMX_FEATURES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_lookup_finds_each_entry),
		cmocka_unit_test(test_maps_agree_with_lookup),
		cmocka_unit_test(test_emulated_view),
		cmocka_unit_test(test_eoi_view),
		cmocka_unit_test(test_timer_view),
		cmocka_unit_test(test_bitmap_stays_in_its_page),
		cmocka_unit_test(test_direct_is_the_list),
		cmocka_unit_test(test_dangerous_are_never_direct),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_legacy_counters),
		cmocka_unit_test(test_unknown_features),
		cmocka_unit_test(test_fixed_values),
		cmocka_unit_test(test_outside_both_ranges),
	};

	return cmocka_run_group_tests_name("msr", tests, NULL, NULL);
}
