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
# A second of Bochs' of so few ticks is not enough for it; QEMU's has as many as
# the host's and needs more to do.
BOCHS = ["--machine", "bochs", "--ips", 2_000_000, "--memory", "384M"], 256
QEMU = ["--machine", "qemu", "--memory", "2G"], 1536
SHOWN = r"^partition big: zeroing: (\d+) of \d+ MiB$"
END = expect(r"^partition big: stopped: .*\n")
STOP = [*expect(SHOWN), *typed("stop big\\n", "^ok$"), *END]


def start(lab, machine, cpus, *words, sidecore=False):
    arguments, memory = machine
    return lab("--cpus", cpus + sidecore, *arguments, "--table",
               lab.table(TABLE.format(
                   last=cpus - 1, memory=memory,
                   sidecore=f"sidecores = {cpus}" if sidecore else "")),
               "--module", f"hello={PAYLOADS}/hello.bin", *words, timeout=120)


@background
def zeroing_1(lab):
    return start(lab, BOCHS, 1, *END)


@background
def zeroing_4(lab):
    return start(lab, BOCHS, 4, *END)


@background
def zeroing_stopped(lab):
    return start(lab, BOCHS, 2, *STOP)


# On Bochs the sidecore runs 16 instructions while others zero a frame by one.
@background
def zeroing_stopped_polled(lab):
    return start(lab, QEMU, 2, *STOP, sidecore=True)


def ticks(run):
    assert run.outcome == "seen", run.stderr
    assert run.matches[-1].endswith(": powered off by the guest\n")
    (found,) = run.findall(r"^boot: .* zeroing (\d+),")
    return int(found)


def test_all_cores_zero(zeroing_1, zeroing_4):
    assert ticks(zeroing_1) > 3 * ticks(zeroing_4)


def test_progress_is_shown(zeroing_1):
    (khz,) = zeroing_1.findall(r"^clock: TSC (\d+) kHz")
    shown = [int(n) for n in zeroing_1.findall(SHOWN)]
    assert shown == sorted(set(shown)) and shown[-1] <= BOCHS[1]
    seconds = ticks(zeroing_1) // (int(khz) * 1000)
    assert len(shown) in (seconds // 2 - 1, seconds // 2)
    assert len(shown) > 1


@pytest.mark.parametrize("run", ["zeroing_stopped", "zeroing_stopped_polled"])
def test_it_ends_in_the_middle(request, run):
    run = request.getfixturevalue(run)
    assert run.outcome == "seen", run.stderr
    assert run.matches[-1].endswith(": stopped by the monitor\n")
    assert not re.search("running: started", run.serial())
