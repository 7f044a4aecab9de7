# SPDX-License-Identifier: BSD-2-Clause
"""Hand-back of cores: a guest leaves all that it can, ends in each way that
there is, and the next one finds nothing of it.  The twins: a step of the
hand-back is taken out of the image, and is missed."""
import itertools
import os
import re

import pytest

from hostile import PAYLOADS, ask_victim, victim_problems
from runs import BUILD, background, expect, make, typed, variant

TABLE = """\
[machine]
sidecores = 3
log = com1
[partition leftover]
cpus = 0-1
memory = 20M
kernel = leftover
cmdline = cpus=2
console = com2
restart = always
"""
VICTIM = """\
[partition victim]
cpus = 2
memory = 20M
kernel = victim
console = com3
"""
ARGUMENTS = ["--cpus", 4, "--memory", "256M",
             "--module", f"leftover={PAYLOADS}/leftover.bin",
             "--module", f"victim={PAYLOADS}/victim.bin"]
RESETS = 100
# A triple fault inside a handler, the ports, the monitor.
WAYS = ["triple", "port", "wait", "triple", "keyboard", "wait"]
ASK_EVERY = 10
FOUND = r"2:^leftover: (?:clean|WRONG)\n"
# A second of Bochs' is so many ticks: the pauses between restarts get short.
SLOW = ["--ips", 20_000_000]
TWINS = {
    "guest_zero": ["memory at"],
    "eli_hand_back": ["ISR", "IRR"],
    "lapic_quiet": ["TPR", "timer's initial count", "IRR"],
    "eli_reset_core": ["XCR0", "DR0"],
}


def reset(way):
    """Arguments: one end of the guest and its next start."""
    words = typed(f"2:{way}\\n")
    if way == "wait":
        words += expect("2:^leftover: waits$")
        words += typed("restart leftover\\n", "^ok$")
    return words + expect(FOUND)


@background(long=True)
def resets(lab):
    words = expect(FOUND, "3:^victim: ready$")
    ways = itertools.cycle(WAYS)
    for number in range(RESETS):
        words += reset(next(ways))
        if number % ASK_EVERY == 0:
            words += ask_victim(f"n{number}")
    words += ask_victim("last") + typed(
        "2:off\\n", r"2:^payload leftover: .* wrong=\d+$")
    return lab(*ARGUMENTS, *SLOW, "--table", lab.table(TABLE + VICTIM),
               *words, timeout=400)


@background
def handback_twins(lab):
    make("handback-twins")
    found = {}
    for name in ("", *TWINS):
        image = os.path.join(BUILD, f"ashlar-no-{name}.elf" if name
                             else "ashlar.elf")
        run = lab("--image", image, *ARGUMENTS, "--table", lab.table(TABLE),
                  *expect(FOUND), *reset("wait"), timeout=60)
        # The next run's output takes its place.
        found[name] = run.stderr + run.serial(2)
    return found


@background
def firmware(lab):
    """An image that finds vectors pending on each core."""
    return lab(*variant("ashlar-firmware.elf"), *ARGUMENTS, "--table",
               lab.table(TABLE), *expect(FOUND), timeout=60)


def test_nothing_is_left_by_the_firmware(firmware):
    assert firmware.outcome == "seen", firmware.stderr
    assert firmware.serial(2) == "leftover: clean\n"


def test_nothing_is_left(resets):
    assert resets.outcome == "seen", resets.stderr
    # The first start, and one after each reset.
    assert resets.serial(2).count("leftover: clean\n") == RESETS + 1
    assert not re.findall("WRONG| is ", resets.serial(2))
    assert resets.matches[-1] == "payload leftover: ok wrong=0"


def test_each_way_was_gone(resets):
    ways = list(itertools.islice(itertools.cycle(WAYS), RESETS))
    for reason, names in (("parked: triple fault", ["triple"]),
                          ("stopped: reset by the guest",
                           ["port", "keyboard"]),
                          ("stopped: restarted by the monitor", ["wait"])):
        assert len(resets.findall(f"^partition leftover: {reason}$")) == sum(
            way in names for way in ways)
    assert "pending" not in resets.serial()


def test_the_victim_is_exact(resets):
    assert not victim_problems(resets)
    assert resets.findall("^partition victim: (?!zeroing).*") == [
        "partition victim: running: started"]


@pytest.mark.parametrize("name", TWINS)
def test_a_step_left_out_is_missed(handback_twins, name):
    assert handback_twins[""] == ("leftover: clean\nleftover: waits\n"
                                  "leftover: clean\n")
    _, after = handback_twins[name].split("leftover: waits\n")
    assert "leftover: WRONG\n" in after
    for what in TWINS[name]:
        assert f"leftover: {what} is " in after
