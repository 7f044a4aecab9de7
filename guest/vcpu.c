// SPDX-License-Identifier: BSD-2-Clause
/* The back end that this machine has, and what is asked through it. */
#include "guest/vcpu.h"
#include "core/lib.h"

const struct backend *backend;

int guest_cpu_lacks(char *error, size_t size, const char *what)
{
	fmt_snprintf(error, size,
		     "%s: this CPU lacks %s; use a CPU that has it",
		     backend->name, what);
	return -ENODEV;
}

bool guest_at_cpl0(void)
{
	struct vcpu_state s;

	backend->get_state(&s);
	return !s.cpl;
}
