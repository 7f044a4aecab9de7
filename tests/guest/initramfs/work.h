/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the workloads have in common: work.c.
 */
#ifndef INITRAMFS_WORK_H
#define INITRAMFS_WORK_H

#include <stddef.h>
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

/*
 * What blocks are filled with, as tests/e2e/pattern.py has it, too: words of
 * block `number`, counted up from number * STRIDE, with these bits turned.
 */
#define STRIDE 0x9e3779b97f4a7c15ull
void fill_words(uint64_t *words, size_t n, uint64_t number, uint64_t turned);
/* How many words are not so. */
long wrong_words(const uint64_t *words, size_t n, uint64_t number,
		 uint64_t turned);

/* net.c: workloads on eth0, with N packets.  The exit status. */
int ping(long n);
int flood(long n);
/* Waits until what is sent to eth0 leaves it. */
void wait_for_link(void);
/*
 * A socket of AF_INET that is connected to a port of the peer on eth0's wire;
 * what is received comes within so many ms, or not at all.
 */
int open_socket(int type, int protocol, uint16_t port, long ms);
/* peer.c: with N datagrams, and with N bytes each way.  The exit status. */
int peer_udp(long n);
int peer_tcp(long n);
/* disk.c: workloads on an NVMe disk, with N blocks.  The exit status. */
int disk_read(long n);
int disk_write(long n);
int disk_verify(long n);
int disk_affinity(long n);

#endif
