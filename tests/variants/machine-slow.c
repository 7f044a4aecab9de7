// SPDX-License-Identifier: BSD-2-Clause
/*
 * partition/machine.c with a start that takes its time: the serial port is half
 * made for a while, as it is for a moment.
 */
#include "core/lib.h"
#include "core/x86.h"
#include "guest/serial.h"

#define PAUSES 16000000

static void slow_init(struct vserial *s, bool (*tx)(void *ctx, u8 byte),
		      size_t (*tx_room)(void *ctx), void *ctx)
{
	u32 i;

	memset(s, 0, sizeof(*s));
	s->tx = tx;
	for (i = 0; i < PAUSES; i++)
		cpu_pause();
	vserial_init(s, tx, tx_room, ctx);
}

#define vserial_init slow_init
#include "partition/machine.c"
#undef vserial_init
