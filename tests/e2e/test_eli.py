# SPDX-License-Identifier: BSD-2-Clause
"""Mode eli with Linux and its page-table isolation: the kernel's IDT is
shadowed, by a read-only alias that both sets of page tables have.  There is no
device, so each interrupt is a virtual one: it is injected and its EOI exits,
and what tells of the timer is a host vector that bounces."""
import pytest

from ledger import first, window
from runs import LINUX, PROMPT, background, expect, typed
from workload import TABLE, values

SWITCHES, SLEEPS = 20000, 500


@background(long=True)
def eli_workload(lab):
    table = TABLE.replace("initrd = ", "interrupts = eli\ninitrd = ")
    table = table.replace("quiet", "quiet pti=on")
    return lab("--cpus", 3, "--table",
               lab.table(table.format("clock,exitless")), *LINUX,
               *expect("^partition linux: (?:stopped|parked): ", PROMPT),
               *typed("poweroff\\n"))


@pytest.fixture(name="said")
def said_fixture(eli_workload):
    assert eli_workload.outcome == "seen", eli_workload.stderr
    return eli_workload.serial()


@pytest.fixture(name="counts")
def counts_fixture(said):
    """What the ledgers of both vCPUs gained in the window."""
    def total(cause):
        return sum(s.get(cause, 0) for s in window(said, mode="eli"))
    return total


def test_work_is_done(said):
    done = values(said, "exitless", "work")
    assert done["cpus"] == "2"
    assert int(done["switches"]) >= SWITCHES
    assert int(done["sleeps"]) == SLEEPS
    assert "partition linux: stopped: powered off by the guest" in said


def test_each_interrupt_is_injected(said, counts):
    """Between the reading of the counts and the marks a few come in."""
    before, after = (values(said, "exitless", when)
                     for when in ("before", "after"))
    taken = sum(int(after[key]) - int(before[key]) for key in before)
    assert taken > 1000
    assert abs(counts("msr-eoi") - taken) <= taken / 50


def test_eli_mode_is_the_rule(counts):
    """Ticks find the guest there, halted or busy, and no IDT is refused."""
    assert counts("np-bounce") > counts("external-interrupt")
    # Only while injecting, and that is soon over.
    assert counts("hlt") <= counts("injection-mode") / 50
    assert counts("injection-mode") == counts("injection-virtual")


def test_reasons(said):
    """Before it turned x2APIC on, and the loads of the IDT at boot."""
    text = said[said.index(": cores back after "):]
    for snapshot in first(text).values():
        reasons = {cause for cause in snapshot
                   if cause.startswith("injection-")}
        assert "injection-xapic" in reasons
        assert not reasons & {"injection-unaligned", "injection-shared"}
