/* SPDX-License-Identifier: BSD-2-Clause */
/* What descriptor tables are made of, in 64-bit mode. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include "core/types.h"

#define ABSENT_CODE    0x08
#define CODE_SELECTOR  0x10
#define DATA_SELECTOR  0x18
#define GATE_INTERRUPT 0x8e00 /* present, DPL 0 */
#define GATE_PRESENT   0x8000
#define GATE_USER      0x6000 /* DPL 3 */

/* Gate descriptor, SDM vol. 3 section 6.14.1 */
struct gate {
	u16 offset_low;
	u16 selector;
	u16 type; /* with the interrupt stack in bits 0-2 */
	u16 offset_mid;
	u32 offset_high;
	u32 reserved;
};
_Static_assert(sizeof(struct gate) == 16, "gate");

static inline struct gate gate_to(u64 handler, u16 type)
{
	return (struct gate){
		.offset_low = (u16)handler,
		.selector = CODE_SELECTOR,
		.type = type,
		.offset_mid = (u16)(handler >> 16),
		.offset_high = (u32)(handler >> 32),
	};
}

/* Task-state segment, SDM vol. 3 section 8.7 */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_map_base;
} __packed;
_Static_assert(sizeof(struct tss) == 104, "TSS");

struct descriptor_register {
	u16 limit;
	u64 base;
} __packed;

#endif
