# SPDX-License-Identifier: BSD-2-Clause
"""A virtual device whose back end runs on the sidecore: its interrupts reach
the guest without an exit in mode did, and by injection in mode exit."""
import os

import pytest

from ledger import window
from runs import BUILD, PROMPT, background, expect

RINGS = 2000
TABLE = """\
[machine]
sidecores = 1
log = com1
[partition p]
cpus = 0
memory = 32M
interrupts = {}
kernel = echo
cmdline = count={}
"""


def run(lab, mode):
    return lab("--cpus", 2, "--memory", "256M", "--table",
               lab.table(TABLE.format(mode, RINGS)), "--module",
               "echo=" + os.path.join(BUILD, "payloads/echo.bin"),
               *expect(r"^partition p: (?:stopped|parked): ", PROMPT))


@background
def echo_did(lab):
    return run(lab, "did")


@background
def echo_exit(lab):
    return run(lab, "exit")


def exits(result, mode):
    assert result.outcome == "seen", result.stderr
    text = result.serial()
    print(*result.findall(r"^p\| payload echo: .*$"))
    assert f"p| payload echo: ok taken={RINGS} " in text
    (snapshot,) = window(text, "a", "b", mode)
    return snapshot


def test_did(echo_did):
    """Nothing but the mark itself."""
    assert exits(echo_did, "did") == {"mark": 1}


@pytest.mark.parametrize("cause", ["nmi-kick", "msr-eoi"])
def test_exit(echo_exit, cause):
    assert exits(echo_exit, "exit")[cause] >= RINGS
