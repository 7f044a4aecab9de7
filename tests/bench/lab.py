# SPDX-License-Identifier: BSD-2-Clause
"""What the benchmarks share: runs of the lab, and the limits."""
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("ASHLAR_BUILD", os.path.join(TOP, "build"))
IMAGE = os.path.join(BUILD, "ashlar.elf")
RUN = os.path.join(TOP, "tests/lab/run")
sys.path.insert(0, os.path.join(TOP, "tests/lab"))
# For what is at the other end of a guest's devices.
sys.path.append(os.path.join(TOP, "tests/e2e"))

# The limits, and the goal within the first of them.
ICR_LIMIT = 300  # instructions from the exit to the physical ICR write
ICR_GOAL = 150
BOOT_LIMIT = 5_000_000  # ticks from entry to the first guest, see boot.py
SIZE_LIMIT = 256 * 1024  # bytes of text and data

TIMEOUT = 300
GRACE = 60


class BenchError(Exception):
    """A run that did not give its figures."""


def run(arguments, timeout=TIMEOUT, machine="bochs"):
    """One run of tests/lab/run: its report, and COM1's output."""
    with tempfile.TemporaryDirectory(prefix="ashlar-bench.") as directory:
        serial = os.path.join(directory, "serial")
        done = subprocess.run(
            [sys.executable, RUN, "--machine", machine, "--serial", serial,
             "--timeout", str(timeout)] + arguments,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=timeout + GRACE,
            check=False)
        if done.returncode:
            raise BenchError(f"{' '.join(arguments)}: status "
                             f"{done.returncode}: {done.stderr[-2000:]}")
        report = json.loads(done.stdout.strip().splitlines()[-1])
        with open(serial, encoding="utf-8", errors="replace") as file:
            return report, file.read().replace("\r", "")
