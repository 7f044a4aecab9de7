# SPDX-License-Identifier: BSD-2-Clause
"""The firmware and loaders of docs/boot.md, each to the guest's shell."""
import os
import re
import struct

import pytest

from runs import BUILD, LINUX, background, expect

SHELL = r"^linux\| guest# "
CPUS = 3
BOOT = r"^boot: multiboot([12]), image at ([0-9a-f]+)h$"
TIMEOUT = 90
LINKED_AT = 0x200000
# Multiboot2 2.0, 3.1.11: type, flags, size, lowest and highest address,
# alignment, preference (1: lowest, 2: highest).
RELOCATABLE = [10, 1, 24, LINKED_AT, 0xC0000000, 0x200000]
TAG = "<HHIIIII"


def boot(lab, path, *arguments):
    return lab("--machine", "qemu", "--boot", path, "--cpus", CPUS,
               "--table", "examples/linux.table", *LINUX, *arguments,
               *expect(SHELL), timeout=TIMEOUT)


@background
def grub_bios(lab):
    return boot(lab, "grub-bios")


@background
def grub_uefi(lab):
    return boot(lab, "grub-uefi")


@background
def qemu_kernel(lab):
    return boot(lab, "multiboot1")


@background
def ipxe(lab):
    return boot(lab, "ipxe")


@background
def grub_high(lab):
    """The loader is told to prefer the highest address."""
    with open(os.path.join(BUILD, "ashlar.elf"), "rb") as file:
        image = file.read()
    lowest, highest = (struct.pack(TAG, *RELOCATABLE, n) for n in (1, 2))
    assert image.count(lowest) == 1
    return boot(lab, "grub-bios", "--memory", "2800M", "--image",
                lab.file(image.replace(lowest, highest)))


@pytest.mark.parametrize("run, protocol, uefi", [
    ("grub_bios", 2, False), ("grub_uefi", 2, True),
    ("qemu_kernel", 1, False), ("ipxe", 1, False)])
def test_to_the_shell(request, run, protocol, uefi):
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    (version, address), = result.findall(BOOT)
    assert int(version) == protocol
    assert int(address, 16) % LINKED_AT == 0
    assert result.findall(r"^cpus: (\d+),") == [str(CPUS)]
    # What OVMF says on COM1, and SeaBIOS does not.
    assert bool(re.search("BdsDxe: starting", result.serial())) == uefi


def test_image_above_2_gib(grub_high):
    assert grub_high.outcome == "seen", grub_high.stderr
    (_, address), = grub_high.findall(BOOT)
    assert 2 << 30 <= int(address, 16) < 3 << 30
    assert grub_high.findall(r"^cpus: (\d+),") == [str(CPUS)]
