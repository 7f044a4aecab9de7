# SPDX-License-Identifier: BSD-2-Clause
"""The counts of tests/bench against their limits.  None of them is a time on
the host: instructions and ticks of an emulated machine, and bytes."""
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from counter import STEP_TIMEOUT, Counter
from debugger import Debugger
from runs import TOP, background, expect, make

sys.path.insert(0, os.path.join(TOP, "tests/bench"))

import boot  # noqa: E402
import icr  # noqa: E402
from cases import (BARE, EMULATORS, MODES, PAYLOAD, QEMU,  # noqa: E402
                   WORKLOADS, workload)
from lab import BOOT_LIMIT, BUILD, ICR_LIMIT, SIZE_LIMIT  # noqa: E402
from measure import PAYLOAD_LINE, arguments, exits, measure  # noqa: E402
from report import FIELDS, exits_within  # noqa: E402

SAMPLES = 8
HELLO_TABLE = """\
[machine]
log = com1

[partition hello]
cpus = 0
memory = 64M
kernel = hello
cmdline = nonumber=1 number=42
"""


@pytest.fixture(autouse=True)
def on_bochs(machine):
    """These counts are Bochs' own."""
    if machine != "bochs":
        pytest.skip("counts instructions on bochs only")


def make_payloads():
    make("payloads")


@background
def payload(lab):
    make_payloads()
    return lab("--cpus", 1, "--memory", "256M", "--table",
               lab.table(HELLO_TABLE), "--module",
               f"hello={BUILD}/payloads/hello.bin",
               *expect(r"payload hello: ok number=42\s",
                       "partition hello: stopped"), timeout=120)


@background(long=True)
def ipi_host_path(_lab):
    make_payloads()
    return icr.host_path(SAMPLES, profile=True)


@background
def boot_ticks(_lab):
    make_payloads()
    return boot.boot_ticks()


def test_payload(payload):
    """What the benchmarks' guests are made of: start, console, command line,
    power-off."""
    assert payload.outcome == "seen", payload.stderr


def test_ipi_host_path(ipi_host_path):
    path = ipi_host_path
    assert len(path["icr"]) == SAMPLES
    assert max(path["icr"]) < ICR_LIMIT
    assert max(path["resume"]) < 2 * ICR_LIMIT
    # The clock and a trace of every instruction agree: the counts are exact.
    to_icr, to_resume = (len(part) for part in path["profile"])
    assert to_icr + 1 in path["icr"]
    assert to_icr + to_resume + 1 in path["resume"]


def test_boot_ticks(boot_ticks):
    parts = sum(n for name, n in boot_ticks.items() if name != "total")
    assert parts == boot_ticks["total"]
    assert boot_ticks["rest"] < BOOT_LIMIT


def test_image_size():
    assert boot.image_size() < SIZE_LIMIT


# Few turns of each workload, in each mode.  A row without figures is what the
# parser refuses, and these modes are built: test_ashlarctl.py.

SHORT = [w for w in WORKLOADS if w.guest == PAYLOAD]
# What all of a workload's interrupts cost in a mode, exits of each cause; of
# those left out nothing is expected here.
PER_TURN = {
    ("timer", "exit"): {"hlt": 1, "msr-timer": 1, "msr-eoi": 1},
    ("timer", "did"): {},
    ("oneshot", "did"): {},
    ("self", "did"): {},
    ("icr", "did"): {"msr-icr": 1},
    ("pingpong", "did"): {"msr-icr": 2},
    ("device", "did"): {},
    ("device", "eli"): {},
}
# Rows of one CPU without an exit: as on the bare machine, to the tick.
SAME = [("timer", "did"), ("self", "did"), ("device", "did"), ("loop", "did"),
        ("oneshot", "did"), ("device", "eli"), ("loop", "exit")]


def short_rows(mode):
    make_payloads()
    return {w.name: measure(w, mode, w.short) for w in SHORT}


@background(long=True)
def short_bare(_lab):
    return short_rows(BARE)


@background(long=True)
def short_exit(_lab):
    return short_rows("exit")


@background(long=True)
def short_eli(_lab):
    return short_rows("eli")


@background(long=True)
def short_did(_lab):
    return short_rows("did")


@background
def short_did_again(_lab):
    make_payloads()
    return measure(workload("timer"), "did", workload("timer").short)


# In exit only: test_device.py has this guest bare and in every mode.
@background(long=True)
def short_linux(_lab):
    w = workload("ping")
    return measure(w, "exit", w.short)


@background(long=True)
def short_kvm(_lab):
    make_payloads()
    w = workload("timer")
    return measure(w, "kvm", w.short)


@background(long=True)
def short_kvm_qemu(_lab):
    make_payloads()
    w = workload("self")
    return measure(w, "kvm", w.short, replace(QEMU, runs=1))


# Interrupts; in exit each stops the debugger twice.
COUNTED = {"exit": 100, "eli": 4000, "did": 4000}


def count_exits(lab, mode):
    """(vmexitbp's, the ledger's) exits between the device's marks."""
    words = arguments(workload("device"), mode, COUNTED[mode], lab.directory)
    with Debugger(words, lab.directory) as debugger:
        counter = Counter(debugger, 1)
        counter.run()
        debugger.command("bpd 1")
        debugger.run_until(PAYLOAD_LINE.pattern, STEP_TIMEOUT)
        return counter.stops[0], exits(debugger.serial(), mode)


@background(long=True)
def counted_device(lab):
    make_payloads()
    return {mode: count_exits(lab, mode) for mode in COUNTED}


@background
def bench_run(lab):
    """All of the tool, with little work."""
    make_payloads()
    done = subprocess.run(
        [os.path.join(TOP, "tests/bench/run"), "--short", "--skip-host",
         "--workloads", "timer", "oneshot", "--modes", "did", "--out",
         lab.directory],
        capture_output=True, text=True, check=False, timeout=300)
    return lab.directory, done


@pytest.fixture(name="short")
def short_fixture(short_bare, short_exit, short_eli, short_did):
    return dict(zip(MODES, (short_bare, short_exit, short_eli, short_did)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("w", SHORT, ids=lambda w: w.name)
def test_short_row(short, w, mode):
    row = short[mode][w.name]
    assert set(row) == set(FIELDS)
    assert not row["note"]
    assert row["ticks"] > 0
    turns = 2 if w.cpus == 2 else 0 if w.name == "loop" else 1
    assert row["interrupts"] == turns * w.short
    expected = PER_TURN.get((w.name, mode))
    if expected is not None:
        exits = {c: n for c, n in row["exits"].items() if c != "mark"}
        assert exits == {c: n * w.short for c, n in expected.items()}
    if w.latency:
        spread = row["latency"]
        assert 0 < spread["min"] <= spread["median"] <= spread["p99"]
        assert spread["p99"] <= spread["max"]


@pytest.mark.parametrize("name, mode", SAME)
def test_as_bare(short, name, mode):
    bare, row = short[BARE][name], short[mode][name]
    for field in ("ticks", "interrupts", "latency", "act", "eoi"):
        assert row[field] == bare[field], field


def test_device_in_exit(short_exit):
    """At least two exits each: it comes, and its end."""
    row = short_exit["device"]
    assert exits_within(row["exits"]) >= 2 * row["interrupts"]


@pytest.mark.parametrize("mode", COUNTED)
def test_independent_count(counted_device, mode):
    stops, found = counted_device[mode]
    # The first mark's exit is in the ledger, the second's in the stops.
    assert found.pop("mark") == 1
    assert stops == exits_within(found) + 1
    if mode == "exit":
        assert stops > 2 * COUNTED[mode]
    else:
        assert not found


def test_exact(short_did, short_did_again):
    assert short_did["timer"] == short_did_again


def test_linux_row(short_linux):
    row = short_linux
    # Each round trip is a packet out and one in.
    assert row["interrupts"] >= workload("ping").short
    assert exits_within(row["exits"]) >= 2 * row["interrupts"]
    assert row["latency"]["min"] > 0


def test_kvm_row(short_kvm):
    """HLT, and two MSRs: arming, and EOI."""
    row, count = short_kvm, workload("timer").short
    assert row["interrupts"] == count
    assert row["exits"]["halt"] == count
    assert 2 * count <= row["exits"]["other"] <= 2 * count + 10
    assert row["exits"]["mark"] == 1


def test_kvm_row_on_qemu(short_kvm_qemu):
    """The ICR and EOI, and a window for each that is sent with IF=0."""
    count = workload("self").short
    for run in short_kvm_qemu["runs"]:
        assert run["interrupts"] == count
        assert 2 * count <= run["exits"]["other"] <= 2 * count + 10
        assert count // 2 <= run["exits"]["irq-window"]
        assert run["exits"]["mark"] == 1


def test_bench_run(bench_run):
    directory, done = bench_run
    assert done.returncode == 0, done.stderr
    with open(os.path.join(directory, "report.json"),
              encoding="utf-8") as file:
        rows = json.load(file)
    assert [(r["machine"], r["workload"], r["mode"]) for r in rows] == [
        (machine, name, mode) for machine in EMULATORS
        for name in ("timer", "oneshot") for mode in (BARE, "did")]
    assert [r["ratio"] for r in rows[:2]] == [1, 1]
    assert [r["note"] for r in rows[4:6]] == 2 * [QEMU.lacks["timer"]]
    # Times are the host's; counts are not.
    for row in rows[6:]:
        assert len(row["runs"]) == QEMU.runs
        for r in row["runs"]:
            assert r["interrupts"] == workload("oneshot").short
            assert not exits_within(r["exits"])
    with open(os.path.join(directory, "table.txt"), encoding="utf-8") as file:
        text = file.read()
    assert text in done.stdout
    assert "One exit costs" in text and "On QEMU" in text
    assert os.path.getsize(os.path.join(directory, "report.svg"))
