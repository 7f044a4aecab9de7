// SPDX-License-Identifier: BSD-2-Clause
/* This core: descriptor tables, control registers, requests. */
#include "core/cpu.h"
#include "core/errata.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/percpu.h"
#include "core/trap.h"
#include "core/x86.h"

#define GDT_CODE	  0x00af9b000000ffffUL
#define GDT_DATA	  0x00cf93000000ffffUL
#define GDT_TSS_AVAILABLE (0x89UL << 40)

struct cpu_public *cpu_public;
u32 nr_cpus;
u32 host_features;
u8 host_phys_bits;

static void load_tables(void)
{
	u64 tss = (u64)&this_cpu.tss;
	const struct __packed {
		u16 limit;
		u64 base;
	} dtr = { sizeof(this_cpu.gdt) - 1, (u64)this_cpu.gdt };

	this_cpu.gdt[1] = GDT_CODE;
	this_cpu.gdt[2] = GDT_DATA;
	this_cpu.gdt[3] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 |
			  GDT_TSS_AVAILABLE | (tss >> 24 & 0xff) << 56;
	this_cpu.gdt[4] = tss >> 32;
	this_cpu.tss.ist[IST_NMI - 1] = CPU_NMI_STACK_TOP;
	this_cpu.tss.ist[IST_DF - 1] = CPU_DF_STACK_TOP;
	this_cpu.tss.ist[IST_MC - 1] = CPU_MC_STACK_TOP;
	this_cpu.tss.io_map_base = sizeof(struct tss);
	asm volatile("lgdt %0; ltr %w1" : : "m"(dtr), "r"(SEL_TSS));
	idt_load_host();
}

int cpus_alloc(u32 cpus)
{
	cpu_public = pool_shared(cpus * sizeof(*cpu_public));
	return cpu_public ? 0 : -ENOMEM;
}

/* CPUID leaf 0Dh, subleaf 1: XSAVES (bit 3), and with it the MSR. */
static void reset_xss(void)
{
	u32 max, a, b, c, d;

	cpuid(0, 0, &max, &b, &c, &d);
	if (max < 0xd)
		return;
	cpuid(0xd, 1, &a, &b, &c, &d);
	if (a & BIT(3))
		wrmsr(MSR_IA32_XSS, 0);
}

int cpu_init(u32 cpu, char *error, size_t size)
{
	u64 cr3 = read_cr3();
	u32 a, b, c, d;

	this_cpu.id = cpu;
	this_cpu.cr3 = cr3;
	load_tables();
	cpuid(1, 0, &a, &b, &c, &d);
	write_cr4(CR4_PAE | CR4_MCE | CR4_OSFXSR |
		  (c & BIT(26) ? CR4_OSXSAVE : 0));
	wrmsr(MSR_IA32_PAT, PAT_RESET);
	reset_xss();
	if (lapic_enable(error, size))
		return -ENODEV;
	this_cpu.apic_id = lapic_id();
	cpu_public[cpu].apic_id = this_cpu.apic_id;
	return 0;
}

static bool made_by_amd(void)
{
	u32 max, sig[3];

	cpuid(0, 0, &max, &sig[0], &sig[2], &sig[1]);
	return !memcmp(sig, "AuthenticAMD", sizeof(sig)) ||
	       !memcmp(sig, "HygonGenuine", sizeof(sig));
}

/* SDM vol. 3 section 10.11.7.1: 0 is written, CPUID leaf 1 puts it there. */
static u32 microcode_revision(void)
{
	u32 a, b, c, d;

	wrmsr(MSR_IA32_BIOS_SIGN_ID, 0);
	cpuid(1, 0, &a, &b, &c, &d);
	return (u32)(rdmsr(MSR_IA32_BIOS_SIGN_ID) >> 32);
}

static bool deadline_works(u32 signature)
{
	u32 needed, revision;

	if (host_features & FEATURE_SVM)
		return true;
	revision = microcode_revision();
	if (errata_deadline_works(signature, revision, &needed))
		return true;
	log_printf("warning: cpus: microcode %xh loses interrupts of the "
		   "TSC deadline timer, which is not used; %xh or later does "
		   "not",
		   revision, needed);
	return false;
}

void cpu_find_features(void)
{
	u32 a, b, c, d;

	host_features = made_by_amd() ? FEATURE_SVM | FEATURE_KVM_CLOCK :
					FEATURE_VMX;
	cpuid(1, 0, &a, &b, &c, &d);
	if ((c & CPUID_1_ECX_DEADLINE) && deadline_works(a))
		host_features |= FEATURE_DEADLINE;
	cpuid(0x80000001, 0, &a, &b, &c, &d);
	if (d & BIT(27))
		host_features |= FEATURE_RDTSCP;
	cpuid(0x80000008, 0, &a, &b, &c, &d);
	host_phys_bits = (u8)a;
}

void cpu_request(u32 cpu, u32 bits)
{
	struct cpu_public *p = &cpu_public[cpu];

	__atomic_fetch_or(&p->requests, bits, __ATOMIC_SEQ_CST);
	if (cpu == this_cpu.id)
		this_cpu.kick_mark = 1;
	else
		lapic_send(p->apic_id, APIC_DM_NMI);
}

u32 cpu_take_requests(void)
{
	u32 requests = __atomic_exchange_n(&cpu_public[this_cpu.id].requests, 0,
					   __ATOMIC_SEQ_CST);

	if (log_panicking())
		for (;;)
			asm volatile("cli; hlt");
	return requests;
}

s32 cpu_next_taken(void)
{
	s32 vector = vectors_highest(this_cpu.taken);

	if (vector >= 0)
		vectors_clear(this_cpu.taken, (u32)vector);
	return vector;
}
