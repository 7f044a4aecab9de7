# SPDX-License-Identifier: BSD-2-Clause
"""ACPI tables for the lab's --acpi: what some firmware says, and none here."""
import struct

IOAPIC = 0xfec00000
LAPIC = 0xfee00000


def table(signature, body, revision=1):
    """A whole table: the header, with its checksum, and the body."""
    head = struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), revision,
                       0, b"ASHLAR", b"TEST    ", 1, b"TEST", 1)
    data = bytearray(head + body)
    data[9] = -sum(data) & 0xff
    return bytes(data)


def cpu(apic_id, enabled=1):
    """An entry of the MADT."""
    return struct.pack("<BBBBI", 0, 8, apic_id, apic_id, enabled)


def ioapic(number, address, gsi):
    """Likewise."""
    return struct.pack("<BBBBII", 1, 12, number, 0, address, gsi)


def override(source, gsi, flags=0):
    """Likewise."""
    return struct.pack("<BBBBIH", 2, 10, 0, source, gsi, flags)


def madt(*entries):
    """The MADT, whole but for its entries."""
    return table(b"APIC", struct.pack("<II", LAPIC, 1) + b"".join(entries))


def madt_of(cpus, *more):
    """That of the lab's machines with so many CPUs, and more entries."""
    return madt(*map(cpu, range(cpus)), ioapic(0, IOAPIC, 0), override(0, 2),
                *more)


def fadt(pm_timer):
    """A FADT of ACPI 1.0 with a PM timer at this port and nothing else."""
    body = bytearray(116 - 36)
    struct.pack_into("<I", body, 76 - 36, pm_timer)
    body[91 - 36] = 4
    return table(b"FACP", bytes(body))


def dmar(*units):
    """The DMAR with IOMMUs whose registers are at these addresses."""
    drhds = (struct.pack("<HHBBHQ", 0, 16, 1, 0, 0, base) for base in units)
    return table(b"DMAR", struct.pack("<BB10x", 38, 0) + b"".join(drhds))


def hpet(address):
    """The HPET's table; at address 0 there is none."""
    return table(b"HPET", struct.pack("<IBBBBQBHB", 0, 0, 64, 0, 0, address,
                                      0, 0, 0))
