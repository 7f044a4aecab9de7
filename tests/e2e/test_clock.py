# SPDX-License-Identifier: BSD-2-Clause
"""The guest's clocks.  In Bochs `ips`, which the lab sets, is the frequency
of the TSC against every other clock, whatever CPUID claims."""
import pytest

from runs import background, expect
from workload import values, workload  # pylint: disable=unused-import

IPS_KHZ = 100_000
OTHER_KHZ = 40_000
LOGGED = r"^clock: TSC (\d+) kHz, APIC timer (\d+) kHz$"


@background
def other_frequency(lab):
    """The same machine with a slower TSC; no table, so it ends at once."""
    return lab("--cpus", 1, "--ips", OTHER_KHZ * 1000,
               *expect("^boot: stopped"))


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


def test_guest_believes(clock):
    assert near(clock("logged_khz")["logged_khz"])
    assert near(clock("sleeps")["khz"])
