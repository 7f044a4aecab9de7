# SPDX-License-Identifier: BSD-2-Clause
"""Compares the decoder's instruction lengths with those of objdump.

Each byte string stands in a slot of 32 bytes, padded with NOPs, so that
objdump is in step again at the next slot whatever it made of this one.
Where both accept, the lengths must be equal.  What objdump accepts and the
decoder refuses must belong to one of the classes in refusal_class().
"""
import collections
import os
import pathlib
import random
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DUMP = os.environ.get("DECODE_DUMP", "build/unit/decode_dump")
SLOT = 32
MAX_LENGTH = 15
RANDOM_STRINGS = 20000
EINVAL = -22

MACHINES = {
    16: ["-m", "i8086"],
    32: ["-m", "i386"],
    64: ["-m", "i386:x86-64"],
}
LINE = re.compile(r"^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*\t?(.*)$")
PREFIXES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3}
PREFIX_WORDS = re.compile(
    r"^(?:(?:data16|data32|addr16|addr32|lock|repz|repnz|rep|xacquire|"
    r"xrelease|notrack|bnd|cs|ds|es|ss|fs|gs|rex(?:\.[WRXB]+)?)\s*)+$")
SIZE_WORDS = re.compile(r"\b(?:data|addr)(?:16|32)\b")


@pytest.fixture(scope="module")
def dump():
    path = ROOT / DUMP
    if "DECODE_DUMP" not in os.environ:
        subprocess.run(["make", "-s", DUMP], cwd=ROOT, check=True, timeout=300)
    return path


def opcode_bytes(opcode_map, opcode):
    return {0: b"", 1: b"\x0f", 2: b"\x0f\x38", 3: b"\x0f\x3a"}[opcode_map] + \
        bytes([opcode])


def structured(rng, bits):
    """Every opcode of every map with each mod and /r, and with prefixes."""
    prefixes = [b"\x66", b"\x67", b"\xf2", b"\xf3", b"\x66\x67", b"\x64\xf0"]
    if bits == 64:
        prefixes += [b"\x48", b"\x66\x4f", b"\x67\x45", b"\xf3\x48"]
    for opcode_map in range(4):
        for opcode in range(256):
            code = opcode_bytes(opcode_map, opcode)
            for modrm in range(0, 256, 8):
                tail = bytes([modrm | rng.choice((0, 4, 5, 6, 7))])
                yield code + tail + rng.randbytes(13)
            for prefix in prefixes:
                for mod in range(0, 256, 64):
                    tail = bytes([mod | rng.randrange(64)])
                    yield prefix + code + tail + rng.randbytes(13)


def unstructured(rng):
    for _ in range(RANDOM_STRINGS):
        count = rng.choice((0, 0, 0, 1, 1, 2, 3, 4))
        prefix = bytes(rng.choice(sorted(PREFIXES) + [0x40, 0x48, 0x4D])
                       for _ in range(count))
        yield prefix + rng.randbytes(MAX_LENGTH)


def slots(bits):
    rng = random.Random(bits)
    strings = list(structured(rng, bits)) + list(unstructured(rng))
    return [s[:MAX_LENGTH].ljust(SLOT, b"\x90") for s in strings]


def run_objdump(path, bits):
    """For each address the length and the text of objdump's line."""
    command = ["objdump", "-D", "-z", "-w", "--insn-width=24", "-b", "binary",
               *MACHINES[bits], str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proc:
        for line in proc.stdout:
            match = LINE.match(line)
            if match:
                yield (int(match[1], 16), len(match[2]) // 3, match[3].strip())
    assert proc.returncode == 0


def objdump_lengths(path, bits, count):
    """Length by slot; None where objdump does not accept the bytes."""
    lengths = [None] * count
    pending = 0
    for address, length, text in run_objdump(path, bits):
        slot = address // SLOT
        if address % SLOT == 0:
            pending = 0
        elif not pending:
            continue
        # Prefixes that objdump finds no use for get a line of their own.  The
        # next line goes with them, unless one was for the sizes: objdump
        # starts the next line without it.
        if PREFIX_WORDS.match(text):
            pending += length
            if SIZE_WORDS.search(text):
                pending = 0
            continue
        if "(bad)" not in text:
            lengths[slot] = pending + length
        pending = 0
    return lengths


def split_prefixes(data, bits):
    """The prefixes, and from the opcode on the rest."""
    i = 0
    while i < len(data) and (data[i] in PREFIXES or
                             bits == 64 and data[i] & 0xF0 == 0x40):
        i += 1
    return data[:i], data[i:]


def is_objdump_quirk(data, bits):
    """Where objdump, not the decoder, departs from the manuals."""
    _, rest = split_prefixes(data, bits)
    # FWAIT and the x87 instruction after it are shown as one.
    return rest[0] == 0x9B


def refusal_class(data, bits, length):
    """Why the decoder may refuse what objdump accepts; None if it may not."""
    prefixes, rest = split_prefixes(data, bits)
    if rest[0] in (0x62, 0xC4, 0xC5):
        return "VEX and EVEX"
    if rest[0] == 0x8F and rest[1] & 0x38:
        return "XOP"
    if rest[0] == 0x0F and rest[1] in (0x0E, 0x0F):
        return "3DNow!"
    if rest[0] == 0x0F and rest[1] in (0x24, 0x26):
        return "test registers of the 386"
    if rest[0] == 0x0F and rest[1] in (0xA6, 0xA7):
        return "VIA PadLock"
    if length > MAX_LENGTH:
        return "longer than 15 bytes"
    if 0xF0 in prefixes:
        return "LOCK where it is undefined"
    near = rest[0] in (0xE8, 0xE9) or rest[0] == 0x0F and rest[1] >> 4 == 8
    if bits == 64 and 0x66 in prefixes and near:
        return "near branch with 66: Intel and AMD differ"
    return None


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_lengths(dump, tmp_path, bits):
    data = slots(bits)
    image = tmp_path / "slots"
    image.write_bytes(b"".join(data))
    theirs = objdump_lengths(image, bits, len(data))
    with image.open("rb") as stdin:
        out = subprocess.run([dump, str(bits)], stdin=stdin, check=True,
                             stdout=subprocess.PIPE, text=True, timeout=300)
    ours = [int(line) for line in out.stdout.split()]
    assert len(ours) == len(theirs) == len(data)

    compared = 0
    refused = collections.Counter()
    wrong = []
    for string, our, their in zip(data, ours, theirs):
        assert our == EINVAL or 1 <= our <= MAX_LENGTH, string.hex()
        if their is None or is_objdump_quirk(string, bits):
            continue
        if our > 0:
            compared += 1
            if our != their:
                wrong.append(f"{string.hex()}: {our}, objdump {their}")
            continue
        why = refusal_class(string, bits, their)
        refused[why] += 1
        if why is None:
            wrong.append(f"{string.hex()}: refused, objdump {their}")
    print(f"{bits}-bit: {compared} equal lengths; refused: {dict(refused)}")
    assert not wrong, f"{len(wrong)} wrong\n" + "\n".join(wrong[:60])
    assert compared >= 20000
