// SPDX-License-Identifier: BSD-2-Clause
/* The ledger as text. */
#include "core/ledger.h"
#include "core/lib.h"

#define LEDGER_NAME(id, name) [CAUSE_##id] = name,
static const char *const cause_names[] = { LEDGER_CAUSES(LEDGER_NAME) };

/* That a vCPU begins injecting happens within exits that have causes too. */
static bool is_event(enum cause cause)
{
	return cause >= CAUSE_INJECTION_MODE && cause <= CAUSE_INJECT_SETTLING;
}

static void totals(const struct ledger *l, u64 *exits, u64 *cycles)
{
	u32 i;

	*exits = 0;
	*cycles = 0;
	for (i = 0; i < CAUSE_COUNT; i++) {
		if (is_event(i))
			continue;
		*exits += l->exits[i];
		*cycles += l->cycles[i];
	}
}

void ledger_snapshot(struct ledger *out, const struct ledger *l)
{
	u32 i;

	for (i = 0; i < CAUSE_COUNT; i++) {
		out->exits[i] = __atomic_load_n(&l->exits[i], __ATOMIC_RELAXED);
		out->cycles[i] = __atomic_load_n(&l->cycles[i],
						 __ATOMIC_RELAXED);
	}
}

/* So many are no matter of a start. */
#define XAPIC_EXITS 2000

void ledger_print(const struct ledger *l, const char *name, u32 vcpu,
		  const char *mode, void (*line)(void *ctx, const char *text),
		  void *ctx)
{
	char text[LEDGER_LINE_MAX];
	u64 exits, cycles;
	u32 i;

	totals(l, &exits, &cycles);
	fmt_snprintf(text, sizeof(text),
		     "ledger %.15s/%u %.15s exits=%lu cycles=%lu", name, vcpu,
		     mode, exits, cycles);
	line(ctx, text);
	for (i = 0; i < CAUSE_COUNT; i++) {
		if (!l->exits[i] && !l->cycles[i])
			continue;
		fmt_snprintf(text, sizeof(text),
			     "ledger %.15s/%u %s=%lu cycles=%lu", name, vcpu,
			     cause_names[i], l->exits[i], l->cycles[i]);
		line(ctx, text);
	}
	if (l->exits[CAUSE_EPT_LAPIC] < XAPIC_EXITS)
		return;
	fmt_snprintf(text, sizeof(text),
		     "warning: %.15s/%u is in xAPIC mode: each EOI exits; its "
		     "cmdline may say nox2apic or noapic",
		     name, vcpu);
	line(ctx, text);
}
