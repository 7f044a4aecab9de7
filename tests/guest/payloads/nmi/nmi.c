// SPDX-License-Identifier: BSD-2-Clause
/* Says so when an NMI comes, and ends after as many as `count=N` says. */
#include "lib/payload.h"

#define VEC_NMI 2

static volatile u64 nmis;

static INTERRUPT void on_nmi(struct interrupt_frame *frame)
{
	(void)frame;
	nmis++;
}

PAYLOAD("nmi")
{
	u64 count = cmdline_number("count", 1), seen = 0;

	idt_set(VEC_NMI, on_nmi);
	say("nmi: ready");
	while (seen < count) {
		if (seen == nmis) {
			cpu_pause();
			continue;
		}
		seen = nmis;
		say("nmi: %lu", seen);
	}
	payload_ok("count=%lu", nmis);
}
