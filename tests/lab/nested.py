# SPDX-License-Identifier: BSD-2-Clause
"""The kvm machine where no host nests: an emulator is the hardware (L0), a
stock Linux with KVM runs on it (L1), and QEMU there makes the machine that is
tested (L2).  That one's COM1 to COM3 are COM2 to COM4 of L1, whose COM1 is its
log.

L1 boots build/lab/vmlinuz and l1-initrd.img and has two disks: l1.img with
QEMU (see mkl1), and a tar of this run: what the machine boots from, and a
script that starts QEMU.
"""
import io
import os
import re
import shlex
import tarfile

from bochs import Bochs
from bochs import serial_socket as bochs_serial
from machine import parse_device, parse_memory
from media import make_iso
from paths import BUILD, LabError, machines_root, program, start
from qemu import PROGRAM, Kvm, Qemu, base_words, environment, serial_socket

LOG = "l1.log"
FILES = {name: os.path.join(BUILD, "lab", name)
         for name in ("vmlinuz", "l1-initrd.img", "l1.img")}
# Where L1's init has the disks' contents.
ROOT, JOB = "/r", "/job"
SCRIPT = "start"
# Beyond that of the machine; in MiB.
L1_MEMORY = 512
MAX_PORTS = 3
# Bochs wants whole cylinders.
CYLINDER = 16 * 63 * 512
DISK = ("ata{}: type=disk, path=\"{}\", mode=volatile, cylinders=0, heads=16, "
        "spt=63\n")
# What L1 passes through is behind VT-d; by the number of the bus, which is that
# of its root port.
L0_IOMMU = ["-device", "intel-iommu,intremap=on,eim=on"]
L0_DEVICE = "0000:{:02x}:00.0"
# On a busy host its timers look broken to Linux, and so does its TSC.
CMDLINE = ("console=ttyS0,115200 quiet panic=-1 tsc=reliable no_timer_check "
           "mitigations=off random.trust_cpu=on")
DIED = re.compile(r"^(?:\[[^]\n]*\] |L1: )(Kernel panic.*|no .*)$", re.M)


def passed_through(devices):
    """Of --device's texts those that are L0's; in order."""
    found = [d for d in map(parse_device, devices) if d.vfio]
    for device in found:
        if device.behind:
            raise LabError("what L1 passes through is on a root port")
    return found


class Inner(Kvm):
    """The machine in L1.  Its files are made there, so they are lines of the
    script."""

    def __init__(self, spec):
        super().__init__(spec, JOB)
        self.lines = []

    def host_file(self, path):
        raise LabError(f"{path}: the nested machines have no files of the "
                       "host's")

    def empty_file(self, name, size):
        path = os.path.join(JOB, name)
        self.lines.append(f"truncate -s {size} {shlex.quote(path)}")
        return path

    def copy_file(self, source, name):
        path = os.path.join(JOB, name)
        self.lines.append(shlex.join(["cp", source, path]))
        return path

    def device_words(self, index, device):
        if not device.vfio:
            return self.whole_device(index, device)
        place, bus = self._place(index, device)
        number = len(passed_through(self.spec.device[:index]))
        return place + ["-device",
                        f"vfio-pci,host={L0_DEVICE.format(number + 1)},"
                        f"bus={bus}"]

    def serial_words(self, ports):
        return [word for number, _ in ports for word in (
            "-chardev", f"serial,id=com{number},path=/dev/ttyS{number}",
            "-device", f"isa-serial,index={number - 1},chardev=com{number}")]

    def script(self, medium, ports):
        """Init reads QMP, and ends QEMU once it has stopped the machine; and
        it reads marks."""
        words = start(ROOT, PROGRAM) + self.words(ROOT, medium, ports) + [
            "-no-shutdown", "-chardev", f"pipe,id=qmp,path={JOB}/qmp",
            "-mon", "chardev=qmp,mode=control",
            "-chardev", f"pipe,id=marks,path={JOB}/marks",
            "-device", "isa-debugcon,iobase=0x5e9,chardev=marks"]
        return "\n".join(self.lines + ["exec " + shlex.join(words), ""])


def make_job(spec, directory, medium, ports):
    """Makes the second disk; returns its path."""
    if max(number for number, _ in ports) > MAX_PORTS:
        raise LabError(f"{spec.machine}: COM1 to COM{MAX_PORTS} only")
    name = os.path.basename(medium)
    script = Inner(spec).script(os.path.join(JOB, name), ports).encode()
    path = os.path.join(directory, "job.tar")
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT,
                      dereference=True) as tar:
        entry = tarfile.TarInfo(SCRIPT)
        entry.size = len(script)
        tar.addfile(entry, io.BytesIO(script))
        tar.add(medium, name)
    size = os.path.getsize(path)
    os.truncate(path, -(-size // CYLINDER) * CYLINDER)
    return path


def check_files():
    """Those of L1 that `make lab` makes."""
    for path in FILES.values():
        if not os.path.isfile(path):
            raise LabError(f"no {path}; run: make lab")


class Nested:
    """What both have in common, before the emulator's class."""

    def _log(self):
        return os.path.join(self.directory, LOG)

    def _said(self):
        try:
            with open(self._log(), encoding="utf-8", errors="replace") as f:
                return f.read().replace("\r", "")
        except FileNotFoundError:
            return ""

    def powered_off(self, process):
        return bool(re.search("^L1: qemu status 0$", self._said(), re.M))

    def died(self):
        match = DIED.search(self._said())
        return f"L1: {match[1]}" if match else super().died()

    def kvm_counts(self):
        return {moment: {name: int(count) for name, count in (
            word.split("=") for word in words.split())}
                for moment, words in re.findall(
                    r"^L1: kvm (\S+)((?: \w+=\d+)*)\n", self._said(), re.M)}

    def logs(self):
        return super().logs() + [LOG]


class KvmOnQemu(Nested, Qemu):
    """On TCG, with SVM."""

    name = "kvm-on-qemu"

    def command(self, medium, ports):
        if self.spec.boot == "grub-uefi":
            raise LabError(f"{self.name}: not by grub-uefi; OVMF in KVM ends "
                           "TCG by an assertion of TCG's own")
        check_files()
        job = make_job(self.spec, self.directory, medium, ports)
        root = machines_root()
        words = program(root, PROGRAM) + base_words(
            root, Qemu.machine, Qemu.default_cpu, self.spec.cpus,
            parse_memory(self.spec.memory) + L1_MEMORY)
        words += ["-no-reboot", "-chardev", f"file,id=log,path={self._log()}",
                  "-device", "isa-serial,index=0,chardev=log"]
        for number, tcp in ports:
            words += serial_socket(number, number, tcp)
        for name, path in (("root", FILES["l1.img"]), ("job", job)):
            words += ["-drive", f"if=none,id={name},format=raw,readonly=on,"
                      f"file={path}", "-device",
                      f"nvme,drive={name},serial={name}"]
        passed, cmdline = self.passed_words()
        words += passed + ["-kernel", FILES["vmlinuz"], "-initrd",
                           FILES["l1-initrd.img"], "-append", CMDLINE +
                           " l1.disks=nvme0n1,nvme1n1" + cmdline]
        return words, environment(root)

    def passed_words(self):
        """The devices that L1 passes through, and what its command line has
        more for them."""
        devices = passed_through(self.spec.device)
        if not devices:
            return [], ""
        words = list(L0_IOMMU)
        for number, device in enumerate(devices):
            words += self.whole_device(number, device)
        names = ",".join(L0_DEVICE.format(n + 1) for n in range(len(devices)))
        return words, f" intel_iommu=on l1.vfio={names}"


class KvmOnBochs(Nested, Bochs):
    """On Bochs, with VMX."""

    name = "kvm-on-bochs"
    # KVM reads an MSR that is not there at each exit.
    errors = "ignore"

    def command(self, medium, ports):
        if self.spec.cpus > 1:
            raise LabError(f"{self.name}: one CPU only; docs/decisions.md "
                           "says why")
        if passed_through(self.spec.device):
            raise LabError(f"{self.name}: no VT-d to pass devices through")
        check_files()
        self.job = make_job(self.spec, self.directory, medium, ports)
        folder = os.path.join(self.directory, "l1")
        os.mkdir(folder)
        # The TSC is not what CPUID says, and there is nothing to measure it.
        iso = make_iso(folder, {"vmlinuz": FILES["vmlinuz"],
                                "initrd": FILES["l1-initrd.img"]},
                       f"{CMDLINE} nokaslr l1.disks=sda,sdb "
                       f"tsc_early_khz={self.spec.ips // 1000}")
        return super().command(iso, ports)

    def model(self):
        return "corei7_skylake_x"

    def memory(self):
        return super().memory() + L1_MEMORY

    def serial_lines(self, ports):
        return (f"com1: enabled=1, mode=file, dev={self._log()}\n" +
                "".join(bochs_serial(n + 1, tcp) for n, tcp in ports))

    def disk_lines(self):
        return (DISK.format("0-slave", FILES["l1.img"]) +
                DISK.format("1-master", self.job))

    def _devices(self):
        return {"plugins": "", "slots": "", "devices": ""}
