# SPDX-License-Identifier: BSD-2-Clause
"""One workload in one mode: its run, and its row of the report."""
import os
import re
import subprocess
import tempfile

from cases import BARE, KVM, KVM_MACHINE, LINUX
from lab import BUILD, BenchError, run
from report import row
import ledger

LAB = os.path.join(BUILD, "lab")
IPS = 100_000_000  # of tests/lab/run: ticks per second of guest time
NOT_BUILT = "not in this build"
NAME = "bench"
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
CMDLINE = "cmdline = {}\n"
MEMORY = {LINUX: ("256M", "512M")}
PAYLOAD_MEMORY = ("64M", "256M")

# Bare, Linux must be told what Ashlar measures: Bochs' CPUID claims another
# frequency.  It would idle by MWAIT, which no guest has.  Which mitigations it
# chooses depends on whether there is a hypervisor, so it has none.
LINUX_CMDLINE = "console=ttyS0 quiet mitigations=off ashlar.run={}:{}"
LINUX_BARE = f" tsc_early_khz={IPS // 1000} tsc=reliable idle=halt"

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
    figures = {"ticks": result["tsc"], "interrupts": result["irqs"]}
    if "median" in result:
        figures["latency"] = {k: result[k]
                              for k in ("min", "median", "p99", "max")}
    return figures


def cmdline(workload, mode, count):
    """The guest's."""
    if workload.guest != LINUX:
        return f"work={workload.name} count={count}"
    return LINUX_CMDLINE.format(workload.name, count) + \
        (LINUX_BARE if mode == BARE else "")


def table(workload, mode, count):
    """The partition table."""
    memory, _ = MEMORY.get(workload.guest, PAYLOAD_MEMORY)
    text = TABLE.format(name=NAME, mode=mode, memory=memory,
                        cpus="0" if workload.cpus == 1
                        else f"0-{workload.cpus - 1}")
    text += INITRD if workload.guest == LINUX else ""
    text += DEVICE if workload.device else ""
    return text + CMDLINE.format(cmdline(workload, mode, count))


def modules(workload):
    """NAME=FILE of the guest's parts."""
    if workload.guest == LINUX:
        return [f"vmlinuz={LAB}/vmlinuz-full",
                f"initrd.img={LAB}/initrd-e1000.img"]
    return [f"vmlinuz={BUILD}/payloads/bench.bin"]


def arguments(workload, mode, count, directory):
    """Those of tests/lab/run."""
    _, memory = MEMORY.get(workload.guest, PAYLOAD_MEMORY)
    words = ["--cpus", str(workload.cpus), "--memory", memory]
    words += ["--device", "e1000"] if workload.device else []
    for module in modules(workload):
        words += ["--module", module]
    words += ["--expect", (LINUX_LINE if workload.guest == LINUX
                           else PAYLOAD_LINE).pattern]
    if mode == BARE or mode in KVM:
        return words + ["--bare", "--cmdline", cmdline(workload, mode, count),
                        *KVM.get(mode, ())]
    path = os.path.join(directory, "table")
    with open(path, "w", encoding="utf-8") as file:
        file.write(table(workload, mode, count))
    return words + ["--table", path]


def kvm_refusal(workload):
    """Why it can't be compared; None where it can."""
    if workload.device:
        return "another network card there"
    return "one CPU there" if workload.cpus > 1 else None


def refusal(workload, mode):
    """Why this build can't do it, by its own parser; None where it can."""
    if mode in KVM:
        return kvm_refusal(workload)
    if mode == BARE:
        return None
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
    return {} if mode == BARE else exits(text, mode)


def measure(workload, mode, count):
    """The row of one run."""
    note = refusal(workload, mode)
    if note:
        return row(workload.name, mode, note=note)
    with tempfile.TemporaryDirectory(prefix="ashlar-bench.") as directory:
        report, text = run(arguments(workload, mode, count, directory),
                           TIMEOUT, KVM_MACHINE if mode in KVM else "bochs")
    figures = parse_linux(text, workload.name) if workload.guest == LINUX \
        else parse_payload(text)
    return row(workload.name, mode, seconds=figures["ticks"] / IPS,
               exits=measured_exits(report, text, mode), **figures)
