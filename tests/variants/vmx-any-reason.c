// SPDX-License-Identifier: BSD-2-Clause
/*
 * vmx/exit.c where VMCALL is an exit for the reason in RAX: those that no
 * emulator has.
 */
#include "core/percpu.h"
#include "core/x86.h"
#include "vmx/vmcs.h"

static u64 any_vmread(enum vmcs_field field)
{
	u64 value = vmread(field);

	return field == EXIT_REASON && value == EXIT_VMCALL ?
		       this_cpu.regs.gpr[GPR_RAX] :
		       value;
}

#define vmread any_vmread
#include "vmx/exit.c"
