#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How long Ashlar takes to its first guest, and how large it is.

The ticks are those of Ashlar's own line `boot: ...`, on Bochs with three CPUs
and Linux; copying, zeroing and waits for hardware do not count.
"""
import re
import subprocess
import sys

from lab import BUILD, IMAGE, TOP, BenchError, run
from report import row

ARGUMENTS = ["--cpus", "3", "--memory", "512M",
             "--table", f"{TOP}/examples/linux.table",
             "--module", f"vmlinuz={BUILD}/lab/vmlinuz",
             "--module", f"initrd.img={BUILD}/lab/initrd.img"]
LINE = r"boot: \d+ ticks from entry to the first guest: .*, rest \d+\s"
FIGURE = re.compile(r"(\d+) ticks from entry|([A-Za-z/]+) (\d+)(?=[,\s])")


def parse(text):
    """The line's figures by name: total, copying, ..., rest."""
    match = re.search(LINE, text)
    if not match:
        raise BenchError(f"no boot line: {text[-500:]}")
    figures = {}
    for total, name, ticks in FIGURE.findall(match[0]):
        figures[name or "total"] = int(ticks or total)
    if not {"total", "rest"} <= set(figures):
        raise BenchError(f"not understood: {match[0]}")
    return figures


def boot_ticks():
    """Figures of one boot."""
    return parse(run(ARGUMENTS + ["--expect", LINE])[1])


def image_size():
    """Text and data, read-only data within text, as size(1) counts."""
    text = subprocess.run(["size", "--format=berkeley", IMAGE],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    words = text.splitlines()[1].split()
    return int(words[0]) + int(words[1])


def rows(figures):
    """The report's row."""
    return [row("boot, entry to first guest", "did",
                ticks=figures["rest"])]


def main():
    for name, ticks in boot_ticks().items():
        print(f"{ticks:12,} {name}")
    print(f"{image_size():12,} bytes of text and data")


if __name__ == "__main__":
    sys.exit(main())
