#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What one guest IPI costs the host, in instructions.

One CPU, no sidecore: on Bochs a tick is then exactly one instruction.  The
guest is the workload icr, which sends itself IPIs.  The debugger stops at the
exit, at the WRMSR to the physical ICR and at VMRESUME; each count runs from
the exit's first instruction up to and with the one named.
"""
import argparse
import re
import subprocess
import sys
import tempfile

from cases import workload
from lab import IMAGE
from measure import arguments
from report import latency, row
from debugger import Debugger, DebuggerError

MODE = "did"
COUNT = 1000
SAMPLES = 20
WARM_UP = 10
# Kicks and console work in between spoil a sample; most must be clean.
MAX_SPOILT = 10
WAIT = 120
# What a debugger takes at once is 16.
MAX_BREAKPOINTS = 15
ICR_MSR = "$0x830,%ecx"
# The compiler puts the value into place between these two.
ICR_DISTANCE = 12

STOP = re.compile(r"Next at t=(\d+)\s+\(0\) \[0x[0-9a-f]+\] "
                  r"[0-9a-f]{4}:([0-9a-f]{16})")
TRACE = re.compile(r"^\(0\)\.\[\d+\] \[0x[0-9a-f]+\] "
                   r"[0-9a-f]{4}:([0-9a-f]{16}) ", re.M)
CODE = re.compile(r"^([0-9a-f]{16}):\s+(\S+)\s*(.*?)$")


def symbols():
    """Address and name of each function, in order."""
    text = subprocess.run(["nm", "-n", IMAGE], stdout=subprocess.PIPE,
                          text=True, check=True).stdout
    words = [line.split() for line in text.splitlines()]
    return [(int(w[0], 16), w[2]) for w in words
            if len(w) == 3 and w[1] in "tT"]


def instructions():
    """(address, mnemonic, operands) of the whole image."""
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", IMAGE],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    matches = (CODE.match(line) for line in text.splitlines())
    return [(int(m[1], 16), m[2], m[3]) for m in matches if m]


def points():
    """Where to stop: address to "exit", "icr" or "resume"."""
    names = {name: address for address, name in symbols()}
    where = {names["vmx_exit_entry"]: "exit"}
    since = ICR_DISTANCE
    for address, mnemonic, operands in instructions():
        since = 0 if operands == ICR_MSR else since + 1
        if mnemonic == "wrmsr" and since < ICR_DISTANCE:
            where[address] = "icr"
            since = ICR_DISTANCE
        elif mnemonic == "vmresume":
            where[address] = "resume"
    missing = {"exit", "icr", "resume"} - set(where.values())
    if missing or len(where) > MAX_BREAKPOINTS:
        raise DebuggerError(f"{len(where)} stops, without {missing}")
    return where


class Exits:
    """The guest's steady state under the debugger, stop by stop."""

    def __init__(self, debugger):
        self.debugger = debugger
        self.where = points()
        for address in self.where:
            debugger.command(f"lb {address:#x}")

    def stop(self):
        """Runs to the next stop: (what, ticks, the debugger's words)."""
        text = self.debugger.run(WAIT)
        match = STOP.search(text)
        if not match:
            raise DebuggerError(f"stopped elsewhere: {text[-500:]}")
        return self.where.get(int(match[2], 16)), int(match[1]), text

    def until(self, what):
        """Runs to the next stop of this kind; its ticks."""
        while True:
            kind, ticks, _ = self.stop()
            if kind == what:
                return ticks

    def warm_up(self):
        """Past the first IPIs: caches of every kind are filled."""
        for _ in range(WARM_UP):
            self.until("icr")

    def sample(self):
        """Instructions to the ICR and to VMRESUME; None when spoilt."""
        start = self.until("exit")
        kind, to_icr, _ = self.stop()
        if kind != "icr":
            return None
        kind, to_resume, _ = self.stop()
        if kind != "resume":
            return None
        return to_icr - start + 1, to_resume - start + 1

    def profile(self):
        """The addresses of each instruction of one IPI: up to the ICR write,
        and from there up to VMRESUME."""
        self.until("exit")
        self.debugger.command("trace on")
        (first, _, before), (second, _, after) = self.stop(), self.stop()
        self.debugger.command("trace off")
        if (first, second) != ("icr", "resume"):
            raise DebuggerError("an exit that was no IPI; try again")
        return [[int(a, 16) for a in TRACE.findall(text)]
                for text in (before, after)]


def host_path(samples=SAMPLES, profile=False):
    """{"icr": [count...], "resume": [...], "profile": [[address...]...]}."""
    clean, spoilt, traces = [], 0, []
    with tempfile.TemporaryDirectory(prefix="ashlar-bench.") as directory, \
            Debugger(arguments(workload("icr"), MODE, COUNT,
                               directory)) as debugger:
        exits = Exits(debugger)
        exits.warm_up()
        while len(clean) < samples and spoilt <= MAX_SPOILT:
            sample = exits.sample()
            spoilt += not sample
            clean += [sample] if sample else []
        if profile:
            traces = exits.profile()
    if len(clean) < samples:
        raise DebuggerError(f"{spoilt} of {spoilt + len(clean)} exits were "
                            "no IPIs")
    return {"icr": [s[0] for s in clean], "resume": [s[1] for s in clean],
            "profile": traces}


def rows(path):
    """The report's rows."""
    return [row("ipi exit to ICR write", MODE, latency=latency(path["icr"])),
            row("ipi exit to VMRESUME", MODE,
                latency=latency(path["resume"]))]


def print_profile(traces):
    """Instructions by function, in the order in which they are met."""
    table = symbols()
    for title, addresses in zip(("before the ICR's WRMSR", "from it up to "
                                 "VMRESUME"), traces):
        counts = {}
        for address in addresses:
            name = max((s for s in table if s[0] <= address))[1]
            counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            print(f"{count:6} {name}")
        print(f"{len(addresses):6} {title}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true",
                        help="list where the instructions of one IPI go")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    options = parser.parse_args()
    path = host_path(options.samples, options.profile)
    for name in ("icr", "resume"):
        print(f"exit to {name}: {latency(path[name])}")
    if options.profile:
        print_profile(path["profile"])


if __name__ == "__main__":
    sys.exit(main())
