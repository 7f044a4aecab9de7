// SPDX-License-Identifier: BSD-2-Clause
/* The ledger as text. */
#include "core/ledger.h"
#include "core/lib.h"

#define LEDGER_NAME(id, name) [CAUSE_##id] = name,
static const char *const cause_names[] = { LEDGER_CAUSES(LEDGER_NAME) };

const char *ledger_cause_name(u32 cause)
{
	return cause < CAUSE_COUNT ? cause_names[cause] : "unknown";
}

void ledger_totals(const struct ledger *l, u64 *exits, u64 *cycles)
{
	u32 i;

	*exits = 0;
	*cycles = 0;
	for (i = 0; i < CAUSE_COUNT; i++) {
		if (ledger_is_event(i))
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

void ledger_diff(struct ledger *out, const struct ledger *now,
		 const struct ledger *before)
{
	bool reset;
	u32 i;

	for (i = 0; i < CAUSE_COUNT; i++) {
		reset = now->exits[i] < before->exits[i] ||
			now->cycles[i] < before->cycles[i];
		out->exits[i] = now->exits[i] - (reset ? 0 : before->exits[i]);
		out->cycles[i] = now->cycles[i] -
				 (reset ? 0 : before->cycles[i]);
	}
}

void ledger_add(struct ledger *total, const struct ledger *l)
{
	u32 i;

	for (i = 0; i < CAUSE_COUNT; i++) {
		total->exits[i] += l->exits[i];
		total->cycles[i] += l->cycles[i];
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

	ledger_totals(l, &exits, &cycles);
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
