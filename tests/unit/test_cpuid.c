// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "guest/acpi.h"
#include "exits/cpuid.h"
#include "guest/layout.h"

struct leaf {
	u32 leaf, subleaf;
	struct cpuid_regs r;
};

/* A Skylake client part, 4 cores of 2 threads. */
static const struct leaf intel[] = {
	{ 0x0, 0, { 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	{ 0x1, 0, { 0x000506e3, 0x03100800, 0x7ffafbff, 0xbfebfbff } },
	{ 0x2, 0, { 0x76036301, 0x00f0b5ff, 0x00000000, 0x00c30000 } },
	{ 0x4, 0, { 0x1c004121, 0x01c0003f, 0x0000003f, 0x00000000 } },
	{ 0x4, 1, { 0x1c004122, 0x01c0003f, 0x0000003f, 0x00000000 } },
	{ 0x4, 2, { 0x1c004143, 0x00c0003f, 0x000003ff, 0x00000000 } },
	{ 0x4, 3, { 0x1c03c163, 0x03c0003f, 0x00001fff, 0x00000006 } },
	{ 0x5, 0, { 0x40, 0x40, 0x3, 0x00142120 } },
	{ 0x6, 0, { 0x000027f7, 0x2, 0x1, 0x0 } },
	{ 0x7, 0, { 0x0, 0x029c6fbf, 0x0, 0xbc002e00 } },
	{ 0xa, 0, { 0x07300404, 0x0, 0x0, 0x603 } },
	{ 0xb, 0, { 0x1, 0x2, 0x100, 0x3 } },
	{ 0xb, 1, { 0x4, 0x8, 0x201, 0x3 } },
	{ 0xd, 0, { 0x1f, 0x440, 0x440, 0x0 } },
	{ 0xd, 1, { 0xf, 0x3c0, 0x100, 0x0 } },
	{ 0xd, 2, { 0x100, 0x240, 0x0, 0x0 } },
	{ 0xd, 3, { 0x40, 0x3c0, 0x0, 0x0 } },
	{ 0xd, 4, { 0x40, 0x400, 0x0, 0x0 } },
	{ 0xd, 8, { 0x80, 0x0, 0x1, 0x0 } },
	{ 0x14, 0, { 0x1, 0xf, 0x7, 0x0 } },
	{ 0x15, 0, { 0x2, 0x14e, 0x0, 0x0 } },
	{ 0x16, 0, { 0xfa0, 0x1068, 0x64, 0x0 } },
	{ 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, 0, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000006, 0, { 0, 0, 0x01006040, 0 } },
	{ 0x80000007, 0, { 0, 0, 0, 0x100 } },
	{ 0x80000008, 0, { 0x3027, 0, 0, 0 } },
};

/* A Zen 4 server part, as a virtual machine on it sees it. */
static const struct leaf amd[] = {
	{ 0x0, 0, { 0x0000001c, 0x68747541, 0x444d4163, 0x69746e65 } },
	{ 0x1, 0, { 0x00a10f11, 0x01020800, 0xfffa3203, 0x178bfbff } },
	{ 0x6, 0, { 0x00000004, 0x00000000, 0x00000000, 0x00000000 } },
	{ 0x7, 0, { 0x00000001, 0xf1bf07ab, 0x00405fce, 0x00000010 } },
	{ 0x7, 1, { 0x00000020, 0x00000000, 0x00000000, 0x00000000 } },
	{ 0xb, 0, { 0x00000000, 0x00000001, 0x00000100, 0x00000001 } },
	{ 0xb, 1, { 0x00000005, 0x00000002, 0x00000201, 0x00000001 } },
	{ 0xd, 0, { 0x000002e7, 0x00000980, 0x00000988, 0x00000000 } },
	{ 0xd, 1, { 0x0000000f, 0x000009a8, 0x00001800, 0x00000000 } },
	{ 0xd, 2, { 0x00000100, 0x00000240, 0x00000000, 0x00000000 } },
	{ 0xd, 5, { 0x00000040, 0x00000340, 0x00000000, 0x00000000 } },
	{ 0xd, 6, { 0x00000200, 0x00000380, 0x00000000, 0x00000000 } },
	{ 0xd, 7, { 0x00000400, 0x00000580, 0x00000000, 0x00000000 } },
	{ 0xd, 9, { 0x00000008, 0x00000980, 0x00000000, 0x00000000 } },
	{ 0xd, 11, { 0x00000010, 0x00000000, 0x00000001, 0x00000000 } },
	{ 0xd, 12, { 0x00000018, 0x00000000, 0x00000001, 0x00000000 } },
	{ 0x40000000, 0, { 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d } },
	{ 0x40000001, 0, { 0x01007efb, 0x00000000, 0x00000000, 0x00000000 } },
	{ 0x80000000, 0, { 0x80000021, 0x68747541, 0x444d4163, 0x69746e65 } },
	{ 0x80000001, 0, { 0x00a10f11, 0x40000000, 0x004003f7, 0x2fd3fbff } },
	{ 0x80000002, 0, { 0x20444d41, 0x43595045, 0x00000000, 0x00000000 } },
	{ 0x80000005, 0, { 0xff48ff40, 0xff48ff40, 0x20080140, 0x20080140 } },
	{ 0x80000006, 0, { 0x5c002200, 0x6c004200, 0x04006140, 0x0a009140 } },
	{ 0x80000007, 0, { 0x00000000, 0x00000000, 0x00000000, 0x00000100 } },
	{ 0x80000008, 0, { 0x00303030, 0x50020005, 0x00007001, 0x00000000 } },
	{ 0x8000000a, 0, { 0x00000001, 0x00008000, 0x00000000, 0x0000001f } },
	{ 0x8000001d, 0, { 0x00000121, 0x01c0003f, 0x0000003f, 0x00000000 } },
	{ 0x8000001e, 0, { 0x00000001, 0x00000001, 0x00000000, 0x00000000 } },
	{ 0x80000021, 0, { 0x00000204, 0x00000000, 0x00000086, 0x00000000 } },
};

static const struct leaf *machine;
static size_t machine_leaves;

static void replay(u32 leaf, u32 subleaf, struct cpuid_regs *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < machine_leaves; i++)
		if (machine[i].leaf == leaf && machine[i].subleaf == subleaf)
			*out = machine[i].r;
}

/* Every feature there is; the highest leaves are as on a real machine. */
static void host_ones(u32 leaf, u32 subleaf, struct cpuid_regs *out)
{
	(void)subleaf;
	memset(out, 0xff, sizeof(*out));
	if (leaf == 0)
		out->eax = 0x20;
	if (leaf == 0x80000000)
		out->eax = 0x80000021;
}

static void host_senseless(u32 leaf, u32 subleaf, struct cpuid_regs *out)
{
	(void)leaf;
	(void)subleaf;
	memset(out, 0xff, sizeof(*out));
}

static void host_zero(u32 leaf, u32 subleaf, struct cpuid_regs *out)
{
	(void)leaf;
	(void)subleaf;
	memset(out, 0, sizeof(*out));
}

static u64 seed;

static u32 draw(void)
{
	seed = seed * 6364136223846793005UL + 1442695040888963407UL;
	return (u32)(seed >> 32);
}

static void host_random(u32 leaf, u32 subleaf, struct cpuid_regs *out)
{
	(void)subleaf;
	*out = (struct cpuid_regs){ draw(), draw(), draw(), draw() };
	if (leaf == 0)
		out->eax = 0x20;
	if (leaf == 0x80000000)
		out->eax = 0x80000021;
}

static struct cpuid_env env_of(const struct leaf *leaves, size_t n)
{
	machine = leaves;
	machine_leaves = n;
	return (struct cpuid_env){
		.host = replay,
		.nr_vcpus = 2,
		.tsc_hz = 4008000000,
		.crystal_hz = leaves == intel ? 24000000 : 0,
		.apic = true,
		.xcr0 = 1,
	};
}
#define ENV(leaves) env_of(leaves, ARRAY_SIZE(leaves))

static struct cpuid_regs ask(const struct cpuid_env *env, u32 leaf, u32 subleaf)
{
	struct cpuid_regs r;

	memset(&r, 0x5a, sizeof(r));
	cpuid_guest(env, leaf, subleaf, &r);
	return r;
}

/* The allow-list once more, by bit numbers, so that a slip shows. */
#define B(n)	   (1U << (n))
#define SPAN(a, b) ((~0U >> (31 - (b))) & (~0U << (a)))
static const struct leaf allowed[] = {
	{ 0x0, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x1,
	  ~0U,
	  { ~0U, ~0U, B(0) | B(1) | B(9) | B(12) | B(13) | B(17) | SPAN(19, 31),
	    SPAN(0, 9) | SPAN(11, 17) | B(19) | SPAN(23, 28) } },
	{ 0x2, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x4, ~0U, { SPAN(0, 9) | SPAN(14, 31), ~0U, ~0U, 7 } },
	{ 0x6, ~0U, { B(2), 0, 0, 0 } },
	{ 0x7,
	  0,
	  { 1,
	    SPAN(0, 1) | B(3) | SPAN(5, 10) | B(13) | SPAN(16, 21) |
		    SPAN(23, 24) | SPAN(26, 31),
	    SPAN(1, 2) | B(6) | SPAN(8, 12) | B(14) | B(22) | B(25) |
		    SPAN(27, 28),
	    SPAN(2, 4) | B(8) | B(14) | B(23) } },
	{ 0x7, 1, { SPAN(4, 5) | SPAN(10, 12), 0, 0, 0 } },
	{ 0xb, ~0U, { 0x1f, 0xffff, 0xffff, ~0U } },
	{ 0xd, 0, { 0xe7, ~0U, ~0U, 0 } },
	{ 0xd, 1, { 7, ~0U, 0, 0 } },
	{ 0xd, 2, { ~0U, ~0U, 2, 0 } },
	{ 0xd, 5, { ~0U, ~0U, 2, 0 } },
	{ 0xd, 6, { ~0U, ~0U, 2, 0 } },
	{ 0xd, 7, { ~0U, ~0U, 2, 0 } },
	{ 0x15, ~0U, { ~0U, ~0U, ~0U, 0 } },
	{ 0x16, ~0U, { 0xffff, 0xffff, 0xffff, 0 } },
	{ 0x40000000, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x40000100, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x40000101, ~0U, { B(1) | B(3) | B(24), 0, 0, 0 } },
	{ 0x80000000, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x80000001,
	  ~0U,
	  { ~0U, 0, SPAN(0, 1) | SPAN(4, 8),
	    SPAN(0, 9) | SPAN(11, 17) | B(20) | SPAN(22, 24) | SPAN(26, 27) |
		    B(29) } },
	{ 0x80000002, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x80000003, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x80000004, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x80000005, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x80000006, ~0U, { ~0U, ~0U, ~0U, ~0U } },
	{ 0x80000007, ~0U, { 0, 0, 0, B(8) } },
	{ 0x80000008, ~0U, { 0xffff, B(0) | B(2), 0xf0ff, 0 } },
};

static struct cpuid_regs allowed_bits(u32 leaf, u32 subleaf)
{
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (allowed[i].leaf == leaf && (allowed[i].subleaf == ~0U ||
						allowed[i].subleaf == subleaf))
			return allowed[i].r;
	return (struct cpuid_regs){ 0 };
}

static void check_allowed(const struct cpuid_env *env, u32 leaf, u32 subleaf)
{
	struct cpuid_regs a = allowed_bits(leaf, subleaf);
	struct cpuid_regs r = ask(env, leaf, subleaf);

	if ((r.eax & ~a.eax) || (r.ebx & ~a.ebx) || (r.ecx & ~a.ecx) ||
	    (r.edx & ~a.edx))
		fail_msg("leaf %x.%x shows %x %x %x %x", leaf, subleaf,
			 r.eax & ~a.eax, r.ebx & ~a.ebx, r.ecx & ~a.ecx,
			 r.edx & ~a.edx);
}

static void check_all_leaves(const struct cpuid_env *env)
{
	static const u32 base[] = { 0,		0x20000000, 0x40000000,
				    0x40000100, 0x80000000, 0xc0000000,
				    0xffffffc0 };

	for (size_t i = 0; i < ARRAY_SIZE(base); i++)
		for (u32 leaf = 0; leaf < 0x40; leaf++)
			for (u32 sub = 0; sub < 70; sub++)
				check_allowed(env, base[i] + leaf, sub);
	check_allowed(env, 4, ~0U);
	check_allowed(env, 7, ~0U);
	check_allowed(env, 0xb, ~0U);
	check_allowed(env, 0xd, ~0U);
}

static void test_nothing_unlisted(void **state)
{
	struct cpuid_env env = ENV(intel);

	(void)state;
	env.host = host_ones;
	env.cr4 = ~0UL;
	env.xcr0 = ~0UL;
	check_all_leaves(&env);
	env.host = host_senseless;
	check_all_leaves(&env);
	env.host = host_zero;
	check_all_leaves(&env);
	env.host = host_random;
	for (seed = 1; seed < 12; seed++) {
		u64 at = seed;

		env.nr_vcpus = draw() % 64 + 1;
		env.apic_id = draw() % env.nr_vcpus;
		env.crystal_hz = draw() % 2 ? draw() : 0;
		env.tsc_hz = (u64)draw() << (draw() % 16);
		check_all_leaves(&env);
		seed = at;
	}
}

static const struct {
	u32 leaf, subleaf, reg, bit;
	const char *name;
} hidden[] = {
	{ 1, 0, 2, 2, "DTES64" },
	{ 1, 0, 2, 3, "MONITOR" },
	{ 1, 0, 2, 4, "DS-CPL" },
	{ 1, 0, 2, 5, "VMX" },
	{ 1, 0, 2, 6, "SMX" },
	{ 1, 0, 2, 7, "EST" },
	{ 1, 0, 2, 8, "TM2" },
	{ 1, 0, 2, 11, "SDBG" },
	{ 1, 0, 2, 15, "PDCM" },
	{ 1, 0, 2, 18, "DCA" },
	{ 1, 0, 3, 18, "PSN" },
	{ 1, 0, 3, 21, "DS" },
	{ 1, 0, 3, 22, "ACPI" },
	{ 1, 0, 3, 29, "TM" },
	{ 1, 0, 3, 31, "PBE" },
	{ 5, 0, 0, 6, "MWAIT line size" },
	{ 6, 0, 2, 0, "APERF/MPERF" },
	{ 6, 0, 0, 7, "HWP" },
	{ 7, 0, 1, 2, "SGX" },
	{ 7, 0, 1, 4, "HLE" },
	{ 7, 0, 1, 11, "RTM" },
	{ 7, 0, 1, 12, "RDT-M" },
	{ 7, 0, 1, 14, "MPX" },
	{ 7, 0, 1, 15, "RDT-A" },
	{ 7, 0, 1, 25, "PT" },
	{ 7, 0, 2, 3, "PKU" },
	{ 7, 0, 2, 4, "OSPKE" },
	{ 7, 0, 2, 5, "WAITPKG" },
	{ 7, 0, 2, 7, "CET_SS" },
	{ 7, 0, 2, 13, "TME" },
	{ 7, 0, 2, 16, "LA57" },
	{ 7, 0, 2, 23, "KL" },
	{ 7, 0, 2, 24, "BUS_LOCK_DETECT" },
	{ 7, 0, 2, 29, "ENQCMD" },
	{ 7, 0, 2, 30, "SGX_LC" },
	{ 7, 0, 2, 31, "PKS" },
	{ 7, 0, 3, 5, "UINTR" },
	{ 7, 0, 3, 10, "MD_CLEAR" },
	{ 7, 0, 3, 15, "HYBRID" },
	{ 7, 0, 3, 18, "PCONFIG" },
	{ 7, 0, 3, 19, "ARCH_LBR" },
	{ 7, 0, 3, 20, "CET_IBT" },
	{ 7, 0, 3, 22, "AMX_BF16" },
	{ 7, 0, 3, 24, "AMX_TILE" },
	{ 7, 0, 3, 25, "AMX_INT8" },
	{ 7, 0, 3, 26, "IBRS, IBPB" },
	{ 7, 0, 3, 27, "STIBP" },
	{ 7, 0, 3, 28, "L1D_FLUSH" },
	{ 7, 0, 3, 29, "ARCH_CAPABILITIES" },
	{ 7, 0, 3, 30, "CORE_CAPABILITIES" },
	{ 7, 0, 3, 31, "SSBD" },
	{ 7, 1, 0, 17, "FRED" },
	{ 7, 1, 0, 22, "HRESET" },
	{ 7, 1, 0, 26, "LAM" },
	{ 7, 2, 3, 0, "PSFD" },
	{ 0xa, 0, 0, 0, "PMU" },
	{ 0xd, 0, 0, 3, "BNDREGS" },
	{ 0xd, 0, 0, 9, "PKRU" },
	{ 0xd, 0, 0, 17, "XTILECFG" },
	{ 0xd, 0, 0, 18, "XTILEDATA" },
	{ 0xd, 1, 0, 3, "XSAVES" },
	{ 0xd, 1, 0, 4, "XFD" },
	{ 0xd, 1, 2, 8, "XSS" },
	{ 0xf, 0, 3, 1, "RDT-M" },
	{ 0x10, 0, 1, 1, "RDT-A" },
	{ 0x12, 0, 0, 0, "SGX" },
	{ 0x14, 0, 1, 0, "PT" },
	{ 0x80000001, 0, 2, 2, "SVM" },
	{ 0x80000001, 0, 2, 10, "IBS" },
	{ 0x80000001, 0, 2, 12, "SKINIT" },
	{ 0x80000001, 0, 2, 22, "TOPOEXT" },
	{ 0x80000001, 0, 2, 29, "MONITORX" },
	{ 0x80000008, 0, 1, 4, "RDPRU" },
	{ 0x80000008, 0, 1, 12, "IBPB" },
	{ 0x80000008, 0, 1, 14, "IBRS" },
	{ 0x80000008, 0, 1, 15, "STIBP" },
	{ 0x80000008, 0, 1, 24, "SSBD" },
	{ 0x8000000a, 0, 0, 0, "SVM" },
	{ 0x8000001e, 0, 0, 0, "host APIC id" },
};

static u32 reg_of(const struct cpuid_regs *r, u32 n)
{
	const u32 regs[] = { r->eax, r->ebx, r->ecx, r->edx };

	return regs[n];
}

static void test_hidden_by_name(void **state)
{
	struct cpuid_env env = ENV(intel);

	(void)state;
	env.host = host_ones;
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		struct cpuid_regs r = ask(&env, hidden[i].leaf,
					  hidden[i].subleaf);

		if (reg_of(&r, hidden[i].reg) & B(hidden[i].bit))
			fail_msg("%s is shown", hidden[i].name);
	}
}

static void test_host_bits_never_invented(void **state)
{
	struct cpuid_env env = ENV(intel);
	struct cpuid_regs r;

	(void)state;
	env.host = host_zero;
	env.nr_vcpus = 1;
	r = ask(&env, 1, 0);
	assert_int_equal(r.ecx, B(31) | B(21));
	assert_int_equal(r.edx, 0);
	r = ask(&env, 7, 0);
	assert_int_equal(r.ebx, B(1));
	assert_int_equal(r.ecx | r.edx, 0);
	assert_int_equal(ask(&env, 0xd, 0).eax, 0);
	assert_int_equal(cpuid_guest_xcr0(&env), 0);
}

/* Globally disabled: SDM vol. 3 section 11.4.3; AMD has the bit twice. */
static void test_apic_disabled(void **state)
{
	struct cpuid_env env = ENV(intel);

	(void)state;
	assert_true(ask(&env, 1, 0).edx & B(9));
	env.apic = false;
	assert_false(ask(&env, 1, 0).edx & B(9));
	env = ENV(amd);
	assert_true(ask(&env, 1, 0).edx & B(9));
	assert_true(ask(&env, 0x80000001, 0).edx & B(9));
	env.apic = false;
	assert_false(ask(&env, 1, 0).edx & B(9));
	assert_false(ask(&env, 0x80000001, 0).edx & B(9));
}

static void test_max_leaves(void **state)
{
	struct cpuid_env env = ENV(intel);

	(void)state;
	assert_int_equal(ask(&env, 0, 0).eax, 0x16);
	assert_int_equal(ask(&env, 0x80000000, 0).eax, 0x80000008);
	assert_int_equal(ask(&env, 0x40000000, 0).eax, 0x40000000);
	assert_int_equal(ask(&env, 0x40000100, 0).eax, 0x40000101);
	env = ENV(amd);
	assert_int_equal(ask(&env, 0, 0).eax, 0x16);
	assert_int_equal(ask(&env, 0x80000000, 0).eax, 0x80000008);
	assert_int_equal(ask(&env, 0x15, 0).ecx, 0);
	assert_int_equal(ask(&env, 0x1c, 0).eax, 0);
	assert_int_equal(ask(&env, 0x17, 0).eax, 0);
}

/* Intel parts answer leaves above their highest with the highest one. */
static void host_repeats(u32 leaf, u32 subleaf, struct cpuid_regs *out)
{
	(void)leaf;
	(void)subleaf;
	memset(out, 0xff, sizeof(*out));
	out->eax = leaf & 0x80000000 ? 0x80000008 : 4;
}

static void test_leaves_the_host_lacks(void **state)
{
	struct cpuid_env env = ENV(intel);
	struct cpuid_regs r;

	(void)state;
	env.host = host_repeats;
	env.crystal_hz = 0;
	assert_int_equal(ask(&env, 0, 0).eax, 0xb);
	r = ask(&env, 7, 0);
	assert_int_equal(r.eax, 0);
	assert_int_equal(r.ebx, B(1));
	assert_int_equal(r.ecx, 0);
	assert_int_equal(ask(&env, 0xd, 0).eax, 0);
	assert_int_equal(ask(&env, 0xb, 0).ebx, 1);
	assert_int_equal(ask(&env, 0x15, 0).eax, 0);
}

static u32 madt_apic_id(const u8 *buf, size_t size, u32 vcpu)
{
	for (size_t i = 0; i + 44 < size; i += 16) {
		const u8 *p = buf + i + 44 + 8 * vcpu;

		if (memcmp(buf + i, "APIC", 4))
			continue;
		assert_int_equal(p[0], 0);
		return p[3];
	}
	fail();
	return 0;
}

static void check_ids(const struct cpuid_env *env, const u8 *acpi, size_t size)
{
	struct cpuid_regs r = ask(env, 1, 0);
	u32 shift;

	assert_int_equal(r.ebx >> 24, env->apic_id);
	assert_int_equal(r.ebx >> 16 & 0xff, env->nr_vcpus);
	assert_int_equal(!!(r.edx & B(28)), env->nr_vcpus > 1);
	r = ask(env, 0xb, 0);
	assert_int_equal(r.edx, env->apic_id);
	assert_int_equal(r.eax, 0);
	assert_int_equal(r.ebx, 1);
	assert_int_equal(r.ecx, 0x100);
	r = ask(env, 0xb, 1);
	assert_int_equal(r.edx, env->apic_id);
	assert_int_equal(r.ebx, env->nr_vcpus);
	assert_int_equal(r.ecx, 0x201);
	shift = r.eax;
	assert_int_equal((env->nr_vcpus - 1) >> shift, 0);
	assert_true(env->nr_vcpus == 1 || (env->nr_vcpus - 1) >> (shift - 1));
	r = ask(env, 0xb, 2);
	assert_int_equal(r.ecx, 2);
	assert_int_equal(r.eax | r.ebx, 0);
	assert_int_equal(r.edx, env->apic_id);
	assert_int_equal(madt_apic_id(acpi, size, env->apic_id), env->apic_id);
	r = ask(env, 4, 3);
	if (r.eax)
		assert_int_equal((r.eax >> 26) + 1, 1U << shift);
}

static void test_one_topology(void **state)
{
	static u8 acpi[GUEST_ACPI_END - GUEST_ACPI];
	struct cpuid_env env = ENV(intel);
	u64 rsdp;

	(void)state;
	for (env.nr_vcpus = 1; env.nr_vcpus <= 64; env.nr_vcpus++) {
		struct guest_acpi_config c = { .nr_vcpus = env.nr_vcpus };

		assert_int_equal(guest_acpi_build(acpi, sizeof(acpi),
						  GUEST_ACPI, &c, &rsdp),
				 0);
		for (u32 id = 0; id < env.nr_vcpus; id++) {
			env.apic_id = id;
			check_ids(&env, acpi, sizeof(acpi));
		}
	}
}

static void test_cache_leaves(void **state)
{
	struct cpuid_env env = ENV(intel);

	(void)state;
	env.nr_vcpus = 3;
	assert_int_equal(ask(&env, 4, 0).eax, 0x0c000121);
	assert_int_equal(ask(&env, 4, 2).eax, 0x0c000143);
	assert_int_equal(ask(&env, 4, 3).eax, 0x0c00c163);
	assert_int_equal(ask(&env, 4, 3).edx, 6);
	assert_int_equal(ask(&env, 4, 4).eax, 0);
	env.host = host_ones;
	assert_int_equal(ask(&env, 4, 8).eax, 0);
	assert_int_equal(ask(&env, 4, 8).ecx, 0);
}

static void test_intel_replay(void **state)
{
	struct cpuid_env env = ENV(intel);
	struct cpuid_regs r = ask(&env, 1, 0);

	(void)state;
	assert_int_equal(r.eax, 0x506e3);
	assert_int_equal(r.ebx, 0x00020800);
	assert_int_equal(r.ecx, 0xf7fa3203); /* OSXSAVE is the guest's */
	assert_int_equal(r.edx, 0x1f8bfbff);
	r = ask(&env, 7, 0);
	assert_int_equal(r.ebx, 0x009c27ab);
	assert_int_equal(r.edx, 0);
	r = ask(&env, 0xd, 0);
	assert_int_equal(r.eax, 7);
	assert_int_equal(r.ebx, 576);
	assert_int_equal(r.ecx, 832);
	assert_int_equal(ask(&env, 0xd, 3).eax, 0);
	assert_int_equal(ask(&env, 0xd, 8).eax, 0);
	assert_int_equal(ask(&env, 0x80000001, 0).edx, 0x2c100800);
	assert_int_equal(ask(&env, 0x80000001, 0).ecx, 0x121);
	assert_int_equal(ask(&env, 0x80000008, 0).eax, 0x3027);
	assert_int_equal(ask(&env, 0x80000008, 0).ecx, 0);
	assert_int_equal(ask(&env, 0x40000101, 0).eax, B(1));
	assert_int_equal(ask(&env, 6, 0).eax, B(2));
}

static void test_amd_replay(void **state)
{
	struct cpuid_env env = ENV(amd);
	struct cpuid_regs r = ask(&env, 1, 0);

	(void)state;
	assert_int_equal(r.ecx, 0xf7fa3203);
	assert_int_equal(r.edx, 0x178bfbff);
	r = ask(&env, 0x80000001, 0);
	assert_int_equal(r.ecx, 0x1f3);
	assert_int_equal(r.edx, 0x2dd3fbff);
	r = ask(&env, 0x80000008, 0);
	assert_int_equal(r.eax, 0x3030);
	assert_int_equal(r.ebx, 5);
	assert_int_equal(r.ecx, 0x1001);
	assert_int_equal(ask(&env, 0x80000007, 0).edx, 0x100);
	assert_int_equal(ask(&env, 0x40000101, 0).eax, B(1) | B(3) | B(24));
	assert_int_equal(ask(&env, 0x40000001, 0).eax, 0);
	assert_int_equal(ask(&env, 0x80000021, 0).eax, 0);
}

static void test_signatures(void **state)
{
	struct cpuid_env env = ENV(intel);
	struct cpuid_regs r = ask(&env, 0x40000000, 0);

	(void)state;
	assert_memory_equal(&r.ebx, "AshlarAshlar", 12);
	r = ask(&env, 0x40000100, 0);
	assert_memory_equal(&r.ebx, "KVMKVMKVM\0\0\0", 12);
}

static void test_dynamic_bits(void **state)
{
	struct cpuid_env env = ENV(amd);

	(void)state;
	assert_false(ask(&env, 1, 0).ecx & B(27));
	env.cr4 = B(18);
	assert_true(ask(&env, 1, 0).ecx & B(27));
}

/* A host with less. */
static u32 host_xcr0;

static void host_masked(u32 leaf, u32 subleaf, struct cpuid_regs *out)
{
	replay(leaf, subleaf, out);
	if (leaf == 0xd && !subleaf)
		out->eax &= host_xcr0;
}

static void test_xcr0(void **state)
{
	struct cpuid_env env = ENV(amd);

	(void)state;
	assert_int_equal(cpuid_guest_xcr0(&env), 0xe7);
	env.host = host_masked;
	host_xcr0 = 0x67; /* part of AVX-512 */
	assert_int_equal(cpuid_guest_xcr0(&env), 7);
	host_xcr0 = 0xe3; /* AVX-512 without AVX */
	assert_int_equal(cpuid_guest_xcr0(&env), 3);
	assert_int_equal(ask(&env, 1, 0).ecx & (B(28) | B(12) | B(29)), 0);
	assert_int_equal(ask(&env, 7, 0).ebx & (B(5) | B(16) | B(31)), 0);
	assert_int_equal(ask(&env, 7, 0).ecx & (B(9) | B(10) | B(11)), 0);
	assert_int_equal(ask(&env, 7, 1).eax, 0);
	assert_true(ask(&env, 1, 0).ecx & B(26));
	host_xcr0 = 1; /* not even SSE */
	env.cr4 = B(18);
	assert_int_equal(cpuid_guest_xcr0(&env), 0);
	assert_int_equal(ask(&env, 1, 0).ecx & (B(26) | B(27)), 0);
	assert_int_equal(ask(&env, 0xd, 0).ecx, 0);
	env.host = host_ones;
	assert_int_equal(cpuid_guest_xcr0(&env), CPUID_XCR0_ALLOWED);
}

static void test_xsave_sizes(void **state)
{
	struct cpuid_env env = ENV(amd);

	(void)state;
	env.xcr0 = 7;
	assert_int_equal(ask(&env, 0xd, 0).ebx, 0x340);
	assert_int_equal(ask(&env, 0xd, 0).ecx, 0x980);
	assert_int_equal(ask(&env, 0xd, 1).eax, 7);
	assert_int_equal(ask(&env, 0xd, 1).ebx, 0x340);
	env.xcr0 = 0xe7;
	assert_int_equal(ask(&env, 0xd, 0).ebx, 0x980);
	assert_int_equal(ask(&env, 0xd, 1).ebx, 576 + 0x100 + 0x640);
	env.xcr0 = 0xe7 | B(9) | B(11) | B(17);
	assert_int_equal(ask(&env, 0xd, 0).ebx, 0x980);
	env.host = host_masked;
	host_xcr0 = 7;
	assert_int_equal(ask(&env, 0xd, 0).ecx, 0x340);
	assert_int_equal(ask(&env, 0xd, 5).eax, 0);
	assert_int_equal(ask(&env, 0xd, 9).eax, 0);
	assert_int_equal(ask(&env, 0xd, 64).eax, 0);
	assert_int_equal(ask(&env, 0xd, 2 + (1U << 31)).eax, 0);
}

/* A component that the compacted format aligns to 64 bytes. */
static void host_aligned(u32 leaf, u32 subleaf, struct cpuid_regs *out)
{
	replay(leaf, subleaf, out);
	if (leaf == 0xd && subleaf == 6)
		out->ecx = 2 | 4;
	if (leaf == 0xd && subleaf == 5)
		out->eax = 0x38;
}

static void test_compacted_alignment(void **state)
{
	struct cpuid_env env = ENV(amd);

	(void)state;
	env.host = host_aligned;
	env.xcr0 = 0xe7;
	assert_int_equal(ask(&env, 0xd, 1).ebx, 576 + 0x100 + 0x640);
	assert_int_equal(ask(&env, 0xd, 6).ecx, 2);
}

static void check_clock(u64 tsc_hz, u64 crystal_hz, u64 ppm)
{
	struct cpuid_env env = ENV(intel);
	struct cpuid_regs r;
	u64 got, off;

	env.tsc_hz = tsc_hz;
	env.crystal_hz = crystal_hz;
	r = ask(&env, 0x15, 0);
	assert_int_equal(r.ecx, crystal_hz);
	assert_int_not_equal(r.eax, 0);
	got = crystal_hz * r.ebx / r.eax;
	off = got > tsc_hz ? got - tsc_hz : tsc_hz - got;
	assert_true(off * 1000000 <= tsc_hz * ppm);
	/* Linux: 32-bit product of kHz and numerator. */
	assert_true((u64)(r.ecx / 1000) * r.ebx <= ~0U);
	assert_int_equal(ask(&env, 0x16, 0).eax, (tsc_hz + 500000) / 1000000);
}

static void test_clock(void **state)
{
	struct cpuid_env env = ENV(intel);
	struct cpuid_regs r;

	(void)state;
	env.tsc_hz = env.crystal_hz = 25000000;
	r = ask(&env, 0x15, 0);
	assert_int_equal(r.eax, 1);
	assert_int_equal(r.ebx, 1);
	check_clock(4008000000, 24000000, 0);
	check_clock(2995200000, 38400000, 0);
	check_clock(2100000000, 25000000, 0);
	check_clock(50000000, 50000000, 0);
	check_clock(10000000, 25000000, 0);
	check_clock(2903998123, 24000000, 6);
	seed = 7;
	for (int i = 0; i < 5000; i++)
		check_clock(500000000 + (u64)draw() * 5 / 4,
			    i % 2 ? 24000000 : 38400000, 15);
}

static void test_clock_out_of_range(void **state)
{
	static const u64 odd[] = { 0, 1, 999999, 1UL << 32, ~0UL };
	struct cpuid_env env = ENV(intel);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		env.crystal_hz = odd[i];
		assert_int_equal(ask(&env, 0x15, 0).eax, 0);
		assert_int_equal(ask(&env, 0x16, 0).eax, 0);
		assert_true(ask(&env, 0x40000101, 0).eax & B(3));
	}
	env.crystal_hz = 24000000;
	env.tsc_hz = 0;
	assert_int_equal(ask(&env, 0x15, 0).eax, 0);
	env.tsc_hz = ~0UL;
	assert_int_equal(ask(&env, 0x15, 0).eax, 0);
}

static void test_la57_address_width(void **state)
{
	struct cpuid_env env = ENV(intel);

	(void)state;
	env.host = host_ones;
	assert_int_equal(ask(&env, 0x80000008, 0).eax, 48 << 8 | 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_unlisted),
		cmocka_unit_test(test_hidden_by_name),
		cmocka_unit_test(test_host_bits_never_invented),
		cmocka_unit_test(test_apic_disabled),
		cmocka_unit_test(test_max_leaves),
		cmocka_unit_test(test_leaves_the_host_lacks),
		cmocka_unit_test(test_one_topology),
		cmocka_unit_test(test_cache_leaves),
		cmocka_unit_test(test_intel_replay),
		cmocka_unit_test(test_amd_replay),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_dynamic_bits),
		cmocka_unit_test(test_xcr0),
		cmocka_unit_test(test_xsave_sizes),
		cmocka_unit_test(test_compacted_alignment),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_clock_out_of_range),
		cmocka_unit_test(test_la57_address_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
