# SPDX-License-Identifier: BSD-2-Clause
"""A guest that does everything to its IDT while its interrupts come in, in
each mode, on both back ends."""
import os
import re

import pytest

import ledger
from runs import BUILD, background, expect

TABLE = """\
[machine]
log = com1

[partition p]
cpus = 0
memory = 64M
interrupts = {mode}
kernel = payload
cmdline = tcg={tcg} ticks={ticks}
"""
PAYLOAD = os.path.join(BUILD, "payloads/idt.bin")
END = r"^partition p: (?:stopped|parked): .*\n"
TIMEOUT = 240


def boot(lab, machine, mode, ticks):
    table = TABLE.format(mode=mode, tcg=int(machine == "qemu"), ticks=ticks)
    return lab("--machine", machine, "--cpus", 1, "--memory", "256M",
               "--table", lab.table(table), "--module", f"payload={PAYLOAD}",
               *expect(END), timeout=TIMEOUT)


def check_guest(result):
    assert result.outcome == "seen", result.stderr
    text = result.serial()
    assert re.search(r"^p\| payload idt: ok ", text, re.M), text[-2000:]


@background
def idt_did_vmx(lab):
    return boot(lab, "bochs", "did", 1000)


@background
def idt_did_svm(lab):
    return boot(lab, "qemu", "did", 1000)


@pytest.mark.parametrize("run", ["idt_did_vmx", "idt_did_svm"])
def test_did(run, request):
    result = request.getfixturevalue(run)
    check_guest(result)
    window, = ledger.window(result.serial())
    assert set(window) <= {"mark"}, window
