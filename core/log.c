// SPDX-License-Identifier: BSD-2-Clause
/* The log, and what ends with a line in it: panic, a boot that stops. */
#include "core/log.h"
#include "core/lapic.h"
#include "core/lib.h"
#include "core/percpu.h"
#include "core/spinlock.h"

#define LINE_MAX 256

static void no_pump(void)
{
}

static void no_write(const char *text, size_t n)
{
	(void)text;
	(void)n;
}

static const struct log_sink no_sink = { no_pump, no_pump, no_write };

struct logring log_ring;
static const struct log_sink *sink = &no_sink;
static struct spinlock lock;
static bool panicking;

void log_set_sink(const struct log_sink *s)
{
	sink = s;
}

void log_lock(void)
{
	spin_lock(&lock);
}

void log_unlock(void)
{
	spin_unlock(&lock);
}

void log_printf(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	spin_lock(&lock);
	logring_append(&log_ring, line, MIN(n, sizeof(line) - 1));
	spin_unlock(&lock);
	sink->pump();
}

static void __noreturn halt(void)
{
	for (;;)
		asm volatile("cli; hlt");
}

static void last_words(const char *kind, const char *fmt, va_list ap)
{
	static const char newline[] = "\r\n";
	char line[LINE_MAX];
	u32 i;

	if (__atomic_exchange_n(&panicking, true, __ATOMIC_SEQ_CST))
		halt();
	fmt_vsnprintf(line, sizeof(line), fmt, ap);
	sink->write(newline, 2);
	sink->write(kind, strlen(kind));
	sink->write(line, strlen(line));
	sink->write(newline, 2);
	for (i = 0; i < nr_cpus; i++)
		if (cpu_public[i].up && i != this_cpu.id)
			lapic_send(cpu_public[i].apic_id, APIC_DM_NMI);
	halt();
}

bool log_panicking(void)
{
	return __atomic_load_n(&panicking, __ATOMIC_RELAXED);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	last_words("panic: ", fmt, ap);
	__builtin_unreachable();
}

void boot_refuse(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_printf("boot: %s", line);
	log_printf("boot: stopped, nothing was started");
	sink->flush();
	halt();
}

/* For -fstack-protector-strong. */
u64 __stack_chk_guard = 0x595e9fbd94fda766UL;
void __stack_chk_fail(void) __noreturn;

void __stack_chk_fail(void)
{
	panic("cpu %u: stack overrun", this_cpu.id);
}
