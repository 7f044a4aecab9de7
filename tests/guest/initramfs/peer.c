// SPDX-License-Identifier: BSD-2-Clause
/*
 * Workloads on eth0, against tests/e2e/peer.py on the host, at the port that
 * the environment's peer_port has:
 *
 *	udp N		N datagrams, each after the answer to the one before:
 *			its number, and data filled by it; of the answer every
 *			bit of the data is turned.  Nothing is sent again.
 *	tcp N		the number of bytes, so many to the host, so many back
 *			with every bit turned
 *
 * Both check what they receive, count the interface's interrupts and those of
 * the timer between their marks, and have made sure of their way before.
 */
#define _GNU_SOURCE
#include "work.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORDS	  512
#define BLOCK	  (WORDS * (long)sizeof(uint64_t))
#define DATA	  127
#define ANSWER_MS 20000

struct datagram {
	uint64_t number;
	uint64_t data[DATA];
};

struct tally {
	long received, lost, wrong;
};

/* From mark to mark. */
struct span {
	long interrupts, timers;
	uint64_t ticks;
};

static uint64_t block[WORDS];

static int open_peer(int type)
{
	const char *port = getenv("peer_port");

	wait_for_link();
	return open_socket(type, 0,
			   (uint16_t)strtoul(port ? port : "", NULL, 10),
			   ANSWER_MS);
}

static struct span begin(void)
{
	struct span s = {
		.interrupts = interrupts_of(" eth0"),
		.timers = interrupts_of(" Local timer "),
	};

	mark('B');
	s.ticks = rdtsc();
	return s;
}

static void end(struct span *s)
{
	s->ticks = rdtsc() - s->ticks;
	mark('E');
	s->interrupts = interrupts_of(" eth0") - s->interrupts;
	s->timers = interrupts_of(" Local timer ") - s->timers;
}

static void print_span(const struct span *s)
{
	printf(" interrupts=%ld timers=%ld tsc=%llu\n", s->interrupts,
	       s->timers, (unsigned long long)s->ticks);
}

/* --- udp --- */

static bool is_answer(const struct datagram *d, ssize_t size, uint64_t number)
{
	return size == sizeof(*d) && d->number == number &&
	       !wrong_words(d->data, DATA, number, ~0ull);
}

/* Another answer than this one's is wrong, and not waited for again. */
static void exchange(int fd, uint64_t number, struct tally *t)
{
	struct datagram d = { .number = number };
	ssize_t size;

	fill_words(d.data, DATA, number, 0);
	if (send(fd, &d, sizeof(d), 0) != sizeof(d))
		die("send");
	size = recv(fd, &d, sizeof(d), MSG_TRUNC);
	if (size < 0)
		t->lost++;
	else if (is_answer(&d, size, number))
		t->received++;
	else
		t->wrong++;
}

/* Number 0 is not counted, unless something is wrong with it. */
int peer_udp(long n)
{
	int fd = open_peer(SOCK_DGRAM);
	struct tally t = { .received = -1 };
	struct span s;

	exchange(fd, 0, &t);
	s = begin();
	for (long i = 1; i <= n; i++)
		exchange(fd, (uint64_t)i, &t);
	end(&s);
	close(fd);
	printf("udp sent=%ld received=%ld lost=%ld wrong=%ld", n, t.received,
	       t.lost, t.wrong);
	print_span(&s);
	return t.received != n || t.lost || t.wrong;
}

/* --- tcp --- */

static void send_all(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t sent;

	for (; n; n -= (size_t)sent, p += sent) {
		sent = send(fd, p, n, 0);
		if (sent <= 0)
			die("send");
	}
}

static void send_blocks(int fd, long blocks)
{
	for (long i = 0; i < blocks; i++) {
		fill_words(block, WORDS, (uint64_t)i, 0);
		send_all(fd, block, BLOCK);
	}
}

/* The blocks that came whole; *wrong: their words that are not as they must. */
static long receive_blocks(int fd, long blocks, long *wrong)
{
	for (long i = 0; i < blocks; i++) {
		if (recv(fd, block, BLOCK, MSG_WAITALL) != BLOCK)
			return i;
		*wrong += wrong_words(block, WORDS, (uint64_t)i, ~0ull);
	}
	return blocks;
}

int peer_tcp(long n)
{
	int fd = open_peer(SOCK_STREAM);
	uint64_t bytes = (uint64_t)n;
	long received, wrong = 0;
	struct span s;

	if (n % BLOCK)
		die("tcp: no number of blocks");
	send_all(fd, &bytes, sizeof(bytes));
	s = begin();
	send_blocks(fd, n / BLOCK);
	received = receive_blocks(fd, n / BLOCK, &wrong) * BLOCK;
	end(&s);
	close(fd);
	printf("tcp sent=%ld received=%ld wrong=%ld", n, received, wrong);
	print_span(&s);
	return received != n || wrong;
}
