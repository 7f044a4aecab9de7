/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Consoles of partitions, and the multiplexer that shares the log port among
 * the log, the consoles and the monitor.  Pure.
 *
 * Everything that reaches the port passes through one struct mux, in units of
 * whole lines, so lines are never mixed.  In line mode a console's output goes
 * to the log as lines `NAME| text` of printable ASCII: escape sequences are
 * left out, other bytes shown as \xNN, so no guest can write a line of
 * Ashlar's or of another partition's, or drive the operator's terminal.  In
 * raw mode (monitor command `console NAME`) the port is one partition's, byte
 * for byte both ways; all other output waits in its ring, and the log loses
 * its oldest with a note.  Ctrl-A ends raw mode, Ctrl-A Ctrl-A sends one.
 *
 * Who may call: console_put and console_room the partition's serial port, one
 * caller at a time; all else the core that owns the log port (the first
 * sidecore, or whoever holds the port's lock).  The two sides share only a
 * ring, without a lock.  Callbacks, the monitor's operations included, may
 * append to the log but not call the mux again: where each append also drains
 * to the port, that drain is to be skipped if the port's lock is held.  Times
 * are in TSC ticks.
 *
 * docs/decisions.md: The prompt comes late.
 */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "console/monitor.h"
#include "core/logring.h"
#include "core/types.h"

#define CONSOLE_TX_SIZE 4096U
/* Room below which a 16550 does not show itself empty: its FIFO. */
#define CONSOLE_LOW 16U
/* Longer lines are cut in pieces, each with the prefix. */
#define CONSOLE_COLUMNS 160U
/* Bytes taken from one console per turn, before the next console's turn. */
#define CONSOLE_TURN 256U
/* Bytes of a line held back at most, escape sequences included. */
#define CONSOLE_HOLD	 1024U
#define CONSOLE_NAME_MAX 15U
/* Prefix, text, newline */
#define CONSOLE_LINE_MAX (CONSOLE_NAME_MAX + 2 + CONSOLE_COLUMNS + 1)

struct console {
	char name[CONSOLE_NAME_MAX + 1]; /* "" for none here */

	/* Ring positions count freely; tail <= scan <= head. */
	u32 head;     /* written by the partition */
	u32 tail;     /* the rest: written by the port's owner */
	bool starved; /* set by the partition, cleared by the owner */

	/* The line being gathered: what lies between tail and scan. */
	u32 scan;
	u32 len;
	u64 since; /* when its last byte was seen */
	u8 escape;
	bool in_piece; /* the last line put out was not ended by the guest */
	char line[CONSOLE_COLUMNS];

	u8 tx[CONSOLE_TX_SIZE];
};

/*
 * Empties a console and names it (at most 15 characters are kept).  While
 * booting only: a partition that starts again keeps its ring.
 */
void console_init(struct console *c, const char *name);

/*
 * A byte of the guest's.  False: the ring is full, the byte not taken.  After
 * a put that left less than CONSOLE_LOW bytes of room or failed, the drained
 * callback tells once that half of the ring is free again.
 */
bool console_put(struct console *c, u8 byte);

/* Free bytes in the ring. */
u32 console_room(const struct console *c);

/*
 * For a console with a port of its own, outside any mux: the next bytes, at
 * most n; and whether the partition is to be told that there is room again.
 */
size_t console_take(struct console *c, u8 *buf, size_t n);
bool console_freed(struct console *c);

/*
 * input: a byte typed for a partition; false: no room now, the byte is offered
 * again later.  drained: see console_put.  lock and unlock, both or neither
 * NULL: the log's lock; no other callback is made under it.
 */
struct mux_ops {
	bool (*input)(u32 partition, u8 byte);
	void (*drained)(u32 partition);
	void (*lock)(void);
	void (*unlock)(void);
};

struct mux_config {
	struct logring *log;
	u32 partitions; /* at most MAX_PARTITIONS */
	const struct mux_ops *ops;
	const struct monitor_ops *monitor;
	/*
	 * idle: an unfinished line of a console is shown after this time.
	 * settle: the prompt comes after the log was quiet for this time, or
	 * ten times as long after the last one; after replies, and where a
	 * command is half typed, at once.
	 * escape: after Ctrl-A, this long is waited for the second one before
	 * the monitor is back on the screen.  Where nothing polls, 0 for the
	 * last two and UINT64_MAX for idle.
	 */
	u64 idle;
	u64 settle;
	u64 escape;
};

#define MUX_INPUT_SIZE 256U
#define MUX_OUT_SIZE   8192U

struct mux {
	struct mux_config config;
	struct console consoles[MAX_PARTITIONS];
	struct monitor monitor;

	u64 now;
	u64 quiet_since; /* last output of the log */
	u64 unprompted_since;
	u32 turn;	 /* console whose turn is next */
	u64 served;	 /* bit n: output of console n may be taken */
	bool by_turns;	 /* mux_turn() is called */
	bool open;	 /* the monitor is on */
	bool prompted;	 /* the prompt is on the screen */
	bool prompt_due; /* it is to come without waiting */
	bool midline;	 /* the last byte of the log put out was no newline */

	bool raw;
	bool escaped;	   /* the last byte typed in raw mode was Ctrl-A */
	u32 raw_partition; /* kept while escaped is set */
	u64 escape_time;

	u32 input_pos;
	u32 input_len;
	u64 input_lost; /* bytes typed that found no room */
	u8 input[MUX_INPUT_SIZE];

	/* Text on its way to the port, between pos and len. */
	u32 out_pos;
	u32 out_len;
	char out[MUX_OUT_SIZE];
};

/*
 * Consoles are named by console_init(&mux->consoles[i], name) afterwards.  The
 * monitor is off until mux_open: the log is drained, typed bytes are dropped.
 */
void mux_init(struct mux *m, const struct mux_config *config);
void mux_open(struct mux *m);

/* A byte received on the port.  Never runs a command; calls input only. */
void mux_input(struct mux *m, u8 byte);

/*
 * The next bytes for the port, at most n; returns how many.  A now before the
 * last one counts as the last one.  Also does what time brings and runs steps
 * of commands, so it is to be called again and again, with n = 0 if the port
 * can take nothing (then no step is run).
 */
size_t mux_output(struct mux *m, u64 now, u8 *buf, size_t n);

/*
 * Where several cores take turns, before each mux_output: it takes only these
 * consoles' output (bit n: partition n), and ends with the line that is on its
 * way or, if none is, with the next one.  So no console can make a turn longer,
 * nor leave its own line to another's turn, if n is over CONSOLE_LINE_MAX.
 */
void mux_turn(struct mux *m, u64 consoles);

/* Do these consoles have output that the mux has not looked at yet? */
bool mux_unread(const struct mux *m);

/* Ends raw mode as Ctrl-A does; nothing outside raw mode. */
void mux_detach(struct mux *m);

#endif
