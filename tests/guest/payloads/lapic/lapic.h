/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of this payload. */
#ifndef LAPIC_H
#define LAPIC_H

#include "lib/payload.h"

#define VECTOR	 0x51
#define VECTOR_1 0x61 /* CPU 1's */
#define ILLEGAL	 0x0f

enum apic_mode {
	MODE_OFF = 0,
	MODE_EXTD = 1, /* not valid */
	MODE_XAPIC = 2,
	MODE_X2APIC = 3,
};

/* On bare metal: what an emulator leaves no time for gets some. */
extern bool bare;
/* How often VECTOR and VECTOR_1 were taken, and NMIs by CPU. */
extern volatile u32 taken, taken_1, nmis[2];

/* One line, which names the section of the SDM, vol. 3; counted. */
void check(bool ok, const char *what);

/* By IA32_APIC_BASE[11:10]; false: #GP. */
bool try_mode(enum apic_mode mode);
/* The same by a valid way, and with SVR as `svr` if it is not off. */
void set_mode(enum apic_mode mode, u32 svr);
bool try_write(u32 msr, u64 value);
bool try_read(u32 msr, u64 *value);
/* The page of xAPIC mode. */
u32 page_read(u32 reg);
void page_write(u32 reg, u32 value);

/* Long enough for an interrupt that must not come; interrupts on meanwhile. */
void settle(void);
/* Until *count is `wanted`, interrupts on; false: it is not, in a long time. */
bool reaches(const volatile u32 *count, u32 wanted);
bool requested(u8 vector);
bool in_service(u8 vector);

/* CPU 1 sends; back when it has. */
void other_sends(u64 icr, u32 times);
/* The same without waiting for it. */
void other_begins(u64 icr, u32 times);
bool other_is_done(void);

void check_off(void);
void check_xapic(void);
void check_x2apic(void);
void check_software_disabled(void);
void check_nmis(void);
void check_init(void);

#endif
