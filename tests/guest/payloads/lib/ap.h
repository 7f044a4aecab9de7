/* SPDX-License-Identifier: BSD-2-Clause */
/* The start page of a CPU; RAM that no loader has put anything into. */
#ifndef AP_H
#define AP_H

#define AP_START 0x8000

#endif
