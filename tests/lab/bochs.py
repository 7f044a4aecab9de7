# SPDX-License-Identifier: BSD-2-Clause
"""The Bochs machine: VMX and SVM, i440FX, no IOMMU, no MSI."""
import os
import re
import signal

from machine import Device, Machine, parse_device, parse_memory
from paths import LIBRARIES, LabError, machines_root, program

LOG = "bochs.log"
CONFIG = "bochsrc"
DEBUGGER_LOG = "debugger.log"
PACKET_LOG = "packets.log"

# A run of several processors takes turns in one host thread; the true
# frequency of the TSC is ips, whatever CPUID says.
TEMPLATE = """\
plugin_ctrl: speaker=0{plugins}
display_library: rfb, options="timeout=0"
memory: guest={memory}, host={memory}
romimage: file="{share}/BIOS-bochs-latest"
vgaromimage: file="{share}/VGABIOS-lgpl-latest"
cpu: model={model}, count={cpus}, quantum={quantum}, ips={ips}, \
    reset_on_triple_fault=0{features}
clock: sync=none, time0={time0}
pci: enabled=1, chipset=i440fx{slots}
ata0-master: type=cdrom, path="{iso}", status=inserted
{disks}boot: cdrom
{serial}{devices}panic: action=report
error: action={errors}
info: action=report
debug: action=ignore
log: {log}
"""
DEFAULT_CPU = "corei7_skylake_x"
# What Ashlar needs beyond a model: the one with SVM has no x2APIC.
FEATURES = {"ryzen": ", add_features=x2apic"}
E1000_PLUGIN = ", e1000=1"
E1000_SLOT = ", slot{}=e1000"
E1000_LINE = """\
e1000: card={card}, enabled=1, mac=52:54:00:12:34:{mac:02x}, ethmod=vnet, \
ethdev="{net}", script="{peer}"
"""
# Of Bochs; each has a wire and a peer of its own.
MAX_E1000 = 4
# The settings of the peer on the wire.
PEER = """\
# vnet config
pktlog = {0}
"""
# 2024-01-01 00:00:00 UTC: runs differ less with one start of time.
TIME0 = 1704067200
TRIPLE_FAULT = re.compile(rb"^(\d+)p\[(CPU\d+) *\].*(3rd \(\d+\) exception"
                          rb".*)$", re.M)
POWER_OFF = (b"soft power off", b"Shutdown port: shutdown requested")


def serial_socket(com, tcp):
    """UART `com`, connected to one of the lab's ports."""
    return (f"com{com}: enabled=1, mode=socket-client, "
            f"dev=127.0.0.1:{tcp}\n")


class Bochs(Machine):
    """A run of Bochs.  spec is the parsed command line."""

    name = "bochs"
    # What becomes of error messages: `report` writes them to the log.
    errors = "report"

    def __init__(self, spec, directory):
        super().__init__(spec, directory)
        self.log = os.path.join(directory, LOG)
        self.seen = 0

    def _devices(self):
        devices = [parse_device(d) for d in self.spec.device]
        if not devices:
            return {"plugins": "", "slots": "", "devices": ""}
        cards = range(len(devices))
        if set(devices) != {Device("e1000")} or len(devices) > MAX_E1000:
            raise LabError("the bochs machine has e1000 alone, up to "
                           f"{MAX_E1000} of them")
        return {"plugins": E1000_PLUGIN,
                "slots": "".join(E1000_SLOT.format(n + 1) for n in cards),
                "devices": "".join(self._e1000(n) for n in cards)}

    def _e1000(self, card):
        # The peer on the wire serves files from this directory, and logs
        # the packets that it gets and sends.
        suffix = str(card) if card else ""
        net = os.path.join(self.directory, "net" + suffix)
        os.makedirs(net, exist_ok=True)
        peer = os.path.join(self.directory, "peer" + suffix)
        log = os.path.join(self.directory, PACKET_LOG + suffix)
        with open(peer, "w", encoding="utf-8") as file:
            file.write(PEER.format(log))
        return E1000_LINE.format(card=card, mac=0x56 + card, net=net,
                                 peer=peer)

    def model(self):
        """Of its CPUs."""
        return self.spec.cpu_model or DEFAULT_CPU

    def memory(self):
        """In MiB."""
        return parse_memory(self.spec.memory)

    def serial_lines(self, ports):
        """The UARTs; ports as command() has them."""
        return "".join(serial_socket(n, tcp) for n, tcp in ports)

    def disk_lines(self):
        """What there is beside the CD."""
        return ""

    def write_config(self, iso, ports, root):
        """Makes the configuration and returns its path."""
        spec = self.spec
        text = TEMPLATE.format(
            memory=self.memory(), model=self.model(),
            features=FEATURES.get(self.model(), ""), cpus=spec.cpus,
            quantum=spec.quantum, ips=spec.ips, time0=TIME0, iso=iso,
            share=os.path.join(root, "usr/share/bochs"),
            serial=self.serial_lines(ports), disks=self.disk_lines(),
            errors=self.errors, log=self.log, **self._devices())
        path = os.path.join(self.directory, CONFIG)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def command(self, iso, ports):
        root = machines_root()
        words = program(root, "usr/bin/bochs-bin") + [
            "-q", "-f", self.write_config(iso, ports, root)]
        if self.spec.debugger is not None:
            words.append("-debugger")
        if self.spec.debugger:
            words += ["-rc", self.spec.debugger]
        env = {
            "LTDL_LIBRARY_PATH": os.path.join(root, LIBRARIES,
                                              "bochs/plugins"),
            "BXSHARE": os.path.join(root, "usr/share/bochs"),
        }
        return words, env

    def stop(self, process):
        # Bochs then ends with a line in its log, which tells the ticks.
        # Under the debugger it goes to the prompt and ends for lack of input.
        process.send_signal(signal.SIGINT)

    def _log_from(self, offset):
        try:
            with open(self.log, "rb") as file:
                file.seek(offset)
                return file.read()
        except FileNotFoundError:
            return b""

    def died(self):
        new = self._log_from(self.seen)
        new = new[:new.rfind(b"\n") + 1]
        self.seen += len(new)
        match = TRIPLE_FAULT.search(new)
        if not match:
            return ""
        return (f"triple fault of {match[2].decode()} at tick "
                f"{int(match[1])}: {match[3].decode(errors='replace')}")

    def powered_off(self, process):
        log = self._log_from(0)
        return any(text in log for text in POWER_OFF)

    def ticks(self):
        tail = self._log_from(max(0, self.log_size() - 65536))
        stamps = re.findall(rb"^(\d{11,})[a-z]\[", tail, re.M)
        return int(stamps[-1]) if stamps else None

    def log_size(self):
        try:
            return os.path.getsize(self.log)
        except OSError:
            return 0

    def logs(self):
        return [LOG, CONFIG, DEBUGGER_LOG, PACKET_LOG]
