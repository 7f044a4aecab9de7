# SPDX-License-Identifier: BSD-2-Clause
"""The guest's clocks.  In Bochs `ips`, which the lab sets, is the frequency
of the TSC against every other clock, whatever CPUID claims."""
import pytest

from firmware import fadt, hpet
from runs import background, expect
from workload import values, workload  # pylint: disable=unused-import

IPS_KHZ = 100_000
OTHER_KHZ = 40_000
DEAD_PORT = 0x7ff8
DEAD = ("warning: clock: the PM timer does not count; check the firmware's "
        "ACPI tables")
LOGGED = r"^clock: TSC (\d+) kHz, APIC timer (\d+) kHz$"


@background
def other_frequency(lab):
    """The same machine with a slower TSC; no table, so it ends at once."""
    return lab("--cpus", 1, "--ips", OTHER_KHZ * 1000,
               *expect("^boot: stopped"))


@background
def no_hpet(lab):
    return lab("--cpus", 1, "--acpi", lab.file(hpet(0)),
               *expect("^boot: stopped"))


@background
def dead_pm_timer(lab):
    """Nothing answers at the port, which reads as ones."""
    return lab("--cpus", 1, "--acpi", lab.file(hpet(0)), "--acpi",
               lab.file(fadt(DEAD_PORT)), *expect("^boot: stopped"),
               timeout=120)


@background
def dead_pm_timer_of_qemu(lab):
    return lab("--machine", "qemu", "--cpus", 1, "--acpi", lab.file(hpet(0)),
               "--acpi", lab.file(fadt(DEAD_PORT)), *expect("^boot: stopped"),
               timeout=60)


@pytest.fixture(name="clock")
def clock_fixture(workload):  # pylint: disable=redefined-outer-name
    text = workload.serial()
    return lambda *words: values(text, "clock", *words)


def near(khz, truth=IPS_KHZ):
    """Within 0.1 % of the truth?"""
    return abs(int(khz) - truth) <= truth / 1000


def test_source(clock):
    assert clock("source")["source"] == "tsc"


def test_hrtimers(clock):
    shown = clock("cpus")
    assert (shown["cpus"], shown["hrtimers"]) == ("2", "2")


def test_sleeps(clock):
    shown = clock("sleeps")
    assert shown["sleeps"] == "100"
    assert 100 <= int(shown["tsc"]) / IPS_KHZ <= 130
    # Linux' own clock says the same.
    assert 100 <= int(shown["ns"]) / 1e6 <= 130


def test_ashlar_measures(workload):  # pylint: disable=redefined-outer-name
    ((tsc, timer),) = workload.findall(LOGGED)
    assert near(tsc)
    assert near(timer)


def test_ashlar_measures_another(other_frequency):
    ((tsc, timer),) = other_frequency.findall(LOGGED)
    assert near(tsc, OTHER_KHZ)
    assert near(timer, OTHER_KHZ)


def test_each_reference(no_hpet, dead_pm_timer):
    """By the PM timer and by the PIT the same."""
    assert DEAD not in no_hpet.serial()
    for result in (no_hpet, dead_pm_timer):
        ((tsc, timer),) = result.findall(LOGGED)
        assert near(tsc)
        assert near(timer)


def test_dead_reference(dead_pm_timer, dead_pm_timer_of_qemu):
    """It is given up, soon, and the next one is taken."""
    for result in (dead_pm_timer, dead_pm_timer_of_qemu):
        assert result.outcome == "seen"
        assert result.findall("^warning: clock: .*") == [DEAD]
        assert len(result.findall(LOGGED)) == 1


def test_guest_believes(clock):
    assert near(clock("logged_khz")["logged_khz"])
    assert near(clock("sleeps")["khz"])
