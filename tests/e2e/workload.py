# SPDX-License-Identifier: BSD-2-Clause
"""One boot with the workloads of tests/guest/initramfs/work.c."""
from runs import LINUX, PROMPT, background, expect, typed

TABLE = """\
[machine]
sidecores = 2
[partition linux]
cpus = 0-1
memory = 256M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet ashlar.run={}
"""


@background(long=True)
def workload(lab):
    return lab("--cpus", 3, "--table",
               lab.table(TABLE.format("clock,exitless")), *LINUX,
               *expect("^partition linux: (?:stopped|parked): ", PROMPT),
               *typed("poweroff\\n"))


def values(text, *words):
    """KEY=VALUE of the line of the workload that has these words first."""
    (line,) = [s for s in text.splitlines()
               if s.startswith("linux| " + " ".join(words) + " ") or
               s.startswith("linux| " + " ".join(words) + "=")]
    return dict(w.split("=") for w in line.split() if "=" in w)
