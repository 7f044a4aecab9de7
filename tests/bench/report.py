# SPDX-License-Identifier: BSD-2-Clause
"""The report: its rows, what is worked out from them, and the table.

A row of build/bench/report.json is one machine, workload and mode.  null is
what was not measured; `note` says why, where nothing was.
"""
from cases import BARE, COLUMNS, KVM, LINUX_TOLERANCE, WORKLOADS

FIELDS = ("machine", "workload", "mode", "ticks", "seconds", "ratio",
          "interrupts", "exits", "latency", "act", "eoi", "per_exit",
          "modelled", "note")
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
        exits = r["exits"] or {}
        model = modelled_ticks(r["ticks"], exits, cost)
        r["ratio"] = throughput(base, r["ticks"])
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


def _line(cells):
    words = [str(c).ljust(w) if i == 0 else str(c).rjust(w)
             for i, (c, w) in enumerate(zip(cells, WIDTHS))]
    return " ".join(words).rstrip()


def _cells(r):
    model = r["modelled"] or {}
    spread = r["latency"] or {}
    exits = r["interrupts"] and \
        exits_within(r["exits"] or {}) / r["interrupts"]
    return (r["mode"], _number(r["ticks"]), _number(r["ratio"]),
            _number(model.get("ticks")), _number(model.get("ratio")),
            _number(r["interrupts"]),
            NO_LATENCY if exits is None else f"{exits:.3f}",
            *(_number(spread.get(k))
              for k in ("min", "median", "p99", "max")),
            *(_number(r[k] and r[k]["median"]) for k in ("act", "eoi")))


def _causes(r):
    causes = per_interrupt(r)
    if not causes:
        return []
    unit = "per interrupt" if r["interrupts"] else "in all"
    cost = "" if r["per_exit"] is None else \
        f"; {r['per_exit']:,} ticks per exit"
    return [f"  {r['mode']}, exits {unit}: " + ", ".join(
        f"{cause} {n:.4g}" for cause, n in causes) + cost]


def _title(w, short):
    figures = [f"{name}: {what}" for name, what in
               (("latency", w.latency), ("act", w.act)) if what]
    count = w.short if short else w.count
    return f"{w.name}: {count:,} {w.title}" + \
        "".join(f"; {f}" for f in figures)


def table(rows, cost=EXIT_CYCLES, short=False):
    """The terminal's table, as lines."""
    found = {(r["workload"], r["mode"]): r for r in rows}
    lines = [f"One exit costs {cost:,} cycles in the columns `modelled`.  "
             "min to max: latency; act, eoi: medians."]
    for w in WORKLOADS:
        of_it = [found[w.name, m] for m in COLUMNS if (w.name, m) in found]
        if not of_it:
            continue
        lines += ["", _title(w, short), _line(HEAD)]
        lines += [_line(_cells(r)) if not r["note"] else
                  f"{r['mode']:<{WIDTHS[0]}} {r['note']}" for r in of_it]
        lines += [text for r in of_it for text in _causes(r)]
    return lines


def _differs(a, b, tolerance):
    if a is None or b is None:
        return a != b
    return abs(a - b) > tolerance * max(a, b)


def _disagreeing(a, b, w):
    """The fields of two rows.  Where nothing is exact, a few exits are
    chance."""
    tolerance = LINUX_TOLERANCE if a["mode"] in KVM else w.tolerance
    if tolerance:
        return [f for f in ("ticks", "interrupts")
                if _differs(a[f], b[f], tolerance)]
    return [f for f in ("ticks", "interrupts", "exits", "latency", "act",
                        "eoi", "note") if a[f] != b[f]]


def disagreements(first, second):
    """What two reports of the same build should agree on and do not, as
    lines: each row's figures, within the workload's tolerance."""
    found = {(r["workload"], r["mode"]): r for r in second}
    lines = []
    for w in WORKLOADS:
        for r in (r for r in first if r["workload"] == w.name):
            name = f"{w.name} {r['mode']}"
            other = found.pop((w.name, r["mode"]), None)
            lines += [f"{name}: no such row"] if not other else [
                f"{name} {field}: {r[field]} and {other[field]}"
                for field in _disagreeing(r, other, w)]
    return lines
