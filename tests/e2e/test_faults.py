# SPDX-License-Identifier: BSD-2-Clause
"""A device that tries what it must not again and again: it is quarantined, and
others hear nothing of it.  QEMU's edu does ten transfers a second at most."""
import os
import re

import hostile
import ledger
from runs import BUILD, background, command, expect, typed, variant

PAYLOADS = os.path.join(BUILD, "payloads")
# By itself, or after an NMI to CPU 0, which is the victim's, for each fault.
WITH_SIDECORE = """\
[machine]
sidecores = 2
log = com1
[partition attacker]
cpus = 0
memory = 20M
kernel = edu
console = com2
device = pci 0000:01:00.0
[partition other]
cpus = 1
memory = 20M
kernel = edu
console = com3
device = pci 0000:02:00.0
"""
WITHOUT = """\
[machine]
log = com1
[partition victim]
cpus = 0
memory = 20M
kernel = victim
cmdline = deadline=0
console = com3
[partition attacker]
cpus = 1
memory = 20M
kernel = edu
console = com2
device = pci 0000:01:00.0
"""
BUDGET, LINES, STORM = 16, 8, 100
WHO = r"^vtd: partition attacker: device 01:00\.0: "
QUARANTINED = WHO + r"quarantined after (\d+) faults; faults clear attacker " \
    "lifts it$"
FAULT = WHO + r"DMA write to 1000000000000000h blocked \(\w+h\)$"
OTHERS = r"^vtd: partition other: device 02:00\.0: DMA write to 4000000h " \
    r"blocked \(05h\)$"
ROW = r"^attacker 01:00\.0 faults=(\d+)( quarantined)?(?: last=(.*))?$"


def run_edu(lab, table, devices, *words):
    return lab("--machine", "qemu", "--cpus", devices + 1, "--memory", "256M",
               *["--device", "edu"] * devices, "--table", lab.table(table),
               "--module", f"edu={PAYLOADS}/edu.bin",
               "--module", f"victim={PAYLOADS}/victim.bin", *words,
               timeout=150)


def master(state):
    return typed("2:master\\n", f"2:^edu master: {state}$")


@background(long=True)
def storm(lab):
    words = expect("2:^edu: ready", "3:^edu: ready")
    words += typed(f"2:storm {STORM}\\n", QUARANTINED)
    words += typed("3:write 67108864\\n", OTHERS)
    words += expect("2:^edu storm: done$") + master("off")
    words += command("faults") + command("faults clear attacker")
    words += command("faults") + master("on")
    words += typed("2:own\\n", "2:^edu own: ok$")
    # Once more; a new start lifts it, too.
    words += typed(f"2:storm {STORM}\\n", QUARANTINED)
    words += command("restart attacker") + expect("2:^edu: ready")
    words += command("faults") + typed("2:own\\n", "2:^edu own: ok$")
    return run_edu(lab, WITH_SIDECORE, 2, *words)


def storm_by_nmi(lab, *arguments):
    return run_edu(
        lab, WITHOUT, 1, *arguments,
        *expect("2:^edu: ready", "3:^victim: ready$"),
        *typed(f"2:storm {STORM}\\n", "2:^edu storm: done$"),
        *hostile.ask_victim("storm"), *command("stat victim"),
        *command("faults"))


@background
def nmis(lab):
    return storm_by_nmi(lab)


@background
def nmis_twin(lab):
    return storm_by_nmi(lab, *variant("ashlar-storm.elf"))


def rows(result):
    """Of the attacker's device, time by time: faults, state, the last."""
    return [re.search(ROW, "\n".join(reply), re.M).groups()
            for reply in result.replies("faults")]


def test_quarantine(storm):
    assert storm.outcome == "seen", storm.stderr
    found = rows(storm)
    counts = [int(n) for n in storm.findall(QUARANTINED)]
    assert len(counts) == 2 and len(found) == 3
    assert all(BUDGET < n < STORM / 2 for n in counts)
    # What the unit had recorded by then may come after it.
    assert counts[0] <= int(found[0][0]) <= counts[0] + 1
    assert found[0][1:] == (" quarantined",
                            "DMA write to 1000000000000000h")
    assert found[1:] == [("0", None, None)] * 2


def test_it_does_not_fill_the_log(storm):
    """Eight lines at once, then one a second; the other's one is there."""
    first = storm.serial().partition("quarantined after")[0]
    lines = re.findall(FAULT, first, re.M)
    assert LINES <= len(lines) <= BUDGET
    assert len(storm.findall(OTHERS)) == 1


def nmi_count(result):
    """Of the victim's core, which has the log port's input by NMI, too."""
    (snapshot,) = ledger.first(
        "\n".join(result.replies("stat victim")[0])).values()
    print(dict(snapshot))
    return snapshot["nmi-console"]


def test_others_are_not_held_up(nmis):
    assert nmis.outcome == "seen", nmis.stderr
    assert not hostile.victim_problems(nmis, "storm")
    assert rows(nmis)[0][1] == " quarantined"
    assert nmi_count(nmis) < STORM / 2


def test_guard_taken_out_is_noticed(nmis_twin):
    assert nmis_twin.outcome == "seen", nmis_twin.stderr
    assert nmi_count(nmis_twin) >= STORM / 2
