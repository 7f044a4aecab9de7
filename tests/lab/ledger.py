# SPDX-License-Identifier: BSD-2-Clause
"""Reads the ledger's lines: docs/ledger.md."""
import re

LINE = re.compile(r"^ledger (\S+)/(\d+) (?:(\S+) exits=(\d+)|(\S+)=(\d+)) "
                  r"cycles=(\d+)$", re.M)

LATENCY = re.compile(r"^latency (\S+)/(\d+) (\S+) count=(\d+) max=(\d+)"
                     r"((?: \d+=\d+)+)$", re.M)


class Snapshot(dict):
    """One vCPU's: cause to count.  exits and mode are the first line's."""

    def __init__(self, mode, exits):
        super().__init__()
        self.mode = mode
        self.exits = exits

    def __sub__(self, before):
        """What was added since; without causes that were not."""
        found = Snapshot(self.mode, self.exits - before.exits)
        for cause, count in self.items():
            if count != before.get(cause, 0):
                found[cause] = count - before.get(cause, 0)
        return found


def first(text):
    """The first ledger of each vCPU: (NAME, VCPU) to Snapshot."""
    found, done = {}, set()
    for name, vcpu, mode, exits, cause, count, _ in LINE.findall(text):
        key = name, int(vcpu)
        if mode and key in found:
            done.add(key)
        elif mode:
            found[key] = Snapshot(mode, int(exits))
        elif key not in done:
            found[key][cause] = int(count)
    return found


def check_sums(found, mode="did"):
    """The first line is the sum of the others."""
    assert found
    for snapshot in found.values():
        assert snapshot.mode == mode
        assert snapshot.exits == sum(
            n for c, n in snapshot.items() if not c.startswith("injection-"))


def window(text, begin="B", end="E", mode="did"):
    """What was added from one mark to another: list by vCPU."""
    at = [re.search(rf"^mark \S+ {ord(byte):02x} tsc=\d+$", text, re.M)
          for byte in (begin, end)]
    before, after = (first(text[m.end():]) for m in at)
    assert before.keys() == after.keys()
    check_sums(before, mode)
    check_sums(after, mode)
    return [after[key] - before[key] for key in sorted(after)]


VMEXIT = re.compile(r"^vmexit\((\w+), (\w+), ", re.M)


def is_mark(code, info):
    """A write to port 5E9h: APM2 section 15.10.2."""
    return int(code, 16) == 0x7b and int(info, 16) >> 16 == 0x5e9


def vmexits(path):
    """Exits between the first two marks by QEMU's own log of them (--vmexits):
    the first mark's own is in it, the second's is not."""
    with open(path, encoding="ascii") as file:
        lines = VMEXIT.findall(file.read())
    begin, end = [n for n, line in enumerate(lines) if is_mark(*line)][:2]
    return end - begin


def latencies(text):
    """Counts of the histograms: (NAME, VCPU, KIND) to number."""
    found = {}
    for name, vcpu, kind, count, most, buckets in LATENCY.findall(text):
        parts = [[int(n) for n in part.split("=")]
                 for part in buckets.split()]
        assert sum(n for _, n in parts) == int(count)
        last = parts[-1][0]
        assert last <= int(most) < max(2 * last, 2) or last == 1 << 31
        found[name, int(vcpu), kind] = int(count)
    return found
