# SPDX-License-Identifier: BSD-2-Clause
"""The guest's clocks.  In Bochs `ips`, which the lab sets, is the frequency
of the TSC against every other clock, whatever CPUID claims."""
import pytest

from workload import values, workload  # pylint: disable=unused-import

IPS_KHZ = 100_000


@pytest.fixture(name="clock")
def clock_fixture(workload):  # pylint: disable=redefined-outer-name
    text = workload.serial()
    return lambda *words: values(text, "clock", *words)


def near(khz):
    """Within 0.1 % of the truth?"""
    return abs(int(khz) - IPS_KHZ) <= IPS_KHZ / 1000


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
    ((tsc, timer),) = workload.findall(
        r"^clock: TSC (\d+) kHz, APIC timer (\d+) kHz$")
    assert near(tsc)
    assert near(timer)


# pylint: disable-next=redefined-outer-name
def test_cpuid_is_not_believed(workload):
    assert not workload.findall("^clock: CPUID claims") or workload.findall(
        r"^clock: CPUID claims \d+ kHz, the PM timer says \d+ kHz: "
        "taking the latter")


def test_guest_believes(clock):
    assert near(clock("logged_khz")["logged_khz"])
    assert near(clock("sleeps")["khz"])
