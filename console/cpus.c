// SPDX-License-Identifier: BSD-2-Clause
/* Which CPU number is which APIC id, core and socket. */
#include "console/cpus.h"
#include "core/lib.h"

/* As many have a line each. */
#define SHORT_LIST 16

struct cpu_list cpu_list;

static u32 core(const struct cpu_list *l, u32 cpu)
{
	return l->apic_id[cpu] >> l->core_shift;
}

static u32 socket(const struct cpu_list *l, u32 cpu)
{
	return l->apic_id[cpu] >> l->socket_shift;
}

/* The last of those that share a line with the first; downwards counts, too. */
static u32 end_of_line(const struct cpu_list *l, u32 first)
{
	u32 last = first;
	u32 step = first + 1 < l->nr ?
			   l->apic_id[first + 1] - l->apic_id[first] :
			   0;

	while (l->nr > SHORT_LIST && last + 1 < l->nr &&
	       socket(l, last + 1) == socket(l, first) &&
	       l->apic_id[last + 1] - l->apic_id[last] == step)
		last++;
	return last;
}

bool cpus_line(const struct cpu_list *l, u32 *next, char line[CPUS_LINE_MAX])
{
	u32 first = *next, last;

	if (first >= l->nr)
		return false;
	last = end_of_line(l, first);
	if (last == first)
		fmt_snprintf(line, CPUS_LINE_MAX,
			     "cpu %u: APIC id %u, core %u, socket %u", first,
			     l->apic_id[first], core(l, first),
			     socket(l, first));
	else
		fmt_snprintf(line, CPUS_LINE_MAX,
			     "cpus %u-%u: APIC ids %u, %u to %u, cores %u to "
			     "%u, socket %u",
			     first, last, l->apic_id[first],
			     l->apic_id[first + 1], l->apic_id[last],
			     core(l, first), core(l, last), socket(l, first));
	*next = last + 1;
	return true;
}
