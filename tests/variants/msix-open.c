// SPDX-License-Identifier: BSD-2-Clause
/*
 * devices/msix.c with the device's own table open: it has the messages that the
 * guest writes.
 */
#define msix_write checked_write
#include "devices/msix.c"
#undef msix_write

void msix_write(void *msix, u64 offset, u8 size, u64 value);

void msix_write(void *msix, u64 offset, u8 size, u64 value)
{
	const struct msix *m = msix;

	checked_write(msix, offset, size, value);
	if (in_table(m, offset) && whole(offset, size))
		device_write(m->regs + offset, size, value);
}
