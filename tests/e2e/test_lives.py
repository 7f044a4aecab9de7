# SPDX-License-Identifier: BSD-2-Clause
"""What a start resets, seen from inside and from the sidecore: the page of a
virtual device holds nothing of an earlier life and can't be run, and a port
that is being reset is nobody else's meanwhile.  And a page that stops being an
IDT under two CPUs at once."""
import os

import pytest

from runs import BUILD, PROMPT, background, command, expect, variant

ONE = """\
[machine]
sidecores = {sidecore}
[partition p]
cpus = {cpus}
memory = 32M
interrupts = {mode}
kernel = payload
cmdline = {cmdline}
restart = {restart}
"""
MODES = ("did", "eli", "exit")
LIVES = 3
STOPPED = "^partition p: (?:stopped|parked): .*$"
STARTS = 3


def boot(lab, name, *arguments, cpus="0", mode="did", restart="never",
         cmdline="", timeout=240):
    last = int(cpus[-1]) + 1
    table = ONE.format(sidecore=last, cpus=cpus, mode=mode, restart=restart,
                       cmdline=cmdline)
    return lab("--cpus", last + 1, "--memory", "256M", "--table",
               lab.table(table), "--module",
               "payload=" + os.path.join(BUILD, f"payloads/{name}.bin"),
               *arguments, timeout=timeout)


@background
def page_kept(lab):
    return boot(lab, "keepsake", *expect(STOPPED, PROMPT), restart=LIVES - 1)


@background
def page_run(lab):
    return boot(lab, "keepsake", *expect(STOPPED, PROMPT), cmdline="run=1")


def test_page_is_new(page_kept):
    assert page_kept.outcome == "seen", page_kept.stderr
    assert page_kept.findall(r"^p\| keepsake: found (\d+)$") == LIVES * ["0"]


def test_page_is_data(page_run):
    assert page_run.outcome == "seen", page_run.stderr
    text = page_run.serial()
    assert "partition p: parked: instruction fetch outside RAM" in text


def duel(mode):
    """The fixture of a run."""
    def job(lab):
        return boot(lab, "duel", *expect(STOPPED, PROMPT), cpus="0-1",
                    mode=mode)
    job.__name__ = f"duel_{mode}"
    return background(job)


globals().update({f"duel_{mode}": duel(mode) for mode in MODES})


@pytest.mark.parametrize("run", [f"duel_{mode}" for mode in MODES])
def test_duel(request, run):
    """A vector store that finds the page given up meanwhile is tried again."""
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    assert result.findall(r"^p\| payload duel: (?:ok|FAIL) .*$") == [
        "p| payload duel: ok rounds 200"]


def resets(lab, image):
    started = STARTS * ["^partition p: running: started$"]
    return boot(lab, "resetter", *variant(image),
                *expect(*started), *command("stop p"), restart="always",
                timeout=120)


@background
def slow_start(lab):
    return resets(lab, "ashlar-slow.elf")


@background
def open_start(lab):
    return resets(lab, "ashlar-lock.elf")


def test_start_under_the_lock(slow_start):
    assert slow_start.outcome == "seen", slow_start.stderr
    assert "panic" not in slow_start.serial()


def test_twin_without_the_lock(open_start, machine):
    """The sidecore calls what is not there yet."""
    if machine == "qemu":
        pytest.skip("QEMU's port is empty before the guest has reset")
    assert open_start.outcome == "panicked", open_start.stderr
    assert "panic: cpu 1: exception 14" in open_start.serial()
