# SPDX-License-Identifier: BSD-2-Clause
"""The QEMU q35 machines: TCG with SVM, and KVM with what the host nests."""
import os
import re
import shutil

from machine import Machine, parse_device, parse_memory
from media import IMAGE32, IPXE_SCRIPT
from paths import LIBRARIES, LabError, machines_root, program

PROGRAM = "usr/bin/qemu-system-x86_64"
DISK_SIZE = 64 << 20
LOG = "qemu.log"
# Its own monitor, as one more port.
MONITOR = 5
# Of one root port each.
MAX_DEVICES = 8
# igb has eight functions at most.
IGB_MAX_VFS = 7
# edu reaches all addresses.
EDU_DMA_MASK = 2 ** 64 - 1
# The peer on a NIC's wire, where Bochs' e1000 has it, too, is the host's
# loopback.
HOST_WIRE = "net=192.168.10.0/24,host=192.168.10.1"


def _nvme(index, device, bus):
    """A controller with one namespace on its own disk."""
    vfs = device.vfs
    options = f"nvme,id=nvme{index},serial=ashlar{index},bus={bus}"
    words = []
    if vfs:
        words += ["-device", f"nvme-subsys,id=subsys{index}"]
        options += (f",subsys=subsys{index},sriov_max_vfs={vfs}"
                    f",sriov_vq_flexible={2 * vfs},sriov_vi_flexible={vfs}"
                    f",max_ioqpairs={2 * vfs + 8},msix_qsize={vfs + 9}")
    return words + ["-device", options, "-device",
                    f"nvme-ns,drive=disk{index},bus=nvme{index},nsid=1"]


def _nic(model):
    def build(index, device, bus):
        if device.vfs > (IGB_MAX_VFS if model == "igb" else 0):
            raise LabError(f"{model} has no {device.vfs} virtual functions")
        wire = HOST_WIRE if device.net == "host" else "restrict=on"
        return ["-netdev", f"user,id=net{index},{wire}", "-device",
                f"{model},netdev=net{index},bus={bus},romfile="]
    return build


def _root_port(index, acs):
    """One bus each, numbered by the firmware in this order.  They are functions
    of one device, as a chipset has them: what they are apart by is ACS."""
    if index >= MAX_DEVICES:
        raise LabError(f"more than {MAX_DEVICES} devices")
    return ["-device", f"pcie-root-port,id=rp{index},chassis={index + 1},"
            f"slot={index + 1},addr=8.{index},multifunction=on,"
            f"disable-acs={'off' if acs else 'on'}"]


def _edu(_index, device, bus):
    if device.vfs:
        raise LabError("edu has no virtual functions")
    return ["-device", f"edu,bus={bus},dma_mask={EDU_DMA_MASK}"]


DEVICES = {"nvme": _nvme, "igb": _nic("igb"), "e1000e": _nic("e1000e"),
           "e1000": _nic("e1000"), "edu": _edu}


def _cd(_machine, _root, iso):
    return ["-drive", f"if=none,id=cd,media=cdrom,format=raw,readonly=on,"
            f"file={iso}", "-device", "ide-cd,drive=cd,bootindex=0"]


def _uefi_cd(machine, root, iso):
    """OVMF with variables of this run's own."""
    variables = machine.copy_file(os.path.join(root, OVMF, "OVMF_VARS_4M.fd"),
                                  "uefi-variables.fd")
    code = os.path.join(root, OVMF, "OVMF_CODE_4M.fd")
    return ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
            "-drive", f"if=pflash,unit=1,format=raw,file={variables}",
            *_cd(machine, root, iso)]


def _kernel(machine, _root, folder):
    """A module's command line is all of its word here, the path first."""
    spec = machine.spec
    words = ["-kernel", os.path.join(folder, IMAGE32), "-append",
             spec.cmdline]
    if spec.modules:
        words += ["-initrd", ",".join(os.path.join(folder, name)
                                      for name in spec.modules)]
    return words


def _pxe(_machine, _root, folder):
    """iPXE in the NIC's ROM runs the script that DHCP names."""
    return ["-netdev", f"user,id=boot,restrict=on,tftp={folder},"
            f"bootfile={IPXE_SCRIPT}", "-device",
            "virtio-net-pci,netdev=boot,bootindex=0"]


OVMF = "usr/share/OVMF"
BOOT = {"grub-bios": _cd, "grub-uefi": _uefi_cd, "multiboot1": _kernel,
        "ipxe": _pxe}


def base_words(root, machine, cpu, cpus, memory):
    """What every QEMU of the lab has.  memory: in MiB."""
    words = ["-name", "ashlar,debug-threads=on", "-nodefaults",
             "-no-user-config", "-machine", machine, "-cpu", cpu,
             "-smp", str(cpus), "-m", str(memory), "-display", "none"]
    for share in ("usr/share/seabios", "usr/share/qemu",
                  "usr/lib/ipxe/qemu"):
        words += ["-L", os.path.join(root, share)]
    return words


def environment(root):
    """Where it finds its own modules."""
    return {"QEMU_MODULE_DIR": os.path.join(root, LIBRARIES, "qemu")}


def serial_socket(index, number, tcp):
    """UART `index` of the machine, connected to the lab's port `number`."""
    return ["-chardev", f"socket,id=com{number},host=127.0.0.1,port={tcp}",
            "-device", f"isa-serial,index={index},chardev=com{number}"]


class Qemu(Machine):
    """q35 under TCG: SVM, VT-d with interrupt remapping, x2APIC."""

    name = "qemu"
    machine = "q35,accel=tcg"
    default_cpu = "EPYC,+svm,+x2apic"

    def __init__(self, spec, directory):
        super().__init__(spec, directory)
        self.pinned = set()
        self.switch = False

    def _devices_words(self):
        words = []
        for index, text in enumerate(self.spec.device):
            device = parse_device(text)
            if device.name not in DEVICES:
                raise LabError(f"no device {device.name}; there are: " +
                               " ".join(sorted(DEVICES)))
            words += self.device_words(index, device)
        return words

    def device_words(self, index, device):
        """With what is above it, and its disk."""
        if device.vfio:
            raise LabError(f"{self.name}: nothing beneath it to pass through")
        return self.whole_device(index, device)

    def whole_device(self, index, device):
        """device_words() of one that is made here."""
        words, bus = self._place(index, device)
        if device.name == "nvme":
            words += self._disk(index, device)
        return words + DEVICES[device.name](index, device, bus)

    def _place(self, index, device):
        """What is above a device, and the bus that it is on."""
        port = _root_port(index, device.acs)
        if device.behind == "bridge":
            return port + ["-device", f"pcie-pci-bridge,id=bridge{index},"
                           f"bus=rp{index}"], f"bridge{index}"
        if device.behind == "switch":
            if self.switch:
                port = []
            else:
                self.switch = True
                port += ["-device", f"x3130-upstream,id=up,bus=rp{index}"]
            number = index + MAX_DEVICES + 1
            return port + ["-device", f"xio3130-downstream,id=down{index},"
                           f"bus=up,chassis={number},slot={number}"
                           ], f"down{index}"
        return port, f"rp{index}"

    def _disk(self, index, device):
        """The file on the host is written to; without one it is empty."""
        image = device.image
        path = self.host_file(image) if image else self.empty_file(
            f"disk{index}.img", DISK_SIZE)
        limit = f",throttling.iops-total={device.iops}" if device.iops else ""
        return ["-drive", f"if=none,id=disk{index},format=raw,file={path}"
                f"{limit}"]

    def host_file(self, path):
        """A file that stays when the run is over."""
        return path

    def empty_file(self, name, size):
        """Makes a file of this run's own and returns its path."""
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def copy_file(self, source, name):
        """As empty_file(), with what is in source."""
        path = os.path.join(self.directory, name)
        shutil.copyfile(source, path)
        return path

    def _iommu_words(self):
        options = self.spec.iommu
        return [] if options == "none" else ["-device",
                                              f"intel-iommu,{options}"]

    def _log_words(self):
        """One log for both: what was between two exits can be told."""
        words = []
        if self.spec.vmexits:
            # in_asm shows #VMEXITs too; the filter leaves the code out.
            words += ["-d", "in_asm", "-dfilter", "0+1"]
        for event in self.spec.trace:
            words += ["-trace", event]
        return words and words + ["-D", os.path.join(self.directory, LOG)]

    def serial_words(self, ports):
        """The UARTs, and the monitor; ports as command() has them."""
        words = []
        for number, tcp in ports:
            if number == MONITOR:
                words += ["-chardev", "socket,id=monitor,host=127.0.0.1,"
                          f"port={tcp}", "-mon", "chardev=monitor"]
            else:
                words += serial_socket(number - 1, number, tcp)
        return words

    def words(self, root, medium, ports):
        """What stands behind the program's name.  root: where its files are
        on the system that it runs on."""
        spec = self.spec
        words = base_words(root, self.machine,
                           spec.cpu_model or self.default_cpu, spec.cpus,
                           parse_memory(spec.memory))
        words += self._iommu_words() + ["-vga", "std"]
        words += self.serial_words(ports)
        words += BOOT[spec.boot](self, root, medium)
        words += self._devices_words()
        return words + self._log_words()

    def command(self, medium, ports):
        root = machines_root()
        return (program(root, PROGRAM) + self.words(root, medium, ports),
                environment(root))

    def logs(self):
        return [LOG]

    def started(self, pid):
        """Pins each vCPU's thread to a host CPU of its own: unpinned, the
        host's scheduler makes cross-CPU wake-ups ten times slower.  Where a
        host CPU is left, the devices' threads are there."""
        if len(self.pinned) >= self.spec.cpus:
            return
        hosts = sorted(os.sched_getaffinity(0))
        if rest := set(hosts[self.spec.cpus:]):
            os.sched_setaffinity(pid, rest)
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/comm",
                          encoding="ascii") as file:
                    match = re.match(r"CPU (\d+)/", file.read())
                if match and task not in self.pinned:
                    os.sched_setaffinity(
                        int(task), {hosts[int(match[1]) % len(hosts)]})
                    self.pinned.add(task)
            except OSError:
                pass


class Kvm(Qemu):
    """q35 under KVM, where the host's CPU has VMX or SVM to nest."""

    name = "kvm"
    machine = "q35,accel=kvm,kernel-irqchip=split"
    default_cpu = "host"

    def words(self, root, medium, ports):
        pm = ["-overcommit", "cpu-pm=on"] if self.spec.cpu_pm else []
        return super().words(root, medium, ports) + pm

    def command(self, medium, ports):
        problem = kvm_problem()
        if problem:
            raise LabError(problem)
        return super().command(medium, ports)

    def started(self, pid):
        pass


def kvm_problem():
    """Why this host can't run the kvm machine, "" if it can."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = set(re.findall(r"\b(?:vmx|svm)\b", file.read()))
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "the kvm machine needs /dev/kvm, which can't be opened here"
    if not flags:
        return "the kvm machine needs the vmx or svm flag in /proc/cpuinfo"
    return ""
