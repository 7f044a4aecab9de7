/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Intel back end: VMX root operation, the VMCS, the exit path.  It
 * implements the back-end half of guest/vcpu.h.
 */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include "core/types.h"

/*
 * Boot context, any core: does this CPU have all that Ashlar needs?  0, or
 * -ENODEV with the first thing that is missing, where, and what to do.
 */
int __must_check vmx_check(char *error, size_t size);

/* Boot, BSP: the MSR bitmap.  0 or -ENOMEM. */
int __must_check vmx_init(void);

/*
 * Boot, each core while no other uses the pool: its VMXON region and VMCS.
 * 0, or -ENOMEM with a line in error.
 */
int __must_check vmx_alloc_cpu(char *error, size_t size);

/* Each core, once, after vmx_check(): enters VMX root operation. */
void vmx_on(void);

/* On the way out (power-off, panic): leaves it. */
void vmx_off(void);

/* From vmx/entry.S. */
void vmx_exit_entry(void);
void vmx_enter(u64 launched) __noreturn;
u64 vmx_handle_exit(void);
u64 vmx_handle_kick(void);
void vmx_entry_failed(void) __noreturn;

#endif
