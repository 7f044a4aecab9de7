# SPDX-License-Identifier: BSD-2-Clause
"""The report's exact rows, Bochs', as a picture, by gnuplot."""
import subprocess

from cases import BOCHS, COLUMNS, WORKLOADS
from lab import BenchError

SCRIPT = """\
set terminal svg size 900,800 font "sans-serif,12" background "white"
set output {output}
set multiplot layout 2,1
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 border -1
set grid ytics
set key outside right
set datafile missing "?"
set yrange [0:*]
set title "Throughput against bare, an exit costing {cost} cycles"
set ylabel "ratio"
plot {ratio}
set title "Latency, median"
set ylabel "ticks"
set logscale y
set yrange [1:*]
plot {latency}
unset multiplot
"""
MISSING = "?"


def quoted(text):
    """As gnuplot reads it."""
    return "'" + text.replace("'", "''") + "'"


def block(name, rows, value):
    """A named data block: a line for each workload, a column per mode."""
    found = {(r["workload"], r["mode"]): r for r in rows}
    lines = [" ".join(("workload",) + COLUMNS)]
    for w in WORKLOADS:
        values = [found.get((w.name, m)) and value(found[w.name, m])
                  for m in COLUMNS]
        if any(v is not None for v in values):
            lines.append(" ".join([w.name] + [
                MISSING if v is None else str(v) for v in values]))
    return len(lines) > 1, f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"


def columns(name):
    """The plot command's arguments: a cluster for each workload."""
    return ", ".join(
        f"${name} using {n}{':xtic(1)' if n == 2 else ''} "
        f"title columnheader({n})" for n in range(2, len(COLUMNS) + 2))


class NothingToDraw(BenchError):
    """The rows chosen have not both."""


def ratio(r):
    return (r["modelled"] or {}).get("ratio")


def median(r):
    return (r["latency"] or {}).get("median")


def script(rows, output):
    """What gnuplot is told."""
    rows = [r for r in rows if r["machine"] == BOCHS.name]
    some, ratios = block("ratio", rows, ratio)
    more, latencies = block("latency", rows, median)
    if not some or not more:
        raise NothingToDraw("nothing to draw: no ratios or no latencies")
    cost = next(r["modelled"]["cycles_per_exit"] for r in rows
                if r["modelled"])
    return ratios + latencies + SCRIPT.format(
        output=quoted(output), cost=cost, ratio=columns("ratio"),
        latency=columns("latency"))


def svg(rows, output):
    """Draws the report into a file."""
    done = subprocess.run(["gnuplot"], input=script(rows, output), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode:
        raise BenchError(f"gnuplot: {done.stdout[-500:]}")
