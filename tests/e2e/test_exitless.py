# SPDX-License-Identifier: BSD-2-Clause
"""In steady state a guest of mode did does not exit: the ledger between two
marks around a fixed workload, and an independent count of exits."""
import os

import pytest

from counter import STEP_TIMEOUT, Counter
from debugger import Debugger
from ledger import window
from runs import LINUX, TOP, background
from workload import values, workload  # pylint: disable=unused-import

NEVER = ("external-interrupt", "hlt", "msr-eoi", "msr-timer", "ept-ioapic",
         "ept-lapic", "ept-idt", "ept-other", "exception")
TICKS, SWITCHES, SLEEPS = 1000, 20000, 500

CPUS = 2
TURNS = 200
BOOT_TIMEOUT = 600
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


@background(long=True)
def counted(lab):
    arguments = ["--cpus", str(CPUS), "--table",
                 lab.table(COUNTED.format(TURNS)), *LINUX]
    with Debugger(arguments, lab.directory) as debugger:
        debugger.run_until(r"^linux\| guest: run ", BOOT_TIMEOUT)
        counter = Counter(debugger, CPUS)
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
