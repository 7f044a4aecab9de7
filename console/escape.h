/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recognises the escape sequences of terminals (ECMA-48) in a byte stream, so
 * that none of one side's reaches the other.  Pure.
 */
#ifndef CONSOLE_ESCAPE_H
#define CONSOLE_ESCAPE_H

#include "core/types.h"

enum {
	ESCAPE_NONE,
	ESCAPE_BEGUN,  /* after ESC */
	ESCAPE_CSI,    /* after ESC [, up to a byte of 40h-7Eh */
	ESCAPE_SS3,    /* after ESC O, one byte */
	ESCAPE_STRING, /* OSC, DCS, PM, APC, SOS: up to BEL or ESC \ */
};

static inline u8 escape_after_esc(u8 byte)
{
	switch (byte) {
	case '[':
		return ESCAPE_CSI;
	case 'O':
		return ESCAPE_SS3;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		return ESCAPE_STRING;
	default:
		/* 20h-2Fh are intermediate, all else ends the sequence. */
		return byte >= 0x20 && byte <= 0x2f ? ESCAPE_BEGUN :
						      ESCAPE_NONE;
	}
}

/*
 * Feeds a byte to the recogniser (*state starts as 0).  Returns true if the
 * byte belongs to a sequence and is to be left out.  The end of a line ends
 * every sequence and is itself never part of one, so an unfinished sequence
 * hides at most the rest of its line.
 */
static inline bool escape_skip(u8 *state, u8 byte)
{
	u8 was = *state;

	if (byte == 0x1b) {
		*state = ESCAPE_BEGUN;
		return true;
	}
	if (was == ESCAPE_NONE)
		return false;
	*state = ESCAPE_NONE;
	if (byte == '\n' || byte == '\r')
		return false;
	if (byte == 0x18 || byte == 0x1a) /* CAN and SUB abort it */
		return true;
	if (was == ESCAPE_BEGUN)
		*state = escape_after_esc(byte);
	else if (was == ESCAPE_CSI && (byte < 0x40 || byte > 0x7e))
		*state = ESCAPE_CSI;
	else if (was == ESCAPE_STRING && byte != 0x07)
		*state = ESCAPE_STRING;
	return true;
}

#endif
