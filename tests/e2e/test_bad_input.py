# SPDX-License-Identifier: BSD-2-Clause
"""Bad input ends in one clear line, and nothing is started.

Most of what can be wrong with boot information and ACPI tables is the matter
of tests/unit and tests/fuzz: no boot loader can be brought to pass it on.
"""
import gzip
import os
import re
import struct

import pytest

from firmware import cpu, madt
from runs import LAB, TOP, background, expect

GOOD = f"{TOP}/examples/linux.table"
REFUSED = "^boot: stopped, nothing was started$"
# What is said on the way, and is no diagnosis.
PROGRESS = re.compile(r"Ashlar \S+|boot: multiboot[12], image at \S+h|"
                      r"clock: .*|cpus: \d+, TSCs in step|cpus: x2APIC .*|"
                      r"cpu \d+: APIC id .*|seal: .*|pci: .*")
# There are errors in these lines at these columns.
BAD_TABLE = f"{TOP}/tests/tables/bad/keys.table"
TIMEOUT = 300


def read(name):
    with open(os.path.join(LAB, name), "rb") as file:
        return file.read()


def modules(vmlinuz=None):
    return ["--module", f"vmlinuz={vmlinuz or os.path.join(LAB, 'vmlinuz')}",
            "--module", f"initrd.img={os.path.join(LAB, 'initrd.img')}"]


def refused(lab, *arguments):
    """The diagnosis: what was printed, without progress and the end."""
    result = lab("--cpus", 3, *arguments, *expect(REFUSED), timeout=TIMEOUT)
    assert result.outcome == "seen", result.stderr
    text = result.serial()
    lines = text[text.index("Ashlar "):].splitlines()
    return [s for s in lines if not PROGRESS.fullmatch(s)][:-1]


@background
def no_vmx(lab):
    return refused(lab, "--machine", "qemu", "--cpu-model",
                   "Skylake-Client,+x2apic", "--table", GOOD, *modules())


@background
def no_svm(lab):
    return refused(lab, "--machine", "qemu", "--cpu-model",
                   "EPYC,-svm,+x2apic", "--table", GOOD, *modules())


@background
def no_x2apic(lab):
    return refused(lab, "--cpu-model", "core2_penryn_t9600", "--table", GOOD,
                   *modules())


@background
def no_bzimage(lab):
    return refused(lab, "--table", GOOD, *modules(vmlinuz=GOOD))


@background
def truncated_kernel(lab):
    kernel = lab.file(read("vmlinuz")[:5 << 20])
    return refused(lab, "--table", GOOD, *modules(vmlinuz=kernel))


@background
def gzipped_kernel(lab):
    kernel = lab.file(gzip.compress(read("vmlinuz")[:1 << 20]))
    return refused(lab, "--table", GOOD, *modules(vmlinuz=kernel))


@background
def missing_module(lab):
    return refused(lab, "--table", GOOD, *modules()[:2])


@background
def missing_table(lab):
    return refused(lab, *modules())


@background
def bad_table(lab):
    return refused(lab, "--table", BAD_TABLE, *modules())


@background
def empty_table(lab):
    return refused(lab, "--table", lab.table(""), *modules())


@background
def madt_entry_of_length_0(lab):
    table = lab.file(madt(cpu(0), b"\0\0" + bytes(6)))
    return refused(lab, "--acpi", table, "--table", GOOD, *modules())


@background
def madt_entry_past_the_end(lab):
    table = lab.file(madt(cpu(0), struct.pack("<BBBBI", 1, 12, 0, 0, 0)))
    return refused(lab, "--acpi", table, "--table", GOOD, *modules())


@pytest.mark.parametrize("run,line", [
    ("no_vmx", r"boot: VMX: this CPU lacks VMX \(CPUID\.1:ECX bit 5\); use a "
     "CPU that has it"),
    ("no_svm", r"boot: SVM: this CPU lacks SVM \(CPUID\.80000001h:ECX bit "
     r"2\); use a CPU that has it"),
    ("no_x2apic", r"boot: APIC: no x2APIC on this CPU \(IA32_APIC_BASE = "
     r"fee00900\); enable it in the firmware or use a CPU that has it"),
    ("no_bzimage", r"boot: partition linux: kernel vmlinuz: no bzImage \(no "
     r"HdrS at 202h\); give a Linux kernel image"),
    ("truncated_kernel", "boot: partition linux: kernel vmlinuz: truncated: "
     r"5242880 bytes of \d+; copy it again"),
    ("gzipped_kernel", "boot: partition linux: kernel vmlinuz: compressed, no "
     "bzImage; unpack it with gunzip"),
    ("missing_table", r'boot: no module named "table" \(there are: "vmlinuz", '
     r'"initrd\.img"\); load the partition table as one'),
    ("madt_entry_of_length_0", r"boot: ACPI: MADT at [0-9a-f]+: entry at "
     r"offset 52 has length 0, not \d+ to \d+; update the firmware"),
    ("madt_entry_past_the_end", r"boot: ACPI: MADT at [0-9a-f]+: entry at "
     r"offset 52 has length 12, not \d+ to \d+; update the firmware"),
])
def test_one_line(request, run, line):
    lines = request.getfixturevalue(run)
    assert len(lines) == 1
    assert re.fullmatch(line, lines[0])


def table_errors(lines):
    """Without the last line, which is the boot's."""
    assert lines[-1] == "boot: the partition table has errors"
    return lines[:-1]


def test_missing_module(missing_module):
    (line,) = table_errors(missing_module)
    assert re.fullmatch(r"table:10:10: .*initrd\.img.*; .*", line)


def test_every_error_of_a_table(bad_table):
    with open(BAD_TABLE.replace(".table", ".expect"),
              encoding="utf-8") as file:
        expected = [f"table:{line}" for line in file.read().splitlines()]
    assert len(expected) > 10
    assert table_errors(bad_table) == expected


def test_empty_table(empty_table):
    (line,) = table_errors(empty_table)
    assert re.fullmatch(r"table:\d+:\d+: .*; .*", line)


@pytest.mark.parametrize("run", [
    "no_vmx", "no_svm", "no_x2apic", "no_bzimage", "truncated_kernel",
    "gzipped_kernel", "missing_module", "missing_table", "bad_table",
    "empty_table", "madt_entry_of_length_0", "madt_entry_past_the_end"])
def test_nothing_is_started(request, run):
    lines = request.getfixturevalue(run)
    assert not [s for s in lines if s.startswith("partition ")]
