# SPDX-License-Identifier: BSD-2-Clause
"""Every register of configuration space that a guest can name, by ports and in
memory, is overwritten, on QEMU, whose monitor shows the machine's: nothing
changes but the allowed bits of the guest's own functions.  All of the guest's
bus 0: test_device.py."""
import os
import struct

import pytest

import hostile
from runs import BUILD, background, expect, typed, variant

PAYLOADS = os.path.join(BUILD, "payloads")
# An 82576 with MSI-X, edu with MSI; a disk is nobody's.
DEVICES = ("igb", "edu", "nvme")
TABLE = """\
[machine]
sidecores = 2
log = com1
[partition attacker]
cpus = 0
memory = 20M
kernel = config
cmdline = wait=1 cards=2 id={id} functions=32 buses=4 ecam=1
console = com2
device = pci 0000:01:00.0
device = pci 0000:02:00.0
[partition victim]
cpus = 1
memory = 20M
kernel = victim
cmdline = deadline=0
console = com3
"""
ID_82576 = 0x10c98086
OWN = (0x0100, 0x0200)
LAST = (0xffffffff, 0)
# Of q35: a page for each function of the first buses.
ECAM, BUSES, SPACE = 0xb0000000, 4, 4096
COMMAND, STATUS, CAPABILITIES = 0x04, 0x06, 0x34
# I/O, memory, bus master, INTx disable; errors.  PCI Express 6.0, 7.5.1.1.
ALLOWED = {COMMAND: 0x0407, STATUS: 0xf900}
# Message control: enable, mask all; enable.
MSIX, MSI = 0x11, 0x05
MESSAGES = {MSIX: 0xc000, MSI: 0x0001}


def save(lab, name):
    """Arguments: configuration space as it is now becomes a file."""
    path = os.path.join(lab.directory, name)
    return typed(f'5:pmemsave {ECAM:#x} {BUSES << 20:#x} "{path}"\\n',
                 r"5:^\(qemu\) $")


def attack(lab, lasts, *arguments):
    words = expect(r"5:^\(qemu\) $", "2:^config: ready$", "3:^victim: ready$")
    words += save(lab, "before")
    for last in lasts:
        words += typed(f"2:{last}\\n", "2:^config: done$|payload .*$")
        words += save(lab, f"after-{last}")
    words += hostile.ask_victim("registers")
    words += typed("2:end\\n", "2:^payload config: .*\\n")
    result = lab("--machine", "qemu", "--cpus", 3, "--memory", "256M",
                 *[w for d in DEVICES for w in ("--device", d)],
                 *arguments, "--table", lab.table(TABLE.format(id=ID_82576)),
                 "--module", f"config={PAYLOADS}/config.bin",
                 "--module", f"victim={PAYLOADS}/victim.bin", *words,
                 timeout=240)
    return result, *(read(lab, name) for name in
                     ["before"] + [f"after-{last}" for last in lasts])


def read(lab, name):
    """By function: what is there of its space."""
    with open(os.path.join(lab.directory, name), "rb") as file:
        data = file.read()
    assert len(data) == BUSES << 20
    spaces = (data[at:at + SPACE] for at in range(0, len(data), SPACE))
    return {n: s for n, s in enumerate(spaces) if s[:4] != b"\xff" * 4}


@background(long=True)
def registers(lab):
    return attack(lab, LAST)


@background
def registers_twin(lab):
    return attack(lab, LAST[1:], *variant("ashlar-serr.elf"))


def word(space, at):
    return struct.unpack_from("<H", space, at)[0]


def capabilities(space):
    """Id to place."""
    found, at = {}, space[CAPABILITIES]
    while at:
        found[space[at]] = at
        at = space[at + 1]
    return found


def allowed(space):
    """Register to mask, of the first kind of message that it has."""
    have = capabilities(space)
    kind = next(k for k in (MSIX, MSI) if k in have)
    return {**ALLOWED, have[kind] + 2: MESSAGES[kind]}


def changes(before, after):
    """What is not the guest's to change, as a list."""
    assert before.keys() == after.keys()
    found = []
    for n, space in before.items():
        may = allowed(space) if n in OWN else {}
        for at in range(0, SPACE, 2):
            old, new = word(space, at), word(after[n], at)
            if (old ^ new) & ~may.get(at, 0):
                found.append(f"{n >> 8:02x}:{n >> 3 & 31:02x}.{n & 7}: "
                             f"{at:03x}: {old:04x} {new:04x}")
    return found


@pytest.mark.parametrize("n", range(len(LAST)))
def test_nothing_changes(registers, n):
    result, before, *after = registers
    assert result.outcome == "seen", result.stderr
    assert {0, *OWN, 0x0300} < before.keys()
    assert not changes(before, after[n])


def test_what_may_does(registers):
    """The attack reaches what is the guest's."""
    _, before, ones, zeros = registers
    for n in OWN:
        at = next(iter(allowed(before[n]).keys() - ALLOWED.keys()))
        assert word(ones[n], COMMAND) & ALLOWED[COMMAND] == \
            ALLOWED[COMMAND] & (word(before[n], COMMAND) | 0x0406)
        assert not word(zeros[n], COMMAND) & ALLOWED[COMMAND]
        assert word(ones[n], at) != word(zeros[n], at)


def test_the_guest_and_others(registers):
    result = registers[0]
    assert result.findall("^payload config: (ok|FAIL)", 2) == ["ok"], \
        result.serial(2)
    assert not hostile.victim_problems(result, "registers")


def test_one_bit_more_is_noticed(registers_twin):
    _, before, after = registers_twin
    found = changes(before, after)
    print(found)
    assert {line.split(": ")[1] for line in found} == {"004"}
