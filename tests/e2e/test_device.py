# SPDX-License-Identifier: BSD-2-Clause
"""A PCI device of a partition's own, on a machine without IOMMU: Bochs' e1000
with the peer on its wire, and identity = yes."""
import os
import re

import pytest

import hostile
from ledger import window
from runs import BUILD, LAB, LINUX, background, command, expect

PAYLOADS = os.path.join(BUILD, "payloads")
FULL = ["--module", "vmlinuz=" + os.path.join(LAB, "vmlinuz-full")]
INITRD = os.path.join(LAB, "initrd-e1000.img")
MACHINE = ["--machine", "bochs", "--device", "e1000", "--memory", "512M"]
# Its line and that of the power management function go to one ISA interrupt,
# but to pins of their own, too.
DEVICE = """\
identity = yes
device = pci 0000:00:02.0 intx=17
"""
LINUX_TABLE = """\
[machine]
log = com1
[partition linux]
cpus = 0
memory = 256M
interrupts = {mode}
{device}kernel = vmlinuz
initrd = initrd.img
cmdline = {cmdline}
"""
PAYLOAD_TABLE = """\
[machine]
log = com1
[partition payload]
cpus = 0
memory = 32M
interrupts = {mode}
{device}kernel = payload
cmdline = count={count} late={late}
"""
MOVING_TABLE = """\
[machine]
sidecores = 2
log = com1
[partition payload]
cpus = 0-1
memory = 32M
interrupts = {mode}
{device}kernel = payload
cmdline = cpus=2 turn={turn} count={count}
"""
ATTACK_TABLE = """\
[machine]
sidecores = 2
log = com1
[partition attacker]
cpus = 0
memory = 32M
{device}kernel = config
[partition victim]
cpus = 1
memory = 20M
kernel = victim
cmdline = deadline=0
console = com3
"""
PINGS, DATAGRAMS = 2000, 500
WORKS = "ping", "flood"
CMDLINE = f"console=ttyS0 quiet ashlar.run=ping:{PINGS},flood:{DATAGRAMS}"
# Of payload.lds.
LINKED_AT = 0x1000000
# Bochs' CPUID claims another frequency than it has.
BARE = " tsc_early_khz=100000 tsc=reliable idle=halt"
# How a run ends, whatever comes of it.
END = r"^(?:partition \w+: (?:stopped|parked): .*|boot: stopped.*)$"
# What the guest said may come out after that.
RESULT = r"payload ics: (?:ok|FAIL) .*\n|: parked: .*\n"
INTERRUPTS = {"did": 100000, "exit": 20000, "eli": 20000}
# Edge interrupts that are sent before the pin is given another vector.  Bochs
# lets no interrupt exit while the guest's IF is clear, so in exit the guest
# has masked the pin by the time that Ashlar hears of it.
LATE = {"did": 100, "exit": 0, "eli": 100}
# Of a pin that goes from CPU to CPU: interrupts, and how many in a row.
MOVED, TURN = 4000, 10
# A register of the IO-APIC is an index and a value: mask, CPU, unmask.
MOVE_EXITS = 6
NEVER = ("external-interrupt", "interrupt-window", "hlt", "msr-eoi",
         "msr-timer", "ept-ioapic", "ept-lapic", "ept-other", "np-bounce")


@background(long=True)
def device_bare(lab):
    return lab(*MACHINE, "--cpus", 1, "--bare", *FULL,
               "--module", "initrd=" + INITRD, "--cmdline", CMDLINE + BARE)


def run_linux(lab, mode):
    """One boot of Linux, with the works on the command line."""
    table = LINUX_TABLE.format(mode=mode, device=DEVICE, cmdline=CMDLINE)
    return lab(*MACHINE, "--cpus", 1, "--table", lab.table(table), *FULL,
               "--module", "initrd.img=" + INITRD, *expect(END),
               *command("list"))


@background(long=True)
def device_did(lab):
    return run_linux(lab, "did")


@background(long=True)
def device_exit(lab):
    return run_linux(lab, "exit")


@background(long=True)
def device_eli(lab):
    return run_linux(lab, "eli")


def run_ics(lab, mode):
    """One boot of the payload ics."""
    table = PAYLOAD_TABLE.format(mode=mode, device=DEVICE,
                                 count=INTERRUPTS[mode], late=LATE[mode])
    return lab(*MACHINE, "--cpus", 1, "--table", lab.table(table),
               "--module", f"payload={PAYLOADS}/ics.bin", *expect(END),
               *command("start payload"), *expect(END), timeout=300)


def refused(lab, device):
    """One boot that ends with a reason."""
    table = PAYLOAD_TABLE.format(mode="did", count=1, late=0, device=device)
    return lab(*MACHINE, "--cpus", 1, "--table", lab.table(table),
               "--module", f"payload={PAYLOADS}/ics.bin", *expect(END),
               timeout=120)


@background
def device_shared(lab):
    return refused(lab, DEVICE.replace(" intx=17", ""))


@background
def device_absent(lab):
    return refused(lab, DEVICE.replace("02.0", "1e.0"))


@background
def device_bridge(lab):
    return refused(lab, DEVICE.replace("02.0", "00.0"))


@background
def ics_did(lab):
    return run_ics(lab, "did")


@background
def ics_exit(lab):
    return run_ics(lab, "exit")


@background
def ics_eli(lab):
    return run_ics(lab, "eli")


def run_moving(lab, mode):
    """One boot of the payload ics with two CPUs."""
    table = MOVING_TABLE.format(mode=mode, device=DEVICE, turn=TURN,
                                count=MOVED)
    return lab(*MACHINE, "--cpus", 3, "--table", lab.table(table),
               "--module", f"payload={PAYLOADS}/ics.bin", *expect(RESULT),
               timeout=300)


@background
def moving_did(lab):
    return run_moving(lab, "did")


@background
def moving_exit(lab):
    return run_moving(lab, "exit")


@background
def moving_eli(lab):
    return run_moving(lab, "eli")


@background
def config_attack(lab):
    return lab(*MACHINE, "--cpus", 3, "--table",
               lab.table(ATTACK_TABLE.format(device=DEVICE)),
               # More of them, so that RAM begins behind 16 MiB.
               *FULL, *LINUX[2:], "--module", f"big={LAB}/vmlinuz",
               "--module", f"config={PAYLOADS}/config.bin",
               "--module", f"victim={PAYLOADS}/victim.bin",
               *expect("3:^victim: ready$", END),
               *hostile.ask_victim("a"), *hostile.ask_victim("b"),
               timeout=300)


def figures(text, words):
    """KEY=NUMBER of the guest's line that begins with these words."""
    (line,) = re.findall(rf"^(?:linux\| )?{words} (.*)$", text, re.M)
    return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", line)}


def check_network(result):
    """All of it done, each round trip by its interrupts, and the driver
    counts what the peer has logged."""
    assert result.outcome in ("seen", "ended"), result.stderr
    text = result.serial()
    ping, flood = (figures(text, f"{work}(?= sent=)")
                   for work in ("ping", "flood"))
    assert ping["received"] == ping["sent"] == PINGS
    assert flood["sent"] == DATAGRAMS
    # One for the request and one for the answer; both may come as one.
    assert PINGS <= ping["irqs"] <= 2 * PINGS + 10
    packets = figures(text, "flood packets")
    directory = os.path.dirname(result.report["serial"]["1"])
    with open(os.path.join(directory, "packets.log"),
              encoding="latin-1") as file:
        log = file.read()
    assert log.count("a packet from host to guest") == packets["rx"]
    # The interface stays up after it was asked.
    sent = log.count("a packet from guest to host") - packets["tx"]
    assert 0 <= sent <= 4
    return ping


def test_bare(device_bare):
    check_network(device_bare)


@pytest.mark.parametrize("run", [f"device_{mode}" for mode in INTERRUPTS])
def test_linux(request, run):
    assert check_network(request.getfixturevalue(run))["irqs"] > PINGS


def marks(text):
    """The text from each mark to the next."""
    at = [m.start() for m in re.finditer("^mark ", text, re.M)]
    return [text[a:b] for a, b in zip(at, at[1:] + [len(text)])]


def work_exits(result, work, mode):
    """Exits between a work's two marks, and the card's interrupts."""
    text = result.serial()
    at = 2 * WORKS.index(work)
    first, last = marks(text)[at:at + 2]
    (exits,) = window(first + last, mode=mode)
    return exits, figures(text, f"{work}(?= sent=)")["irqs"]


@pytest.mark.parametrize("work", WORKS)
def test_no_exit(device_did, work):
    """Between its two marks, for arrival, EOI and delivery: none."""
    exits, _ = work_exits(device_did, work, "did")
    assert not any(exits.get(cause) for cause in NEVER), exits
    # The mark itself, and now and then the kernel's housekeeping.
    assert exits.exits <= 4, exits


@pytest.mark.parametrize("work", WORKS)
def test_few_exits(device_eli, work):
    """Those of the kernel's tick, three each, and of what little it does
    beside.  To take the card's interrupts by exits costs one each at least;
    a quarter is far from that and from what is there, a tenth."""
    exits, irqs = work_exits(device_eli, work, "eli")
    assert exits.exits < irqs / 4, (exits, irqs)
    assert not exits.get("ept-ioapic"), exits


@pytest.mark.parametrize("work", WORKS)
def test_exits(device_exit, work):
    """Each interrupt comes by one, and its EOI is another."""
    exits, irqs = work_exits(device_exit, work, "exit")
    assert exits["msr-eoi"] >= irqs, (exits, irqs)
    assert exits.exits >= 2 * irqs, (exits, irqs)


def test_unsafe_is_said(device_did):
    assert device_did.findall("^warning: partition linux: identity = yes: ")


@pytest.mark.parametrize("run", [f"ics_{mode}" for mode in INTERRUPTS])
def test_each_once(request, run):
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    count = INTERRUPTS[run.removeprefix("ics_")]
    # And again by the next guest, which gets the card as the first did.
    assert len(result.findall(
        rf"^payload\| payload ics: ok raised={count} seen={count}$")) == 2, \
        result.serial()[-2000:]


@pytest.mark.parametrize("run", ["ics_did", "ics_eli"])
def test_each_once_without_exit(request, run):
    """The guest has nothing but these, and so no exit but its mark's."""
    result = request.getfixturevalue(run)
    (exits,) = window(result.serial(), mode=run.removeprefix("ics_"))
    assert set(exits) <= {"mark"}, exits


@pytest.mark.parametrize("run", [f"moving_{mode}" for mode in INTERRUPTS])
def test_two_cpus(request, run):
    """The pin goes from one CPU to the other, and each sees its own."""
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    assert result.findall(rf"^payload\| payload ics: ok raised={MOVED} "
                          rf"seen={MOVED}$"), result.serial()[-2000:]
    assert result.findall(rf"^payload\| ics: shares {MOVED // 2} "
                          rf"{MOVED // 2}$")


@pytest.mark.parametrize("run", ["moving_did", "moving_eli"])
def test_two_cpus_without_exit(request, run):
    """Only the moves exit, and only where they are made."""
    result = request.getfixturevalue(run)
    first, second = window(result.serial(), mode=run.removeprefix("moving_"))
    assert set(first) <= {"mark", "ept-ioapic"}, first
    assert first["ept-ioapic"] == MOVE_EXITS * (MOVED // TURN - 1), first
    assert not second, second


def test_two_cpus_in_exit(moving_exit):
    for exits in window(moving_exit.serial(), mode="exit"):
        assert exits["msr-eoi"] == MOVED // 2, exits


@pytest.mark.parametrize("run, reason", [
    ("device_shared", "its interrupt, GSI 9, is that of 00:01.3, too; "
     "assign both to one partition"),
    ("device_absent", "there is none; correct the address"),
    ("device_bridge", "it is a bridge; remove it"),
])
def test_refused(request, run, reason):
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
    assert result.findall(r"^boot: partition payload: device 0000:00:\S+: "
                          f"{re.escape(reason)}$")


def test_config_space(config_attack):
    result = config_attack
    assert result.outcome == "seen", result.stderr
    found = result.findall(r"^attacker\| payload config: ok functions=256 "
                           r"others=8160 bar0=c0000000 size=20000 "
                           r"at=([0-9a-f]+)$")
    assert found, result.serial()[-2000:]
    # Not where it is linked: it has relocated itself.
    assert int(found[0], 16) > LINKED_AT
    reports = hostile.VICTIM.findall(result.serial(3))
    assert reports
    for report in reports:
        assert report[0] == "exact" and report[2] == report[3], report
