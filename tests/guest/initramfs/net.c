// SPDX-License-Identifier: BSD-2-Clause
/*
 * Workloads on eth0, against the peer on its wire:
 *
 *	ping N		echo requests (RFC 792), each after the answer to the
 *			one before, as `ping -A` sends them
 *	flood N		UDP datagrams as fast as the interface takes them
 *
 * Both count the interface's interrupts between their marks, and print the
 * driver's count of packets since the module was loaded.  ping prints how long
 * its round trips took, too, in ticks of the TSC.
 */
#define _GNU_SOURCE
#include "work.h"
#include "tests/guest/payloads/lib/samples.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEER	     "192.168.10.1"
#define DISCARD_PORT 9
#define PAYLOAD	     56
#define NETDEV	     "/sys/class/net/eth0/"
#define TRIES	     2000
#define LINK_TRIES   20000
#define TRY_NS	     1000000
#define ANSWER_MS    100

struct echo {
	struct icmphdr header;
	uint8_t data[PAYLOAD];
};

static long read_number(const char *path)
{
	return strtol(slurp(path), NULL, 10);
}

/* The carrier alone may be there before the interface takes packets. */
void wait_for_link(void)
{
	for (int i = 0; i < LINK_TRIES; i++) {
		if (!strcmp(slurp(NETDEV "operstate"), "up\n"))
			return;
		sleep_ns(TRY_NS);
	}
	errno = ENETDOWN;
	die("eth0");
}

static uint16_t checksum(const void *data, size_t n)
{
	const uint16_t *p = data;
	uint32_t sum = 0;

	for (; n > 1; n -= 2)
		sum += *p++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

int open_socket(int type, int protocol, uint16_t port, long ms)
{
	struct sockaddr_in peer = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = inet_addr(PEER),
	};
	struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, protocol);

	if (fd < 0 || connect(fd, (struct sockaddr *)&peer, sizeof(peer)))
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		die("setsockopt");
	return fd;
}

/* Waits for the answer to request `sequence`; false after the time limit. */
static bool answered(int fd, uint16_t sequence)
{
	uint8_t packet[256];
	const struct icmphdr *icmp;
	ssize_t n;

	while ((n = recv(fd, packet, sizeof(packet), 0)) > 0) {
		size_t head = (size_t)(packet[0] & 0xf) * 4;

		if ((size_t)n < head + sizeof(*icmp))
			continue;
		icmp = (const struct icmphdr *)(packet + head);
		if (icmp->type == ICMP_ECHOREPLY &&
		    ntohs(icmp->un.echo.sequence) == sequence)
			return true;
	}
	return false;
}

static bool round_trip(int fd, uint16_t sequence)
{
	struct echo e;

	memset(&e, 0, sizeof(e));
	e.header.type = ICMP_ECHO;
	e.header.un.echo.sequence = htons(sequence);
	e.header.checksum = checksum(&e, sizeof(e));
	if (send(fd, &e, sizeof(e), 0) != sizeof(e))
		die("send");
	return answered(fd, sequence);
}

static void print_packets(const char *what)
{
	long rx = read_number(NETDEV "statistics/rx_packets");
	long tx = read_number(NETDEV "statistics/tx_packets");

	printf("%s packets rx=%ld tx=%ld\n", what, rx, tx);
}

static void print_latency(const char *what, struct samples *s)
{
	if (!s->count)
		return;
	samples_sort(s);
	printf("%s latency min=%lu median=%lu p99=%lu max=%lu\n", what,
	       samples_quantile(s, 0), samples_quantile(s, 500),
	       samples_quantile(s, 990), samples_quantile(s, 1000));
}

static bool timed_round_trip(int fd, uint16_t sequence, struct samples *s)
{
	uint64_t start = rdtsc();
	bool received = round_trip(fd, sequence);

	samples_add(s, rdtsc() - start);
	return received;
}

/* The answer to the question for the peer's address comes before the mark. */
int ping(long n)
{
	int fd = open_socket(SOCK_RAW, IPPROTO_ICMP, 0, ANSWER_MS);
	struct samples trips = { .room = (uint64_t)n };
	long received = 0, before, after;
	uint64_t start, end;

	trips.value = calloc(trips.room, sizeof(*trips.value));
	if (!trips.value)
		die("calloc");

	wait_for_link();
	if (!round_trip(fd, 0))
		fprintf(stderr, "ping: no answer to the first\n");
	before = interrupts_of(" eth0\n");
	mark('B');
	start = rdtsc();
	for (long i = 1; i <= n; i++)
		received += timed_round_trip(fd, (uint16_t)i, &trips);
	end = rdtsc();
	mark('E');
	after = interrupts_of(" eth0\n");
	close(fd);
	printf("ping sent=%ld received=%ld irqs=%ld tsc=%llu\n", n, received,
	       after - before, (unsigned long long)(end - start));
	print_latency("ping", &trips);
	free(trips.value);
	print_packets("ping");
	return received != n;
}

/* Waits until the driver has done with all that the socket has sent. */
static bool drained(int fd)
{
	int left;

	for (int i = 0; i < TRIES; i++) {
		if (ioctl(fd, SIOCOUTQ, &left))
			die("SIOCOUTQ");
		if (!left)
			return true;
		sleep_ns(TRY_NS);
	}
	return false;
}

int flood(long n)
{
	static const uint8_t data[1024];
	int fd = open_socket(SOCK_DGRAM, 0, DISCARD_PORT, ANSWER_MS);
	long before, after;
	uint64_t start, end;
	bool all;

	wait_for_link();
	if (send(fd, data, sizeof(data), 0) < 0)
		die("send");
	if (!drained(fd))
		fprintf(stderr, "flood: the first did not leave\n");
	before = interrupts_of(" eth0\n");
	mark('B');
	start = rdtsc();
	/* A full queue blocks: datagrams are counted against the socket. */
	for (long i = 0; i < n; i++)
		if (send(fd, data, sizeof(data), 0) != sizeof(data))
			die("send");
	all = drained(fd);
	end = rdtsc();
	mark('E');
	after = interrupts_of(" eth0\n");
	close(fd);
	printf("flood sent=%ld irqs=%ld tsc=%llu\n", n, after - before,
	       (unsigned long long)(end - start));
	print_packets("flood");
	return !all;
}
