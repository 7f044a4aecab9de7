// SPDX-License-Identifier: BSD-2-Clause
/*
 * The workloads of the tests, in a Linux guest's user space or bare:
 *
 *	work exitless		fixed work between marks B and E: timer
 *				interrupts, context switches, short sleeps
 *	work clock		100 sleeps of 1 ms by TSC and by Linux' clock
 *	work pingpong [N]	N turns handed between two CPUs and back,
 *				between marks B and E
 *	work count		a pattern over memory, timers, and turns handed
 *				between two CPUs, all counted twice, until the
 *				line `quit`; each line typed is answered with
 *				the counts so far
 *	work marks [N]		N marks, bytes 'a', 'b', ... 'z', 'a', ...
 *	work forbidden		string output to a port, which parks a guest
 *	work ping [N]		N round trips through eth0, between marks B
 *				and E (net.c)
 *	work flood [N]		N datagrams out of eth0, between marks B and E
 *	work read [N]		N blocks of an NVMe disk, checked (disk.c)
 *	work write [N]		N blocks onto it
 *	work verify [N]		those read back
 *	work affinity [N]	its admin interrupt goes from CPU to CPU
 *	work udp [N]		N datagrams to the host and back (peer.c)
 *	work tcp [N]		N bytes to it, and N others back
 *	work drain		nothing, once the console has sent all
 *
 * A mark is a byte written to port 5E9h.  Every line printed starts with the
 * name of the subcommand and is a list of KEY=VALUE.
 */
#define _GNU_SOURCE
#include "work.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MARK_PORT     0x5e9
#define POST_PORT     0x80
#define TIMER_TOTAL   1000
#define SWITCHES      20000
#define MAX_ROUNDS    (4 * SWITCHES)
#define SLEEPS	      500
#define SLEEP_NS      100000
#define CLOCK_SLEEPS  100
#define CLOCK_NS      1000000
#define TIMER_POLL_NS 20000000
#define COUNT_WORDS   (1 << 18)
#define COUNT_CHUNK   (1 << 8)
#define COUNT_NS      100000

struct interrupts {
	long res;
	long cal;
	long loc;
	long loc_of[GUEST_CPUS];
};

char buf[BUF_SIZE];

void die(const char *what)
{
	fprintf(stderr, "work: %s: %s\n", what, strerror(errno));
	exit(1);
}

int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

void sleep_ns(long ns)
{
	struct timespec ts = { .tv_nsec = ns };

	nanosleep(&ts, NULL);
}

uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static int online_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > GUEST_CPUS ? GUEST_CPUS : (int)n;
}

char *slurp(const char *path)
{
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	buf[0] = '\0';
	if (fd < 0)
		return buf;
	while (len < sizeof(buf) - 1 &&
	       (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	close(fd);
	return buf;
}

long sum_columns(const char *p, long *each)
{
	long sum = 0;
	char *end;

	for (int i = 0; i < GUEST_CPUS; i++, p = end) {
		long n = strtol(p, &end, 10);

		if (end == p)
			break;
		if (each)
			each[i] = n;
		sum += n;
	}
	return sum;
}

/* "NUMBER: COUNT...  CHIP  NAME" */
long interrupts_of(const char *name)
{
	char *line = slurp("/proc/interrupts"), *end;
	long sum = -1;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		char *at = strstr(line, name), *columns = strchr(line, ':');

		if (!at || at > end || !columns || columns > at)
			continue;
		sum = (sum < 0 ? 0 : sum) + sum_columns(columns + 1, NULL);
	}
	return sum;
}

/* The line with this label, in the text of /proc/interrupts in buf. */
static long sum_line(const char *label, long *each)
{
	const char *p = strstr(buf, label);

	return p ? sum_columns(p + strlen(label), each) : 0;
}

static void read_interrupts(struct interrupts *irq)
{
	slurp("/proc/interrupts");
	memset(irq, 0, sizeof(*irq));
	irq->res = sum_line("RES:", NULL);
	irq->cal = sum_line("CAL:", NULL);
	irq->loc = sum_line("LOC:", irq->loc_of);
}

/* An I/O bitmap costs work at context switches, so the port is closed again. */
static void mark_by_ioperm(char byte)
{
	if (ioperm(MARK_PORT, 1, 1))
		die("ioperm");
	outb((unsigned char)byte, MARK_PORT);
	ioperm(MARK_PORT, 1, 0);
}

/*
 * Cloud kernels have no /dev/port.  Where there is one it is taken: TCG looks
 * for the bitmap in a TSS that is not busy only, and KVM's guests have a busy
 * one.
 */
void mark(char byte)
{
	int fd = open("/dev/port", O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		mark_by_ioperm(byte);
		return;
	}
	if (pwrite(fd, &byte, 1, MARK_PORT) != 1)
		die("/dev/port");
	close(fd);
}

void fill_words(uint64_t *words, size_t n, uint64_t number, uint64_t turned)
{
	for (size_t i = 0; i < n; i++)
		words[i] = (number * STRIDE + i) ^ turned;
}

long wrong_words(const uint64_t *words, size_t n, uint64_t number,
		 uint64_t turned)
{
	long wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += (words[i] ^ turned) != number * STRIDE + i;
	return wrong;
}

static void spin_until(int64_t end)
{
	while (now_ns(CLOCK_MONOTONIC) < end)
		;
}

/* Timer interrupts: both CPUs busy until each has had its share. */

struct spinner {
	pthread_t thread;
	int cpu;
	atomic_bool *stop;
};

static void *spin_thread(void *arg)
{
	struct spinner *s = arg;

	pin(s->cpu);
	while (!atomic_load_explicit(s->stop, memory_order_relaxed))
		;
	return NULL;
}

static bool enough_timer(const struct interrupts *start, const int *cpu, int n)
{
	struct interrupts irq;

	read_interrupts(&irq);
	for (int i = 0; i < n; i++)
		if (irq.loc_of[cpu[i]] - start->loc_of[cpu[i]] <
		    TIMER_TOTAL / n)
			return false;
	return true;
}

static void timer_phase(const int *cpu, int n)
{
	atomic_bool stop = false;
	struct spinner s = { .cpu = cpu[n - 1], .stop = &stop };
	struct interrupts start;

	pin(cpu[0]);
	if (n > 1 && pthread_create(&s.thread, NULL, spin_thread, &s))
		die("pthread_create");
	read_interrupts(&start);
	while (!enough_timer(&start, cpu, n))
		spin_until(now_ns(CLOCK_MONOTONIC) + TIMER_POLL_NS);
	atomic_store(&stop, true);
	if (n > 1)
		pthread_join(s.thread, NULL);
}

/* Context switches: two threads on two CPUs hand a turn to each other. */

static _Atomic uint32_t turn;
static atomic_bool pingpong_done;

static void futex(uint32_t op, uint32_t val)
{
	syscall(SYS_futex, &turn, op | FUTEX_PRIVATE_FLAG, val, NULL, NULL, 0);
}

static void wait_turn(uint32_t mine)
{
	while (atomic_load(&turn) != mine)
		futex(FUTEX_WAIT, !mine);
}

static void pass_turn(uint32_t to)
{
	atomic_store(&turn, to);
	futex(FUTEX_WAKE, 1);
}

static void *pong_thread(void *arg)
{
	pin(*(const int *)arg);
	for (;;) {
		wait_turn(1);
		if (atomic_load(&pingpong_done))
			return NULL;
		pass_turn(0);
	}
}

static long switches(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_nvcsw;
}

/* At least so many switches, but at most max turns; *rounds: turns taken. */
static long switch_phase(const int *cpu, long wanted, long max, long *rounds)
{
	int other = cpu[1];
	pthread_t pong;
	long start = switches();

	pin(cpu[0]);
	if (pthread_create(&pong, NULL, pong_thread, &other))
		die("pthread_create");
	for (*rounds = 0; *rounds < max; (*rounds)++) {
		if (*rounds % 500 == 0 && switches() - start >= wanted)
			break;
		pass_turn(1);
		wait_turn(0);
	}
	atomic_store(&pingpong_done, true);
	pass_turn(1);
	pthread_join(pong, NULL);
	return switches() - start;
}

static void print_interrupts(const char *when, const struct interrupts *irq)
{
	printf("exitless %s res=%ld cal=%ld loc=%ld\n", when, irq->res,
	       irq->cal, irq->loc);
}

static int exitless(long n)
{
	int cpu[2] = { 0, online_cpus() > 1 };
	struct interrupts before, after;
	int64_t start_ns, end_ns;
	long switched, rounds;
	uint64_t start, end;

	(void)n;
	pin(0);
	read_interrupts(&before);
	mark('B');
	start = rdtsc();
	start_ns = now_ns(CLOCK_MONOTONIC);
	timer_phase(cpu, cpu[1] + 1);
	switched = switch_phase(cpu, SWITCHES, MAX_ROUNDS, &rounds);
	for (int i = 0; i < SLEEPS; i++)
		sleep_ns(SLEEP_NS);
	end_ns = now_ns(CLOCK_MONOTONIC);
	end = rdtsc();
	mark('E');
	read_interrupts(&after);

	print_interrupts("before", &before);
	print_interrupts("after", &after);
	printf("exitless work cpus=%d switches=%ld rounds=%ld sleeps=%d "
	       "tsc=%llu ns=%lld\n",
	       cpu[1] + 1, switched, rounds, SLEEPS,
	       (unsigned long long)(end - start),
	       (long long)(end_ns - start_ns));
	return 0;
}

static int pingpong(long n)
{
	int cpu[2] = { 0, online_cpus() > 1 };
	long switched, rounds;

	mark('B');
	switched = switch_phase(cpu, LONG_MAX, n, &rounds);
	mark('E');
	printf("pingpong switches=%ld rounds=%ld\n", switched, rounds);
	return 0;
}

/* What the kernel found out about its clocks. */

static void print_first_line(const char *key, const char *path)
{
	char *text = slurp(path);

	text[strcspn(text, "\n")] = '\0';
	printf("clock %s=%s\n", key, *text ? text : "unknown");
}

/* The TSC's frequency in kHz as the kernel's log states it, 0 if nowhere. */
static long logged_khz(void)
{
	static const char *const lines[] = {
		"tsc: Refined TSC clocksource calibration: ",
		"tsc: Detected ",
	};
	int len = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, buf, BUF_SIZE - 1);

	buf[len > 0 ? len : 0] = '\0';
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char *p = strstr(buf, lines[i]);
		char *end;
		long khz;

		if (!p)
			continue;
		/* "3500.123 MHz": three decimals, so read without the dot. */
		khz = strtol(p + strlen(lines[i]), &end, 10) * 1000;
		if (*end == '.')
			khz += strtol(end + 1, NULL, 10);
		return khz;
	}
	return 0;
}

/* On how many CPUs high-resolution timers are active. */
static int hrtimer_cpus(void)
{
	int n = 0;

	slurp("/proc/timer_list");
	for (char *p = buf; (p = strstr(p, ".hres_active")); p++) {
		char *colon = strchr(p, ':');

		n += colon && strtol(colon + 1, NULL, 10) == 1;
	}
	return n;
}

static int clock_report(long n)
{
	uint64_t start = rdtsc();
	int64_t start_ns = now_ns(CLOCK_MONOTONIC_RAW);
	uint64_t tsc;
	int64_t ns;

	(void)n;
	for (int i = 0; i < CLOCK_SLEEPS; i++)
		sleep_ns(CLOCK_NS);
	ns = now_ns(CLOCK_MONOTONIC_RAW) - start_ns;
	tsc = rdtsc() - start;
	printf("clock sleeps=%d tsc=%llu ns=%lld khz=%lld\n", CLOCK_SLEEPS,
	       (unsigned long long)tsc, (long long)ns,
	       (long long)((__int128)tsc * 1000000 / ns));
	print_first_line("source", "/sys/devices/system/clocksource/"
				   "clocksource0/current_clocksource");
	printf("clock logged_khz=%ld\n", logged_khz());
	printf("clock cpus=%d hrtimers=%d\n", online_cpus(), hrtimer_cpus());
	return 0;
}

/* Counts that must agree: what was asked for, and what came. */

static struct {
	uint64_t words, wrong, pass;
	uint64_t armed, expired;
	uint64_t passed;
	_Atomic uint64_t received;
} counts;
static uint64_t pattern_words[COUNT_WORDS];

/* As in tests/guest/payloads/lib/random.h. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Checks a piece of memory and gives it the next pass's pattern. */
static void count_memory(void)
{
	static size_t at;

	for (size_t end = at + COUNT_CHUNK; at < end; at++) {
		counts.wrong += pattern_words[at] != mix(at ^ counts.pass);
		pattern_words[at] = mix(at ^ (counts.pass + 1));
	}
	counts.words += COUNT_CHUNK;
	if (at == COUNT_WORDS) {
		at = 0;
		counts.pass++;
	}
}

static void count_timer(int fd)
{
	struct itimerspec when = { .it_value.tv_nsec = COUNT_NS };
	uint64_t times;

	if (timerfd_settime(fd, 0, &when, NULL) ||
	    read(fd, &times, sizeof(times)) != sizeof(times))
		die("timerfd");
	counts.armed++;
	counts.expired += times;
}

static void *count_turns(void *arg)
{
	pin(*(const int *)arg);
	for (;;) {
		wait_turn(1);
		counts.received++;
		if (atomic_load(&pingpong_done))
			return NULL;
		pass_turn(0);
	}
}

static void count_turn(void)
{
	counts.passed++;
	pass_turn(1);
	wait_turn(0);
}

/* Interrupts that nobody has asked for, as the kernel has noticed them. */
static long strays(void)
{
	long n;
	int len;

	slurp("/proc/interrupts");
	n = sum_line("SPU:", NULL) + sum_line("ERR:", NULL) +
	    sum_line("MIS:", NULL) + sum_line("NMI:", NULL);
	len = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, buf, BUF_SIZE - 1);
	buf[len > 0 ? len : 0] = '\0';
	for (char *p = buf; (p = strstr(p, "No irq handler for vector")); p++)
		n++;
	return n;
}

static void count_report(const char *tag)
{
	long stray = strays();
	bool exact = !stray && !counts.wrong &&
		     counts.armed == counts.expired &&
		     counts.passed == counts.received;

	printf("count %s %s timers=%llu/%llu turns=%llu/%llu words=%llu "
	       "wrong=%llu strays=%ld\n",
	       exact ? "exact" : "WRONG", tag,
	       (unsigned long long)counts.expired,
	       (unsigned long long)counts.armed,
	       (unsigned long long)counts.received,
	       (unsigned long long)counts.passed,
	       (unsigned long long)counts.words,
	       (unsigned long long)counts.wrong, stray);
	fflush(stdout);
}

/* The next line typed, if there is one yet; true once it is `quit`. */
static bool count_asked(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[64];

	if (poll(&in, 1, 0) != 1)
		return false;
	if (!fgets(line, sizeof(line), stdin))
		return true;
	line[strcspn(line, "\r\n")] = '\0';
	count_report(line);
	return !strcmp(line, "quit");
}

static int count_all(long n)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int other = online_cpus() > 1;
	pthread_t thread;

	(void)n;
	if (fd < 0)
		die("timerfd_create");
	for (size_t i = 0; i < COUNT_WORDS; i++)
		pattern_words[i] = mix(i);
	pin(0);
	if (pthread_create(&thread, NULL, count_turns, &other))
		die("pthread_create");
	printf("count ready\n");
	fflush(stdout);
	do {
		count_memory();
		count_timer(fd);
		count_turn();
	} while (!count_asked());
	atomic_store(&pingpong_done, true);
	counts.passed++;
	pass_turn(1);
	pthread_join(thread, NULL);
	count_report("end");
	return 0;
}

static int marks(long n)
{
	for (long i = 0; i < n; i++)
		mark((char)('a' + i % 26));
	printf("marks count=%ld\n", n);
	return 0;
}

/* REP OUTSB: an emulated port takes single bytes only. */
static int forbidden(long n)
{
	static const char text[] = "forbidden";
	const char *from = text;
	unsigned long count = sizeof(text);

	(void)n;
	if (ioperm(POST_PORT, 1, 1))
		die("ioperm");
	asm volatile("rep outsb"
		     : "+S"(from), "+c"(count)
		     : "d"(POST_PORT)
		     : "memory");
	printf("forbidden passed\n");
	return 0;
}

static int drain(long n)
{
	(void)n;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(long n);
} commands[] = {
	{ "exitless", exitless },  { "clock", clock_report },
	{ "pingpong", pingpong },  { "count", count_all },
	{ "marks", marks },	   { "forbidden", forbidden },
	{ "ping", ping },	   { "flood", flood },
	{ "read", disk_read },	   { "write", disk_write },
	{ "verify", disk_verify }, { "affinity", disk_affinity },
	{ "udp", peer_udp },	   { "tcp", peer_tcp },
	{ "drain", drain },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? strtol(argv[2], NULL, 10) : 1;

	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(n);
	fprintf(stderr, "usage: work COMMAND [N]:");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stderr, " %s", commands[i].name);
	fprintf(stderr, "\n");
	return 2;
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);

	/* What the serial port has not sent yet, a power-off would lose. */
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	return status;
}
