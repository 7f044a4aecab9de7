# SPDX-License-Identifier: BSD-2-Clause
"""memtest86+, a kernel that is not Linux: it finds the memory that the table
gives it, all of it and no more, tests it with both CPUs and finds no error.

Each machine has its turn, whatever --machine says.
"""
import os

import pytest

from runs import LAB, background, expect

TABLE = """\
[machine]
log = com1
sidecores = 2
[partition memtest]
cpus = 0-1
memory = {}M
kernel = memtest
cmdline = console=ttyS0,115200
console = com2
"""
MEMORY = {"memtest_vmx": 34, "memtest_svm": 66}
TIMEOUT = 240


def boot(lab, machine, memory):
    """A run to the first test that all CPUs do, of the upper part."""
    return lab("--machine", machine, "--cpus", 3, "--memory", "256M",
               "--module", "memtest=" + os.path.join(LAB, "memtest"),
               "--table", lab.table(TABLE.format(memory)),
               *expect("2:Using: All Cores", rf"2:- {memory}MB \[.*",
                       r"2:Errors: \d+ "),
               timeout=TIMEOUT)


@background(long=True)
def memtest_vmx(lab):
    return boot(lab, "bochs", MEMORY["memtest_vmx"])


@background(long=True)
def memtest_svm(lab):
    return boot(lab, "qemu", MEMORY["memtest_svm"])


@pytest.mark.parametrize("run", MEMORY)
def test_finds_its_memory(request, run):
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    screen = result.serial(2)
    size = MEMORY[run]
    print(screen[-400:])
    assert result.findall(r"Memory  : +(\d+)MB", 2) == [str(size)]
    # What it tests, from and to, and of how much: 636 KiB of the first MiB
    # are RAM in the memory map.
    ranges = result.findall(
        r"(\d+)[KM]B - (\d+)MB \[\d+MB of ([\d.]+)MB\]", 2)
    assert {to for _, to, _ in ranges} == {"4", str(size)}
    assert {of for _, _, of in ranges} == {f"{size - 1 + 636 / 1024:.1f}"}
    assert "SMP: 2T" in screen
    assert set(result.findall(r"Errors: (\d+)", 2)) == {"0"}
    assert "partition memtest: parked" not in result.serial()
