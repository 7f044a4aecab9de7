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
from runs import BUILD, LAB, background, command, expect, typed

QEMU = ["--machine", "qemu", "--cpus", 3, "--memory", "1G"]
TWO_CPUS = ["--machine", "qemu", "--cpus", 2, "--memory", "512M"]
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
ENDED_LINUX = ENDED.replace(r"\w+", "linux")
READS, DATAGRAMS, BYTES = 5000, 5000, 12800 * BLOCK
# Of all causes but reads of TSC_ADJUST, as in test_nvme.py.
MOST_EXITS = 20
NEVER = ("external-interrupt", "interrupt-window", "msr-eoi", "ept-msix",
         "io-other", "nmi-kick")
WORKS = "udp", "tcp"
TRACE = ["--trace", "vtd_inv_desc"]


def linux(suffix=""):
    return ["--module", f"vmlinuz={LAB}/vmlinuz-full{suffix}",
            "--module", f"initrd.img={LAB}/initrd-nic{suffix}.img"]


class Run:
    """What a run has left behind; peer: what the host has seen; log: QEMU's,
    where there is one."""

    def __init__(self, lab, result, peer, datagrams, stream):
        self.result, self.peer = result, peer
        self.datagrams, self.stream = datagrams, stream
        path = os.path.join(lab.directory, LOG)
        self.log = ""
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                self.log = file.read()

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
    """The guests start one after the other and wait at their shells until each
    is there, and until each has done its work: see runs.py."""
    with Peer() as peer:
        result = lab(
            *QEMU, "--device", f"nvme,image={disk(lab)}",
            "--device", f"{model},net=host", *extra,
            "--table", lab.table(TABLE.format(peer.port)), *linux(suffix),
            *expect("^partition nic: running: started$"),
            *command("stop nic"), *expect("2:" + SHELL),
            *command("start nic"), *expect("3:" + SHELL),
            *typed(f"3:work udp {datagrams}; work tcp {stream}\\n"),
            *typed(f"2:work read {reads}\\n", "2:^read ", "2:" + SHELL,
                   "3:^tcp ", "3:" + SHELL),
            *typed("2:poweroff -f\\n", ENDED.replace(r"\w+", "disk")),
            *typed("3:poweroff -f\\n", ENDED.replace(r"\w+", "nic")),
            *command("list"),
            timeout=300)
    return Run(lab, result, peer, datagrams, stream)


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
        result = lab(*TWO_CPUS, "--device", "igb,net=host", *TRACE,
                     "--table", lab.table(table), *linux(), *expect(ENDED),
                     *command("list"), timeout=300)
    return Run(lab, result, peer, FEW, SMALL)


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
def test_most_without_exit(igb_eli, work):
    """By exits come those of the virtual timer, and the card's while one of
    these is injected; each of them ends by an exit, too."""
    exits = exits_of(igb_eli, work, "eli")
    numbers = igb_eli.numbers(work, 1)
    print(numbers)
    assert exits.get("external-interrupt", 0) <= exits["msr-eoi"]
    assert exits["msr-eoi"] < numbers["interrupts"] + numbers["timers"]


# --- what a unit is told ---

CACHING = ["--iommu", "intremap=on,eim=on,caching-mode=on,aw-bits=39"]
DISK, NIC, EDU = 0x0100, 0x0200, 0x0300  # source-ids
DESCRIPTOR = re.compile(r"^vtd_inv_desc invalidate desc type (\S+) "
                        r"high \w+ low (\w+)$", re.M)
# The VT-d specification, 6.5.2.1 and 6.5.2.3.
DEVICE_SELECTIVE, DOMAIN_SELECTIVE = 3, 2


def contexts_flushed(log):
    """The context-cache invalidations of single functions, in order: source-id
    and domain, of the context and of the IOTLB's that follows it.  Each has
    ended before the next."""
    found = [(kind, int(low, 16)) for kind, low in DESCRIPTOR.findall(log)]
    flushes = []
    for at, (kind, low) in enumerate(found):
        if kind != "context-cache" or low >> 4 & 3 != DEVICE_SELECTIVE:
            continue
        kinds = [kind for kind, _ in found[at:at + 4]]
        assert kinds == ["context-cache", "wait", "iotlb", "wait"]
        iotlb = found[at + 2][1]
        assert iotlb >> 4 & 3 == DOMAIN_SELECTIVE
        flushes.append((low >> 32 & 0xffff, low >> 16 & 0xffff,
                        iotlb >> 16 & 0xffff))
    return flushes


@background(long=True)
def igb_caching(lab):
    """39 bits are tables of 3 levels."""
    return beside_disk(lab, "igb", datagrams=FEW, stream=SMALL, reads=FEW,
                       extra=CACHING + TRACE)


def domains(flushes):
    """By source-id those that a function had, each of which ended with a flush
    of both kinds."""
    found = {}
    for source, context, iotlb in flushes:
        if context:
            assert context == iotlb
            found.setdefault(source, []).append(context)
    return found


def test_caching(igb_caching):
    assert "vtd: 1 unit, 39 bits, caching mode, " in igb_caching.text(1)
    check_network(igb_caching, 3)
    found = igb_caching.numbers("read", 2)
    assert (found["count"], found["wrong"]) == (FEW, 0)


def test_caching_is_flushed(igb_caching):
    """What was not there is domain 0's, until a function is attached; so is
    the IOTLB's share of one that is blocked before that."""
    flushes = contexts_flushed(igb_caching.log)
    print(flushes)
    owned = domains(flushes)
    (of_disk,), of_nic = owned[DISK], owned[NIC]
    # Started twice.
    assert len(of_nic) == 2 and len({of_disk, *of_nic}) == 2
    absent = [flush for flush in flushes if not flush[1]]
    assert {source for source, _, iotlb in absent if not iotlb} == {DISK, NIC}
    assert sorted(flush for flush in absent if flush[2]) == [
        (DISK, 0, of_disk), *((NIC, 0, domain) for domain in of_nic)]


def test_not_without_caching(igb_eli):
    flushes = contexts_flushed(igb_eli.log)
    assert flushes and all(context for _, context, _ in flushes)


# --- lives ---

# Without a sidecore there are as many CPUs as the host has, of two, and none
# looks at registers while another one's device is reset: see runs.py.
LIVES_TABLE = """\
[machine]
log = com1
[partition linux]
cpus = 0
memory = 256M
kernel = vmlinuz
initrd = initrd.img
device = pci 0000:01:00.0
device = pci 0000:02:00.0
cmdline = console=ttyS0 quiet nohz=off peer_port={} ashlar.run=read:{},udp:{}
[partition edu]
cpus = 1
memory = 20M
kernel = edu
console = com3
device = pci 0000:03:00.0
"""
LIVES, PAYLOAD_LIVES, WORK = 5, 200, 100


def edu_life():
    return (expect("3:^edu: ready") +
            typed("3:own\\n", "3:^edu own: ok$|payload edu: .*$"))


def lives_words():
    words = []
    for _ in range(LIVES):
        words += command("start linux") + expect(ENDED_LINUX)
        for _ in range(PAYLOAD_LIVES // LIVES):
            words += command("restart edu") + edu_life()
    return words


@background(long=True)
def lives(lab):
    with Peer() as peer:
        table = LIVES_TABLE.format(peer.port, WORK, WORK)
        result = lab(
            *TWO_CPUS, "--device", f"nvme,image={disk(lab)}",
            "--device", "e1000e,net=host", "--device", "edu", *TRACE,
            "--table", lab.table(table), *linux(),
            "--module", f"edu={BUILD}/payloads/edu.bin",
            *edu_life(), *expect(ENDED_LINUX), *command("memory"),
            *lives_words(), *command("memory"), timeout=400)
    return Run(lab, result, peer, WORK, 0)


def test_lives(lives):
    """The last as the first."""
    text = lives.text(1)
    assert lives.result.findall("^edu own: ok$", 3) == \
        ["edu own: ok"] * (PAYLOAD_LIVES + 1)
    for work in "read", "udp":
        assert len(re.findall(rf"^linux\| guest: done {work}:{WORK} status 0$",
                              text, re.M)) == LIVES + 1
    assert lives.peer.datagrams == \
        list(range(lives.datagrams + 1)) * (LIVES + 1)
    assert "blocked" not in text


def test_lives_leave_nothing(lives):
    """The pool, the tables, and what domains there are."""
    first, last = lives.result.replies("memory")
    assert first == last
    owned = domains(contexts_flushed(lives.log))
    print(owned)
    assert {source: len(each) for source, each in owned.items()} == {
        DISK: LIVES + 1, NIC: LIVES + 1, EDU: PAYLOAD_LIVES}
    assert owned[DISK] == owned[NIC]
    assert len({*owned[DISK], *owned[EDU]}) == 2
