/* SPDX-License-Identifier: BSD-2-Clause */
/* How the interrupts of a partition are delivered; docs/architecture.md. */
#ifndef CORE_IRQ_MODE_H
#define CORE_IRQ_MODE_H

/* The key `interrupts` of the partition table. */
enum irq_mode {
	MODE_DID,
	MODE_EXIT,
	MODE_ELI,
	MODE_POSTED,
};

#endif
