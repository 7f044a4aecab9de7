# SPDX-License-Identifier: BSD-2-Clause
"""Events at every moment of what a CPU does between two instructions that
belong together, by the payload sweep: no IPI comes late or within a shadow, and
no frame has a bit of RFLAGS that the guest has not set.  Twins without a mend
have some.

On VMX also what Bochs lets pass and a processor does not, by images that look
themselves, or make exits which no emulator has.
"""
import os
import re
import subprocess
import sys

import pytest

from runs import BUILD, TOP, background, expect, variant
from symbols import IMAGE

TABLE = """\
[machine]
log = com1
"""
PARTITION = """\
[partition {name}]
cpus = {cpus}
memory = 20M
kernel = {kernel}
interrupts = {mode}
cmdline = {cmdline}
"""
DROP = os.path.join(TOP, "tests/variants/drop.py")
# Ticks until a turn is late: of Bochs' clock, of the host's.
LATE = {"bochs": 1000000, "qemu": 4000000000}
MACHINE = {"bochs": ["--machine", "bochs", "--quantum", 1],
           "qemu": ["--machine", "qemu"]}
TIMEOUT = 120
END = r"^partition \w+: (?:stopped|parked): "
OK = re.compile(r"payload sweep: ok turns=(\d+)$", re.M)
PART = re.compile(r"sweep (\w+): turns=(\d+) late=(\d+) early=(\d+) "
                  r"borrowed=(\d+)$", re.M)
LOST = re.compile(r"payload sweep: FAIL (\w+): lost, ", re.M)


def partition(kernel, mode, cmdline="", cpus="0", name="p"):
    return PARTITION.format(kernel=kernel, mode=mode, cmdline=cmdline,
                            cpus=cpus, name=name)


def drop(lab, symbol, bit):
    path = os.path.join(lab.directory, "dropped.elf")
    subprocess.run([sys.executable, DROP, IMAGE, symbol, str(bit), path],
                   check=True)
    return ["--image", path]


def boot(lab, cpus, partitions, *arguments, ends=(END,)):
    names = set(re.findall(r"kernel = (\w+)", partitions))
    modules = [word for name in sorted(names)
               for word in ("--module", f"{name}={BUILD}/payloads/{name}.bin")]
    return lab(*MACHINE[lab.machine], "--cpus", cpus, "--memory", "256M",
               "--table", lab.table(TABLE + partitions), *modules, *arguments,
               *expect(*ends), timeout=TIMEOUT)


def sweep(lab, mode, *arguments):
    cmdline = (f"late={LATE[lab.machine]} fault={int(lab.machine == 'qemu')} "
               f"step={int(mode == 'exit')}")
    return boot(lab, 2, partition("sweep", mode, cmdline, "0-1"), *arguments)


@background(long=True)
def sweep_did(lab):
    return sweep(lab, "did")


@background(long=True)
def sweep_eli(lab):
    return sweep(lab, "eli")


@background(long=True)
def sweep_exit(lab):
    return sweep(lab, "exit")


@background
def twin_hlt(lab):
    """HLT is the core's own while injecting, too."""
    if lab.machine != "bochs":
        return None
    return sweep(lab, "eli", *drop(lab, "vmx_cpu_emulated", 7))


@background
def twin_shadow(lab):
    if lab.machine != "qemu":
        return None
    return sweep(lab, "did", *variant("ashlar-shadow.elf"))


@background
def twin_step(lab):
    """#NP does not exit while stepping."""
    if lab.machine != "qemu":
        return None
    return sweep(lab, "did", *drop(lab, "svm_step_exceptions", 11))


@background
def sweep_alone(lab):
    return boot(lab, 1, partition("sweep", "eli", "alone=1"))


@background
def blocked(lab):
    if lab.machine != "bochs":
        return None
    both = (partition("blocked", "did", name="did") +
            partition("blocked", "eli", cpus="1", name="eli"))
    return boot(lab, 2, both, *variant("ashlar-checked.elf"),
                ends=(r"payload blocked: .*\n|^panic: ",) * 2)


@background
def machine_check(lab):
    """Reasons of VMX; under SVM a shutdown."""
    payload, image = {"bochs": ("reason", "ashlar-reason.elf"),
                      "qemu": ("shutdown", "ashlar-mce.elf")}[lab.machine]
    return boot(lab, 1, partition(payload, "did"), *variant(image),
                ends=(r"^panic: .*\n|" + END,))


@pytest.mark.parametrize("run", ["sweep_did", "sweep_eli", "sweep_exit"])
def test_nothing_lost(request, machine, run):
    result = request.getfixturevalue(run)
    text = result.serial()
    ok = OK.search(text)
    assert ok, text[-1000:] + result.stderr
    parts = PART.findall(text)
    print(parts)
    assert len(parts) == 6 + (run == "sweep_exit") + (machine == "qemu")
    assert sum(int(turns) for _, turns, *_ in parts) == int(ok[1])
    assert not any(int(n) for part in parts for n in part[2:])


# pylint: disable=redefined-outer-name
def test_alone(sweep_alone):
    text = sweep_alone.serial()
    assert "payload sweep: ok alone borrowed=0\n" in text, text[-1000:]


def counted(result):
    """Late and lost ones, early ones, frames with what is not theirs."""
    if not result:
        pytest.skip("for the other machine")
    text = result.serial()
    late, early, borrowed = (sum(int(part[n]) for part in PART.findall(text))
                             for n in (2, 3, 4))
    print(late, LOST.findall(text), early, borrowed)
    return late + len(LOST.findall(text)), early, borrowed


def test_twin_is_late(twin_hlt):
    assert counted(twin_hlt)[0] > 0


def test_twin_is_early(twin_shadow):
    assert counted(twin_shadow)[1] > 0


def test_twin_shows_tf(twin_step):
    assert counted(twin_step)[2] > 0


def test_blocked(blocked, machine):
    """A shadow, TF and an event: no entry that a processor refuses."""
    if machine != "bochs":
        pytest.skip("VMX only")
    text = blocked.serial()
    assert len(re.findall("payload blocked: ok ", text)) == 2, text[-1000:]


def test_no_shadow_at_vmrun():
    """STI's would be the guest's where an exit comes before its first
    instruction; the emulators don't show it."""
    text = subprocess.run(["objdump", "-d", "--disassemble=svm_enter", IMAGE],
                          check=True, capture_output=True, text=True).stdout
    before = re.search(r"^.*\n.*\tvmrun", text, re.M)[0].splitlines()[0]
    assert "\tvmload" in before


def test_machine_check(machine_check, machine):
    text = machine_check.serial()
    assert re.search("^panic: cpu 0: machine check$", text, re.M), text[-1000:]
    if machine == "bochs":
        for reason in (76, 77):
            assert f"reason {reason}: undefined\n" in text
