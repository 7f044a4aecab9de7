// SPDX-License-Identifier: BSD-2-Clause
#include "core/port.h"
#include "apic/lapic.h"
#include "core/clock.h"
#include "core/control.h"
#include "core/io.h"
#include "core/lib.h"
#include "core/log.h"
#include "core/partition.h"
#include "core/spinlock.h"
#include "core/x86.h"
#include "drivers/uart.h"

#define LINE_MAX 256
/* Lines unfinished for so long are shown; the prompt waits for quiet. */
#define IDLE_MS 20
#define SETTLE_MS 200
#define ESCAPE_MS 300

static struct logring log;
static struct spinlock log_lock;
static struct mux mux;
static struct uart uart;
static const struct table *table;

/* Before the sidecore takes the port: one core pumps, others leave word. */
static bool polled, taken;
static u32 pumping, wanted;
static u32 nmi_cpu = MAX_CPUS;
static bool panicking;

static const struct {
	u16 base;
	u8 irq;
} com[] = {
	[TABLE_CONSOLE_COM1] = { UART_COM1, 4 },
	[TABLE_CONSOLE_COM2] = { UART_COM2, 3 },
	[TABLE_CONSOLE_COM3] = { UART_COM3, 4 },
	[TABLE_CONSOLE_COM4] = { UART_COM4, 3 },
};

static void lock_log(void *ctx)
{
	(void)ctx;
	spin_lock(&log_lock);
}

static void unlock_log(void *ctx)
{
	(void)ctx;
	spin_unlock(&log_lock);
}

static bool input(void *ctx, u32 partition, u8 byte)
{
	(void)ctx;
	return partition_input(&partitions[partition], byte);
}

static void drained(void *ctx, u32 partition)
{
	(void)ctx;
	partition_drained(&partitions[partition]);
}

static const struct mux_ops ops = {
	.input = input,
	.drained = drained,
	.lock = lock_log,
	.unlock = unlock_log,
};

static void receive(void)
{
	int c;

	while ((c = uart_get(&uart)) >= 0)
		mux_input(&mux, (u8)c);
}

void port_init(void)
{
	struct mux_config config = {
		.log = &log,
		.ops = &ops,
		.monitor = &control_ops,
		.idle = ~0UL,
	};

	if (uart_present(UART_COM1))
		uart_init(&uart, UART_COM1);
	mux_init(&mux, &config);
}

static u64 ms(u64 n)
{
	return n * host_clock.tsc_hz / 1000;
}

static void configure_mux(void)
{
	struct mux_config config = {
		.log = &log,
		.partitions = table->nr_partitions,
		.ops = &ops,
		.monitor = &control_ops,
		.idle = polled ? ms(IDLE_MS) : ~0UL,
		.settle = polled ? ms(SETTLE_MS) : 0,
		.escape = polled ? ms(ESCAPE_MS) : 0,
	};
	u32 i;

	mux_init(&mux, &config);
	for (i = 0; i < table->nr_partitions; i++)
		if (table->partitions[i].console == TABLE_CONSOLE_LOG)
			console_init(&mux.consoles[i],
				     table->partitions[i].name);
}

int port_configure(const struct table *t, const struct acpi_info *acpi,
		   char *error, size_t size)
{
	table = t;
	port_flush();
	uart.base = 0;
	polled = t->first_sidecore >= 0;
	configure_mux();
	if (t->log == TABLE_CONSOLE_NONE)
		return 0;
	uart_init(&uart, com[t->log].base);
	if (polled)
		return 0;
	if (ioapic_route_nmi(acpi, com[t->log].irq, cpu_public[0].apic_id)) {
		fmt_snprintf(error, size, "log: no IO-APIC pin for the log "
			     "port's IRQ %u; give a sidecore", com[t->log].irq);
		return -ENOENT;
	}
	nmi_cpu = 0;
	return 0;
}

void port_open(void)
{
	mux_open(&mux);
	if (nmi_cpu < MAX_CPUS)
		uart_rx_interrupt(&uart, true);
	port_pump();
}

bool port_is_nmi_cpu(u32 cpu)
{
	return cpu == nmi_cpu;
}

bool port_is_sidecore(u32 cpu)
{
	return table->first_sidecore == (s32)cpu;
}

struct console *port_console(u32 partition)
{
	struct console *c = &mux.consoles[partition];

	return c->name[0] ? c : NULL;
}

void port_take(void)
{
	while (__atomic_exchange_n(&pumping, 1, __ATOMIC_SEQ_CST))
		cpu_pause();
	__atomic_store_n(&taken, true, __ATOMIC_SEQ_CST);
}

void port_poll(void)
{
	u8 buf[16];
	size_t n;

	receive();
	if (!uart.base) {
		while (mux_output(&mux, rdtsc(), buf, sizeof(buf)))
			;
		return;
	}
	n = mux_output(&mux, rdtsc(), buf, uart_tx_ready(&uart) ? uart.fifo : 0);
	if (n)
		uart_put_fifo(&uart, buf, n);
}

static void pump_once(void)
{
	u64 start = rdtsc();
	u8 buf[64];
	size_t n;

	do {
		receive();
		n = mux_output(&mux, rdtsc(), buf, sizeof(buf));
		uart_write(&uart, buf, n);
	} while (n);
	clock_add(CLOCK_UART_WAIT, rdtsc() - start);
}

void port_pump(void)
{
	if (__atomic_load_n(&taken, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&wanted, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&wanted, __ATOMIC_SEQ_CST) &&
	       !__atomic_exchange_n(&pumping, 1, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&wanted, 0, __ATOMIC_SEQ_CST);
		pump_once();
		__atomic_store_n(&pumping, 0, __ATOMIC_SEQ_CST);
	}
}

void port_flush(void)
{
	port_pump();
	uart_flush(&uart);
}

void log_printf(const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	spin_lock(&log_lock);
	logring_append(&log, line, MIN(n, sizeof(line) - 1));
	spin_unlock(&log_lock);
	port_pump();
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
	uart_write(&uart, (const u8 *)newline, 2);
	uart_write(&uart, (const u8 *)kind, strlen(kind));
	uart_write(&uart, (const u8 *)line, strlen(line));
	uart_write(&uart, (const u8 *)newline, 2);
	uart_flush(&uart);
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
	port_flush();
	halt();
}
