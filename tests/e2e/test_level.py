# SPDX-License-Identifier: BSD-2-Clause
"""Two partitions, each with a network card whose level interrupt has the same
vector.  An EOI is broadcast by vector, so only one of the two may have its pin
to itself; the other's interrupts are Ashlar's to take.  None is lost, none
comes twice: the payload ics sees to that."""
import os
import re

import pytest

from ledger import window
from runs import BUILD, background, expect

TABLE = """\
[machine]
{sidecores}log = com1
"""
PARTITION = """\
[partition {name}]
cpus = {cpu}
memory = 32M
interrupts = {mode}
identity = yes
device = pci 0000:00:{slot:02x}.0 intx={pin}
kernel = payload
cmdline = pin={pin} {words}
"""
# The second one finds the vector taken, and is done before it is free again.
FIRST, SECOND = 100000, 1000
DELAY, HOLD = 1000000, 40000000
RUNS = "level_did", "level_eli", "level_exit", "level_alone"
# A guest's last line may come after the one that says it has stopped.
RESULT = r"^{}\| payload ics: .*\n"
SHARED = ("^partition second: GSI 18: another partition has its level vector: "
          "(.*)$")


def level(lab, mode, sidecores, *names):
    """One boot, until these have said their result."""
    table = TABLE.format(sidecores=sidecores)
    table += PARTITION.format(name="first", cpu=0, mode=mode, slot=2, pin=17,
                              words=f"count={FIRST} hold={HOLD}")
    table += PARTITION.format(name="second", cpu=1, mode=mode, slot=3, pin=18,
                              words=f"count={SECOND} delay={DELAY}")
    return lab("--machine", "bochs", "--device", "e1000", "--device", "e1000",
               "--cpus", 3, "--memory", "256M", "--table", lab.table(table),
               "--module", f"payload={BUILD}/payloads/ics.bin",
               *expect(*[RESULT.format(name) for name in names]), timeout=300)


@background
def level_did(lab):
    return level(lab, "did", "sidecores = 2\n", "second", "first")


@background
def level_eli(lab):
    return level(lab, "eli", "sidecores = 2\n", "second", "first")


@background
def level_exit(lab):
    return level(lab, "exit", "", "second", "first")


@background
def level_alone(lab):
    return level(lab, "did", "", "second")


def counts(result, name, mode):
    """The causes of one's exits between its marks."""
    lines = result.findall(rf"^(?:mark|ledger) {name}/.*$")
    (snapshot,) = window("\n".join(lines), mode=mode)
    return snapshot


@pytest.mark.parametrize("run", RUNS)
def test_each_once(request, run):
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    for name, count in (("first", FIRST), ("second", SECOND)):
        assert result.findall(rf"^{name}\| payload ics: ok raised={count} "
                              rf"seen={count}$"), result.serial()[-2000:]


def test_did(level_did):
    """The first without an exit; of the second, all that exits is its EOI."""
    assert level_did.findall(SHARED) == ["by the sidecore, with exits"]
    assert not counts(level_did, "first", "did").get("msr-eoi")
    exits = counts(level_did, "second", "did")
    assert exits["msr-eoi"] == SECOND, exits
    assert "external-interrupt" not in exits, exits


def test_eli(level_eli):
    assert not counts(level_eli, "first", "eli").get("msr-eoi")
    exits = counts(level_eli, "second", "eli")
    assert exits["msr-eoi"] == SECOND, exits


def test_no_sidecore(level_alone):
    """It waits, which is said, until the first one gives up its pin."""
    result = level_alone
    assert result.findall(SHARED) == [
        "masked, as there is no sidecore for it; add one or use interrupts = "
        "eli"]
    first, second = (int(tsc) for name in ("first", "second") for tsc in
                     result.findall(rf"^mark {name}/0 45 tsc=(\d+)$"))
    assert second > first + HOLD
    assert not counts(result, "second", "did").get("msr-eoi")
