# SPDX-License-Identifier: BSD-2-Clause
"""The instructions that a guest may not have, one by one, and the twin: each
intercept that TCG knows is taken out of the image once, and is then missed.

The payload sees what an instruction does, not who did it, so it says how many
exits there must have been, and the ledger has to agree.  Not here: the
intercepts of SMI, INIT and #MC (no guest can cause one), FERR_FREEZE, task
switches (there are none in long mode), #AC and those of RDPRU, INVLPGB,
TLBSYNC and MCOMMIT (not in TCG), shutdown (TCG exits without it, too).
"""
import os
import re
import subprocess
import sys

import pytest

import ledger
from runs import BUILD, TOP, background, expect
from symbols import IMAGE

TABLE = """\
[machine]
log = com1

[partition p]
cpus = {cpus}
memory = 64M
kernel = payload
cmdline = tcg={tcg}
"""
# The second is the end of a guest that has the serial port itself.
END = r"^partition p: (?:stopped|parked): .*\n|^payload "
TIMEOUT = {"qemu": 120, "bochs": 240}
# A guest that reaches past Ashlar may end nowhere at all.
DROPPED_TIMEOUT = {"intercepts": 20, "startup": 90}
DROP = os.path.join(TOP, "tests/variants/drop.py")

CPUS = {"intercepts": 1, "shutdown": 1, "startup": 2}
EXCEPTIONS, MISC1, MISC2 = ("svm_intercept_exceptions", "svm_intercept_misc1",
                            "svm_intercept_misc2")
# Which bit of which word, and the payload that misses it.
DROPPED = {
    "#DB": (EXCEPTIONS, 1, "intercepts"),
    "NMI": (MISC1, 1, "startup"),
    "RDPMC": (MISC1, 15, "intercepts"),
    "CPUID": (MISC1, 18, "intercepts"),
    "RSM": (MISC1, 19, "intercepts"),
    "INVD": (MISC1, 22, "intercepts"),
    "INVLPGA": (MISC1, 26, "intercepts"),
    "I/O": (MISC1, 27, "intercepts"),
    "MSR": (MISC1, 28, "intercepts"),
    "VMRUN": (MISC2, 0, "intercepts"),
    "VMMCALL": (MISC2, 1, "intercepts"),
    "VMLOAD": (MISC2, 2, "intercepts"),
    "VMSAVE": (MISC2, 3, "intercepts"),
    "STGI": (MISC2, 4, "intercepts"),
    "CLGI": (MISC2, 5, "intercepts"),
    "SKINIT": (MISC2, 6, "intercepts"),
    "WBINVD": (MISC2, 9, "intercepts"),
    "MONITOR": (MISC2, 10, "intercepts"),
    "MWAIT": (MISC2, 11, "intercepts"),
    "XSETBV": (MISC2, 13, "intercepts"),
}


def run(lab, machine, payload, *arguments, timeout=None):
    table = TABLE.format(cpus=f"0-{CPUS[payload] - 1}",
                         tcg=int(machine == "qemu"))
    return lab("--machine", machine, "--cpus", CPUS[payload], "--memory",
               "256M", "--table", lab.table(table), "--module",
               f"payload={BUILD}/payloads/{payload}.bin",
               *expect(END), *arguments,
               timeout=timeout or TIMEOUT[machine])


def verdict(payload, result):
    """What is wrong with the run of a payload, "" if nothing is."""
    text = result.serial()
    if result.outcome != "seen":
        return f"{result.outcome}: " + " / ".join(
            result.stderr.strip().splitlines()[-1:])
    if payload == "shutdown":
        good = re.search("^partition p: parked: triple fault$", text, re.M)
        return "" if good else "not parked"
    ok = re.search(rf"^p\| payload {payload}: ok (.*)$", text, re.M)
    if not ok:
        failed = re.findall(r"^p\| (\S+ \S+: .*FAIL.*)$", text, re.M)
        return " / ".join(failed[:2]) or "no result"
    exits = ledger.first(text)["p", 0]
    for cause, count in re.findall(r"(exception|xsetbv)=(\d+)", ok[1]):
        if exits.get(cause, 0) != int(count):
            return f"{cause}: {exits.get(cause, 0)} exits, not {count}"
    return ""


@background
def payloads_svm(lab):
    return {p: verdict(p, run(lab, "qemu", p)) for p in CPUS}


@background
def payloads_vmx(lab):
    return {p: verdict(p, run(lab, "bochs", p)) for p in CPUS}


@background
def dropped_intercepts(lab):
    # All of them in place, and the same bounds: nothing is amiss.
    found = {"": verdict("intercepts", run(
        lab, "qemu", "intercepts", timeout=DROPPED_TIMEOUT["intercepts"]))}
    image = os.path.join(lab.directory, "dropped.elf")
    for name, (symbol, bit, payload) in DROPPED.items():
        subprocess.run([sys.executable, DROP, IMAGE, symbol, str(bit), image],
                       check=True)
        found[name] = verdict(payload, run(
            lab, "qemu", payload, "--image", image,
            timeout=DROPPED_TIMEOUT[payload]))
    with open(os.path.join(lab.directory, "dropped.txt"), "w",
              encoding="utf-8") as file:
        file.writelines(f"{n or 'none'}: {v or 'nothing missed'}\n"
                        for n, v in found.items())
    return found


@pytest.mark.parametrize("payload", CPUS)
@pytest.mark.parametrize("run", ["payloads_svm", "payloads_vmx"])
# pylint: disable-next=redefined-outer-name
def test_payload(request, run, payload):
    assert not request.getfixturevalue(run)[payload]


@pytest.mark.parametrize("name", DROPPED)
def test_dropped_intercept_is_missed(dropped_intercepts, name):
    """The table of all of them: build/e2e/dropped_intercepts/dropped.txt."""
    assert not dropped_intercepts[""]
    assert dropped_intercepts[name]
