# SPDX-License-Identifier: BSD-2-Clause
"""An NVMe disk of a guest's own behind VT-d, on QEMU: its data, its interrupts
without an exit, and what the device can't reach."""
import os
import re

import pytest

import hostile
import ledger
from pattern import BLOCK, disk, pattern
from qemu import LOG
from runs import BUILD, LAB, background, command, expect, typed, variant

QEMU = ["--machine", "qemu"]
PAYLOADS = os.path.join(BUILD, "payloads")
TABLE = """\
[machine]
sidecores = 2
log = com1
[partition linux]
cpus = 0-1
memory = 256M
kernel = vmlinuz
initrd = initrd.img
device = pci 0000:01:00.0
cmdline = console=ttyS0 quiet nohz=off ashlar.run={}
"""
STOPPED = "^partition linux: (?:stopped|parked): .*"
DISK = 0x0100  # its source-id
READS, WRITES = 10000, 2000
NEVER = ("external-interrupt", "interrupt-window", "msr-eoi", "ept-msix",
         "io-other", "nmi-kick")
# Of all causes, of both vCPUs; and Linux reads TSC_ADJUST once a second on each
# CPU that goes to sleep, so that is by how long a run takes.  nohz=off: no IPIs
# to have an idle CPU balance the load.
MOST_EXITS = 20


def linux(kernel):
    return ["--module", "vmlinuz=" + os.path.join(LAB, kernel),
            "--module", "initrd.img=" + os.path.join(LAB, "initrd.img")]


def run_linux(lab, work, *words, device="nvme", kernel="vmlinuz", extra=""):
    """Until the work is done."""
    table = TABLE.format(work) + extra
    return lab(*QEMU, "--cpus", 3, "--memory", "1G", "--device", device,
               "--table", lab.table(table), *linux(kernel), *expect(STOPPED),
               *words, timeout=300)


def run_nvme(lab, kernel):
    path = disk(lab)
    trace = [word for event in ledger.TRACE for word in ("--trace", event)]
    result = run_linux(lab, f"read:{READS},write:{WRITES}", "--vmexits",
                       *trace, *command("list"), device=f"nvme,image={path}",
                       kernel=kernel)
    with open(path, "rb") as file:
        return result, file.read(), ledger.log_window(
            os.path.join(lab.directory, LOG))


@background(long=True)
def nvme_12(lab):
    return run_nvme(lab, "vmlinuz")


@background(long=True)
def nvme_13(lab):
    return run_nvme(lab, "vmlinuz-13")


RUNS = pytest.mark.parametrize("run", ["nvme_12", "nvme_13"])


def said(request, run):
    result = request.getfixturevalue(run)[0]
    assert result.outcome == "seen", result.stderr
    return result.serial()


@RUNS
def test_reads(request, run):
    found = re.search(r"^linux\| read count=(\d+) wrong=(\d+) "
                      r"interrupts=(\d+) ", said(request, run), re.M)
    assert found, said(request, run)[-1000:]
    assert (int(found[1]), int(found[2])) == (READS, 0)
    assert int(found[3]) >= READS


@RUNS
def test_writes_are_on_the_host(request, run):
    said(request, run)
    data = request.getfixturevalue(run)[1]
    for block in range(WRITES + 100):
        here = data[block * BLOCK:(block + 1) * BLOCK]
        assert here == pattern(block, turned=block < WRITES), block


@RUNS
def test_no_exit_by_interrupts(request, run):
    """Between the marks of the reads, of both vCPUs."""
    exits = ledger.window(said(request, run))
    print(*(dict(snapshot) for snapshot in exits), sep="\n")
    for snapshot in exits:
        assert not [c for c in NEVER if snapshot.get(c)]
    text = said(request, run)
    khz = int(re.search(r"^clock: TSC (\d+) kHz", text, re.M)[1])
    seconds = int(re.search(r"^linux\| read .* tsc=(\d+)$", text,
                            re.M)[1]) / khz / 1000
    reads = sum(snapshot.get("msr-read", 0) for snapshot in exits)
    assert reads <= 2 * (seconds + 2)
    assert sum(s.exits for s in exits) - reads < MOST_EXITS


@RUNS
def test_independent_count(request, run):
    exits = ledger.window(said(request, run))
    lines = ledger.vmexits(request.getfixturevalue(run)[2])
    counted = sum(snapshot.exits for snapshot in exits)
    print(f"{lines} vmexit lines, {counted} in the ledger")
    assert abs(lines - counted) <= 2


@RUNS
def test_independent_count_of_interrupts(request, run):
    """Between the marks QEMU has remapped those of the disk, as many as the
    guest has counted around them, and no others."""
    counted = int(re.search(r"^linux\| read .* interrupts=(\d+) ",
                            said(request, run), re.M)[1])
    found = ledger.remapped(request.getfixturevalue(run)[2])
    print(f"{found} remapped by source-id, {counted} in the guest")
    # A command of the kernel's own may end between a count and its mark.
    assert counted - 2 <= found.pop(DISK, 0) <= counted
    assert not found


# --- an interrupt that goes from CPU to CPU ---

CHANGES = 50
# Linux masks, writes the message by stores in a row, twice where the vector
# changes with the CPU, and unmasks: 4.  It reads, too.
CHANGE_EXITS = 5


@background(long=True)
def affinity(lab):
    return run_linux(lab, f"affinity:{CHANGES}")


def test_affinity(affinity):
    """The message follows, and comes on the new CPU."""
    text = affinity.serial()
    assert f"linux| affinity changes={CHANGES} missed=0\n" in text, \
        text[-1000:] + affinity.stderr
    exits = ledger.window(text)
    print(*(dict(snapshot) for snapshot in exits), sep="\n")
    assert sum(s.get("ept-msix", 0) for s in exits) <= CHANGES * CHANGE_EXITS


# --- the same disk in the other modes ---

OTHER_BLOCKS = 1000


def in_mode(lab, mode):
    return run_linux(lab, f"write:{OTHER_BLOCKS},verify:{OTHER_BLOCKS},"
                     "affinity:10", extra=f"interrupts = {mode}\n")


@background(long=True)
def in_exit(lab):
    return in_mode(lab, "exit")


@background(long=True)
def in_eli(lab):
    return in_mode(lab, "eli")


@pytest.mark.parametrize("run", ["in_exit", "in_eli"])
def test_other_modes(request, run):
    """Every command completes, on whichever CPU."""
    text = request.getfixturevalue(run).serial()
    found = re.search(r"^linux\| write count=(\d+) interrupts=(\d+)$", text,
                      re.M)
    assert found, text[-1000:]
    assert int(found[1]) == OTHER_BLOCKS <= int(found[2])
    assert f"linux| verify count={OTHER_BLOCKS} wrong=0\n" in text
    assert "linux| affinity changes=10 missed=0\n" in text


# --- what a device can't reach ---

EDU_TABLE = """\
[machine]
sidecores = 2
log = com1
[partition attacker]
cpus = 0
memory = 20M
kernel = edu
console = com2
device = pci 0000:01:00.0
[partition victim]
cpus = 1
memory = 20M
kernel = victim
cmdline = deadline=0
console = com3
"""
# Beyond the attacker's own memory, where the machine has the victim's and
# registers; and beyond what any table can name.  Eight lines come at once.
TARGETS = [64 << 20, 0xfeb00000, 0xfed00000, 1 << 60]
BLOCKED = (r"^vtd: partition attacker: device 01:00\.0: DMA {} {:x}h blocked "
           r"\(\w+h\)$")


@background(long=True)
def dma(lab):
    words = expect("2:^edu: ready", "3:^victim: ready$")
    words += typed("2:own\\n", "2:^edu own: ok$|payload edu: .*$")
    for address in TARGETS:
        words += typed(f"2:write {address}\\n",
                       BLOCKED.format("write to", address))
        words += typed(f"2:read {address}\\n", "2:^edu read .*$")
        words += expect(BLOCKED.format("read from", address))
        words += hostile.ask_victim(f"dma-{address:x}")
    words += typed("2:sweep\\n", "2:^edu sweep: done$")
    return run_edu(lab, *words, *hostile.ask_victim("sweep"),
                   *command("list"))


def run_edu(lab, *words, cpus=3, table=EDU_TABLE):
    return lab(*QEMU, "--cpus", cpus, "--memory", "256M", "--device", "edu",
               "--table", lab.table(table),
               "--module", f"edu={PAYLOADS}/edu.bin",
               "--module", f"victim={PAYLOADS}/victim.bin", *words,
               timeout=120)


def sweep_on(lab, image):
    """With a guard taken out; the machine may not survive it."""
    return run_edu(lab, *variant(image),
                   *expect("2:^edu: ready", "3:^victim: ready$"),
                   *typed("2:sweep\\n", "2:^edu sweep: done$"),
                   *hostile.ask_victim("sweep", "ready"))


@background
def twin_pass(lab):
    return sweep_on(lab, "ashlar-pass.elf")


@background
def twin_frames(lab):
    return sweep_on(lab, "ashlar-frames.elf")


@background
def dma_nmi(lab):
    """Without a sidecore a fault is an NMI to CPU 0, the victim's."""
    table = EDU_TABLE.replace("sidecores = 2\n", "")
    table = table.replace("cpus = 0", "cpus = 2").replace(
        "cpus = 1", "cpus = 0").replace("cpus = 2", "cpus = 1")
    words = expect("2:^edu: ready", "3:^victim: ready$")
    for address in TARGETS[:2]:
        words += typed(f"2:write {address}\\n",
                       BLOCKED.format("write to", address))
        words += hostile.ask_victim(f"nmi-{address:x}")
    return run_edu(lab, *words, cpus=2, table=table)


def test_a_fault_is_an_nmi(dma_nmi):
    assert dma_nmi.outcome == "seen", dma_nmi.stderr
    assert not hostile.victim_problems(dma_nmi)


@pytest.fixture(name="log")
def log_fixture(dma):
    assert dma.outcome == "seen", dma.stderr
    return dma.serial(1)


@pytest.mark.usefixtures("log")
def test_dma_to_its_own_memory(dma):
    assert "edu own: ok\n" in dma.serial(2)


@pytest.mark.usefixtures("log")
def test_nothing_is_read(dma):
    assert re.findall(r"^edu read (\d+): (\w+)$", dma.serial(2), re.M) == [
        (str(address), "nothing") for address in TARGETS]


def test_each_is_logged(log):
    """Once."""
    for address in TARGETS:
        for what in "write to", "read from":
            assert len(re.findall(BLOCKED.format(what, address), log,
                                  re.M)) == 1


@pytest.mark.usefixtures("log")
def test_victim_is_exact(dma):
    assert not hostile.victim_problems(dma)


# --- a guest that is stopped with reads under way ---

DISK_TABLE = """\
[machine]
sidecores = 1
log = com1
[partition disk]
cpus = 0
memory = 20M
kernel = nvme
console = com2
device = pci 0000:01:00.0
cmdline = settle={}
"""
CYCLES = 100
# So few that some of the 16 reads are under way for a second.
IOPS = 16
# Or so few that one arrives each second for a quarter of a minute, and a guest
# that looks for longer than that sees one.
LATE_IOPS, LATE_MS = 1, 5000
FOUND = "2:^nvme: (?:clean|DIRTY.*)$"


def cycles(lab, count, *arguments, iops=IOPS, settle=50):
    words = expect(FOUND, "2:^nvme: busy$")
    for _ in range(count):
        words += command("restart disk") + expect(FOUND, "2:^nvme: busy$")
    return lab(*QEMU, "--cpus", 2, "--memory", "256M", "--device",
               f"nvme,iops={iops},image={disk(lab)}", *arguments, "--table",
               lab.table(DISK_TABLE.format(settle)), "--module",
               f"nvme={PAYLOADS}/nvme.bin", *words, *command("list"),
               timeout=400)


@background(long=True)
def stopped(lab):
    return cycles(lab, CYCLES)


@background
def late(lab):
    return cycles(lab, 1, iops=LATE_IOPS, settle=LATE_MS)


@background
def late_twin(lab):
    """The device is not reset, only no bus master any more."""
    return cycles(lab, 1, *variant("ashlar-no-pci_reset.elf"),
                  iops=LATE_IOPS, settle=LATE_MS)


def test_nothing_arrives_later(stopped):
    assert stopped.outcome == "seen", stopped.stderr
    said = stopped.serial(2)
    assert re.findall(r"^nvme: (clean|DIRTY)", said, re.M) == \
        ["clean"] * (CYCLES + 1)
    assert "blocked" not in stopped.serial(1)


def test_late_reads(late, late_twin):
    """They come without the reset, and do not with it."""
    looks = "^nvme: (clean|DIRTY)"
    assert late.findall(looks, 2) == ["clean", "clean"], late.stderr
    assert "DIRTY" in late_twin.findall(looks, 2)[1:], late_twin.stderr


@pytest.mark.parametrize("run", ["twin_pass", "twin_frames"])
def test_guard_taken_out_is_noticed(request, run):
    result = request.getfixturevalue(run)
    assert "edu: ready" in result.serial(2)
    harm = hostile.victim_problems(result, "sweep")
    print(result.outcome, harm)
    assert harm


# --- VMX and VT-d, which are together in QEMU/KVM on Bochs alone ---

VMX = ["--machine", "kvm-on-bochs", "--cpus", 1]
VMX_TABLE = """\
[machine]
log = com1
[partition one]
cpus = 0
memory = {}
device = pci 0000:01:00.0
{}
"""
VMX_BLOCKS = 1000


@background(long=True)
def nvme_vmx(lab):
    table = VMX_TABLE.format("128M", "kernel = vmlinuz\ninitrd = initrd.img\n"
                             "cmdline = console=ttyS0 quiet ashlar.run="
                             f"write:{VMX_BLOCKS},verify:{VMX_BLOCKS}")
    return lab(*VMX, "--memory", "512M", "--device", "nvme", "--table",
               lab.table(table), *linux("vmlinuz"),
               *expect("^partition one: (?:stopped|parked): .*"), timeout=600)


@background(long=True)
def dma_vmx(lab):
    table = VMX_TABLE.format("20M", "kernel = edu\nconsole = com2")
    return lab(*VMX, "--memory", "256M", "--device", "edu", "--table",
               lab.table(table), "--module", f"edu={PAYLOADS}/edu.bin",
               *expect("2:^edu: ready"), *typed("2:own\\n", "2:^edu own: ok$"),
               *typed("2:write 67108864\\n", "^vtd: .* blocked .*\\n"),
               timeout=400)


def test_vmx_disk(nvme_vmx):
    text = nvme_vmx.serial()
    found = re.search(r"^one\| write count=(\d+) interrupts=(\d+)$", text, re.M)
    assert found, text[-1000:] + nvme_vmx.stderr
    assert int(found[1]) == VMX_BLOCKS <= int(found[2])
    assert f"one| verify count={VMX_BLOCKS} wrong=0\n" in text


def test_vmx_fault(dma_vmx):
    assert ("vtd: partition one: device 01:00.0: DMA write to 4000000h "
            "blocked (05h)\n") in dma_vmx.serial(), dma_vmx.stderr
