# SPDX-License-Identifier: BSD-2-Clause
"""Machines as some firmware describes them: only what the table uses must be
there.  And a machine of many CPUs."""
import os
import re

from firmware import cpu, dmar, ioapic, madt_of
from runs import BUILD, PROMPT, background, expect, typed

HELLO = ["--module", "hello=" + os.path.join(BUILD, "payloads/hello.bin")]
TABLE = """\
[machine]
sidecores = {}
[partition one]
cpus = {}
memory = 32M
kernel = hello
"""
DEVICE = """\
identity = yes
device = pci 0000:00:02.0
"""
ENDED = "^partition one: stopped: powered off by the guest$"
GHOST = 7
ABSENT = 0xfed90000
IOAPICS = 17
# In an emulator, whose host has two CPUs, each takes a third of a second.
CPUS = 72


def boots(lab, sidecore, cpus, *arguments, timeout=120):
    return lab("--table", lab.table(TABLE.format(sidecore, cpus)), *HELLO,
               *arguments, *expect(ENDED, PROMPT), *typed("poweroff\\n"),
               timeout=timeout)


@background
def ghost_cpu(lab):
    """The CPU that does not start has a number in the middle."""
    table = madt_of(1, cpu(GHOST), cpu(1), cpu(2))
    return boots(lab, 3, "0,2", "--cpus", 3, "--acpi", lab.file(table))


@background
def ghost_in_the_table(lab):
    return lab("--cpus", 2, "--acpi", lab.file(madt_of(2, cpu(GHOST))),
               "--table", lab.table(TABLE.format(1, "0,2-3")), *HELLO,
               *expect("^boot: stopped"), timeout=120)


@background
def ghost_ioapics(lab):
    more = [ioapic(32 + n, 0xfec10000 + 0x8000 * n, 256 + 8 * n)
            for n in range(IOAPICS - 1)]
    return boots(lab, 1, "0", "--cpus", 2, "--acpi",
                 lab.file(madt_of(2, *more)))


@background(long=True)
def many_cpus(lab):
    return boots(lab, CPUS // 2, f"{CPUS - 1},0", "--machine", "qemu",
                 "--cpus", CPUS, timeout=300)


@background
def iommu_left_on(lab):
    """Its registers are the interrupt vectors of the BIOS, F000h:xxxxh: what
    stands for the status has its highest bit set."""
    return boots(lab, 1, "0", "--cpus", 2, "--acpi", lab.file(dmar(0)))


@background
def iommu_absent(lab):
    """Nobody answers where the table says."""
    return boots(lab, 1, "0", "--cpus", 2, "--acpi",
                 lab.file(dmar(ABSENT)))


@background
def iommu_and_device(lab):
    table = TABLE.format(1, "0") + DEVICE
    return lab("--cpus", 2, "--acpi", lab.file(dmar(0)), "--table",
               lab.table(table), *HELLO, *expect("^boot: stopped"),
               timeout=120)


def warnings(result):
    return result.findall("^warning: (.*)")


def test_ghost_cpu(ghost_cpu):
    assert ghost_cpu.powered_off, ghost_cpu.stderr
    assert warnings(ghost_cpu) == [
        f"cpu 1 (APIC id {GHOST}) stays idle: does not start"]
    assert ghost_cpu.findall(r"^cpus: \d.*") == ["cpus: 3, TSCs in step"]


def test_ghost_in_the_table(ghost_in_the_table):
    text = ghost_in_the_table.serial()
    assert re.findall("^table:.*", text, re.M) == [
        "table:4:8: CPU 2 can't be used, see the log; use another",
        "table:4:8: no CPU 3 on this machine; use 0 to 2"]


def test_ghost_ioapics(ghost_ioapics):
    assert ghost_ioapics.powered_off, ghost_ioapics.stderr
    shown = warnings(ghost_ioapics)
    assert len(shown) == IOAPICS - 1
    assert shown[0] == "IO-APIC 32 at fec10000h is not there: left out"


def test_many_cpus(many_cpus):
    assert many_cpus.powered_off, many_cpus.stderr
    assert many_cpus.findall(r"^cpus: \d.*") == [f"cpus: {CPUS}, TSCs in step"]
    assert not warnings(many_cpus)


def test_iommu(iommu_left_on, iommu_and_device):
    assert iommu_left_on.powered_off, iommu_left_on.stderr
    assert warnings(iommu_left_on) == [
        "DMAR: an IOMMU is at 0h: VT-d is not used",
        "the firmware left the IOMMU at 0h on"]
    assert iommu_and_device.findall("^boot: the firmware.*") == [
        "boot: the firmware left the IOMMU at 0h on, which keeps devices "
        "from their partitions; switch VT-d off in its setup"]


def test_iommu_absent(iommu_absent):
    assert iommu_absent.powered_off, iommu_absent.stderr
    assert warnings(iommu_absent) == [
        f"the IOMMU at {ABSENT:x}h is not there: VT-d is not used"]


def test_x2apic(ghost_cpu, many_cpus):
    """Bochs does not call itself a hypervisor, QEMU does."""
    line = "^cpus: x2APIC without interrupt remapping, .*"
    assert len(ghost_cpu.findall(line)) == 1
    assert not many_cpus.findall(line)
