# SPDX-License-Identifier: BSD-2-Clause
"""Mode exit: the guest gets all of its interrupts, each at the price of some
exits, and what it counts agrees with what Ashlar injected."""
import pytest

from ledger import first, latencies, window
from runs import LINUX, PROMPT, background, command, expect, typed
from workload import TABLE, values

SWITCHES, SLEEPS = 20000, 500


@background(long=True)
def exit_workload(lab):
    table = TABLE.replace("initrd = ", "interrupts = exit\ninitrd = ")
    return lab("--cpus", 3, "--table",
               lab.table(table.format("clock,exitless")), *LINUX,
               *expect("^partition linux: (?:stopped|parked): "),
               *command("latency linux"), *expect(PROMPT),
               *typed("poweroff\\n"))


@pytest.fixture(name="said")
def said_fixture(exit_workload):
    assert exit_workload.outcome == "seen", exit_workload.stderr
    return exit_workload.serial()


@pytest.fixture(name="interrupts")
def interrupts_fixture(said):
    """What Linux counted in the window: res, cal, loc."""
    before, after = (values(said, "exitless", when)
                     for when in ("before", "after"))
    return {key: int(after[key]) - int(before[key]) for key in before}


def total(said, cause):
    return sum(snapshot.get(cause, 0) for snapshot in window(said, mode="exit"))


def test_work_is_done(said):
    done = values(said, "exitless", "work")
    assert done["cpus"] == "2"
    assert int(done["switches"]) >= SWITCHES
    assert int(done["sleeps"]) == SLEEPS
    assert "partition linux: stopped: powered off by the guest" in said


def test_each_interrupt_has_its_eoi(said, interrupts):
    """Between the reading of the counts and the marks a few come in."""
    taken = sum(interrupts.values())
    print(interrupts, *(dict(s) for s in window(said, mode="exit")), sep="\n")
    assert taken > 1000
    assert abs(total(said, "msr-eoi") - taken) <= taken / 50


def test_timer_and_halt_exit(said, interrupts):
    assert total(said, "msr-timer") >= interrupts["loc"]
    assert total(said, "external-interrupt") > 0
    assert total(said, "hlt") > 0
    assert total(said, "interrupt-window") > 0


def test_each_injection_is_timed(said):
    """Each has its EOI, but for one that is in service at the end."""
    exits = first(said[said.index(": cores back after "):])
    for (name, vcpu), snapshot in exits.items():
        count = latencies(said)[name, vcpu, "injection"]
        assert 0 <= count - snapshot["msr-eoi"] <= 1
