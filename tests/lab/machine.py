# SPDX-License-Identifier: BSD-2-Clause
"""What the descriptions of the machines have in common."""
import re
import typing

from paths import LabError


class Machine:
    """One run's machine.  The session calls command() once the serial ports
    have their addresses, stop() to end it early, ended() for why it ended."""

    name = ""

    def __init__(self, spec, directory):
        self.spec = spec
        self.directory = directory

    def command(self, medium, ports):
        """The words and the environment that start the machine; medium is
        what it boots from (see media), ports a list of (COM number, TCP port
        on the loopback to connect to)."""
        raise NotImplementedError

    def started(self, pid):
        """Called now and then while the machine runs."""

    def stop(self, process):
        """Asks the machine to end now."""
        process.terminate()

    def died(self):
        """What killed the machine although its process still runs, or ""."""
        return ""

    def powered_off(self, process):
        """Was the end of the process the machine's own power-off?"""
        return process.returncode == 0

    def ticks(self):
        """The machine's own clock at its end, None where it has none."""
        return None

    def kvm_counts(self):
        """What KVM has counted of the machine, without what is 0: moment to
        {KVM's name: count}.  A moment is a mark (a byte that the guest wrote
        to port 5E9h, the last of its kind) or `end`, the guest's power-off.
        None where KVM is not asked."""
        return None

    def logs(self):
        """Files in the run's directory worth keeping."""
        return []


class Device(typing.NamedTuple):
    """A --device.  iops: requests a second of its disk, 0 for any number;
    acs: has the root port above it ACS? behind: what stands between that and
    it, a `bridge` to PCI, the one `switch`, which has no ACS, or nothing;
    net: `host` if a NIC's wire leads to the host; vfio: is it the hardware's,
    which L1 of a nested machine passes through? image: the disk's file on the
    host, or None."""
    name: str
    vfs: int = 0
    iops: int = 0
    acs: bool = True
    behind: str = ""
    net: str = ""
    vfio: bool = False
    image: str | None = None


DEVICE = ("NAME[,vfs=N][,iops=N][,acs=off][,behind=bridge|switch][,net=host]"
          "[,vfio=on][,image=FILE]")


def parse_device(text):
    """A DEVICE."""
    match = re.fullmatch(r"([a-z0-9]+)(?:,vfs=(\d+))?(?:,iops=(\d+))?"
                         r"(,acs=off)?(?:,behind=(bridge|switch))?"
                         r"(?:,net=(host))?(,vfio=on)?(?:,image=(.+))?", text)
    if not match:
        raise LabError(f"--device {text}: not {DEVICE}")
    return Device(match[1], int(match[2] or 0), int(match[3] or 0),
                  not match[4], match[5] or "", match[6] or "",
                  bool(match[7]), match[8])


def parse_memory(text):
    """A size with K, M or G as MiB."""
    match = re.fullmatch(r"(\d+)([MG])", text)
    if not match:
        raise LabError(f"--memory {text}: a number with M or G")
    return int(match[1]) * {"M": 1, "G": 1024}[match[2]]
