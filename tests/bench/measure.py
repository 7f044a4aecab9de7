# SPDX-License-Identifier: BSD-2-Clause
"""One workload in one mode: its run, and its row of the report."""
import contextlib
import os
import re
import subprocess
import tempfile

from cases import BARE, BARE_OFF, BARES, BOCHS, KVM, LINUX
from lab import BUILD, BenchError, run
from pattern import fill
from peer import Peer
from report import row
import ledger

LAB = os.path.join(BUILD, "lab")
IPS = 100_000_000  # of tests/lab/run: ticks per second of guest time
NOT_BUILT = "not in this build"
NAME = "bench"
# A device behind VT-d is the hardware's beneath KVM, and its guest's own: with
# an IOMMU of its guest's VFIO would map and unmap for each transfer.
PASSED = ["--iommu", "none"]
TIMEOUT = 900

TABLE = """\
[machine]
log = com1

[partition {name}]
cpus = {cpus}
memory = {memory}
interrupts = {mode}
kernel = vmlinuz
"""
INITRD = "initrd = initrd.img\n"
DEVICE = "identity = yes\ndevice = pci 0000:00:02.0 intx=17\n"
# The first root port's.
VTD_DEVICE = "device = pci 0000:01:00.0\n"
CMDLINE = "cmdline = {}\n"
MEMORY = {LINUX: ("256M", "512M")}
PAYLOAD_MEMORY = ("64M", "256M")

# Bare, Linux must be told what Ashlar measures: Bochs' CPUID claims another
# frequency.  It would idle by MWAIT, which no guest has.  Which mitigations it
# chooses depends on whether there is a hypervisor, so it has none.
LINUX_CMDLINE = "console=ttyS0 quiet mitigations=off ashlar.run={}:{}"
LINUX_BARE = f" tsc_early_khz={IPS // 1000} tsc=reliable idle=halt"
# On QEMU; what Linux makes of VT-d by itself is said, so that it is the same
# in all builds of it.
VTD_BARE = {BARE: " tsc=reliable idle=halt intel_iommu=on iommu.strict=0",
            BARE_OFF: " tsc=reliable idle=halt intel_iommu=off"}

# Of KVM's counts those that are exits, and none of another's.
KVM_CAUSES = ("halt", "io", "irq", "irq-window", "mmio", "nmi-window")

PAYLOAD_LINE = re.compile(r"payload bench: (ok|FAIL) (.*)\n")
LINUX_LINE = re.compile(r"^(?:bench\| )?guest: done \S+ status (\d+)\n", re.M)
FIGURES = re.compile(r"\bbench (latency|act|eoi) ((?:\w+=\d+ ?)+)\n")


def numbers(text):
    """KEY=NUMBER words as a dict."""
    return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)(?=\s|$)", text)}


def parse_payload(text):
    """Ticks, interrupts, and the figures that the payload printed."""
    match = PAYLOAD_LINE.search(text)
    if not match or match[1] != "ok":
        raise BenchError(f"the payload failed: {text[-500:]}")
    result = numbers(match[2])
    found = {name: numbers(words) for name, words in FIGURES.findall(text)}
    return {"ticks": result["ticks"], "interrupts": result["interrupts"],
            **found}


def parse_linux(text, name):
    """The same of a workload of the initramfs' program `work`."""
    match = LINUX_LINE.search(text)
    if not match or match[1] != "0":
        raise BenchError(f"{name} failed: {text[-500:]}")
    lines = re.findall(rf"^(?:bench\| )?{name} (.*)$", text, re.M)
    result = numbers(" ".join(lines))
    count = "irqs" if "irqs" in result else "interrupts"
    figures = {"ticks": result["tsc"], "interrupts": result[count]}
    if "median" in result:
        figures["latency"] = {k: result[k]
                              for k in ("min", "median", "p99", "max")}
    return figures


@contextlib.contextmanager
def beyond(workload, directory):
    """What is beyond a device: --device's text, with a place for more of it,
    and what the guest's command line has more for it."""
    if workload.vtd == "nvme":
        path = os.path.join(directory, "disk.img")
        fill(path)
        yield f"nvme{{}},image={path}", ""
    elif workload.vtd:
        with Peer() as peer:
            yield f"{workload.vtd},net=host{{}}", f" peer_port={peer.port}"
    else:
        yield "e1000" if workload.device else "", ""


def cmdline(workload, mode, count, more=""):
    """The guest's."""
    if workload.guest != LINUX:
        return f"work={workload.name} count={count}"
    bare = VTD_BARE if workload.vtd else {BARE: LINUX_BARE}
    return LINUX_CMDLINE.format(workload.work, count) + more + \
        bare.get(mode, "")


def table(workload, mode, count, more=""):
    """The partition table."""
    memory, _ = MEMORY.get(workload.guest, PAYLOAD_MEMORY)
    text = TABLE.format(name=NAME, mode=mode, memory=memory,
                        cpus="0" if workload.cpus == 1
                        else f"0-{workload.cpus - 1}")
    text += INITRD if workload.guest == LINUX else ""
    text += DEVICE if workload.device else ""
    text += VTD_DEVICE if workload.vtd else ""
    return text + CMDLINE.format(cmdline(workload, mode, count, more))


def modules(workload):
    """NAME=FILE of the guest's parts."""
    if workload.guest == LINUX:
        drivers = "nic" if workload.vtd else "e1000"
        return [f"vmlinuz={LAB}/vmlinuz-full",
                f"initrd.img={LAB}/initrd-{drivers}.img"]
    return [f"vmlinuz={BUILD}/payloads/bench.bin"]


def arguments(workload, mode, count, directory, outside=None):
    """Those of tests/lab/run; outside: what beyond() gives."""
    _, memory = MEMORY.get(workload.guest, PAYLOAD_MEMORY)
    device, more = outside or ("e1000" if workload.device else "", "")
    words = ["--cpus", str(workload.cpus), "--memory", memory]
    vfio = mode in KVM and workload.vtd
    words += PASSED if vfio else []
    words += ["--device", device.format(",vfio=on" if vfio else "")] \
        if device else []
    for module in modules(workload):
        words += ["--module", module]
    words += ["--expect", (LINUX_LINE if workload.guest == LINUX
                           else PAYLOAD_LINE).pattern]
    if mode in BARES or mode in KVM:
        return words + ["--bare", "--cmdline",
                        cmdline(workload, mode, count, more),
                        *KVM.get(mode, ())]
    path = os.path.join(directory, "table")
    with open(path, "w", encoding="utf-8") as file:
        file.write(table(workload, mode, count, more))
    return words + ["--table", path]


def kvm_refusal(workload, on):
    """Why it can't be compared; None where it can."""
    if workload.device:
        return "another network card there"
    return "one CPU there" if workload.cpus > on.kvm_cpus else None


def refusal(workload, mode, on=BOCHS):
    """Why the machine or this build, by its own parser, can't do it; None
    where they can."""
    lack = on.lacks.get(workload.name)
    if lack or mode in BARES:
        return lack
    if mode in KVM:
        return kvm_refusal(workload, on)
    with tempfile.NamedTemporaryFile("w", suffix=".table") as file:
        file.write(table(workload, mode, 1))
        file.flush()
        check = subprocess.run(
            [os.path.join(BUILD, "ashlarctl"), "check", file.name],
            stderr=subprocess.PIPE, text=True, check=False)
    if not check.returncode:
        return None
    lines = check.stderr.splitlines()
    found = [re.sub(r"^.*?:\d+:\d+: |;.*", "", line) for line in lines]
    if not found or not all(NOT_BUILT in line for line in found):
        raise BenchError(f"the table is refused: {check.stderr}")
    return found[0]


def exits(text, mode):
    """What the ledger counted between the marks, all vCPUs together."""
    total = {}
    for snapshot in ledger.window(text, mode=mode):
        for cause, n in snapshot.items():
            total[cause] = total.get(cause, 0) + n
    return total


def kvm_exits(counts):
    """What KVM has counted between the marks, by its own names; of MSRs, most
    of the rest, it has none.  The second mark is a port's exit."""
    before, after = counts["B"], counts["E"]

    def gained(name):
        return after.get(name, 0) - before.get(name, 0)
    found = {cause: gained(cause.replace("-", "_") + "_exits")
             for cause in KVM_CAUSES}
    found["io"] -= 1
    found["mark"] = 1
    found["other"] = gained("exits") - sum(found.values())
    return {cause: n for cause, n in found.items() if n}


def measured_exits(report, text, mode):
    """Those of a run, by who counts them."""
    if mode in KVM:
        return kvm_exits(report["kvm"])
    return {} if mode in BARES else exits(text, mode)


def one_run(workload, mode, count, on):
    """Figures of a run, as a row has them."""
    with tempfile.TemporaryDirectory(prefix="ashlar-bench.") as directory, \
            beyond(workload, directory) as outside:
        report, text = run(
            arguments(workload, mode, count, directory, outside),
            TIMEOUT, on.kvm if mode in KVM else on.name)
    figures = parse_linux(text, workload.work) if workload.guest == LINUX \
        else parse_payload(text)
    return {**figures, "exits": measured_exits(report, text, mode)}


def summary(workload, mode, runs, on):
    """The row of a run, or of the median one."""
    runs = sorted(runs, key=lambda r: r["ticks"])
    median = runs[len(runs) // 2]
    if on.exact:
        return row(workload.name, mode, machine=on.name,
                   seconds=median["ticks"] / IPS, **median)
    counts = [{k: r[k] for k in ("ticks", "interrupts", "exits")}
              for r in runs]
    return row(workload.name, mode, machine=on.name, runs=counts, **median)


def measure(workload, mode, count, on=BOCHS):
    """The row of a column, its runs one after the other."""
    note = refusal(workload, mode, on)
    if note:
        return row(workload.name, mode, machine=on.name, note=note)
    return summary(workload, mode, [one_run(workload, mode, count, on)
                                    for _ in range(on.runs)], on)
