# SPDX-License-Identifier: BSD-2-Clause
"""A start's longest part: all cores of a partition zero its memory, the log
tells how far they are, and the monitor can end it in the middle."""
import re

import pytest

from hostile import PAYLOADS
from runs import background, expect, typed

TABLE = """\
[machine]
log = com1
{sidecore}
[partition big]
cpus = 0-{last}
memory = {memory}M
kernel = hello
"""
MEMORY = 256
# A second of Bochs' of so few ticks is not enough for it.
SLOW = ["--machine", "bochs", "--ips", 2_000_000]
CPUS = 1, 4
SHOWN = rf"^partition big: zeroing: \d+ of {MEMORY} MiB$"


def start(lab, cpus, *words, sidecore=False):
    return lab("--cpus", cpus + sidecore, "--memory", "384M", *SLOW, "--table",
               lab.table(TABLE.format(
                   last=cpus - 1, memory=MEMORY,
                   sidecore=f"sidecores = {cpus}" if sidecore else "")),
               "--module", f"hello={PAYLOADS}/hello.bin", *words, timeout=120)


END = expect(r"^partition big: stopped: .*\n")
STOP = [*expect(SHOWN), *typed("stop big\\n", "^ok$"), *END]


@background
def zeroing_1(lab):
    return start(lab, 1, *END)


@background
def zeroing_4(lab):
    return start(lab, 4, *END)


@background
def zeroing_stopped(lab):
    return start(lab, 2, *STOP)


@background
def zeroing_stopped_polled(lab):
    return start(lab, 2, *STOP, sidecore=True)


def ticks(run):
    assert run.outcome == "seen", run.stderr
    assert run.matches[-1].endswith(": powered off by the guest\n")
    (found,) = run.findall(r"^boot: .* zeroing (\d+),")
    return int(found)


def test_all_cores_zero(zeroing_1, zeroing_4):
    assert ticks(zeroing_1) > 3 * ticks(zeroing_4)


def test_progress_is_shown(zeroing_1):
    (khz,) = zeroing_1.findall(r"^clock: TSC (\d+) kHz")
    shown = [int(n) for n in zeroing_1.findall(SHOWN.replace(r"\d+",
                                                             r"(\d+)"))]
    assert shown == sorted(set(shown)) and shown[-1] <= MEMORY
    seconds = ticks(zeroing_1) // (int(khz) * 1000)
    assert len(shown) in (seconds // 2 - 1, seconds // 2)
    assert len(shown) > 1


@pytest.mark.parametrize("run", ["zeroing_stopped", "zeroing_stopped_polled"])
def test_it_ends_in_the_middle(request, run):
    run = request.getfixturevalue(run)
    assert run.outcome == "seen", run.stderr
    assert run.matches[-1].endswith(": stopped by the monitor\n")
    assert not re.search("running: started", run.serial())
