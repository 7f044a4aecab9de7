# SPDX-License-Identifier: BSD-2-Clause
"""The SVM back end end to end, on QEMU's TCG whatever --machine says, and the
kernel of Debian 13 on both machines."""
import os
import re

import pytest

import ledger
from qemu import LOG
from runs import LINUX, PROMPT, TOP, background, expect

QEMU = ["--machine", "qemu"]
SHELL_SECONDS = 60
CLOCKS = 12  # a host with other work gives TCG's timers no chance
TURNS = 2000
NEVER = ("external-interrupt", "hlt", "msr-eoi", "msr-timer", "ept-ioapic",
         "ept-lapic", "ept-idt", "ept-other", "exception")
STOPPED = ["^partition linux: (?:stopped|parked): .*", PROMPT]

# Every CPU is the guest's: a sidecore that polls takes TCG's time.
TABLE = """\
[partition linux]
cpus = 0-1
memory = 256M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet ashlar.run={}
"""
TABLE_13 = """\
[machine]
sidecores = 4
[partition linux]
cpus = 0-3
memory = 256M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 ashlar.run=clock
"""
LINUX_13 = [w.replace("/vmlinuz", "/vmlinuz-13") for w in LINUX]


@background(long=True)
def svm_shell(lab):
    return lab(*QEMU, "--cpus", 3, "--table",
               os.path.join(TOP, "examples/linux.table"), *LINUX,
               *expect("guest# "), timeout=SHELL_SECONDS)


def test_shell(svm_shell):
    assert svm_shell.outcome == "seen", svm_shell.stderr
    print(f"shell after {svm_shell.report['seconds']} s")


@background(long=True)
def svm_workload(lab):
    work = ",".join(["clock"] * CLOCKS + ["exitless"])
    return lab(*QEMU, "--cpus", 2, "--table", lab.table(TABLE.format(work)),
               *LINUX, *expect(*STOPPED))


@pytest.fixture(name="said")
def said_fixture(svm_workload):
    assert svm_workload.outcome == "seen", svm_workload.stderr
    return svm_workload.serial()


def test_clock_source(said):
    sources = re.findall(r"^linux\| clock source=(\S+)$", said, re.M)
    assert sources == ["kvm-clock"] * CLOCKS or sources == ["tsc"] * CLOCKS


def test_hrtimers(said):
    assert re.findall(r"^linux\| clock (cpus=.*)$", said, re.M) == \
        ["cpus=2 hrtimers=2"] * CLOCKS


def test_sleeps(said):
    """100 sleeps of 1 ms in ms of TSC: never too short, and as they must be
    in one of the runs at least."""
    khz = int(re.search(r"^clock: TSC (\d+) kHz", said, re.M)[1])
    took = [int(tsc) / khz for tsc in re.findall(
        r"^linux\| clock sleeps=100 tsc=(\d+) ", said, re.M)]
    print("100 sleeps of 1 ms:", *(f"{ms:.1f}" for ms in took), "ms")
    assert len(took) == CLOCKS
    assert min(took) >= 100
    assert min(took) <= 130


@pytest.mark.parametrize("cause", NEVER)
def test_no_exit(said, cause):
    exits = ledger.window(said)
    assert [snapshot.get(cause, 0) for snapshot in exits] == [0, 0]


def test_the_rest_is_listed(said):
    print(*(dict(snapshot) for snapshot in ledger.window(said)), sep="\n")


# --- the exits as QEMU counts them ---


@background(long=True)
def svm_counted(lab):
    result = lab(*QEMU, "--cpus", 2, "--vmexits", "--table",
                 lab.table(TABLE.format(f"pingpong:{TURNS}")), *LINUX,
                 *expect(*STOPPED))
    return result, ledger.vmexits(ledger.log_window(
        os.path.join(lab.directory, LOG)))


def test_independent_count(svm_counted):
    result, lines = svm_counted
    assert result.outcome == "seen", result.stderr
    exits = ledger.window(result.serial())
    counted = sum(snapshot.exits for snapshot in exits)
    print(f"{lines} vmexit lines, {counted} in the ledger")
    # Of the other vCPU one may be on its way at each mark.  Few turns need an
    # IPI.
    assert abs(lines - counted) <= 2
    assert counted >= TURNS / 100


# --- Debian 13's cloud kernel ---


def boot_13(lab, machine):
    return lab("--machine", machine, "--cpus", 5, "--memory", "1G", "--table",
               lab.table(TABLE_13), *LINUX_13, *expect(*STOPPED))


@background(long=True)
def debian_13_svm(lab):
    return boot_13(lab, "qemu")


@background(long=True)
def debian_13_vmx(lab):
    return boot_13(lab, "bochs")


@pytest.mark.parametrize("run", ["debian_13_svm", "debian_13_vmx"])
def test_debian_13(request, run):
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    text = result.serial()
    assert re.search(r"^linux\| .*Linux version 6\.12\.", text, re.M)
    assert "linux| clock cpus=4 hrtimers=4" in text
    assert "linux| guest: done clock status 0" in text
    assert "partition linux: stopped: powered off by the guest" in text
