// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hand-back of a core: looks for what the guest before it has left, says so,
 * then leaves all that a guest can and ends as it is told on its console:
 * `triple`, `port`, `keyboard`, `wait` (for the monitor), or `off`, with
 * nothing left.
 *
 * Command line: cpus=2 to leave things on a second core, too.
 *
 * What memory may hold at the start is what the loader's protocol needs, the
 * payload itself and what E820 reserves.
 */
#include "lib/ap.h"
#include "lib/payload.h"
#include "lib/random.h"

#define TIMER_VECTOR	0x31
#define DR6_RESET	0xffff0ff0UL
#define DR7_RESET	0x400UL
#define MXCSR_RESET	0x1f80U
#define FCW_RESET	0x40U  /* after INIT and power-up */
#define FCW_FNINIT	0x37fU /* what XRSTOR gives: SDM vol. 1 13.6 */
#define ODD		0x5a5a5a5a12345678UL
#define SVR_RESET	0xffU
#define SVR_ENABLED	0x1ffU /* by the start of a second CPU */
#define CR4_OSXSAVE_BIT BIT(18)
#define CR4_OSFXSR_BIT	BIT(9)

static u32 wrong;

static void complain(const char *what, u64 value)
{
	if (wrong++ < 8)
		say("leftover: %s is %lx", what, value);
}

static void expect(const char *what, u64 value, u64 wanted)
{
	if (value != wanted)
		complain(what, value);
}

/* --- what is found --- */

static void check_apic(u64 svr)
{
	static const char *const names[] = { "timer", "thermal", "perf",
					     "LINT0", "LINT1",	 "error" };
	u32 i;

	expect("TPR", rdmsr(X2APIC_TPR), 0);
	expect("CR8", read_cr8(), 0);
	expect("timer's initial count", rdmsr(X2APIC_MSR(APIC_REG_TMICT)), 0);
	expect("timer's current count", rdmsr(X2APIC_MSR(APIC_REG_TMCCT)), 0);
	expect("ESR", apic_read(APIC_REG_ESR), 0);
	expect("SVR", apic_read(APIC_REG_SVR), svr);
	for (i = 0; i < LVT_COUNT; i++)
		expect(names[i], apic_read(APIC_REG_LVT + i), LVT_MASKED);
	for (i = 0; i < 8; i++) {
		expect("ISR", rdmsr(X2APIC_MSR(APIC_REG_ISR + i)), 0);
		expect("IRR", rdmsr(X2APIC_MSR(APIC_REG_IRR + i)), 0);
	}
}

static void check_debug(void)
{
	u64 d[8];

	asm volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2\n\t"
		     "mov %%dr3, %3; mov %%dr6, %4; mov %%dr7, %5"
		     : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3]),
		       "=r"(d[6]), "=r"(d[7]));
	expect("DR0", d[0], 0);
	expect("DR1", d[1], 0);
	expect("DR2", d[2], 0);
	expect("DR3", d[3], 0);
	expect("DR6", d[6], DR6_RESET);
	expect("DR7", d[7], DR7_RESET);
}

static bool has_rdtscp(void)
{
	u32 a, b, c, d;

	cpuid(0x80000001, 0, &a, &b, &c, &d);
	return d & BIT(27);
}

static const struct {
	const char *name;
	u32 msr;
	u64 reset;
} msrs[] = {
	{ "SYSENTER_CS", MSR_IA32_SYSENTER_CS, 0 },
	{ "SYSENTER_ESP", MSR_IA32_SYSENTER_ESP, 0 },
	{ "SYSENTER_EIP", MSR_IA32_SYSENTER_EIP, 0 },
	{ "STAR", MSR_IA32_STAR, 0 },
	{ "LSTAR", MSR_IA32_LSTAR, 0 },
	{ "CSTAR", MSR_IA32_CSTAR, 0 },
	{ "FMASK", MSR_IA32_FMASK, 0 },
	{ "KERNEL_GS_BASE", MSR_IA32_KERNEL_GS_BASE, 0 },
	{ "FS_BASE", MSR_IA32_FS_BASE, 0 },
	{ "GS_BASE", MSR_IA32_GS_BASE, 0 },
	{ "PAT", MSR_IA32_PAT, PAT_RESET },
	{ "MTRR_DEF_TYPE", MSR_IA32_MTRR_DEF_TYPE, 0 },
	{ "TSC_ADJUST", MSR_IA32_TSC_ADJUST, 0 },
	{ "DEBUGCTL", MSR_IA32_DEBUGCTL, 0 },
};

static void check_msrs(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		expect(msrs[i].name, rdmsr(msrs[i].msr), msrs[i].reset);
	if (has_rdtscp())
		expect("TSC_AUX", rdmsr(MSR_IA32_TSC_AUX), 0);
}

struct fxsave {
	u16 fcw, fsw;
	u8 ftw, reserved;
	u16 fop;
	u64 fip, fdp;
	u32 mxcsr, mxcsr_mask;
	u64 st[8][2], xmm[16][2];
	u8 rest[96];
};
_Static_assert(sizeof(struct fxsave) == 512, "FXSAVE");
static struct fxsave fx __aligned(16);

static void check_fpu(void)
{
	u32 i;

	asm volatile("fxsave64 %0" : "=m"(fx));
	if (fx.fcw != FCW_RESET)
		expect("FCW", fx.fcw, FCW_FNINIT);
	expect("FSW", fx.fsw, 0);
	expect("MXCSR", fx.mxcsr, MXCSR_RESET);
	for (i = 0; i < 8; i++)
		expect("ST", fx.st[i][0] | fx.st[i][1], 0);
	for (i = 0; i < 16; i++)
		expect("XMM", fx.xmm[i][0] | fx.xmm[i][1], 0);
}

static u64 xgetbv(void)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (u64)hi << 32 | lo;
}

/* First of all, in x2APIC mode but with nothing set otherwise. */
static void check_cpu(u64 svr)
{
	write_cr4(read_cr4() | CR4_OSXSAVE_BIT | CR4_OSFXSR_BIT);
	wrmsr(MSR_IA32_APIC_BASE, rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_X2APIC);
	expect("CR2", read_cr2(), 0);
	expect("XCR0", xgetbv(), 1);
	check_debug();
	check_msrs();
	check_fpu();
	check_apic(svr);
}

static bool used_by_loader(u64 page, u64 cr3, u64 gdt)
{
	const u8 *cmdline;
	u32 low;

	memcpy(&low, boot_params + 0x228, sizeof(low));
	cmdline = (const u8 *)(u64)low;
	/* PML4, PDPT, 4 page directories. */
	return (page >= cr3 && page < cr3 + 6 * 4096) ||
	       page == (gdt & ~0xfffUL) ||
	       page == ((u64)boot_params & ~0xfffUL) ||
	       page == ((u64)cmdline & ~0xfffUL) ||
	       (page + 4095 >= (u64)payload_start && page < (u64)bss_end);
}

static u64 loader_gdt;

static void check_page(u64 page)
{
	const u64 *word = (const u64 *)page;
	u32 i;

	for (i = 0; i < 512; i++)
		if (word[i]) {
			complain("memory at", page + i * 8);
			complain("its value", word[i]);
			return;
		}
}

static void check_memory(void)
{
	u64 page, cr3 = read_cr3();
	const struct ram *r;
	u32 i;

	for (i = 0; (r = ram_entry(i)); i++)
		for (page = r->base; r->type == 1 && !(page >> 32) &&
				     page + 4096 <= r->base + r->size;
		     page += 4096)
			if (!used_by_loader(page, cr3, loader_gdt))
				check_page(page);
}

/* --- what is left --- */

static volatile u32 nested;

static void in_service(u64 vector)
{
	(void)vector;
	nested++;
}

/* One vector of each class in service, from the lowest class up. */
static void fill_isr(struct random *rnd)
{
	u32 class, vector;

	wrmsr(X2APIC_TPR, 0);
	for (class = 1; class < 16; class ++) {
		vector = class * 16 + (u32)random_below(rnd, 16);
		wrmsr(X2APIC_ICR, ICR_SELF | vector);
		interrupts_on();
		asm volatile("nop; nop");
		interrupts_off();
	}
}

static void self(u32 vector)
{
	wrmsr(X2APIC_MSR(0x3f), vector);
}

static void self_any(void *arg)
{
	self((u32)(u64)arg);
}

static void fill_irr(void)
{
	struct fault fault;
	u32 vector;

	for (vector = 16; vector < 256; vector++)
		self(vector);
	/*
	 * Below 16 as far as the machine takes them.  QEMU's takes 0, too, but
	 * never delivers it and so keeps it for ever.
	 */
	for (vector = 1; vector < 16; vector++)
		attempt(self_any, (void *)(u64)vector, &fault);
}

static void dirty_registers(void)
{
	u32 i;

	asm volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2\n\t"
		     "mov %0, %%dr3; mov %1, %%dr7"
		     :
		     : "r"(0x123456UL), "r"(0x455UL));
	asm volatile("mov %0, %%dr6" : : "r"(0xffff0fffUL));
	write_cr2(ODD);
	for (i = 0; i < 10; i++)
		wrmsr(msrs[i].msr,
		      msrs[i].msr == MSR_IA32_SYSENTER_CS ? 0x10 :
		      msrs[i].msr == MSR_IA32_FMASK	  ? 0x700 :
							    0x123456789000UL);
	wrmsr(MSR_IA32_PAT, 0x0606060606060606UL);
	wrmsr(MSR_IA32_MTRR_DEF_TYPE, 0x806);
	wrmsr(MSR_IA32_TSC_ADJUST, ODD);
	if (has_rdtscp())
		wrmsr(MSR_IA32_TSC_AUX, 0x77);
	xsetbv(3);
	asm volatile("fxrstor64 %0" : : "m"(fx));
}

static void dirty_memory(struct random *rnd)
{
	const struct ram *r;
	u64 page;
	u32 i;

	for (i = 0; (r = ram_entry(i)); i++)
		for (page = r->base; r->type == 1 && !(page >> 32) &&
				     page + 4096 <= r->base + r->size;
		     page += 4096)
			if (page != AP_START && page > 0x20000 &&
			    (page + 4095 < (u64)payload_start ||
			     page >= (u64)bss_end))
				*(u64 *)(page + 8 * random_below(rnd, 512)) =
					random_next(rnd) | 1;
}

static void leave_on_cpu(struct random *rnd)
{
	u32 i;

	for (i = 0; i < 16; i++)
		fx.xmm[i][0] = fx.xmm[i][1] = ODD;
	for (i = 0; i < 8; i++)
		fx.st[i][0] = ODD;
	fx.mxcsr = 0x1fbf;
	fx.fcw = 0x340;
	fx.ftw = 0xff;
	fill_isr(rnd);
	fill_irr();
	wrmsr(X2APIC_TPR, 0xff);
	wrmsr(X2APIC_MSR(APIC_REG_TDCR), 0xb);
	wrmsr(X2APIC_MSR(APIC_REG_TIMER), TIMER_PERIODIC | TIMER_VECTOR);
	wrmsr(X2APIC_MSR(APIC_REG_TMICT), 5000);
	dirty_registers();
}

static volatile bool other_done;

static void other_cpu(u32 id)
{
	struct random rnd = { id };

	expect("CR8", ap_cr8, 0);
	check_cpu(SVR_ENABLED);
	x2apic_enable();
	leave_on_cpu(&rnd);
	other_done = true;
	for (;;)
		cpu_pause();
}

static void triple_fault(void)
{
	const struct __packed {
		u16 limit;
		u64 base;
	} none = { 0, 0 };

	asm volatile("lidt %0; ud2" : : "m"(none));
}

/* Inside a handler, whose stack is the exceptions'. */
static INTERRUPT void on_int3(struct interrupt_frame *frame)
{
	(void)frame;
	triple_fault();
}

static void by_triple_fault(void)
{
	idt_set(3, on_int3);
	asm volatile("int3");
}

static void by_port(void)
{
	outb(0xcf9, 6);
}

static void by_keyboard(void)
{
	outb(0x64, 0xfe);
}

static void by_monitor(void)
{
	say("leftover: waits");
}

static const struct way {
	const char *name;
	void (*end)(void);
} ways[] = {
	{ "triple", by_triple_fault },
	{ "port", by_port },
	{ "keyboard", by_keyboard },
	{ "wait", by_monitor },
};

static const struct way *ask_way(void)
{
	char line[16];
	u32 i;

	for (;;) {
		while (!console_line(line, sizeof(line)))
			cpu_pause();
		for (i = 0; i < ARRAY_SIZE(ways); i++)
			if (!strcmp(line, ways[i].name))
				return &ways[i];
		if (!strcmp(line, "off"))
			return NULL;
		say("leftover: no way %s", line);
	}
}

static void find_gdt(void)
{
	/* The start file has loaded its own; the loader's is next to the
	 * page tables or in a page of its own, with three descriptors. */
	u64 page;

	for (page = 4096; page < 0x9f000; page += 4096)
		if (((u64 *)page)[2] == 0x00af9b000000ffffUL &&
		    ((u64 *)page)[3] == 0x00cf93000000ffffUL)
			loader_gdt = page;
}

PAYLOAD("leftover")
{
	u64 cpus = cmdline_number("cpus", 1);
	struct random rnd = { rdtsc() };
	const struct way *way;

	check_cpu(SVR_RESET);
	find_gdt();
	check_memory();
	x2apic_enable();
	idt_set_others(in_service);
	idt_set_from(16);
	if (cpus > 1 && !cpu_start(1, other_cpu))
		payload_fail("the second CPU does not start");
	while (cpus > 1 && !other_done)
		cpu_pause();
	say("leftover: %s", wrong ? "WRONG" : "clean");
	way = ask_way();
	if (!way)
		payload_ok("wrong=%u", wrong);
	dirty_memory(&rnd);
	leave_on_cpu(&rnd);
	way->end();
	for (;;)
		cpu_pause();
}
