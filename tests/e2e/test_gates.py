# SPDX-License-Identifier: BSD-2-Clause
"""A 32-bit guest, whose IDT has gates of 8 bytes, in each mode on both back
ends: its timer and IPIs to itself without paging, with 32-bit and with PAE
paging, and its timer in real mode."""
import os
import re

import pytest

import ledger
from runs import BUILD, background, expect

TABLE = """\
[machine]
log = com1

[partition p]
cpus = 0
memory = 16M
interrupts = {mode}
boot = multiboot
kernel = gates.elf
cmdline = count={count} delay={delay} exact={exact} pae={pae}
"""
PAYLOAD = os.path.join(BUILD, "payloads/gates.elf")
# Of each source in each part.
COUNT = {"bochs": 2000, "qemu": 100}
# Long enough for the way back into the guest: an exit is slow in TCG.
DELAY = {"bochs": 3000, "qemu": 2000000}
# By their marks.
MARKS = {"no paging": "aA", "32-bit paging": "bB", "PAE": "cC",
         "real mode": "dD"}
REAL_MODE = "real mode"
PARTS = [part for part in MARKS if part != REAL_MODE]
MODES = "did", "exit", "eli"
BACK_ENDS = {"vmx": "bochs", "svm": "qemu"}
TIMEOUT = 120


def boot(lab, machine, mode):
    """One boot on this machine, until the guest has said its result."""
    # While shadowed a guest sees which gates are not its own.
    table = TABLE.format(mode=mode, count=COUNT[machine],
                         delay=DELAY[machine], exact=int(mode != "eli"),
                         pae=int(machine == "bochs"))
    return lab("--machine", machine, "--cpus", 1, "--memory", "256M",
               "--table", lab.table(table), "--module", f"gates.elf={PAYLOAD}",
               *expect(r"payload gates: (?:ok|FAIL)|: parked: .*\n"),
               timeout=TIMEOUT)


@background
def gates_did_vmx(lab):
    return boot(lab, "bochs", "did")


@background
def gates_did_svm(lab):
    return boot(lab, "qemu", "did")


@background
def gates_exit_vmx(lab):
    return boot(lab, "bochs", "exit")


@background
def gates_exit_svm(lab):
    return boot(lab, "qemu", "exit")


@background
def gates_eli_vmx(lab):
    return boot(lab, "bochs", "eli")


@background
def gates_eli_svm(lab):
    return boot(lab, "qemu", "eli")


def counts(result, part, mode):
    """What one part added to the ledger, the marks left out."""
    (found,) = ledger.window(result.serial(), *MARKS[part], mode=mode)
    found.pop("mark")
    return found


def each_part(mode):
    """Decorator: a test of each part of the runs in this mode."""
    return pytest.mark.parametrize("run, machine, part", [
        (f"gates_{mode}_{back_end}", machine, part)
        for back_end, machine in BACK_ENDS.items() for part in PARTS])


@pytest.mark.parametrize("run", [f"gates_{mode}_{back_end}" for mode in MODES
                                 for back_end in BACK_ENDS])
def test_guest(request, run):
    """Each interrupt once, and the table as it was."""
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    text = result.serial()
    assert re.search(r"^p\| payload gates: ok", text, re.M), text[-2000:]


@each_part("did")
def test_did(request, run, machine, part):
    assert not counts(request.getfixturevalue(run), part, "did"), machine


@each_part("exit")
def test_exit(request, run, machine, part):
    found = counts(request.getfixturevalue(run), part, "exit")
    assert found["msr-timer"] == found["msr-icr"] == COUNT[machine], found
    assert found["msr-eoi"] == 2 * COUNT[machine], found


@each_part("eli")
def test_eli(request, run, machine, part):
    """Really shadowed, a state which the guest leaves for what is injected and
    for nothing else: the host's timer bounces."""
    found = counts(request.getfixturevalue(run), part, "eli")
    assert {cause for cause in found if cause.startswith("injection-")} == {
        "injection-mode", "injection-virtual"}, found
    if machine == "bochs":
        assert found["np-bounce"] == COUNT[machine], found
    else:
        # The emulator may be so late that Ashlar has the core meanwhile.
        assert 0 < found["np-bounce"] <= COUNT[machine], found


@pytest.mark.parametrize("run", ["gates_eli_vmx", "gates_eli_svm"])
def test_real_mode(request, run):
    """As in mode exit, for a reason of its own."""
    found = counts(request.getfixturevalue(run), REAL_MODE, "eli")
    assert found["injection-real"] > 0, found
    assert "np-bounce" not in found, found
