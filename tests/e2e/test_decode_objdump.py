# SPDX-License-Identifier: BSD-2-Clause
"""Compares the decoder's answers with those of objdump.

Each byte string stands in a slot of 32 bytes, padded with NOPs, so that
objdump is in step again at the next slot whatever it made of this one.
The decoder must accept just those in which objdump sees an operation that is
emulated, on memory: with the same length, operation, width and address.  It
refuses only the classes of them in refusal_class().
"""
import collections
import os
import pathlib
import random
import re
import subprocess
from typing import NamedTuple

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DUMP = os.environ.get("DECODE_DUMP", "build/unit/decode_dump")
SLOT = 32
MAX_LENGTH = 15
RANDOM_STRINGS = 20000
EINVAL = -22

MACHINES = {
    16: ["-M", "intel", "-m", "i8086"],
    32: ["-M", "intel", "-m", "i386"],
    64: ["-M", "intel", "-m", "i386:x86-64"],
}
LINE = re.compile(r"^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*\t?(.*)$")
PREFIXES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3}
PREFIX_WORDS = re.compile(
    r"^(?:(?:data16|data32|addr16|addr32|lock|repz|repnz|rep|xacquire|"
    r"xrelease|notrack|bnd|cs|ds|es|ss|fs|gs|rex(?:\.[WRXB]+)?)\s*)+$")
SIZE_WORDS = re.compile(r"\b(?:data|addr)(?:16|32)\b")

# objdump's names of the operations that are emulated, and the decoder's.
OPERATIONS = {op: op for op in (
    "add or adc sbb and sub xor cmp test mov movzx movsx xchg xadd cmpxchg inc "
    "dec not neg bt bts btr btc movs stos lods").split()}
OPERATIONS.update(movabs="mov", movnti="mov", movsxd="movsx")
LOCKABLE = ("add or adc sbb and sub xor xchg xadd cmpxchg inc dec not neg bts "
            "btr btc").split()
SIZES = {"BYTE": 1, "WORD": 2, "DWORD": 4, "QWORD": 8}
MEMORY = re.compile(r"(?:(\w+) PTR )?(?:([c-gs]s):)?"
                    r"(?:\[(.*?)\]|(?<=s:)0x([0-9a-f]+))")
SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"]
LOW = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
REGISTERS = {p + name: n for n, name in enumerate(LOW) for p in ("", "e", "r")}
REGISTERS.update({f"r{n}{s}": n for n in range(8, 16) for s in ("", "d", "w")})
ACCUMULATORS = {"al": 1, "ax": 2, "eax": 4, "rax": 8}
RIP = re.compile("[er]ip")
NONE = 255


class Insn(NamedTuple):
    """What decode_dump prints of one."""
    length: int
    op: str
    size: int
    mem_is_dest: bool
    segment: int
    rip_relative: bool
    base: int
    index: int
    scale: int
    disp: int
    imm: int

    def cut(self, bits):
        """Without what sign extension adds: of an address of so many bits, of
        a bit number or an operand."""
        imm = 8 if self.op.startswith("bt") else 8 * self.size
        return self._replace(disp=self.disp & (1 << bits) - 1,
                             imm=self.imm & (1 << imm) - 1)


@pytest.fixture(scope="module")
def dump():
    path = ROOT / DUMP
    if "DECODE_DUMP" not in os.environ:
        subprocess.run(["make", "-s", DUMP], cwd=ROOT, check=True, timeout=300)
    return path


def structured(rng, bits):
    """Opcodes of one and two bytes with each mod and /r, and with prefixes;
    one string for each opcode of three."""
    prefixes = [b"\x66", b"\x67", b"\xf2", b"\xf3", b"\x66\x67", b"\x64\xf0"]
    if bits == 64:
        prefixes += [b"\x48", b"\x66\x4f", b"\x67\x45", b"\xf3\x48"]
    for start in (b"", b"\x0f"):
        for opcode in range(256):
            code = start + bytes([opcode])
            for modrm in range(0, 256, 8):
                for low in (4, 5, rng.choice((0, 1, 2, 3, 6, 7))):
                    yield code + bytes([modrm | low]) + rng.randbytes(13)
            for prefix in prefixes:
                for mod in range(0, 256, 64):
                    tail = bytes([mod | rng.randrange(64)])
                    yield prefix + code + tail + rng.randbytes(13)
    for start in (b"\x0f\x38", b"\x0f\x3a"):
        for opcode in range(256):
            yield start + bytes([opcode]) + rng.randbytes(13)


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


def objdump_insns(path, bits, count):
    """Length and text by slot; None where objdump does not accept the bytes."""
    insns = [None] * count
    pending, before = 0, ""
    for address, length, text in run_objdump(path, bits):
        slot = address // SLOT
        if address % SLOT == 0:
            pending, before = 0, ""
        elif not pending:
            continue
        # Prefixes that objdump finds no use for get a line of their own.  The
        # next line goes with them, unless one was for the sizes: objdump
        # starts the next line without it.
        if PREFIX_WORDS.match(text):
            pending += length
            before += text + " "
            if SIZE_WORDS.search(text):
                pending = 0
            continue
        if "(bad)" not in text:
            insns[slot] = pending + length, before + text
        pending = 0
    return insns


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
    # FWAIT is taken for a prefix of what follows.
    return rest[0] == 0x9B


def address_bits(data, bits):
    """The address size, by the mode and the prefixes."""
    prefixes, _ = split_prefixes(data, bits)
    if 0x67 not in prefixes:
        return bits
    return {16: 32, 32: 16, 64: 32}[bits]


def parse_address(text):
    """(base, index, scale, displacement) of what stands in brackets."""
    base, index, scale, disp = NONE, NONE, 1, 0
    for sign, term in re.findall(r"([-+]?)([^-+]+)", text):
        name, _, factor = term.partition("*")
        if name.startswith("0x"):
            disp = int(f"{sign}{term}", 16)
        elif name in ("eiz", "riz", "eip", "rip"):
            continue
        elif factor or base != NONE:
            index, scale = REGISTERS[name], int(factor or 1)
        else:
            base = REGISTERS[name]
    return base, index, scale, disp


def parse(length, text, bits):
    """What the decoder must say of it; None for what is not emulated."""
    # In 64-bit mode the operand does not show FS or GS before a void REX.
    override = None
    while PREFIX_WORDS.match(text.split()[0]):
        word, text = text.split(maxsplit=1)
        if bits == 64 and word in ("fs", "gs"):
            override = word
    name, _, operands = text.partition("#")[0].strip().partition(" ")
    operands = operands.strip().split(",")
    found = [MEMORY.search(word) for word in operands]
    shown = [match for match in found if match]
    if name not in OPERATIONS or not shown or \
            set(operands) & {"?", *SEGMENTS}:
        return None
    # The destination, but of MOVS the source: what a prefix changes.
    memory = shown[-1]
    if memory[3] is None:
        base, index, scale, disp = NONE, NONE, 1, int(memory[4], 16)
    else:
        base, index, scale, disp = parse_address(memory[3])
    size = SIZES.get(memory[1]) or ACCUMULATORS[
        operands[1 if found[0] else 0]]
    if name == "movsxd" and (operands[0] in LOW or operands[0][-1] == "w"):
        size = 2  # objdump says 4
    segment = memory[2] or ("ss" if base in (4, 5) else "ds")
    if override and name != "stos" and segment not in ("fs", "gs"):
        segment = override
    return Insn(length, OPERATIONS[name], size, bool(found[0]),
                SEGMENTS.index(segment), bool(RIP.search(memory[0])),
                base, index, scale, disp,
                int(operands[-1], 16) if operands[-1][:2] == "0x" else 0)


def answer(line):
    """What the decoder does say."""
    words = line.split()
    if len(words) == 1:
        assert int(line) == EINVAL
        return None
    insn = Insn(*(w if w.isalpha() else int(w) for w in words))
    assert insn.length <= MAX_LENGTH
    return insn


def refusal_class(data, bits, insn):
    """Why the decoder must refuse what objdump accepts; None if it must not."""
    prefixes, rest = split_prefixes(data, bits)
    if rest[0] == 0x82:
        return "82, which is 80"
    if insn.length > MAX_LENGTH:
        return "longer than 15 bytes"
    if 0xF0 in prefixes and not (insn.op in LOCKABLE and insn.mem_is_dest):
        return "LOCK where it is undefined"
    return None


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_forms(dump, tmp_path, bits):
    data = slots(bits)
    image = tmp_path / "slots"
    image.write_bytes(b"".join(data))
    theirs = objdump_insns(image, bits, len(data))
    with image.open("rb") as stdin:
        out = subprocess.run([dump, str(bits)], stdin=stdin, check=True,
                             stdout=subprocess.PIPE, text=True, timeout=300)
    ours = out.stdout.splitlines()
    assert len(ours) == len(theirs) == len(data)

    equal = collections.Counter()
    refused = collections.Counter()
    wrong = []
    for string, our, their in zip(data, ours, theirs):
        our = answer(our)
        if their is None or is_objdump_quirk(string, bits):
            continue
        expected = parse(*their, bits)
        why = expected and refusal_class(string, bits, expected)
        if why:
            refused[why] += 1
            expected = None
        width = address_bits(string, bits)
        if (our and our.cut(width)) == (expected and expected.cut(width)):
            equal[our and our.op] += 1
        else:
            wrong.append(f"{string.hex()}: {our}, objdump {their[1]} "
                         f"{expected}")
    emulated = equal.total() - equal[None]
    print(f"{bits}-bit: {emulated} equal, {equal[None]} not emulated; "
          f"refused: {dict(refused)}")
    assert not wrong, f"{len(wrong)} wrong\n" + "\n".join(wrong[:60])
    assert min(equal[op] for op in OPERATIONS.values()) >= 20
    assert emulated >= 8000
