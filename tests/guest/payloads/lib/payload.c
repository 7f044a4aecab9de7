// SPDX-License-Identifier: BSD-2-Clause
#include "lib/payload.h"

#define COM1	 0x3f8
#define UART_IER 1
#define UART_LCR 3
#define UART_LSR 5
#define LCR_8N1	 0x03
#define LSR_THRE BIT(5)
#define LSR_TEMT BIT(6)

#define MARK_PORT 0x5e9
/* Sleep control register, value for S5 and SLP_EN: ACPI 6.4, 4.8.3.7. */
#define SLEEP_CONTROL 0x600
#define SLEEP_S5      (5 << 2 | 0x20)
#define LINE_MAX      200

#define CODE_SELECTOR  0x10
#define GATE_INTERRUPT 0x8e00
#define EXCEPTIONS     32
#define STUB_SIZE      32

/* 64-bit gate descriptor, SDM vol. 3 section 6.14.1 */
struct gate {
	u16 offset_low;
	u16 selector;
	u16 type;
	u16 offset_mid;
	u32 offset_high;
	u32 reserved;
};
_Static_assert(sizeof(struct gate) == 16, "gate");

static struct gate idt[256] __aligned(16);
static const char *command_line;

static void put(char c)
{
	while (!(inb(COM1 + UART_LSR) & LSR_THRE))
		cpu_pause();
	outb(COM1, (u8)c);
}

static void say_args(const char *before, const char *fmt, va_list ap)
{
	char line[LINE_MAX];
	const char *c;

	fmt_vsnprintf(line, sizeof(line), fmt, ap);
	for (c = before; *c; c++)
		put(*c);
	for (c = line; *c; c++)
		put(*c);
	put('\n');
	while (!(inb(COM1 + UART_LSR) & LSR_TEMT))
		cpu_pause();
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_args("", fmt, ap);
	va_end(ap);
}

static void __noreturn result(const char *word, const char *fmt, va_list ap)
{
	char before[64];

	interrupts_off();
	fmt_snprintf(before, sizeof(before), "payload %s: %s ", payload_name,
		     word);
	say_args(before, fmt, ap);
	outb(SLEEP_CONTROL, SLEEP_S5);
	for (;;)
		asm volatile("hlt");
}

void payload_ok(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result("ok", fmt, ap);
}

void payload_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result("FAIL", fmt, ap);
}

void mark(u8 byte)
{
	outb(MARK_PORT, byte);
}

static bool at_key(const char *word, const char *key)
{
	size_t n = strlen(key);

	return (word == command_line || word[-1] == ' ') &&
	       !memcmp(word, key, n) && word[n] == '=';
}

u64 cmdline_number(const char *key, u64 otherwise)
{
	size_t length = command_line ? strlen(command_line) : 0;
	size_t n = strlen(key);
	u64 value = 0;
	const char *c;
	size_t i;

	for (i = 0; i + n < length; i++)
		if (at_key(command_line + i, key))
			break;
	if (i + n >= length)
		return otherwise;
	for (c = command_line + i + n + 1; *c >= '0' && *c <= '9'; c++)
		value = value * 10 + (u64)(*c - '0');
	return value;
}

static void set_gate(u8 vector, u64 handler)
{
	idt[vector] = (struct gate){
		.offset_low = (u16)handler,
		.selector = CODE_SELECTOR,
		.type = GATE_INTERRUPT,
		.offset_mid = (u16)(handler >> 16),
		.offset_high = (u32)(handler >> 32),
	};
}

void idt_set(u8 vector, interrupt_handler *handler)
{
	set_gate(vector, (u64)handler);
}

/* Exceptions end the payload: with or without an error code, no matter. */
static __attribute__((used)) void __noreturn exception(u64 vector,
						       const u64 *stack)
{
	payload_fail("exception %lu, stack %lx %lx %lx", vector, stack[0],
		     stack[1], stack[2]);
}

asm(".pushsection .text\n"
    ".balign 32\n"
    "exception_stubs:\n"
    ".set vector, 0\n"
    ".rept 32\n"
    ".balign 32\n"
    "mov $vector, %edi\n"
    "mov %rsp, %rsi\n"
    "and $-16, %rsp\n"
    "call exception\n"
    ".set vector, vector + 1\n"
    ".endr\n"
    ".popsection\n");
extern const u8 exception_stubs[][STUB_SIZE];

static void idt_init(void)
{
	const struct __packed {
		u16 limit;
		u64 base;
	} idtr = { sizeof(idt) - 1, (u64)idt };
	u32 i;

	for (i = 0; i < EXCEPTIONS; i++)
		set_gate((u8)i, (u64)exception_stubs[i]);
	asm volatile("lidt %0" : : "m"(idtr));
}

u32 x2apic_enable(void)
{
	wrmsr(MSR_IA32_APIC_BASE,
	      rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
	wrmsr(X2APIC_TPR, 0);
	wrmsr(X2APIC_SVR, 0x1ff);
	return (u32)rdmsr(X2APIC_ID);
}

void stat_add(struct stat *s, u64 value)
{
	s->min = s->count ? MIN(s->min, value) : value;
	s->max = MAX(s->max, value);
	s->sum += value;
	s->count++;
}

u64 stat_average(const struct stat *s)
{
	return s->count ? s->sum / s->count : 0;
}

void payload_run(const char *cmdline)
{
	command_line = cmdline;
	outb(COM1 + UART_IER, 0);
	outb(COM1 + UART_LCR, LCR_8N1);
	idt_init();
	payload_main();
	payload_fail("returned without a result");
}
