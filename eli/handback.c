// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hand-back of a core.  A guest with a direct local APIC can leave any vector
 * pending or in service; none may reach the next guest or the host's exception
 * handlers.  Each is accepted through an IDT of its own, then EOIed.
 */
#include "core/cpu.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/percpu.h"
#include "core/trap.h"
#include "core/x86.h"
#include "eli/eli.h"
#include "eli/route.h"

/* Each vector may be in service, be accepted, and be in service again. */
#define DRAIN_STEPS (3 * IDT_VECTORS)
#define XSAVE_AREA  576
#define MXCSR_RESET 0x1f80

static struct idt_gate drain_idt[IDT_VECTORS];

void eli_init(void)
{
	u32 i;

	for (i = 0; i < IDT_VECTORS; i++)
		drain_idt[i] = idt_taken_gate(i);
	/* A real NMI must still be a kick. */
	drain_idt[VEC_NMI] = idt_host_gate(VEC_NMI);
}

/* But for vector 0, which QEMU accepts, never delivers, and so never clears. */
static bool any_set(u32 reg)
{
	u64 bits = rdmsr(APIC_MSR(reg)) & ~1UL;
	u32 i;

	for (i = 1; i < IDT_VECTORS / 32; i++)
		bits |= rdmsr(APIC_MSR(reg + i));
	return bits;
}

/*
 * The spurious vector must not be one that is in service: its EOI would be
 * taken for the spurious interrupt's, which has none.  Of those from F0h up,
 * which may all be pending, only one can be in service.
 */
static void choose_spurious(void)
{
	u32 vector = lapic_test(APIC_ISR, 0xff) ? 0xfe : 0xff;

	wrmsr(APIC_MSR(APIC_SVR), APIC_SVR_ENABLE | vector);
}

/* Of a core that has left its guest. */
static void accept(void)
{
	asm volatile("sti; nop; cli" : : : "memory");
}

static bool drain(void (*let_in)(void))
{
	u32 steps;

	for (steps = 0; steps < DRAIN_STEPS; steps++) {
		choose_spurious();
		if (any_set(APIC_ISR))
			lapic_eoi();
		else if (any_set(APIC_IRR))
			let_in();
		else
			return true;
	}
	return false;
}

static bool drain_core(void (*let_in)(void))
{
	bool clean;

	idt_load(drain_idt);
	clean = drain(let_in);
	idt_load_host();
	return clean;
}

static bool discard(void (*let_in)(void))
{
	bool clean = drain_core(let_in);

	memset(this_cpu.taken, 0, sizeof(this_cpu.taken));
	return clean;
}

bool eli_hand_back(void)
{
	lapic_quiet();
	return discard(accept);
}

void eli_accept(void)
{
	idt_load(drain_idt);
	backend->accept();
	idt_load_host();
}

void eli_empty_core(void)
{
	drain_core(backend->accept);
}

void eli_apic_changed(void)
{
	struct vcpu *v = &this_vcpu;

	routes_serve_eois(v);
	if (!vlapic_enabled(&v->lapic))
		discard(backend->accept);
}

/*
 * XRSTOR with an empty header: every component in its initial state, but for
 * MXCSR, which comes from the area in any case (SDM vol. 1 section 13.8.1).
 */
static void reset_fpu(void)
{
	static const struct {
		u8 legacy[24];
		u32 mxcsr;
		u8 rest[XSAVE_AREA - 28];
	} area __aligned(64) = { .mxcsr = MXCSR_RESET };
	u32 lo, hi, b, c;

	cpuid(0xd, 0, &lo, &b, &c, &hi);
	xsetbv((u64)hi << 32 | lo);
	asm volatile("clts; xrstor64 %0"
		     :
		     : "m"(area), "a"(0xffffffff), "d"(0xffffffff));
	xsetbv(1);
}

void eli_reset_core(void)
{
	static const u32 msrs[] = {
		MSR_IA32_STAR,	MSR_IA32_LSTAR,		 MSR_IA32_CSTAR,
		MSR_IA32_FMASK, MSR_IA32_KERNEL_GS_BASE,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		wrmsr(msrs[i], 0);
	if (host_features & FEATURE_RDTSCP)
		wrmsr(MSR_IA32_TSC_AUX, 0);
	/* QEMU's TCG has one PAT for host and guest. */
	wrmsr(MSR_IA32_PAT, PAT_RESET);
	write_cr2(0);
	asm volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2\n\t"
		     "mov %0, %%dr3; mov %1, %%dr6"
		     :
		     : "r"(0UL), "r"(0xffff0ff0UL));
	reset_fpu();
}
