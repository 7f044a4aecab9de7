// SPDX-License-Identifier: BSD-2-Clause
/* The checks of each state, by section of the SDM. */
#include "lapic/lapic.h"

#define ICR_TO_0(low) ((u64)(low))
#define ICR_TO_1(low) (1UL << 32 | (low))
#define ICR_ALL	      0x80000U
#define ICR_REST      0xc0000U
#define DM_LOWEST     0x100U
#define SVR_ON	      0x1ffU
#define SVR_OFF	      0xffU
#define REG_VERSION   0x03
#define REG_LDR	      0x0d
#define REG_PPR	      0x0a
#define REG_SELF_IPI  0x3f
#define ESR_ILLEGAL   0x60U /* sent, or received */
#define ESR_SENT      0x20U
#define EDX_APIC      BIT(9)
#define ECX_DEADLINE  BIT(24)
#define SHORT	      2000U
#define FOR_EVER      0xffffffffU

static u32 cpuid_1_edx(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	return d;
}

static bool has_deadline(void)
{
	u32 a, b, c, d;

	cpuid(1, 0, &a, &b, &c, &d);
	return c & ECX_DEADLINE;
}

/* Not one of the MSRs 800h to 8FFh can be read or written. */
static bool no_msrs(void)
{
	bool none = true;
	u64 value;
	u32 msr;

	for (msr = 0x800; msr <= 0x8ff; msr++) {
		if (!try_read(msr, &value) && !try_write(msr, 0))
			continue;
		if (none)
			say("lapic: MSR %x is there", msr);
		none = false;
	}
	return none;
}

static void start_timer(u32 lvt, u32 count)
{
	apic_write(APIC_REG_TDCR, 0xb);
	apic_write(APIC_REG_TIMER, lvt);
	apic_write(APIC_REG_TMICT, count);
}

static u32 esr(void)
{
	apic_write(APIC_REG_ESR, 0);
	return apic_read(APIC_REG_ESR);
}

static bool empty(u32 reg)
{
	u32 i, bits = 0;

	/* IRR bit 0 is one that QEMU sets and never clears. */
	for (i = 0; i < 8; i++)
		bits |= apic_read(reg + i) & (i ? ~0U : ~1U);
	return !bits;
}

static bool lvts_masked(void)
{
	bool masked = true;
	u32 i;

	for (i = 0; i < LVT_COUNT; i++)
		masked &= !!(apic_read(APIC_REG_LVT + i) & LVT_MASKED);
	return masked;
}

/* An interrupt from CPU 1 comes, or does not. */
static bool takes_from_1(u32 low, const volatile u32 *count)
{
	u32 before = *count;

	other_sends(ICR_TO_0(low), 1);
	return reaches(count, before + 1);
}

static bool ignores_1(u32 low, const volatile u32 *count)
{
	u32 before = *count;

	other_sends(ICR_TO_0(low), 1);
	settle();
	return *count == before;
}

static void check_page_registers(void)
{
	page_write(APIC_REG_TPR, 0x1ff);
	check(page_read(APIC_REG_TPR) == 0xff, "11.8.3.1 xAPIC: TPR, 8 bits");
	page_write(APIC_REG_TPR, 0);
	page_write(REG_LDR, 1 << 24);
	page_write(APIC_REG_ICR2, 1 << 24);
	page_write(APIC_REG_ICR, 0x800 | VECTOR);
	check(reaches(&taken, 1), "11.6.2.2 xAPIC: flat logical IPI");
	page_write(APIC_REG_ICR, ICR_SELF | VECTOR);
	check(reaches(&taken, 2), "11.6.1 xAPIC: IPI by self");
	page_write(APIC_REG_ICR, ICR_SELF | ILLEGAL);
	check(esr() == ESR_SENT, "11.5.3 xAPIC: ESR, vector 15 sent");
	check(!esr(), "11.5.3 xAPIC: ESR, once");
	start_timer(VECTOR, SHORT);
	check(reaches(&taken, 3), "11.5.4 xAPIC: timer");
}

static void software_disabled(enum apic_mode mode)
{
	set_mode(mode, SVR_ON);
	apic_write(APIC_REG_TIMER, VECTOR);
	apic_write(APIC_REG_SVR, SVR_OFF);
}

void check_xapic(void)
{
	set_mode(MODE_XAPIC, SVR_ON);
	check(cpuid_1_edx() & EDX_APIC, "11.4.3 xAPIC: CPUID.1:EDX[9] = 1");
	check(no_msrs(), "11.12.1 xAPIC: MSRs 800h-8FFh are #GP");
	check(!try_mode(MODE_EXTD), "11.12.1 xAPIC: EXTD without EN is #GP");
	check((page_read(REG_VERSION) & 0xff) >= 0x10, "11.4.8 xAPIC: version");
	check_page_registers();
	check(takes_from_1(VECTOR, &taken), "11.6.1 xAPIC: IPI of CPU 1");
	software_disabled(MODE_XAPIC);
	check(ignores_1(VECTOR, &taken),
	      "11.4.7.2 SVR: no IPI of CPU 1, xAPIC");
	check(takes_from_1(ICR_NMI, nmis), "11.4.7.2 SVR: NMI of CPU 1, xAPIC");
	check(!try_write(MSR_IA32_APIC_BASE,
			 rdmsr(MSR_IA32_APIC_BASE) | 1UL << 51),
	      "11.4.4 base beyond the address width is #GP");
}

static void check_reserved(void)
{
	static const struct {
		u32 reg;
		u64 value;
		const char *what;
	} writes[] = {
		{ APIC_REG_TPR, 0x100, "11.12.1 reserved: TPR" },
		{ APIC_REG_EOI, 1, "11.12.1 reserved: EOI" },
		{ APIC_REG_SVR, 0x20000, "11.12.1 reserved: SVR" },
		{ APIC_REG_ESR, 1, "11.12.1 reserved: ESR" },
		{ APIC_REG_ICR, 0x100000, "11.12.1 reserved: ICR bit 20" },
		{ APIC_REG_ICR, 0x20051, "11.12.1 reserved: ICR bit 17" },
		{ APIC_REG_TIMER, 0x1000000, "11.12.1 reserved: LVT timer" },
		{ APIC_REG_TMICT, 1UL << 32, "11.12.1 reserved: TMICT" },
		{ APIC_REG_TDCR, 0x10, "11.12.1 reserved: TDCR" },
		{ REG_SELF_IPI, 0x151, "11.12.11 reserved: SELF IPI" },
		{ APIC_REG_ID, 0, "11.12.1 read-only: ID" },
		{ REG_VERSION, 0, "11.12.1 read-only: version" },
		{ REG_PPR, 0, "11.12.1 read-only: PPR" },
		{ REG_LDR, 0, "11.12.10.2 read-only: LDR" },
		{ APIC_REG_ISR, 0, "11.12.1 read-only: ISR" },
		{ APIC_REG_ICR2, 0, "11.12.1 no MSR 831h" },
		{ 0x0e, 0, "11.12.1 no MSR 80Eh" },
		{ 0x40, 0, "11.12.1 no MSR 840h" },
		{ 0xff, 0, "11.12.1 no MSR 8FFh" },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(writes); i++)
		check(!try_write(X2APIC_MSR(writes[i].reg), writes[i].value),
		      writes[i].what);
}

static void check_write_only(void)
{
	u64 value;

	check(!try_read(X2APIC_EOI, &value), "11.12.1 write-only: EOI");
	check(!try_read(X2APIC_SELF_IPI, &value),
	      "11.12.11 write-only: SELF IPI");
}

static void check_self(void)
{
	taken = 0;
	wrmsr(X2APIC_SELF_IPI, VECTOR);
	check(reaches(&taken, 1), "11.12.11 x2APIC: SELF IPI");
	wrmsr(X2APIC_ICR, ICR_SELF | VECTOR);
	check(reaches(&taken, 2), "11.6.1 x2APIC: IPI by self");
	wrmsr(X2APIC_ICR, ICR_SELF | ILLEGAL);
	check(esr() == ESR_SENT, "11.5.3 x2APIC: ESR, vector 15 sent");
	wrmsr(X2APIC_SELF_IPI, ILLEGAL);
	check(esr() & ESR_ILLEGAL, "11.5.3 x2APIC: ESR, SELF IPI 15");
	check(!esr(), "11.5.3 x2APIC: ESR, once");
}

/* Table 11-3. */
static void check_shorthands(void)
{
	taken = taken_1 = nmis[0] = nmis[1] = 0;
	wrmsr(X2APIC_ICR, ICR_SELF | ICR_NMI);
	settle();
	check(!nmis[0], "11.6.1 NMI by self is not valid");
	wrmsr(X2APIC_ICR, ICR_ALL | ICR_NMI);
	settle();
	check(!nmis[0] && !nmis[1], "11.6.1 NMI by all is not valid");
	wrmsr(X2APIC_ICR, ICR_SELF | DM_LOWEST | VECTOR);
	settle();
	check(!taken, "11.6.1 lowest priority by self is not valid");
	wrmsr(X2APIC_ICR, ICR_ALL | DM_LOWEST | VECTOR_1);
	settle();
	check(!taken_1, "11.6.1 lowest priority by all is not valid");
	nmis[0] = nmis[1] = 0;
	wrmsr(X2APIC_ICR, ICR_TO_0(ICR_NMI));
	check(reaches(&nmis[0], 1), "11.6.1 NMI to its own id");
	wrmsr(X2APIC_ICR, ICR_REST | ICR_NMI);
	check(reaches(&nmis[1], 1), "11.6.1 NMI by all excluding self");
}

static void check_timer(void)
{
	taken = 0;
	start_timer(VECTOR, SHORT);
	check(reaches(&taken, 1), "11.5.4 x2APIC: timer");
	if (!has_deadline())
		return;
	apic_write(APIC_REG_TIMER, TIMER_DEADLINE | VECTOR);
	wrmsr(MSR_IA32_TSC_DEADLINE, rdtsc() + SHORT);
	check(reaches(&taken, 2), "11.5.4.1 x2APIC: deadline");
}

/* Where the page was is empty space. */
static void check_no_page(const char *reads, const char *writes)
{
	check(page_read(REG_VERSION) == ~0U, reads);
	nmis[0] = 0;
	page_write(APIC_REG_ICR2, 0);
	page_write(APIC_REG_ICR, ICR_NMI);
	settle();
	check(!nmis[0], writes);
}

void check_x2apic(void)
{
	set_mode(MODE_XAPIC, SVR_ON);
	apic_write(APIC_REG_TPR, 0x20);
	check(try_mode(MODE_X2APIC), "11.12.5.1 xAPIC to x2APIC");
	check(apic_read(APIC_REG_SVR) == SVR_ON &&
		      apic_read(APIC_REG_TPR) == 0x20,
	      "11.12.5.1 xAPIC to x2APIC keeps registers");
	apic_write(APIC_REG_TPR, 0);
	check(!try_mode(MODE_XAPIC), "11.12.5.1 x2APIC to xAPIC is #GP");
	check(!try_mode(MODE_EXTD), "11.12.5.1 x2APIC to EXTD alone is #GP");
	check_no_page("11.12.2 x2APIC: no page to read",
		      "11.12.2 x2APIC: no page to write");
	check_reserved();
	check_write_only();
	check_self();
	check_shorthands();
	check_timer();
	check(takes_from_1(VECTOR, &taken), "11.6.1 x2APIC: IPI of CPU 1");
}

static void check_disabled_sources(void)
{
	check(lvts_masked(), "11.4.7.2 SVR: LVTs are masked");
	apic_write(APIC_REG_TIMER, VECTOR);
	check(lvts_masked(), "11.4.7.2 SVR: LVTs can't be unmasked");
	apic_write(APIC_REG_TMICT, SHORT);
	settle();
	check(!taken, "11.4.7.2 SVR: no timer");
	wrmsr(X2APIC_ICR, ICR_TO_0(VECTOR));
	wrmsr(X2APIC_ICR, ICR_SELF | VECTOR);
	settle();
	check(!requested(VECTOR) && !taken, "11.4.7.2 SVR: no IPI to itself");
	wrmsr(X2APIC_SELF_IPI, VECTOR);
	settle();
	check(!requested(VECTOR) && !taken, "11.4.7.2 SVR: no SELF IPI");
	apic_write(APIC_REG_SVR, SVR_ON);
	settle();
	check(!taken, "11.4.7.2 SVR: what was sent is lost");
}

static void check_disabled_bus(void)
{
	software_disabled(MODE_X2APIC);
	check(ignores_1(VECTOR, &taken), "11.4.7.2 SVR: no IPI of CPU 1");
	check(takes_from_1(ICR_NMI, nmis), "11.4.7.2 SVR: NMI of CPU 1");
	wrmsr(X2APIC_ICR, ICR_TO_1(VECTOR_1));
	check(reaches(&taken_1, 1), "11.4.7.2 SVR: can send");
}

void check_software_disabled(void)
{
	software_disabled(MODE_X2APIC);
	check_disabled_sources();
	/* The other way round: what is pending stays. */
	taken = 0;
	wrmsr(X2APIC_SELF_IPI, VECTOR);
	apic_write(APIC_REG_SVR, SVR_OFF);
	check(requested(VECTOR), "11.4.7.2 SVR: what is pending stays");
	apic_write(APIC_REG_SVR, SVR_ON);
	check(reaches(&taken, 1), "11.4.7.2 SVR: and is taken");
	check_disabled_bus();
}

static volatile u32 held;

/* Without an EOI: in service it stays. */
static INTERRUPT void on_held(struct interrupt_frame *frame)
{
	(void)frame;
	held++;
}

/* Everything that a reset takes away, and then none of the APIC. */
static void fill_and_disable(void)
{
	set_mode(MODE_X2APIC, SVR_ON);
	held = 0;
	idt_set(VECTOR + 0x20, on_held);
	wrmsr(X2APIC_SELF_IPI, VECTOR + 0x20);
	check(reaches(&held, 1) && in_service(VECTOR + 0x20),
	      "11.8.4 x2APIC: in service until EOI");
	wrmsr(X2APIC_SELF_IPI, VECTOR);
	wrmsr(X2APIC_ICR, ICR_SELF | ILLEGAL);
	apic_write(APIC_REG_TPR, 0x10);
	start_timer(TIMER_PERIODIC | VECTOR, SHORT);
	check(try_mode(MODE_OFF), "11.12.5.1 x2APIC to disabled");
}

static void check_reset_state(void)
{
	check(!try_mode(MODE_X2APIC), "11.12.5.1 disabled to x2APIC is #GP");
	check(try_mode(MODE_XAPIC), "11.12.5.1 disabled to xAPIC");
	if (!(rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_ENABLE))
		return;
	check(cpuid_1_edx() & EDX_APIC, "11.4.3 enabled: CPUID.1:EDX[9] = 1");
	check(apic_read(APIC_REG_SVR) == SVR_OFF, "11.4.7.1 enabled: SVR");
	check(!apic_read(APIC_REG_TPR), "11.4.7.1 enabled: TPR");
	check(!apic_read(APIC_REG_TMICT) && !apic_read(APIC_REG_TMCCT),
	      "11.4.7.1 enabled: timer");
	check(lvts_masked() && !(apic_read(APIC_REG_TIMER) & 0xff),
	      "11.4.7.1 enabled: LVTs");
	check(empty(APIC_REG_ISR), "11.4.7.1 enabled: ISR");
	check(empty(APIC_REG_IRR), "11.4.7.1 enabled: IRR");
	check(!apic_read(APIC_REG_ICR) && !apic_read(APIC_REG_ICR2),
	      "11.4.7.1 enabled: ICR");
	check(!esr(), "11.4.7.1 enabled: ESR");
	apic_write(APIC_REG_SVR, SVR_ON);
	taken = 0;
	settle();
	check(!taken, "11.4.3 enabled: nothing comes late");
	check(takes_from_1(VECTOR, &taken), "11.4.3 enabled: IPI of CPU 1");
}

void check_off(void)
{
	fill_and_disable();
	taken = 0;
	settle();
	check(!taken, "11.4.3 off: no timer, nothing pending");
	check(!(cpuid_1_edx() & EDX_APIC), "11.4.3 off: CPUID.1:EDX[9] = 0");
	check(no_msrs(), "11.12.1 off: MSRs 800h-8FFh are #GP");
	check_no_page("11.4.3 off: no page to read",
		      "11.4.3 off: no page to write");
	if (has_deadline())
		check(try_write(MSR_IA32_TSC_DEADLINE, 0),
		      "11.5.4.1 off: IA32_TSC_DEADLINE is there");
	check(!try_mode(MODE_EXTD), "11.12.5.1 disabled to EXTD is #GP");
	check(ignores_1(VECTOR, &taken), "11.4.3 off: no IPI of CPU 1");
	check(ignores_1(ICR_NMI, nmis), "11.4.3 off: no NMI of CPU 1");
	check_reset_state();
}

#define PAIRS 100

static volatile u32 served;

/* The first lasts until CPU 1 has sent all. */
static INTERRUPT void on_long_nmi(struct interrupt_frame *frame)
{
	(void)frame;
	if (served++)
		return;
	while (!other_is_done())
		cpu_pause();
}

static INTERRUPT void on_short_nmi(struct interrupt_frame *frame)
{
	(void)frame;
	served++;
}

/* Two at a time to a CPU that exits all the time. */
static void send_pairs(void)
{
	u32 i;

	for (i = 1; i <= PAIRS; i++) {
		other_begins(ICR_TO_0(ICR_NMI), 2);
		while (!other_is_done())
			cpuid_1_edx();
		if (!reaches(&served, 2 * i))
			break;
	}
	if (i <= PAIRS)
		say("lapic: %u NMIs after %u pairs", served, i);
	check(i > PAIRS, "6.7.1 NMI: one served, one latched");
}

void check_nmis(void)
{
	idt_set(VEC_NMI, on_long_nmi);
	other_sends(ICR_TO_0(ICR_NMI), 4);
	settle();
	check(served == 2, "6.7.1 NMI: the handler's latch holds one");
	idt_set(VEC_NMI, on_short_nmi);
	served = 0;
	send_pairs();
}
