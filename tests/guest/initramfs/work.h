/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the workloads have in common: work.c.
 */
#ifndef INITRAMFS_WORK_H
#define INITRAMFS_WORK_H

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ll
#define BUF_SIZE     (256 * 1024)
#define GUEST_CPUS   64

/* The file that slurp() has read. */
extern char buf[BUF_SIZE];

/* Ends the program with what and errno's message. */
void die(const char *what) __attribute__((noreturn));
int64_t now_ns(clockid_t clock);
void sleep_ns(long ns);
uint64_t rdtsc(void);
/* The text of a file, in buf; "" where it can't be read. */
char *slurp(const char *path);
/*
 * Sums the per-CPU columns of a line of /proc/interrupts, and leaves them in
 * each where it is not NULL.
 */
long sum_columns(const char *p, long *each);
/*
 * Interrupts so far of all whose lines of /proc/interrupts have this text in
 * their names; all CPUs.  -1: there is none.
 */
long interrupts_of(const char *name);
/* This thread stays on a CPU. */
void pin(int cpu);
/* One thread at a time may write marks. */
void mark(char byte);

/* net.c: workloads on eth0, with N packets.  The exit status. */
int ping(long n);
int flood(long n);
/* disk.c: workloads on an NVMe disk, with N blocks.  The exit status. */
int disk_read(long n);
int disk_write(long n);
int disk_verify(long n);
int disk_affinity(long n);

#endif
