// SPDX-License-Identifier: BSD-2-Clause
#include "lib/payload.h"
#include "lib/internal.h"

#define COM1	 0x3f8
#define UART_IER 1
#define UART_LCR 3
#define UART_LSR 5
#define LCR_8N1	 0x03
#define LSR_DR	 BIT(0)
#define LSR_THRE BIT(5)
#define LSR_TEMT BIT(6)

/* boot_params, Linux, Documentation/arch/x86/zero-page.rst */
#define BP_E820_ENTRIES 0x1e8
#define BP_E820_TABLE	0x2d0

#define MARK_PORT 0x5e9
/* Sleep control register, value for S5 and SLP_EN: ACPI 6.4, 4.8.3.7. */
#define SLEEP_CONTROL 0x600
#define SLEEP_S5      (5 << 2 | 0x20)
#define LINE_MAX      200

static const char *command_line;
const u8 *boot_params;

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
	/* Bare it is no use, but KVM on Bochs has its turn by these exits. */
	for (;;)
		outb(SLEEP_CONTROL, SLEEP_S5);
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

u64 parse_number(const char *text, u64 otherwise)
{
	u64 value = 0;

	if (*text < '0' || *text > '9')
		return otherwise;
	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (u64)(*text - '0');
	return value;
}

/* What stands behind `key=`, or NULL. */
static const char *cmdline_value(const char *key)
{
	size_t length = command_line ? strlen(command_line) : 0;
	size_t n = strlen(key);
	size_t i;

	for (i = 0; i + n < length; i++)
		if (at_key(command_line + i, key))
			return command_line + i + n + 1;
	return NULL;
}

u64 cmdline_number(const char *key, u64 otherwise)
{
	const char *value = cmdline_value(key);

	return value ? parse_number(value, otherwise) : otherwise;
}

bool cmdline_is(const char *key, const char *word)
{
	const char *value = cmdline_value(key);
	size_t n = strlen(word);

	return value && strlen(value) >= n && !memcmp(value, word, n) &&
	       (!value[n] || value[n] == ' ');
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

bool console_line(char *line, size_t size)
{
	static char typed[LINE_MAX];
	static size_t n;
	char c;

	while (inb(COM1 + UART_LSR) & LSR_DR) {
		c = (char)inb(COM1);
		if (c == '\r' || c == '\n') {
			typed[n] = 0;
			fmt_snprintf(line, size, "%s", typed);
			n = 0;
			return true;
		}
		if (n < sizeof(typed) - 1)
			typed[n++] = c;
	}
	return false;
}

const struct ram *ram_entry(u32 n)
{
	if (n >= boot_params[BP_E820_ENTRIES])
		return NULL;
	return (const struct ram *)(boot_params + BP_E820_TABLE) + n;
}

void payload_run(const char *cmdline, const u8 *params)
{
	command_line = cmdline;
	boot_params = params;
	outb(COM1 + UART_IER, 0);
	outb(COM1 + UART_LCR, LCR_8N1);
	tables_init(0);
	payload_main();
	payload_fail("returned without a result");
}
