# SPDX-License-Identifier: BSD-2-Clause
"""The counts of tests/bench against their limits.  None of them is a time on
the host: instructions and ticks of an emulated machine, and bytes."""
import os
import subprocess
import sys

import pytest

from runs import MAKE_LOCK, TOP, background, expect

sys.path.insert(0, os.path.join(TOP, "tests/bench"))

import boot  # noqa: E402
import icr  # noqa: E402
from lab import BOOT_LIMIT, BUILD, ICR_LIMIT, SIZE_LIMIT  # noqa: E402

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
    with MAKE_LOCK:
        subprocess.run(["make", "-s", "payloads"], cwd=TOP, check=True,
                       timeout=300)


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
def ipi_guest_view(_lab):
    make_payloads()
    return icr.guest_view()


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


def test_ipi_counts(ipi_guest_view):
    guest = ipi_guest_view
    assert guest["taken"] == 2000
    # One exit for each IPI, and no IPI without one.
    assert guest["exits"] == guest["taken"]
    assert guest["cycles"] / guest["exits"] < 2 * ICR_LIMIT


def test_boot_ticks(boot_ticks):
    parts = sum(n for name, n in boot_ticks.items() if name != "total")
    assert parts == boot_ticks["total"]
    assert boot_ticks["rest"] < BOOT_LIMIT


def test_image_size():
    assert boot.image_size() < SIZE_LIMIT
