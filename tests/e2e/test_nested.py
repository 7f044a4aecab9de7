# SPDX-License-Identifier: BSD-2-Clause
"""Ashlar in QEMU/KVM, which an emulator's Linux runs: VMX on Bochs, with one
CPU, and SVM on QEMU's TCG.  There marks come from no guest's user space in mode
did: TCG's check of the I/O bitmap wants a TSS that is busy, and KVM has it so
only in the other modes.

With --machine kvm all of it is on the host's own KVM.
"""
import os
import re

import pytest

import ledger
from runs import BUILD, LINUX, PROMPT, background, expect, typed
from workload import TABLE, values

STOPPED = expect("^partition [a-z]+: (?:stopped|parked): ", PROMPT)
POWER_OFF = typed("poweroff\\n")
SWITCHES, SLEEPS = 20000, 500
NEVER = ("external-interrupt", "hlt", "msr-eoi", "msr-timer", "ept-ioapic",
         "ept-lapic", "ept-idt", "ept-other", "exception")
MODES = ("did", "exit", "eli")
TURNS = 10

ONE_CPU = TABLE.replace("sidecores = 2\n", "").replace("0-1", "0")
TWO_CPUS = TABLE.format("clock,count")
# More than the 10 ms after which a guest that holds back the host's timer is
# made to exit, less than 32 times as much: at 100 M ticks per second.
SPIN = 3000000
IDT = f"""\
[partition idt]
cpus = 0
memory = 64M
interrupts = eli
kernel = idt
cmdline = ticks=1000 delay=30000 spin={SPIN}
"""


def boot(lab, machine, cpus, table, *arguments):
    machine = "kvm" if lab.machine == "kvm" else machine
    return lab("--machine", machine, "--cpus", cpus, "--boot", "multiboot1",
               "--table", lab.table(table), *arguments, timeout=400)


def one_cpu(lab, machine, mode):
    table = ONE_CPU.replace("initrd = ", f"interrupts = {mode}\ninitrd = ")
    return boot(lab, machine, 1, table.format("clock,exitless"), *LINUX,
                *STOPPED, *POWER_OFF)


@background(long=True)
def nested_vmx_eli(lab):
    return one_cpu(lab, "kvm-on-bochs", "eli")


@background(long=True)
def nested_vmx_exit(lab):
    return one_cpu(lab, "kvm-on-bochs", "exit")


@background(long=True)
def nested_vmx_did(lab):
    return one_cpu(lab, "kvm-on-bochs", "did")


@background(long=True)
def nested_vmx_idt(lab):
    return boot(lab, "kvm-on-bochs", 1, IDT, "--module",
                f"idt={BUILD}/payloads/idt.bin", *STOPPED, *POWER_OFF)


@background(long=True)
def nested_svm_exit(lab):
    return one_cpu(lab, "kvm-on-qemu", "exit")


@background(long=True)
def nested_svm_did(lab):
    """The guest's console is typed into, for as long as it works."""
    asked = [word for n in range(TURNS) for word in
             typed(f"{n}\\n", f"^count [a-zA-Z]+ {n} ")]
    return boot(lab, "kvm-on-qemu", 3, TWO_CPUS, *LINUX,
                *expect("^linux. count ready", PROMPT),
                *typed("console linux\\n", "^ok"), *asked, "--input", "quit\\n",
                *STOPPED, *POWER_OFF)


RUNS = [f"nested_vmx_{mode}" for mode in MODES] + [
    "nested_vmx_idt", "nested_svm_exit", "nested_svm_did"]
LINUX_RUNS = [run for run in RUNS if not run.endswith("idt")]


def mode_of(run):
    return "eli" if run.endswith("idt") else run.rpartition("_")[2]


def last_ledger(result):
    """(NAME, VCPU) to Snapshot, when the partition has ended."""
    text = result.serial()
    return ledger.first(text[text.index(": cores back after "):])


@pytest.mark.parametrize("run", RUNS)
def test_end(request, run):
    """The guest ends, and at the monitor's word so does the machine."""
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    assert result.powered_off
    assert result.findall(r"^partition \w+: stopped: powered off by the guest$")


@pytest.mark.parametrize("run", RUNS)
def test_kvm_counts_the_same(request, run, machine):
    """Each entry that KVM has made for Ashlar is an exit in the ledger."""
    result = request.getfixturevalue(run)
    found = last_ledger(result)
    ledger.check_sums(found, mode_of(run))
    if machine == "kvm":
        pytest.skip("the host's counts are not for everyone to read")
    assert result.report["kvm"]["end"]["nested_run"] == sum(
        snapshot.exits for snapshot in found.values())


@pytest.mark.parametrize("run", LINUX_RUNS)
def test_clock(request, run):
    said = request.getfixturevalue(run).serial()
    clock = values(said, "clock", "sleeps")
    assert int(clock["sleeps"]) == 100
    assert int(clock["ns"]) >= 100e6
    assert "linux| guest: done clock status 0" in said


@pytest.mark.parametrize("run", [r for r in LINUX_RUNS
                                 if r != "nested_svm_did"])
def test_work_is_done(request, run):
    said = request.getfixturevalue(run).serial()
    done = values(said, "exitless", "work")
    assert int(done["switches"]) >= SWITCHES
    assert int(done["sleeps"]) == SLEEPS


@pytest.mark.parametrize("cause", NEVER)
def test_no_exit(nested_vmx_did, cause):
    """KVM, too, lets the interrupts of mode did straight to the guest."""
    exits, = ledger.window(nested_vmx_did.serial())
    assert exits.get(cause, 0) == 0


@pytest.mark.parametrize("run", ["nested_vmx_exit", "nested_svm_exit"])
def test_exit(request, run):
    exits, = ledger.window(request.getfixturevalue(run).serial(), mode="exit")
    assert exits["external-interrupt"] > 0
    assert exits["hlt"] > 0
    assert exits["msr-eoi"] > 1000


def test_eli(nested_vmx_eli):
    exits, = ledger.window(nested_vmx_eli.serial(), mode="eli")
    assert exits["np-bounce"] > exits.get("external-interrupt", 0)
    # Only while injecting, and that is soon over.
    assert exits.get("hlt", 0) <= exits["injection-mode"] / 50


def test_preemption_timer(nested_vmx_idt, machine):
    """KVM's counts 32 times slower than the TSC: were that forgotten, SPIN
    would be over before it."""
    text = nested_vmx_idt.serial()
    assert re.search(r"^idt\| payload idt: ok ", text, re.M), text[-2000:]
    if machine == "kvm":
        pytest.skip("how long SPIN is, and whether there is a timer, is not "
                    "known")
    assert last_ledger(nested_vmx_idt)["idt", 0]["preemption-timer"] > 0


def test_two_cpus(nested_svm_did):
    """And a sidecore: its console takes what is typed."""
    said = nested_svm_did.serial()
    assert "linux| clock cpus=2 hrtimers=2" in said
    counts = re.findall(r"^count (\w+) (\d+) ", said, re.M)
    assert counts == [("exact", str(n)) for n in range(TURNS)]
    assert re.search(r"^count exact end ", said, re.M)
    for snapshot in last_ledger(nested_svm_did).values():
        assert snapshot["msr-icr"] > 0
        assert snapshot.get("hlt", 0) == 0


def test_log_of_l1(nested_svm_did, machine):
    """KVM has nothing to complain about."""
    if machine == "kvm":
        pytest.skip("no L1")
    path = os.path.join(os.path.dirname(nested_svm_did.report["serial"]["1"]),
                        "l1.log")
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    assert not re.search("WARNING:|BUG:|unhandled", text), text
