/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: the last 64 KiB of whole lines, oldest overwritten, with one
 * consumer (the drain to the log port) that may fall behind.
 *
 * A ring of zeros is an empty log.  No function here locks: the caller holds
 * the log's lock around each call.  Bytes that could drive a terminal never
 * enter: all but printable ASCII, tab and newline are stored as '?'.
 */
#ifndef CORE_LOGRING_H
#define CORE_LOGRING_H

#include "core/types.h"

#define LOGRING_SIZE 65536U

/* One append keeps at most so many bytes, the closing newline included. */
#define LOGRING_APPEND_MAX 4096U

/* Positions count all bytes ever written, so they never wrap in practice. */
struct logring {
	u64 head;  /* where the next byte goes */
	u64 first; /* the oldest retained byte; always starts a line */
	u64 drain; /* the next byte for the port; first <= drain <= head */
	u64 lost;  /* bytes overwritten before the port saw them */
	u32 note_pos;
	u32 note_len;
	bool midline; /* the port's last byte was not a newline */
	char note[48];
	char buf[LOGRING_SIZE];
};

/* Position in the retained lines.  Lines overwritten meanwhile are skipped. */
struct logring_iter {
	u64 pos;
	u64 end;
};

/*
 * Adds the text, one or more lines; a newline is added where the last one has
 * none.  Nothing is added for n = 0.
 */
void logring_append(struct logring *r, const char *text, size_t n);

/*
 * Moves up to n bytes, at most to the end of a line, to buf for the port and
 * returns how many; 0: there is nothing.  Where the writer overran the drain, a
 * line `[N bytes lost]` stands in for what is gone, on a line of its own.
 */
size_t logring_drain(struct logring *r, char *buf, size_t n);

/* True when the drain has something to give. */
bool logring_pending(const struct logring *r);

/* Iterates over the lines retained now; later ones are not visited. */
void logring_iter_start(const struct logring *r, struct logring_iter *it);

/*
 * Copies the next line without its newline to line, terminated and cut to
 * size - 1 characters (size > 0).  Returns false after the last.
 */
bool logring_iter_next(const struct logring *r, struct logring_iter *it,
		       char *line, size_t size);

#endif
