# SPDX-License-Identifier: BSD-2-Clause
"""NICs of a guest's own behind VT-d, on QEMU, beside another guest with a disk:
what goes to the host and back, and interrupts without an exit."""
import os
import re

import pytest

import ledger
from pattern import BLOCK, disk
from peer import Peer
from qemu import LOG
from runs import LAB, background, command, expect, typed

QEMU = ["--machine", "qemu", "--cpus", 3, "--memory", "1G"]
# The sidecore and the disk's vCPU have one CPU of the host's, of two.
TABLE = """\
[machine]
sidecores = 2
log = com1
[partition disk]
cpus = 0
memory = 256M
kernel = vmlinuz
initrd = initrd.img
device = pci 0000:01:00.0
console = com2
cmdline = console=ttyS0 quiet nohz=off
[partition nic]
cpus = 1
memory = 256M
kernel = vmlinuz
initrd = initrd.img
device = pci 0000:02:00.0
console = com3
cmdline = console=ttyS0 quiet nohz=off peer_port={}
"""
SHELL = "guest# "
ENDED = r"^partition \w+: (?:stopped|parked): .*"
READS, DATAGRAMS, BYTES = 5000, 5000, 12800 * BLOCK
# Of all causes but reads of TSC_ADJUST, as in test_nvme.py.
MOST_EXITS = 20
NEVER = ("external-interrupt", "interrupt-window", "msr-eoi", "ept-msix",
         "io-other", "nmi-kick")
WORKS = "udp", "tcp"


def linux(suffix=""):
    return ["--module", f"vmlinuz={LAB}/vmlinuz-full{suffix}",
            "--module", f"initrd.img={LAB}/initrd-nic{suffix}.img"]


class Run:
    """What a run has left behind; peer: what the host has seen."""

    def __init__(self, result, peer, datagrams, stream):
        self.result, self.peer = result, peer
        self.datagrams, self.stream = datagrams, stream

    def text(self, port):
        assert self.result.outcome == "seen", self.result.stderr
        return self.result.serial(port)

    def numbers(self, work, port):
        """What the guest has printed at the end of a work."""
        (line,) = re.findall(rf"^(?:nic\| )?{work} (\w+=.*)$",
                             self.text(port), re.M)
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", line)}


def beside_disk(lab, model, suffix="", *, datagrams=DATAGRAMS, stream=BYTES,
                reads=READS, extra=()):
    """Both guests wait at their shells until each is there."""
    with Peer() as peer:
        result = lab(
            *QEMU, "--device", f"nvme,image={disk(lab)}",
            "--device", f"{model},net=host", *extra,
            "--table", lab.table(TABLE.format(peer.port)), *linux(suffix),
            *expect("2:" + SHELL, "3:" + SHELL),
            *typed(f"3:work udp {datagrams}; work tcp {stream}; "
                   "work drain; poweroff -f\\n"),
            *typed(f"2:work read {reads}; work drain; poweroff -f\\n"),
            *expect(ENDED, ENDED), *command("list"), timeout=300)
    return Run(result, peer, datagrams, stream)


@background(long=True)
def igb_12(lab):
    return beside_disk(lab, "igb")


@background(long=True)
def e1000e_12(lab):
    return beside_disk(lab, "e1000e")


@background(long=True)
def igb_13(lab):
    return beside_disk(lab, "igb", "-13")


RUNS = pytest.mark.parametrize("run", ["igb_12", "e1000e_12", "igb_13"])


def check_network(run, port):
    """Each datagram once and as it must be, each byte, at both ends."""
    udp, tcp = (run.numbers(work, port) for work in WORKS)
    assert (udp["sent"], udp["received"], udp["lost"], udp["wrong"]) == (
        run.datagrams, run.datagrams, 0, 0)
    assert (tcp["sent"], tcp["received"], tcp["wrong"]) == (
        run.stream, run.stream, 0)
    assert run.peer.datagrams == list(range(run.datagrams + 1))
    assert run.peer.streams == [(run.stream, 0)]
    # One at least for each datagram that has come.
    assert udp["interrupts"] >= run.datagrams
    assert tcp["interrupts"]


@RUNS
def test_network(request, run):
    check_network(request.getfixturevalue(run), 3)


@RUNS
def test_disk_beside_it(request, run):
    found = request.getfixturevalue(run).numbers("read", 2)
    assert (found["count"], found["wrong"]) == (READS, 0)
    assert found["interrupts"] >= READS


def exits_of(run, work, mode="did"):
    (exits,) = ledger.window(run.text(1), mode=mode, name="nic",
                             nth=WORKS.index(work))
    print(work, exits.exits, dict(exits))
    return exits


@RUNS
@pytest.mark.parametrize("work", WORKS)
def test_no_exit_by_interrupts(request, run, work):
    exits = exits_of(request.getfixturevalue(run), work)
    assert not [cause for cause in NEVER if exits.get(cause)]
    assert exits.exits - exits.get("msr-read", 0) < MOST_EXITS


# --- the other modes ---

MODE_TABLE = """\
[machine]
sidecores = 1
log = com1
[partition nic]
cpus = 0
memory = 256M
interrupts = {}
kernel = vmlinuz
initrd = initrd.img
device = pci 0000:01:00.0
cmdline = console=ttyS0 quiet nohz=off peer_port={} ashlar.run=udp:{},tcp:{}
"""
FEW, SMALL = 500, 1024 * BLOCK


def in_mode(lab, mode):
    with Peer() as peer:
        table = MODE_TABLE.format(mode, peer.port, FEW, SMALL)
        result = lab("--machine", "qemu", "--cpus", 2, "--memory", "512M",
                     "--device", "igb,net=host", "--table", lab.table(table),
                     *linux(), *expect(ENDED), *command("list"), timeout=300)
    return Run(result, peer, FEW, SMALL)


@background(long=True)
def igb_exit(lab):
    return in_mode(lab, "exit")


@background(long=True)
def igb_eli(lab):
    return in_mode(lab, "eli")


@pytest.mark.parametrize("run", ["igb_exit", "igb_eli"])
def test_network_in_mode(request, run):
    check_network(request.getfixturevalue(run), 1)


@pytest.mark.parametrize("work", WORKS)
def test_exits(igb_exit, work):
    """Each interrupt's EOI is one."""
    exits = exits_of(igb_exit, work, "exit")
    assert exits["msr-eoi"] >= igb_exit.numbers(work, 1)["interrupts"]
    assert exits["external-interrupt"]


@pytest.mark.parametrize("work", WORKS)
def test_no_external_interrupt(igb_eli, work):
    exits = exits_of(igb_eli, work, "eli")
    assert not exits.get("external-interrupt")
    print(igb_eli.numbers(work, 1)["interrupts"])


# --- a unit that remembers what was not there ---

CACHING = ["--iommu", "intremap=on,eim=on,caching-mode=on,aw-bits=39",
           "--trace", "vtd_inv_desc*"]


@background(long=True)
def igb_caching(lab):
    run = beside_disk(lab, "igb", datagrams=FEW, stream=SMALL, reads=FEW,
                      extra=CACHING)
    with open(os.path.join(lab.directory, LOG), encoding="ascii") as file:
        run.log = file.read()
    return run


def test_caching(igb_caching):
    check_network(igb_caching, 3)
    print(igb_caching.log)
