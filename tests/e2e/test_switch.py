# SPDX-License-Identifier: BSD-2-Clause
"""The mode of a partition that runs is changed, again and again, under load: no
interrupt is lost, and none comes twice."""
import os
import re

import pytest

import ledger
import test_nic
import test_nvme
import test_two_linux
from peer import Peer
from runs import BUILD, LAB, LINUX, background, command, expect, typed

# Each way once, and back to where it began.
CIRCUIT = ["exit", "did", "eli", "exit", "eli", "did"]
ROUNDS = 4
COUNT_ROUNDS = {"qemu": ROUNDS, "bochs": 2}
COUNT_TABLE = """\
[machine]
sidecores = 2
log = com1
[partition linux]
cpus = 0-1
memory = 192M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
console = com2
"""
ICS_TABLE = """\
[machine]
sidecores = 2
log = com1
[partition payload]
cpus = 0-1
memory = 32M
identity = yes
device = pci 0000:00:02.0 intx=17
kernel = payload
cmdline = cpus=2 turn=100 count=800000
"""
READS, DATAGRAMS = 40000, 10000
LAST = ["exit", "did"]
# By what an interrupt of the timer shows.
DIRECT = ("external-interrupt", "interrupt-window", "msr-eoi", "hlt")


def switch(name, mode):
    return command(f"mode {name} {mode}") + expect(
        f"^partition {name}: running: interrupts = {mode}$")


def circuits(name):
    return [word for mode in ROUNDS * CIRCUIT for word in switch(name, mode)]


@background(long=True)
def counts_switched(lab):
    """Timers, IPIs and memory, counted twice; then fixed work in each mode."""
    words = expect("2:^guest# ") + typed("2:work count\\n",
                                         "2:^count ready$")
    for number in range(COUNT_ROUNDS[lab.machine]):
        for mode in CIRCUIT:
            words += switch("linux", mode)
        words += test_two_linux.ask(2, f"round{number}")
    words += test_two_linux.ask(2, "quit") + expect("2:^guest# ")
    for mode in LAST:
        words += switch("linux", mode)
        words += typed("2:work exitless\\n", "2:^guest# ")
    return lab("--cpus", 3, "--memory", "512M", "--table",
               lab.table(COUNT_TABLE), *LINUX, *words, *command("list"),
               *command("restart linux"), *expect("2:^guest# "),
               *command("list"), timeout=600)


def test_counts_are_exact(counts_switched):
    assert counts_switched.outcome == "seen", counts_switched.stderr
    rounds = COUNT_ROUNDS[counts_switched.report["machine"]]
    tags = [f"round{n}" for n in range(rounds)] + ["quit", "end"]
    test_two_linux.check_counts(counts_switched, 2, tags)


def test_each_is_a_mode_of_its_own(counts_switched):
    """The last two: by what exits while the timer fires 500 times."""
    texts = re.split(r"^partition linux: running: interrupts = \w+$",
                     counts_switched.serial(), flags=re.M)[-2:]
    exits = [ledger.window(text, mode=mode)
             for text, mode in zip(texts, LAST)]
    for snapshot in exits[0]:
        assert all(snapshot.get(cause) for cause in DIRECT), dict(snapshot)
    for snapshot in exits[1]:
        assert not any(snapshot.get(cause) for cause in DIRECT), dict(snapshot)


def test_a_new_start_keeps_it(counts_switched):
    for reply in counts_switched.replies("list"):
        assert reply[0].startswith("linux running did ")


def nvme(lab, kernel):
    path = test_nvme.disk(lab)
    table = test_nvme.TABLE.format(f"read:{READS}").replace(
        " quiet", " loglevel=5")
    return lab("--machine", "qemu", "--cpus", 3, "--memory", "1G", "--device",
               f"nvme,image={path}", "--table", lab.table(table),
               *test_nvme.linux(kernel), *expect("^mark linux/0 42 .*"),
               *circuits("linux"), *expect(test_nvme.STOPPED), timeout=300)


@background(long=True)
def nvme_switched(lab):
    return nvme(lab, "vmlinuz")


def test_disk(nvme_switched):
    """Every command completes, by an interrupt: Linux says so where it has
    had to look by itself."""
    assert nvme_switched.outcome == "seen", nvme_switched.stderr
    text = nvme_switched.serial()
    found = re.search(r"^linux\| read count=(\d+) wrong=(\d+) "
                      r"interrupts=(\d+) ", text, re.M)
    assert found, text[-1000:]
    assert (int(found[1]), int(found[2])) == (READS, 0)
    assert int(found[3]) >= READS
    assert "timeout" not in text and "No irq handler" not in text
    marks = [text.index(f"mark linux/0 {mark}") for mark in ("42", "45")]
    assert marks[0] < text.index("interrupts = exit")
    assert text.rindex("interrupts = did") < marks[1]


def nic(lab, model, intx, modules):
    with Peer() as peer:
        table = test_nic.MODE_TABLE.format("did", peer.port, DATAGRAMS,
                                           test_nic.BYTES)
        result = lab(*test_nic.TWO_CPUS, "--device", f"{model},net=host",
                     "--table", lab.table(table.replace("01:00.0",
                                                        f"01:00.0{intx}")),
                     *modules, *expect("^mark nic/0 42 .*"),
                     *circuits("nic"), *expect(test_nic.ENDED), timeout=300)
    return test_nic.Run(lab, result, peer, DATAGRAMS, test_nic.BYTES)


@background(long=True)
def igb_switched(lab):
    return nic(lab, "igb", "", test_nic.linux())


@background(long=True)
def e1000_switched(lab):
    """It has no messages: a level-triggered pin, by the remapping table."""
    return nic(lab, "e1000", " intx=20", [
        "--module", f"vmlinuz={LAB}/vmlinuz-full",
        "--module", f"initrd.img={LAB}/initrd-e1000.img"])


@pytest.mark.parametrize("run", ["igb_switched", "e1000_switched"])
def test_network(request, run):
    """Each datagram once, each byte, at both ends."""
    found = request.getfixturevalue(run)
    test_nic.check_network(found, 1)
    text = found.text(1)
    assert text.rindex("interrupts = did") < text.rindex("mark nic/0 45")


@background
def ics_switched(lab):
    """Of a level-triggered pin that goes from CPU to CPU."""
    return lab("--machine", "bochs", "--device", "e1000", "--cpus", 3,
               "--memory", "512M", "--table", lab.table(ICS_TABLE), "--module",
               f"payload={BUILD}/payloads/ics.bin",
               *expect("^partition payload: running: started"),
               *circuits("payload"), *expect("payload ics: .*\n"), timeout=300)


def test_pin(ics_switched):
    assert ics_switched.outcome == "seen", ics_switched.stderr
    text = ics_switched.serial()
    assert "payload ics: ok" in text
    assert text.rindex("interrupts = did") < text.index("payload ics:")
