// SPDX-License-Identifier: BSD-2-Clause
/*
 * A second CPU: INIT and SIPI, intercepted instructions in real mode, NMIs to
 * it, INIT while it runs; then NMIs from it to a CPU that loads SS all the
 * time, where the instruction behind must not be cut off.
 */
#include "lib/payload.h"

#define AP_CODE	 0x8000UL
#define AP_DATA	 0x7000UL
#define AP_STACK 0x6ff0 /* top; it grows down */

/* Ticks of the TSC: a loaded host may not run a CPU for long. */
#define WAIT_TICKS  60000000000UL
#define STILL_TICKS 300000000UL
#define NMIS	    200
#define SS_LOADS    100000

/* What the AP leaves at AP_DATA; its code below knows the offsets. */
struct ap_data {
	u32 starts, rounds;
	u32 edx; /* at the start: the CPU's signature */
	u32 gp, gp_sp, ud, ud_sp, nmis;
	u32 attack; /* set by us: send that many NMIs to APIC id 0 */
	u32 sent;
	u32 taken; /* by us: it waits for each, but not for ever */
	u32 cr0;   /* at the start */
};
static volatile struct ap_data *const ap = (void *)AP_DATA;

asm(".pushsection .rodata\n"
    ".code16\n"
    "ap_code:\n"
    "cli\n"
    "xor %ax, %ax\n mov %ax, %ds\n mov %ax, %ss\n mov $0x6ff0, %sp\n"
    "mov %edx, 0x7008\n"
    "mov %cr0, %eax\n mov %eax, 0x702c\n"
    /* the vectors of real mode */
    "movw $(ap_nmi - ap_code), 8\n movw $0x800, 10\n"
    "movw $(ap_ud - ap_code), 24\n movw $0x800, 26\n"
    "movw $(ap_gp - ap_code), 52\n movw $0x800, 54\n"
    "xor %ecx, %ecx\n"
    "rdpmc\n"
    "vmmcall\n"
    "vmcall\n"
    "wbinvd\n"
    "lock incl 0x7000\n"
    "1: incl 0x7004\n"
    "cmpl $0, 0x7020\n"
    "je 1b\n"
    /* x2APIC, then NMIs to APIC id 0 */
    "mov $0x1b, %ecx\n rdmsr\n or $0xc00, %ax\n wrmsr\n"
    "mov $0x830, %ecx\n"
    "2: mov 0x7028, %esi\n"
    "xor %edx, %edx\n mov $0x4400, %eax\n wrmsr\n"
    "3: cmp %esi, 0x7028\n je 3b\n"
    "incl 0x7024\n"
    "decl 0x7020\n"
    "jnz 2b\n"
    "jmp 1b\n"
    /* Fault handlers go behind the instruction; SP tells of error codes. */
    "ap_gp: incl 0x700c\n mov %sp, 0x7010\n"
    "mov %sp, %bp\n addw $2, (%bp)\n iretw\n"
    "ap_ud: incl 0x7014\n mov %sp, 0x7018\n"
    "mov %sp, %bp\n addw $3, (%bp)\n iretw\n"
    "ap_nmi: incl 0x701c\n iretw\n"
    "ap_code_end:\n"
    ".code64\n"
    ".popsection\n");
extern const u8 ap_code[], ap_code_end[];

static u32 failed;

static void check(const char *name, bool good)
{
	say("startup %s: %s", name, good ? "ok" : "FAIL");
	failed += !good;
}

static void send(u64 icr)
{
	wrmsr(X2APIC_ICR, 1UL << 32 | icr);
}

static bool becomes(const volatile u32 *counter, u32 value)
{
	u64 start = rdtsc();

	while (*counter != value)
		if (rdtsc() - start > WAIT_TICKS)
			return false;
	return true;
}

static bool goes_on_within(u64 ticks)
{
	u32 rounds = ap->rounds;
	u64 start = rdtsc();

	while (ap->rounds == rounds)
		if (rdtsc() - start > ticks)
			return false;
	return true;
}

static bool goes_on(void)
{
	return goes_on_within(WAIT_TICKS);
}

static bool comes_to_rest(void)
{
	u64 start = rdtsc();

	while (goes_on_within(STILL_TICKS))
		if (rdtsc() - start > WAIT_TICKS)
			return false;
	return true;
}

static void start_ap(void)
{
	u32 signature, b, c, d;

	memset((void *)ap, 0, sizeof(*ap));
	memcpy((void *)AP_CODE, ap_code, (size_t)(ap_code_end - ap_code));
	cpuid(1, 0, &signature, &b, &c, &d);
	send(ICR_INIT);
	send(ICR_SIPI | AP_CODE >> 12);
	check("starts", becomes(&ap->starts, 1));
	check("signature", ap->edx == signature);
	/* INIT leaves them as the firmware has. */
	check("caches_on", !(ap->cr0 & (CR0_CD | CR0_NW)));
	check("real_mode_gp", ap->gp == 1 && ap->gp_sp == AP_STACK - 6);
	check("real_mode_ud", ap->ud == 2 && ap->ud_sp == AP_STACK - 6);
	check("goes_on", goes_on());
}

static void nmis_to_ap(void)
{
	u32 i;

	for (i = 1; i <= 5; i++) {
		send(ICR_NMI);
		if (!becomes(&ap->nmis, i))
			break;
	}
	check("nmis", ap->nmis == 5 && goes_on());
}

static void init_again(void)
{
	send(ICR_INIT);
	check("init", comes_to_rest());
	send(ICR_SIPI | AP_CODE >> 12);
	check("starts_again", becomes(&ap->starts, 2) && goes_on());
}

/* --- NMIs while SS is loaded --- */

static volatile u32 nested, depth, cut_off;
extern const u8 behind_ss_1[], behind_ss_2[];
static u8 other_stack[4096] __aligned(16);

static INTERRUPT void on_nmi(struct interrupt_frame *frame)
{
	nested += depth++;
	if (frame->rip == (u64)behind_ss_1 || frame->rip == (u64)behind_ss_2)
		cut_off++;
	depth--;
	ap->taken++;
}

static void load_ss(void)
{
	u64 other = (u64)other_stack + sizeof(other_stack);
	u64 count = SS_LOADS;

	asm volatile("mov %%rsp, %%r12\n"
		     "1: mov %%ss, %%eax\n"
		     "mov %%eax, %%ss\n"
		     "behind_ss_1: mov %1, %%rsp\n"
		     "mov %%eax, %%ss\n"
		     "behind_ss_2: mov %%r12, %%rsp\n"
		     "dec %0\n"
		     "jnz 1b"
		     : "+r"(count)
		     : "r"(other)
		     : "rax", "r12", "cc", "memory");
}

static void nmis_from_ap(void)
{
	u64 start = rdtsc();
	u32 before = 0;

	idt_set(VEC_NMI, on_nmi);
	ap->attack = NMIS;
	while (ap->sent < NMIS && rdtsc() - start < WAIT_TICKS) {
		load_ss();
		if (ap->taken != before)
			start = rdtsc();
		before = ap->taken;
	}
	say("startup nmis: sent %u taken %u", ap->sent, ap->taken);
	check("nmis_sent", ap->sent == NMIS);
	check("nmis_taken", ap->taken == NMIS);
	check("nmis_nested", !nested);
	check("nmis_behind_ss", !cut_off);
}

PAYLOAD("startup")
{
	x2apic_enable();
	start_ap();
	nmis_to_ap();
	init_again();
	nmis_from_ap();
	if (failed)
		payload_fail("%u of them", failed);
	payload_ok("taken=%u", ap->taken);
}
