# SPDX-License-Identifier: BSD-2-Clause
"""Vectors of several sources in the local APIC's order, bare and in each mode:
the payload `priority`."""
import os
import sys

import pytest

from runs import BUILD, TOP, background, expect

sys.path.insert(0, os.path.join(TOP, "tests/bench"))

from cases import BARE, MODES  # noqa: E402
from measure import DEVICE  # noqa: E402

TABLE = """\
[machine]
log = com1
[partition priority]
cpus = 0
memory = 64M
kernel = vmlinuz
interrupts = {}
"""
CMDLINE = "cmdline = device=1\n"
ARGUMENTS = ["--cpus", 1, "--memory", "256M",
             "--module", f"vmlinuz={BUILD}/payloads/priority.bin"]
RESULT = r"payload priority: (?:ok|FAIL) .*\n"
# Six orders with six assignments, the task priority, three nestings.
TAKEN = 3 * (6 * 6 + 1 + 3)


def runs(lab, device):
    """mode: the payload's line, or the errors of a run without one."""
    found = {}
    arguments = ARGUMENTS + (["--device", "e1000"] if device else [])
    for mode in MODES:
        if mode == BARE:
            words = ["--bare", "--cmdline", f"device={device}"]
        else:
            text = TABLE.format(mode) + (DEVICE + CMDLINE if device else "")
            words = ["--table", lab.table(text)]
        result = lab(*arguments, *words, *expect(RESULT), timeout=120)
        found[mode] = (result.matches or [result.stderr])[0]
    return found


@background
def priorities(lab):
    return runs(lab, 0)


@background
def priorities_device(lab):
    if lab.machine != "bochs":
        return {}
    return runs(lab, 1)


def check(line, device):
    assert line == f"payload priority: ok device={device} taken={TAKEN}\n"


@pytest.mark.parametrize("mode", MODES)
def test_timer_and_ipis(priorities, mode):
    check(priorities[mode], 0)


@pytest.mark.parametrize("mode", MODES)
def test_device_timer_and_ipi(priorities_device, machine, mode):
    if machine != "bochs":
        pytest.skip("the e1000 is assigned on bochs only")
    check(priorities_device[mode], 1)
