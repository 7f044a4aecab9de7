# SPDX-License-Identifier: BSD-2-Clause
"""In steady state a guest of mode did does not exit: the ledger between two
marks around a fixed workload, and an independent count of exits."""
import os
import re

import pytest

from debugger import Debugger
from ledger import window
from runs import LINUX, TOP, background
from symbols import address
from workload import values, workload  # pylint: disable=unused-import

NEVER = ("external-interrupt", "hlt", "msr-eoi", "msr-timer", "ept-ioapic",
         "ept-lapic", "ept-idt", "ept-other", "exception")
TICKS, SWITCHES, SLEEPS = 1000, 20000, 500

CPUS = 2
TURNS = 200
BOOT_TIMEOUT = 600
STEP_TIMEOUT = 120
MAX_STOPS = 5000
COUNTED = """\
[partition linux]
cpus = 0-1
memory = 256M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet ashlar.run=pingpong:{}
"""


@pytest.fixture(name="exits")
def exits_fixture(workload):  # pylint: disable=redefined-outer-name
    """What the ledger counted in the window, by vCPU."""
    assert workload.outcome == "seen", workload.stderr
    return window(workload.serial())


@pytest.fixture(name="interrupts")
def interrupts_fixture(workload):  # pylint: disable=redefined-outer-name
    """What Linux counted in the window: res, cal, loc."""
    before, after = (values(workload.serial(), "exitless", when)
                     for when in ("before", "after"))
    return {key: int(after[key]) - int(before[key]) for key in before}


def total(exits, cause):
    return sum(snapshot.get(cause, 0) for snapshot in exits)


# pylint: disable-next=redefined-outer-name
def test_work_is_done(workload, interrupts):
    done = values(workload.serial(), "exitless", "work")
    assert done["cpus"] == "2"
    assert int(done["switches"]) >= SWITCHES
    assert int(done["sleeps"]) == SLEEPS
    assert interrupts["loc"] >= TICKS


@pytest.mark.parametrize("cause", NEVER)
def test_no_exit(exits, cause):
    assert total(exits, cause) == 0


def test_ipis(exits, interrupts):
    sent = interrupts["res"] + interrupts["cal"]
    assert sent > 1000
    assert abs(total(exits, "msr-icr") - sent) <= sent / 100


def test_the_rest_is_listed(exits, interrupts):
    """Printed with pytest -s, and kept in build/e2e/workload."""
    lines = [f"interrupts {interrupts}"]
    for vcpu, snapshot in enumerate(exits):
        assert snapshot.exits == sum(snapshot.values())
        lines += [f"vcpu {vcpu}: {snapshot.exits} exits: {dict(snapshot)}"]
    text = "\n".join(lines)
    print("\n" + text)
    with open(os.path.join(TOP, "build/e2e/workload/exits.txt"), "w",
              encoding="utf-8") as file:
        file.write(text + "\n")


class Counter:
    """Counts the stops at VM exits (Bochs' vmexitbp) of each CPU between its
    two ledger snapshots, which are where the marks take them."""

    def __init__(self, debugger):
        self.debugger = debugger
        self.counting = set()
        self.stops = [0] * CPUS
        self.snapshots = 0
        debugger.command(f"lb {address('ledger_snapshot'):#x}")

    def toggle(self, cpu):
        self.debugger.select_cpu(cpu)
        self.debugger.command("vmexitbp")
        self.counting ^= {cpu}

    def step(self):
        text = self.debugger.run(STEP_TIMEOUT)
        if re.search(r"Breakpoint \d+", text):
            # The first mark takes vCPU 0's and 1's, then the second.
            self.toggle(self.snapshots % CPUS)
            self.snapshots += 1
            return
        match = re.search(r"^\((\d+)\).*VMEXIT", text, re.M | re.I)
        assert match, text
        self.stops[int(match[1])] += 1

    def run(self):
        for _ in range(MAX_STOPS):
            self.step()
            if self.snapshots == 2 * CPUS:
                return
        assert False, f"more than {MAX_STOPS} stops: {self.stops}"


@background(long=True)
def counted(lab):
    arguments = ["--cpus", str(CPUS), "--table",
                 lab.table(COUNTED.format(TURNS)), *LINUX]
    with Debugger(arguments, lab.directory) as debugger:
        debugger.run_until(r"^linux\| guest: run ", BOOT_TIMEOUT)
        counter = Counter(debugger)
        counter.run()
        debugger.command("bpd 1")
        debugger.run_until("^partition linux: stopped", STEP_TIMEOUT)
        exits = window(debugger.serial())
        with open(os.path.join(lab.directory, "exits.txt"), "w",
                  encoding="utf-8") as file:
            file.write(f"vmexitbp {counter.stops}, the ledger "
                       f"{[dict(e) for e in exits]}\n")
        return counter.stops, exits


def test_independent_count(counted):
    stops, exits = counted
    # The ledger counts an exit when it has been dealt with.  So the first
    # mark's own exit is in it, the second's in the stops: they cancel out,
    # if one vCPU made both.  Of the other, or of each if the work has moved
    # from one to the other, one exit may be on its way at a mark.
    for vcpu in range(CPUS):
        assert abs(stops[vcpu] - exits[vcpu].exits) <= 1
    assert min(stops) >= TURNS / 2
