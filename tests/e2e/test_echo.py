# SPDX-License-Identifier: BSD-2-Clause
"""A virtual device whose back end runs on the sidecore: its interrupts reach
the guest without an exit in mode did, and by injection in mode exit."""
import os
import re

import pytest

from ledger import window
from runs import BUILD, PROMPT, background, command, expect

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
console = com2
cmdline = count={}
"""
STOPPED = "^partition p: (?:stopped|parked): "
RESULT = "2:^payload echo: .*\n"


def run(lab, mode, *arguments):
    return lab("--cpus", 2, "--memory", "256M", "--table",
               lab.table(TABLE.format(mode, RINGS)), "--module",
               "echo=" + os.path.join(BUILD, "payloads/echo.bin"),
               *expect(RESULT, STOPPED), *(arguments or expect(PROMPT)))


@background
def echo_did(lab):
    return run(lab, "did")


@background
def echo_switched(lab):
    again = expect(STOPPED)
    return run(lab, "exit", *command("mode p did"), *command("mode p posted"),
               *command("list"), *command("start p"), *again,
               *command("mode p exit"), *command("start p"), *again,
               *expect(PROMPT))


@background
def echo_exit(lab):
    return run(lab, "exit")


def exits(result, mode):
    assert result.outcome == "seen", result.stderr
    text = result.serial()
    print(*result.findall("^payload echo: .*$", 2))
    assert f"payload echo: ok taken={RINGS} " in result.serial(2)
    (snapshot,) = window(text, "a", "b", mode)
    return snapshot


def test_did(echo_did):
    """Nothing but the mark itself."""
    assert exits(echo_did, "did") == {"mark": 1}


@pytest.mark.parametrize("cause", ["nmi-kick", "msr-eoi"])
def test_exit(echo_exit, cause):
    assert exits(echo_exit, "exit")[cause] >= RINGS


def test_mode_switch(echo_switched):
    """From one start to the next, and no mode that is not there."""
    assert echo_switched.outcome == "seen", echo_switched.stderr
    assert echo_switched.replies("mode p posted") == [
        ["error: mode p: not a mode of this build"]]
    (lines,) = echo_switched.replies("list")
    assert lines[0].startswith("p stopped exit ")
    starts = echo_switched.serial().split("partition p: running: started")[1:]
    assert [re.search(r"^ledger p/0 (\w+) exits=", part, re.M)[1]
            for part in starts] == ["exit", "did", "exit"]
    assert ["msr-eoi=" in part for part in starts] == [True, False, True]
