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


def window(text, begin="B", end="E", mode="did", name=r"[^/\s]+", nth=0):
    """What was added from one mark to another, from the nth pair of a
    partition's: list by vCPU."""
    at = [[m.end() for m in re.finditer(
        rf"^mark {name}/\d+ {ord(byte):02x} tsc=\d+$", text, re.M)][nth]
          for byte in (begin, end)]
    before, after = ({key: snapshot for key, snapshot in
                      first(text[start:]).items()
                      if re.fullmatch(name, key[0])} for start in at)
    assert before.keys() == after.keys()
    check_sums(before, mode)
    check_sums(after, mode)
    return [after[key] - before[key] for key in sorted(after)]


VMEXIT = re.compile(r"vmexit\((\w+), (\w+), ")


def is_mark(line):
    """A write to port 5E9h: APM2 section 15.10.2."""
    found = VMEXIT.match(line)
    return (found and int(found[1], 16) == 0x7b and
            int(found[2], 16) >> 16 == 0x5e9)


def log_window(path):
    """The lines of QEMU's own log (--vmexits, --trace) between the first two
    marks: the first mark's own is in it, the second's is not."""
    with open(path, encoding="ascii") as file:
        lines = file.read().splitlines()
    begin, end = [n for n, line in enumerate(lines) if is_mark(line)][:2]
    return lines[begin:end]


def vmexits(lines):
    """The exits in a part of QEMU's log."""
    return sum(bool(VMEXIT.match(line)) for line in lines)


# For each interrupt: the entry of the remapping table, its upper half first,
# whatever QEMU calls it; then where the interrupt goes.
TRACE = ("vtd_ir_irte_get", "vtd_ir_remap")
ENTRY = re.compile(TRACE[0] + r" index (\d+) low (\w+) ")
REMAPPED = re.compile(TRACE[1] + r" index (\d+) ")


def remapped(lines):
    """The interrupts in a part of QEMU's log, with --trace of each of TRACE:
    how many by the source-id in their entry."""
    source, found = {}, {}
    for line in lines:
        if entry := ENTRY.match(line):
            source[entry[1]] = int(entry[2], 16) & 0xffff
        elif index := REMAPPED.match(line):
            sid = source[index[1]]
            found[sid] = found.get(sid, 0) + 1
    return found


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
