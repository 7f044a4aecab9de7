/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger: how often and for how many cycles each vCPU exited, by cause.
 * One list of causes for VMX and SVM; docs/ledger.md explains each.
 *
 * A ledger is written by its own core only.  Others read it at any time: each
 * number is whole, the numbers need not be of the same instant.
 */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include "core/types.h"

/* X(suffix of the enum constant, name in the output) */
#define LEDGER_CAUSES(X)                            \
	X(EXTERNAL_INTERRUPT, "external-interrupt") \
	X(NMI_KICK, "nmi-kick")                     \
	X(NMI_CONSOLE, "nmi-console")               \
	X(INTERRUPT_WINDOW, "interrupt-window")     \
	X(PREEMPTION_TIMER, "preemption-timer")     \
	X(CPUID, "cpuid")                           \
	X(HLT, "hlt")                               \
	X(IO_SERIAL, "io-serial")                   \
	X(IO_OTHER, "io-other")                     \
	X(MSR_ICR, "msr-icr")                       \
	X(MSR_EOI, "msr-eoi")                       \
	X(MSR_TIMER, "msr-timer")                   \
	X(MSR_APIC, "msr-apic")                     \
	X(MSR_OTHER, "msr-other")                   \
	X(MSR_READ, "msr-read")                     \
	X(EPT_IOAPIC, "ept-ioapic")                 \
	X(EPT_LAPIC, "ept-lapic")                   \
	X(EPT_MSIX, "ept-msix")                     \
	X(EPT_IDT, "ept-idt")                       \
	X(EPT_OTHER, "ept-other")                   \
	X(NP_BOUNCE, "np-bounce")                   \
	X(EXCEPTION, "exception")                   \
	X(CR, "cr")                                 \
	X(XSETBV, "xsetbv")                         \
	X(MARK, "mark")                             \
	X(TRIPLE_FAULT, "triple-fault")             \
	X(INIT_SIPI, "init-sipi")                   \
	X(INJECTION_MODE, "injection-mode")         \
	X(INJECT_VIRTUAL, "injection-virtual")      \
	X(INJECT_INT, "injection-int")              \
	X(INJECT_NP, "injection-np")                \
	X(INJECT_TABLE, "injection-table")          \
	X(INJECT_REAL, "injection-real")            \
	X(INJECT_XAPIC, "injection-xapic")          \
	X(INJECT_UNALIGNED, "injection-unaligned")  \
	X(INJECT_SHORT, "injection-short")          \
	X(INJECT_UNMAPPED, "injection-unmapped")    \
	X(INJECT_SHARED, "injection-shared")        \
	X(INJECT_SETTLING, "injection-settling")

#define LEDGER_ENUM(id, name) CAUSE_##id,
enum cause {
	LEDGER_CAUSES(LEDGER_ENUM) CAUSE_COUNT
};
#undef LEDGER_ENUM

struct ledger {
	u64 exits[CAUSE_COUNT];
	u64 cycles[CAUSE_COUNT]; /* TSC cycles in root mode */
};

/* Longest line of ledger_print, its terminator included. */
#define LEDGER_LINE_MAX 128

/* On the exit path, by the dispatcher only, once per exit. */
static inline void ledger_count(struct ledger *l, enum cause cause, u64 cycles)
{
	l->exits[cause]++;
	l->cycles[cause] += cycles;
}

/* Copies a ledger that its owner may be writing. */
void ledger_snapshot(struct ledger *out, const struct ledger *l);

/*
 * Prints the stable form, a line (without newline) per call:
 *   ledger NAME/VCPU MODE exits=N cycles=N	VM exits in all
 *   ledger NAME/VCPU CAUSE=N cycles=N	for each cause that is not 0
 * and, where that explains thousands of exits, a line about xAPIC mode.
 */
void ledger_print(const struct ledger *l, const char *name, u32 vcpu,
		  const char *mode, void (*line)(void *ctx, const char *text),
		  void *ctx);

#endif
