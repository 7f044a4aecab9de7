# SPDX-License-Identifier: BSD-2-Clause
"""Walks 4-level page tables in a machine that the debugger holds.

Written from SDM vol. 3 section 4.5, not from core/mem.c: it is what Ashlar's
own walk is compared with.
"""
import struct

PAGE = 4096
PRESENT, WRITABLE, LARGE, NO_EXECUTE = 1, 2, 1 << 7, 1 << 63
FRAME = 0x000ffffffffff000
TOP_LEVEL = 4


class Leaf:
    """A page that is mapped: linear, physical, size and rights."""

    def __init__(self, linear, physical, level, writable, executable):
        self.linear = linear
        self.physical = physical
        self.size = PAGE << 9 * (level - 1)
        self.writable = writable
        self.executable = executable

    def __repr__(self):
        rights = ("w" if self.writable else "-") + (
            "x" if self.executable else "-")
        return f"{self.linear:x}+{self.size:x} -> {self.physical:x} {rights}"

    def overlaps(self, start, size):
        return self.physical < start + size and \
            start < self.physical + self.size


class Walk:
    """All that one CR3 maps.  tables: physical addresses, as visited;
    entries: (linear address, entry), each before those below it."""

    def __init__(self, read, cr3):
        self.read = read
        self.tables = []
        self.entries = []
        self.leaves = []
        self._table(cr3 & FRAME, TOP_LEVEL, 0, True, True)

    def _table(self, physical, level, linear, writable, executable):
        self.tables.append(physical)
        entries = struct.unpack("<512Q", self.read(physical))
        for index, entry in enumerate(entries):
            if not entry & PRESENT:
                continue
            at = linear + (index << 12 + 9 * (level - 1))
            if level == TOP_LEVEL and index >= 256:
                at |= 0xffff << 48
            self.entries.append((at, entry))
            rights = (writable and bool(entry & WRITABLE),
                      executable and not entry & NO_EXECUTE)
            if level == 1 or entry & LARGE:
                size = PAGE << 9 * (level - 1)
                self.leaves.append(Leaf(at, entry & FRAME & -size, level,
                                        *rights))
            else:
                self._table(entry & FRAME, level - 1, at, *rights)

    def bad(self):
        """Pages that are writable and executable."""
        return [p for p in self.leaves if p.writable and p.executable]


class Reader:
    """Physical pages, each read once."""

    def __init__(self, debugger):
        self.debugger = debugger
        self.pages = {}

    def __call__(self, physical):
        if physical not in self.pages:
            self.pages[physical] = self.debugger.read_physical(physical, PAGE)
        return self.pages[physical]
