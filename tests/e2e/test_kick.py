# SPDX-License-Identifier: BSD-2-Clause
"""Kicks at every moment of an exit, by the payload kick: none is lost.  The
twins test the mark in the wrong place, and lose some.

Bochs is told to run one instruction of each CPU in turn, so that a tick more of
the sender's delay is an instruction further on the exit path, on VMX and on
SVM.  QEMU's ticks are the host's and its CPUs are threads: there the kicks come
where they come, and there is no twin.  TCG takes an NMI only between two blocks
of code; the one such place between the test of the mark and CLGI is a few ns of
an exit that takes 0.1 ms.
"""
import re

import pytest

import ledger
from runs import BUILD, background, expect, variant

TABLE = """\
[machine]
log = com1

[partition kick]
cpus = 0-1
memory = 20M
kernel = kick
interrupts = {}
"""
PASSES, LAST = 3, 2000
KICKS = PASSES * (LAST + 1)
# Kicks of each pass that come behind the test of the mark under VMX: as many as
# there are registers to load, and some.
IN_WINDOW = 16
VMX = ["--machine", "bochs", "--quantum", 1]
SVM = [*VMX, "--cpu-model", "ryzen"]
OK = re.compile(r"payload kick: ok kicks=(\d+) before=(\d+) within=(\d+) "
                r"behind=(\d+)$", re.M)
LOST = re.compile(r"payload kick: FAIL kicks=(\d+) lost=(\d+) ", re.M)
HISTOGRAM = re.compile(r"kick: delay (\d+): before=(\d+) within=(\d+) "
                       r"behind=(\d+)$", re.M)


def sweep(lab, *arguments, mode="did"):
    return lab("--cpus", 2, "--memory", "256M", *arguments,
               "--table", lab.table(TABLE.format(mode)), "--module",
               f"kick={BUILD}/payloads/kick.bin",
               *expect("^partition kick: (?:stopped|parked): "), timeout=240)


def twin(lab, image, *arguments):
    return sweep(lab, *variant(image), *arguments)


@background(long=True)
def kick_vmx(lab):
    return sweep(lab, *VMX)


@background(long=True)
def kick_vmx_exit(lab):
    return sweep(lab, *VMX, mode="exit")


@background(long=True)
def kick_vmx_eli(lab):
    return sweep(lab, *VMX, mode="eli")


@background(long=True)
def kick_svm(lab):
    return sweep(lab, *SVM)


@background(long=True)
def kick_qemu(lab):
    return sweep(lab, "--machine", "qemu")


@background(long=True)
def kick_vmx_swapped(lab):
    return twin(lab, "ashlar-vmx-swapped.elf", *VMX)


@background(long=True)
def kick_svm_swapped(lab):
    return twin(lab, "ashlar-svm-swapped.elf", *SVM)


def check_none_lost(result, mode="did"):
    """What CPU 1's ledger has of the sweep; where it was, by its RIP."""
    text = result.serial()
    found = OK.search(text)
    assert found, result.stderr
    kicks, *places = map(int, found.groups())
    assert kicks == KICKS == sum(places)
    assert all(places)
    assert len(HISTOGRAM.findall(text)) == 21
    exits = ledger.window(text, mode=mode)[1]
    print(found[0], exits)
    assert exits["cpuid"] == kicks
    return exits, places


@pytest.mark.parametrize("run, mode", [("kick_vmx", "did"),
                                       ("kick_vmx_exit", "exit"),
                                       ("kick_vmx_eli", "eli")])
def test_none_lost_vmx(request, run, mode):
    """A kick ends the guest's run by an NMI exit, or it comes in root mode:
    before the test of the mark, which costs no exit, or behind it, and then
    the preemption timer does."""
    exits, (before, within, behind) = check_none_lost(
        request.getfixturevalue(run), mode)
    in_guest, behind_test = exits["nmi-kick"], exits["preemption-timer"]
    before_test = KICKS - in_guest - behind_test
    assert in_guest >= before + behind
    assert behind_test >= PASSES * IN_WINDOW and before_test > 0
    assert behind_test + before_test <= within


@pytest.mark.parametrize("run", ["kick_svm", "kick_qemu"])
def test_none_lost_svm(request, run):
    """Each one is an NMI exit, be it pending since before VMRUN."""
    exits, _ = check_none_lost(request.getfixturevalue(run))
    assert exits["nmi-kick"] == KICKS


@pytest.mark.parametrize("run", ["kick_vmx_swapped", "kick_svm_swapped"])
def test_twin_loses_some(request, run):
    result = request.getfixturevalue(run)
    found = LOST.search(result.serial())
    assert found, result.stderr
    print(found[0])
    assert 0 < int(found[1]) <= KICKS and int(found[2]) > 0
