// SPDX-License-Identifier: BSD-2-Clause
/*
 * The shadow of MOV SS, with TF, or of STI over an instruction that raises an
 * event or exits, at CPL 0 and 3: what comes, and where RIP then is.
 *
 * The processor refuses an entry with that shadow, TF and no pending single
 * step (SDM vol. 3 section 27.3.1.5).  Emulators don't: the image that this is
 * for looks itself (tests/variants/entry-checked.c).
 */
#include "lib/descriptors.h"
#include "lib/payload.h"
#include "lib/probe.h"

/* More than enough for mode `eli` to shadow the table. */
#define EXITS 20

#define SET_TF "pushfq\n orq $0x100, (%rsp)\n popfq\n"
#define MOV_SS "mov %ss, %eax\n" SET_TF "mov %eax, %ss\n"
/* Its shadow does not hold a single step back. */
#define STI "sti\n"

/* X(name, before, instruction, vector, RIP is behind it, CPLs) */
#define TESTS(X)                                                \
	X(plain_int1, "nop\n", ".byte 0xf1", VEC_DB, true, 3)   \
	X(ss_int1, MOV_SS, ".byte 0xf1", VEC_DB, true, 3)       \
	X(ss_int, "cpuid\n" MOV_SS, "int $0x90", 0x90, true, 3) \
	X(ss_int3, MOV_SS, "int3", VEC_BP, true, 3)             \
	X(ss_cpuid, MOV_SS, "cpuid", VEC_DB, true, 3)           \
	X(ss_vmcall, MOV_SS, "vmcall", VEC_UD, false, 3)        \
	X(sti_int1, STI, ".byte 0xf1", VEC_DB, true, 1)         \
	X(sti_int, "cpuid\n" STI, "int $0x90", 0x90, true, 1)   \
	X(sti_vmcall, STI, "vmcall", VEC_UD, false, 1)

#define CODE(name, before, insn, vector, behind, cpls)                      \
	asm(".pushsection .text\n"                                          \
	    "code_" #name ": " before "at_" #name ": " insn "\nnext_" #name \
	    ": nop\n int $0x20\n"                                           \
	    ".popsection");                                                 \
	extern const u8 code_##name[], at_##name[], next_##name[];
TESTS(CODE)

#define ROW(name, before, insn, vector, behind, cpls) \
	{ #name, code_##name, behind ? next_##name : at_##name, vector, cpls },
static const struct test {
	const char *name;
	const u8 *code, *rip;
	u8 vector;
	u8 cpls; /* bit 0: CPL 0, bit 1: CPL 3 */
} tests[] = { TESTS(ROW) };

static struct gate table[256] __aligned(4096);
static u32 failed;

static void try(const struct test *t, bool user)
{
	struct probe p = {
		.code = t->code,
		.user = user,
		.loaded_idt = true,
	};

	probe_run(&p);
	if (p.vector == t->vector && p.rip == (u64)t->rip && !p.error)
		return;
	failed++;
	say("blocked %s at CPL %u: vector %lu error %lx rip %lx (%lx)", t->name,
	    user ? 3 : 0, p.vector, p.error, p.rip, (u64)t->rip);
}

PAYLOAD("blocked")
{
	const struct descriptor_register r = { sizeof(table) - 1, (u64)table };
	u32 i, a, b, c, d;

	probe_init();
	x2apic_enable();
	for (i = 0; i < 256; i++)
		table[i] = gate_to(probe_stub((u8)i),
				   GATE_INTERRUPT | GATE_USER);
	asm volatile("lidt %0" : : "m"(r) : "memory");
	for (i = 0; i < EXITS; i++)
		cpuid(1, 0, &a, &b, &c, &d);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (tests[i].cpls & 1)
			try(&tests[i], false);
		if (tests[i].cpls & 2)
			try(&tests[i], true);
	}
	if (failed)
		payload_fail("%u of them", failed);
	payload_ok("as they must be");
}
