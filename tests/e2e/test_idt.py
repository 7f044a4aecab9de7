# SPDX-License-Identifier: BSD-2-Clause
"""A guest that does everything to its IDT while its interrupts come in, in
each mode, on both back ends."""
import os
import re
import subprocess
import sys

import pytest

import ledger
from runs import BUILD, TOP, background, command, expect
from symbols import IMAGE

TABLE = """\
[machine]
log = com1

[partition p]
cpus = 0-{last}
memory = 64M
interrupts = {mode}
kernel = payload
cmdline = tcg={tcg} ticks={ticks} delay={delay} spin={spin} cpus={cpus}
"""
PAYLOAD = os.path.join(BUILD, "payloads/idt.bin")
END = r"^partition p: (?:stopped|parked): .*\n"
TIMEOUT = 240
DROP = os.path.join(TOP, "tests/variants/drop.py")
NP = 11
# Long enough for the way back into the guest: an exit is slow in TCG.
DELAY = {"bochs": 3000, "qemu": 2000000}
# More than the time after which a guest that holds back the host's timer is
# made to exit, at 100 M ticks per second.
SPIN = {"bochs": 3000000, "qemu": 3000}
TICKS = {"bochs": 10000, "qemu": 1000}
# Settling, on one CPU too: of two LIDTs in a row the second finds the tables of
# the first not flushed yet.  All but real: no 64-bit guest turns x2APIC on and
# goes back to real mode, and before that the reason is xapic; the 32-bit one of
# test_gates.py does.
REASONS = {"virtual", "int", "np", "table", "xapic", "unaligned", "short",
           "shared", "unmapped", "settling"}


def boot(lab, machine, mode, *arguments, cpus=1):
    table = TABLE.format(mode=mode, tcg=int(machine == "qemu"), cpus=cpus,
                         last=cpus - 1, ticks=TICKS[machine],
                         delay=DELAY[machine], spin=SPIN[machine])
    return lab("--machine", machine, "--cpus", cpus, "--memory", "256M",
               "--table", lab.table(table), "--module", f"payload={PAYLOAD}",
               *expect(END), *command("latency p"), *arguments,
               timeout=TIMEOUT)


def check_guest(result):
    assert result.outcome == "seen", result.stderr
    text = result.serial()
    assert re.search(r"^p\| payload idt: ok ", text, re.M), text[-2000:]


@background
def idt_did_vmx(lab):
    return boot(lab, "bochs", "did")


@background
def idt_did_svm(lab):
    return boot(lab, "qemu", "did")


@background
def idt_exit_vmx(lab):
    return boot(lab, "bochs", "exit")


@background
def idt_exit_svm(lab):
    return boot(lab, "qemu", "exit")


@background
def idt_eli_vmx(lab):
    return boot(lab, "bochs", "eli")


@background
def idt_eli_svm(lab):
    return boot(lab, "qemu", "eli")


@background
def idt_two_cpus_vmx(lab):
    return boot(lab, "bochs", "eli", cpus=2)


@background
def idt_two_cpus_svm(lab):
    return boot(lab, "qemu", "eli", cpus=2)


@background
def idt_no_bounce(lab):
    """Without the intercept by which a vector of the host's comes back."""
    image = os.path.join(lab.directory, "dropped.elf")
    subprocess.run([sys.executable, DROP, IMAGE, "svm_intercept_bounce",
                    str(NP), image], check=True, timeout=60)
    return boot(lab, "qemu", "eli", "--image", image)


@pytest.mark.parametrize("run", ["idt_did_vmx", "idt_did_svm"])
def test_did(run, request):
    result = request.getfixturevalue(run)
    check_guest(result)
    counts, = ledger.window(result.serial())
    assert set(counts) <= {"mark"}, counts


@pytest.mark.parametrize("run", ["idt_exit_vmx", "idt_exit_svm"])
def test_exit(run, request):
    check_guest(request.getfixturevalue(run))


@pytest.mark.parametrize("run", ["idt_eli_vmx", "idt_eli_svm",
                                 "idt_two_cpus_vmx", "idt_two_cpus_svm"])
def test_eli(run, request):
    """The table does what it did before, and each thing that can't be done
    while shadowed is a reason for injecting."""
    result = request.getfixturevalue(run)
    check_guest(result)
    text = result.serial()
    total = ledger.first(text[text.index(": cores back after "):])["p", 0]
    reasons = {cause.removeprefix("injection-"): n
               for cause, n in total.items() if cause.startswith("injection-")}
    assert REASONS <= set(reasons), reasons
    assert total["ept-idt"] > 0
    # At every vector from 32 up, from both CPLs, twice.
    assert reasons["int"] > 300, reasons
    assert ledger.latencies(text)["p", 0, "bounce"] == total["np-bounce"]


def test_no_bounce(idt_no_bounce):
    """The guest notices: it gets a #NP that it has not made."""
    text = idt_no_bounce.serial()
    assert re.search(r"^p\| payload idt: FAIL exception 11,", text, re.M), text


def test_budget(idt_eli_vmx):
    """A guest with interrupts off can't keep the host from its deadline."""
    text = idt_eli_vmx.serial()
    total = ledger.first(text[text.index(": cores back after "):])["p", 0]
    assert total["preemption-timer"] > 0


def test_host_ticks(idt_eli_vmx):
    """Each of the guest's ticks is one of the host's, that bounced, in a guest
    that does nothing else: to arm, the bounce, the injected one's EOI."""
    check_guest(idt_eli_vmx)
    counts, = ledger.window(idt_eli_vmx.serial(), mode="eli")
    ticks = TICKS["bochs"]
    assert counts["np-bounce"] == ticks, counts
    assert counts["msr-timer"] == ticks, counts
    assert counts["msr-eoi"] == ticks, counts
    assert counts["injection-virtual"] == ticks, counts
    assert counts.exits - counts.get("mark", 0) - counts["msr-read"] == (
        3 * ticks), counts
