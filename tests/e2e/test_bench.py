# SPDX-License-Identifier: BSD-2-Clause
"""The counts of tests/bench against their limits.  None of them is a time on
the host: instructions and ticks of an emulated machine, and bytes."""
import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
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


@pytest.fixture(scope="module", autouse=True)
def built(request):
    """These counts are Bochs' own."""
    if request.config.getoption("--machine") != "bochs":
        pytest.skip("counts instructions on bochs only")
    subprocess.run(["make", "-s", "payloads"], cwd=TOP, check=True,
                   timeout=300)


def test_payload(lab, log_dir):
    """What the benchmarks' guests are made of: start, console, command line,
    power-off."""
    table = os.path.join(log_dir, "hello.table")
    with open(table, "w", encoding="utf-8") as file:
        file.write(HELLO_TABLE)
    result = lab("--cpus", "1", "--memory", "256M", "--table", table,
                 "--module", f"hello={BUILD}/payloads/hello.bin",
                 "--expect", "payload hello: ok number=42\\s",
                 "--expect", "partition hello: stopped", timeout=120)
    assert result.outcome == "seen"


def test_ipi_host_path():
    path = icr.host_path(SAMPLES, profile=True)
    assert len(path["icr"]) == SAMPLES
    assert max(path["icr"]) < ICR_LIMIT
    assert max(path["resume"]) < 2 * ICR_LIMIT
    # The clock and a trace of every instruction agree: the counts are exact.
    to_icr, to_resume = (len(part) for part in path["profile"])
    assert to_icr + 1 in path["icr"]
    assert to_icr + to_resume + 1 in path["resume"]


def test_ipi_counts():
    guest = icr.guest_view()
    assert guest["taken"] == 2000
    # One exit for each IPI, and no IPI without one.
    assert guest["exits"] == guest["taken"]
    assert guest["cycles"] / guest["exits"] < 2 * ICR_LIMIT


def test_boot_ticks():
    figures = boot.boot_ticks()
    parts = sum(n for name, n in figures.items() if name != "total")
    assert parts == figures["total"]
    assert figures["rest"] < BOOT_LIMIT


def test_image_size():
    assert boot.image_size() < SIZE_LIMIT
