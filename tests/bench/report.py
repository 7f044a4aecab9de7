# SPDX-License-Identifier: BSD-2-Clause
"""The report: its rows, what is worked out from them, and the table.

A row of build/bench/report.json is one machine, workload and mode.  null is
what was not measured; `note` says why, where nothing was.  Where the time is
the host's a row is the median of its `runs`, least ticks first.
"""
from cases import (BARE, EMULATORS, KVM, LINUX_TOLERANCE, PAYLOAD,
                   WORKLOADS)

FIELDS = ("machine", "workload", "mode", "ticks", "seconds", "ratio",
          "interrupts", "exits", "latency", "act", "eoi", "per_exit",
          "modelled", "runs", "ratios", "note")
# How causes begin that the ledger counts, but that are no exits by themselves.
EVENTS = "injection-"
# The marks are around the ticks, not within.
OUTSIDE = {"mark"}
# The direct cost of one exit and entry on a Xeon X5570: Landau, Ben-Yehuda,
# Gordon, "SplitX", WIOV 2011.  An indirect one, by caches, comes on top there.
EXIT_CYCLES = 2000

NO_LATENCY = "-"


def row(workload, mode, **figures):
    """A row; what is not given is null."""
    unknown = set(figures) - set(FIELDS)
    assert not unknown, unknown
    return {**dict.fromkeys(FIELDS), "machine": "bochs", "workload": workload,
            "mode": mode, **figures}


def quantile(values, share):
    """The smallest value that at least this share does not exceed."""
    ordered = sorted(values)
    index = max(0, -int(-share * len(ordered) // 1) - 1)
    return ordered[index]


def latency(values):
    """The latency object of a row."""
    return {"min": min(values), "median": quantile(values, 0.5),
            "p99": quantile(values, 0.99), "max": max(values)}


def exits_within(exits):
    """How many exits the ticks of a row contain."""
    return sum(n for cause, n in exits.items()
               if cause not in OUTSIDE and not cause.startswith(EVENTS))


def modelled_ticks(ticks, exits, cost):
    """Bochs does an exit and an entry in one tick each; as if they cost so
    many cycles together, and each other instruction one."""
    return ticks + exits_within(exits) * cost


def throughput(bare, ticks):
    """The same work, so the throughput is as the times are, inverted."""
    return bare / ticks


def per_exit(bare, ticks, exits):
    """What an exit costs beyond the bare run: Ashlar's own instructions."""
    count = exits_within(exits)
    return round((ticks - bare) / count) if count else None


def complete(rows, cost=EXIT_CYCLES):
    """Adds ratio, per_exit and modelled to all rows that have a bare one
    beside."""
    bare = {(r["machine"], r["workload"]): r["ticks"] for r in rows
            if r["mode"] == BARE and r["ticks"]}
    for r in rows:
        base = bare.get((r["machine"], r["workload"]))
        if not base or not r["ticks"]:
            continue
        r["ratio"] = throughput(base, r["ticks"])
        if r["runs"]:
            r["ratios"] = [throughput(base, n["ticks"]) for n in r["runs"]]
            continue
        exits = r["exits"] or {}
        model = modelled_ticks(r["ticks"], exits, cost)
        r["per_exit"] = per_exit(base, r["ticks"], exits)
        r["modelled"] = {"cycles_per_exit": cost, "ticks": model,
                         "ratio": throughput(base, model)}
    return rows


def per_interrupt(r):
    """(cause, exits per interrupt), most first; per run without any."""
    return sorted(((cause, n / (r["interrupts"] or 1))
                   for cause, n in (r["exits"] or {}).items()
                   if cause not in OUTSIDE), key=lambda e: -e[1])


HEAD = ("mode", "ticks", "ratio", "modelled", "ratio", "interrupts",
        "exits/irq", "min", "median", "p99", "max", "act", "eoi")
WIDTHS = (6, 13, 7, 13, 7, 10, 9, 8, 8, 8, 8, 7, 7)


def _number(value):
    if value is None:
        return NO_LATENCY
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _line(cells, widths):
    words = [str(c).ljust(w) if i == 0 else str(c).rjust(w)
             for i, (c, w) in enumerate(zip(cells, widths))]
    return " ".join(words).rstrip()


def _rate(r):
    """Exits per interrupt."""
    return r["interrupts"] and exits_within(r["exits"] or {}) / r["interrupts"]


def _decimals(rate):
    return NO_LATENCY if rate is None else f"{rate:.3f}"


def _cells(r):
    model = r["modelled"] or {}
    spread = r["latency"] or {}
    return (r["mode"], _number(r["ticks"]), _number(r["ratio"]),
            _number(model.get("ticks")), _number(model.get("ratio")),
            _number(r["interrupts"]), _decimals(_rate(r)),
            *(_number(spread.get(k))
              for k in ("min", "median", "p99", "max")),
            *(_number(r[k] and r[k]["median"]) for k in ("act", "eoi")))


REPEATED_HEAD = ("mode", "ticks", "ratio", "min", "max", "interrupts", "exits",
                 "exits/irq", "min", "max")
REPEATED_WIDTHS = (8, 15, 9, 9, 9, 10, 9, 9, 9, 9)


def _repeated_cells(r):
    ratios = r["ratios"] or [None]
    rates = [_rate(n) for n in r["runs"]]
    if None in rates:
        rates = [None]
    return (r["mode"], _number(r["ticks"]), _number(r["ratio"]),
            *(_number(n) for n in (ratios[-1], ratios[0])),
            _number(r["interrupts"]), _number(exits_within(r["exits"])),
            _decimals(_rate(r)), _decimals(min(rates)), _decimals(max(rates)))


def _causes(r):
    causes = per_interrupt(r)
    if not causes:
        return []
    unit = "per interrupt" if r["interrupts"] else "in all"
    cost = "" if r["per_exit"] is None else \
        f"; {r['per_exit']:,} ticks per exit"
    return [f"  {r['mode']}, exits {unit}: " + ", ".join(
        f"{cause} {n:.4g}" for cause, n in causes) + cost]


def _title(w, on, short):
    figures = [f"{name}: {what}" for name, what in
               (("latency", w.latency), ("act", w.act)) if what and on.exact]
    return f"{w.name}: {on.count(w, short):,} {w.title}" + \
        "".join(f"; {f}" for f in figures)


def _intro(on, cost):
    if on.exact:
        return (f"One exit costs {cost:,} cycles in the columns `modelled`.  "
                "min to max: latency; act, eoi: medians.")
    return ("On QEMU, with SVM.  Ticks are the host's time: the median of "
            f"{on.runs} runs; min, max: of these.")


def _block(w, of_it, on, short):
    """A workload's lines."""
    notes = {r["note"] for r in of_it}
    if len(of_it) > 1 and len(notes) == 1 and None not in notes:
        return [_title(w, on, short), f"not measured: {notes.pop()}"]
    head, widths, cells = (HEAD, WIDTHS, _cells) if on.exact else \
        (REPEATED_HEAD, REPEATED_WIDTHS, _repeated_cells)
    return [_title(w, on, short), _line(head, widths)] + [
        _line(cells(r), widths) if not r["note"] else
        f"{r['mode']:<{widths[0]}} {r['note']}" for r in of_it] + [
        text for r in of_it for text in _causes(r)]


def table(rows, cost=EXIT_CYCLES, short=False):
    """The terminal's tables, one of each emulator, as lines."""
    found = {(r["machine"], r["workload"], r["mode"]): r for r in rows}
    lines = []
    for on in EMULATORS.values():
        blocks = [(w, of_it) for w in WORKLOADS if (of_it := [
            found[on.name, w.name, m] for m in w.columns
            if (on.name, w.name, m) in found])]
        if blocks:
            lines += [""] * bool(lines) + [_intro(on, cost)]
        for w, of_it in blocks:
            lines += ["", *_block(w, of_it, on, short)]
    return lines


def _differs(a, b, tolerance):
    if a is None or b is None:
        return a != b
    return abs(a - b) > tolerance * max(a, b)


def _disagreeing(a, b, w):
    """The fields of two rows.  Where nothing is exact, a few exits are
    chance."""
    if not EMULATORS[a["machine"]].exact:
        return [f for f in ("interrupts", "note")
                if a[f] != b[f] and w.guest == PAYLOAD]
    tolerance = LINUX_TOLERANCE if a["mode"] in KVM else w.tolerance
    if tolerance:
        return [f for f in ("ticks", "interrupts")
                if _differs(a[f], b[f], tolerance)]
    return [f for f in ("ticks", "interrupts", "exits", "latency", "act",
                        "eoi", "note") if a[f] != b[f]]


def disagreements(first, second):
    """What two reports of the same build should agree on and do not, as
    lines: each row's figures, within the workload's tolerance."""
    found = {(r["machine"], r["workload"], r["mode"]): r for r in second}
    lines = []
    for w in WORKLOADS:
        for r in (r for r in first if r["workload"] == w.name):
            name = f"{r['machine']} {w.name} {r['mode']}"
            other = found.pop((r["machine"], w.name, r["mode"]), None)
            lines += [f"{name}: no such row"] if not other else [
                f"{name} {field}: {r[field]} and {other[field]}"
                for field in _disagreeing(r, other, w)]
    return lines
