#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""drop.py IMAGE SYMBOL BIT OUT: IMAGE with one bit of a u32 constant cleared.

SYMBOL is an object of the image's read-only data, BIT a bit that is set in it.
A guard that is data can be taken out so, without a build of its own.
"""
import struct
import sys

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
SHDR = struct.Struct("<IIQQQQIIQQ")
SYM = struct.Struct("<IBBHQQ")
SHT_SYMTAB = 2


def sections(data):
    head = EHDR.unpack_from(data)
    offset, size, count = head[6], head[11], head[12]
    return [SHDR.unpack_from(data, offset + i * size) for i in range(count)]


def name_at(data, strings, offset):
    start = strings[4] + offset
    return data[start:data.index(b"\0", start)].decode()


def find_symbol(data, name):
    """Offset in the file and size of an object."""
    table = sections(data)
    for symtab in (s for s in table if s[1] == SHT_SYMTAB):
        for at in range(symtab[4], symtab[4] + symtab[5], SYM.size):
            text, _, _, index, value, size = SYM.unpack_from(data, at)
            if name_at(data, table[symtab[6]], text) == name:
                home = table[index]
                return home[4] + value - home[3], size
    raise SystemExit(f"drop.py: no symbol {name}")


def drop(data, name, bit):
    """The image without that bit; it must have been set."""
    at, size = find_symbol(data, name)
    if size != 4:
        raise SystemExit(f"drop.py: {name} is no u32")
    value, = struct.unpack_from("<I", data, at)
    if not value >> bit & 1:
        raise SystemExit(f"drop.py: bit {bit} of {name} is clear")
    patched = bytearray(data)
    struct.pack_into("<I", patched, at, value & ~(1 << bit))
    return bytes(patched)


def main(image, name, bit, out):
    with open(image, "rb") as file:
        data = file.read()
    with open(out, "wb") as file:
        file.write(drop(data, name, int(bit)))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
