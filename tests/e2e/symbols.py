# SPDX-License-Identifier: BSD-2-Clause
"""What the debugger needs to know of an image of Ashlar."""
import os
import re
import subprocess

from runs import BUILD, TOP

IMAGE = os.path.join(BUILD, "ashlar.elf")


def address(name, image=IMAGE):
    """The linear address of a symbol."""
    listed = subprocess.run(["nm", image], capture_output=True, text=True,
                            check=True, timeout=60).stdout
    found = re.findall(rf"^([0-9a-f]+) . {re.escape(name)}$", listed, re.M)
    assert len(found) == 1, f"{name}: {found}"
    return int(found[0], 16)


def offsets(directory, header, *expressions):
    """C expressions of Ashlar's structures, such as sizeof(struct vcpu)."""
    source = "".join(
        [f'#include "{header}"\n#include <stdio.h>\nint main(void)\n{{\n'] +
        [f'\tprintf("%lu\\n", (unsigned long)({e}));\n' for e in expressions] +
        ["\treturn 0;\n}\n"])
    program = os.path.join(directory, "offsets")
    subprocess.run(["gcc", "-std=gnu11", f"-I{TOP}", "-o", program, "-x", "c",
                    "-"], input=source, text=True, check=True, timeout=60)
    shown = subprocess.run([program], capture_output=True, text=True,
                           check=True, timeout=60).stdout
    return [int(word) for word in shown.split()]
