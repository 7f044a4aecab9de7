# SPDX-License-Identifier: BSD-2-Clause
"""What blocks are filled with: fill_words() of tests/guest/initramfs/work.c."""
import array
import os

BLOCK = 4096
DISK_BLOCKS = 16384
WORDS = BLOCK // 8
STRIDE = 0x9e3779b97f4a7c15
MASK = (1 << 64) - 1


def pattern(number, words=WORDS, turned=False):
    """The bytes of a block; turned: each bit."""
    first, step = number * STRIDE & MASK, 1
    if turned:
        first, step = first ^ MASK, -1
    last = first + step * (words - 1)
    if 0 <= last <= MASK:
        return array.array("Q", range(first, last + step, step)).tobytes()
    return array.array("Q", [first + step * i & MASK
                             for i in range(words)]).tobytes()


def fill(path):
    """Makes a disk's image that `work read` finds right."""
    with open(path, "wb") as file:
        for number in range(DISK_BLOCKS):
            file.write(pattern(number))


def disk(lab):
    """The path of one in a run's directory."""
    path = os.path.join(lab.directory, "disk.img")
    fill(path)
    return path
