# SPDX-License-Identifier: BSD-2-Clause
"""Multiboot 1 guests: tests/guest/payloads/mbhello checks what it was given.

Each machine has its turn, whatever --machine says: the state at entry is the
back end's work.
"""
import os

import pytest

from runs import BUILD, background, command, expect

TABLE = """\
[machine]
log = com1

[partition mb]
cpus = 0-1
memory = 16M
boot = multiboot
kernel = mbhello.elf
module = first.txt
module = second
cmdline = one two=3
"""
PAYLOAD = os.path.join(BUILD, "payloads/mbhello.elf")
# What the guest said may come out after the word that it has ended.
END = r"partition mb: stopped: powered off by the guest\n"
OK = r"mb\| payload mbhello: ok\n"
DONE = f"(?s:{OK}.*{END}|{END}.*{OK})"
SAID = """\
loader Ashlar
cmdline one two=3
mmap 0-9f000 type 1
mmap e0000-100000 type 2
mmap 100000-1000000 type 1
mmap feb00000-fec00000 type 2
mem 27c 3c00
module first.txt size 10: first line
module second size 5: other
started 1 by xAPIC 0, its id 1
payload mbhello: ok
""".splitlines()
TIMEOUT = 120


def boot(lab, machine, *arguments, kernel=PAYLOAD):
    """A run of the table above on a machine of its own."""
    first = lab.file(b"first line\nrest\n")
    second = lab.file(b"other")
    return lab("--machine", machine, "--cpus", 2, "--memory", "256M",
               "--table", lab.table(TABLE),
               "--module", f"mbhello.elf={kernel}",
               "--module", f"first.txt={first}",
               "--module", f"second={second}", *arguments, timeout=TIMEOUT)


def twice(lab, machine):
    """The guest is started again after its end."""
    return boot(lab, machine, *expect(DONE), *command("start mb"),
                *expect(DONE))


@background
def multiboot_svm(lab):
    return twice(lab, "qemu")


@background
def multiboot_vmx(lab):
    return twice(lab, "bochs")


@pytest.mark.parametrize("run", ["multiboot_svm", "multiboot_vmx"])
def test_payload(request, run):
    """Memory map, modules, strings, the state at entry and the second CPU;
    the second time the same, with .bss zeroed once more."""
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    assert result.findall(r"^mb\| (.*)$") == SAID * 2


def damaged(lab, size):
    with open(PAYLOAD, "rb") as file:
        kernel = lab.file(file.read()[:size])
    return boot(lab, "qemu", *expect("nothing was started"), kernel=kernel)


@background
def multiboot_no_header(lab):
    return damaged(lab, 0x40)


@background
def multiboot_truncated(lab):
    return damaged(lab, 0x1000)


@pytest.mark.parametrize("run, why", [
    ("multiboot_no_header",
     "no Multiboot 1 header in the first 8 KiB; give a Multiboot kernel, or "
     "write boot = linux"),
    ("multiboot_truncated",
     r"truncated: segment at 200000 ends at byte \d+ of 4096; copy it again"),
])
def test_refused(request, run, why):
    """A damaged image is named before anything starts."""
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    assert result.findall(
        rf"^boot: partition mb: kernel mbhello\.elf: {why}$")
