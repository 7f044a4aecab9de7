// SPDX-License-Identifier: BSD-2-Clause
/*
 * Entries looked at as the processor does and Bochs does not: SDM vol. 3
 * section 27.3.1.5.  Put around vmx_handle_exit() and vmx_handle_kick() by
 * --wrap.
 */
#include "core/log.h"
#include "core/percpu.h"
#include "core/x86.h"
#include "vmx/internal.h"
#include "vmx/vmcs.h"

u64 __real_vmx_handle_exit(void);
u64 __real_vmx_handle_kick(void);
u64 __wrap_vmx_handle_exit(void);
u64 __wrap_vmx_handle_kick(void);

/* Blocked, a single step must be pending where TF is set without BTF. */
static void look(void)
{
	u64 blocked = vmread(GUEST_INTERRUPTIBILITY) &
		      (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS);
	bool step = (vmread(GUEST_RFLAGS) & RFLAGS_TF) &&
		    !(vmread(GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF);
	bool pending = vmread(GUEST_PENDING_DEBUG) & PENDING_DEBUG_BS;
	bool event = vmread(ENTRY_INTR_INFO) & INTR_VALID;

	if (blocked && (event || step != pending))
		panic("cpu %u: an entry that the processor refuses",
		      this_cpu.id);
}

u64 __wrap_vmx_handle_exit(void)
{
	u64 launched = __real_vmx_handle_exit();

	look();
	return launched;
}

u64 __wrap_vmx_handle_kick(void)
{
	u64 launched = __real_vmx_handle_kick();

	look();
	return launched;
}
