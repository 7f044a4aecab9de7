// SPDX-License-Identifier: BSD-2-Clause
/*
 * Workloads on /dev/nvme0n1, past the page cache, 4 KiB at a time:
 *
 *	read N		N reads of blocks in a pseudo-random order; filled as
 *			fill_words() does it
 *	write N		N writes of blocks 0 to N - 1, with every bit of that
 *			turned
 *	verify N	N reads of what `write N` has written
 *	affinity N	the admin queue's interrupt goes to the other CPU, N
 *			times, and comes there
 *
 * Queue and task are on CPU 0.  Both count the disk's interrupts between their
 * marks.
 */
#define _GNU_SOURCE
#include "work.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DISK   "/dev/nvme0n1"
#define BLOCK  4096
#define WORDS  (BLOCK / 8)
#define TRIES  2000
#define TRY_NS 5000000

static uint64_t block[WORDS] __attribute__((aligned(BLOCK)));

/* The controller is probed in its own time. */
static int open_disk(void)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		sleep_ns(TRY_NS);
	}
	die(DISK);
}

static uint64_t blocks_of(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size < BLOCK)
		die(DISK " has no size");
	return (uint64_t)size / BLOCK;
}

/* How many of its words are not as they must be, with these bits turned. */
static long read_block(int fd, uint64_t number, uint64_t turned)
{
	if (pread(fd, block, BLOCK, (off_t)(number * BLOCK)) != BLOCK)
		die("read");
	return wrong_words(block, WORDS, number, turned);
}

int disk_verify(long n)
{
	int fd = open_disk();
	long wrong = 0;

	for (long i = 0; i < n; i++)
		wrong += read_block(fd, (uint64_t)i, ~0ull);
	printf("verify count=%ld wrong=%ld\n", n, wrong);
	return wrong != 0;
}

int disk_read(long n)
{
	int fd = open_disk();
	uint64_t blocks = blocks_of(fd);
	long wrong = 0, before, after;
	uint64_t start;

	pin(0);
	before = interrupts_of(" nvme0q");
	mark('B');
	start = rdtsc();
	for (long i = 0; i < n; i++)
		wrong += read_block(fd, (uint64_t)i * STRIDE % blocks, 0);
	start = rdtsc() - start;
	mark('E');
	after = interrupts_of(" nvme0q");
	printf("read count=%ld wrong=%ld interrupts=%ld tsc=%llu\n", n, wrong,
	       after - before, (unsigned long long)start);
	return wrong != 0;
}

int disk_write(long n)
{
	int fd = open_disk();
	long before, after;

	if ((uint64_t)n > blocks_of(fd))
		die(DISK " is too small");
	pin(0);
	before = interrupts_of(" nvme0q");
	mark('B');
	for (long i = 0; i < n; i++) {
		fill_words(block, WORDS, (uint64_t)i, ~0ull);
		if (pwrite(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
			die("write");
	}
	mark('E');
	after = interrupts_of(" nvme0q");
	if (fsync(fd))
		die("fsync");
	printf("write count=%ld interrupts=%ld\n", n, after - before);
	return 0;
}

#define ADMIN	  " nvme0q0\n"
#define RESCAN	  "/sys/class/nvme/nvme0/rescan_controller"
#define RESCAN_NS 1000000

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* The number of the interrupt, and how often it came on each CPU. */
static long admin_interrupt(long *each)
{
	char *name = strstr(slurp("/proc/interrupts"), ADMIN), *line;

	if (name)
		*name = '\0';
	else
		die("no interrupt" ADMIN);
	line = strrchr(buf, '\n') + 1;
	sum_columns(strchr(line, ':') + 1, each);
	return strtol(line, NULL, 10);
}

/*
 * Commands are sent in the kernel's own time, and the first interrupt still
 * comes where the one before did.
 */
static bool comes_on(long cpu, long before)
{
	long each[GUEST_CPUS] = { 0 };

	for (int i = 0; i < TRIES && each[cpu] <= before; i++) {
		sleep_ns(RESCAN_NS);
		admin_interrupt(each);
	}
	return each[cpu] > before;
}

int disk_affinity(long n)
{
	long before[GUEST_CPUS] = { 0 }, missed = 0;
	char path[64], cpu[8];

	close(open_disk());
	snprintf(path, sizeof(path), "/proc/irq/%ld/smp_affinity_list",
		 admin_interrupt(before));
	mark('B');
	for (long i = 0; i < n; i++) {
		snprintf(cpu, sizeof(cpu), "%ld", (i + 1) % 2);
		admin_interrupt(before);
		write_text(path, cpu);
		write_text(RESCAN, "1");
		missed += !comes_on((i + 1) % 2, before[(i + 1) % 2]);
	}
	mark('E');
	printf("affinity changes=%ld missed=%ld\n", n, missed);
	return missed != 0;
}
