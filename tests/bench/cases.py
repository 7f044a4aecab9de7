# SPDX-License-Identifier: BSD-2-Clause
"""What is measured: workloads and modes, as data."""
from dataclasses import dataclass, field

BARE = "bare"
# The table's words for how interrupts reach a guest; bare is without Ashlar.
MODES = (BARE, "exit", "eli", "did")
# Without Ashlar, in QEMU/KVM on a stock Linux, and what QEMU is told beside: as
# it comes, and with a guest's HLT and MWAIT that do not exit.
KVM = {"kvm": [], "kvm-pm": ["--cpu-pm"]}
COLUMNS = (*MODES, *KVM)
# Of devices behind VT-d bare is with translation, as the modes are; and beside
# it without.
BARE_OFF = "bare-off"
BARES = (BARE, BARE_OFF)
VTD_COLUMNS = (BARE, BARE_OFF, *COLUMNS[1:])

PAYLOAD, LINUX = "payload", "linux"
# Between two runs: payloads on one CPU repeat exactly, since a tick is an
# instruction; Linux, beneath KVM too, takes some of its decisions by a random
# generator that the host's clock seeds.
EXACT = 0.0
LINUX_TOLERANCE = 0.03


@dataclass(frozen=True)
class Emulator:
    """A machine of the lab, and the one where it is the hardware beneath KVM.
    lacks: workload to why it can't be measured there."""
    name: str
    kvm: str
    kvm_cpus: int
    # Is a tick an instruction?  Else the time is the host's: so many runs, of
    # a share of the work.
    exact: bool
    runs: int = 1
    share: int = 1
    lacks: dict = field(default_factory=dict)

    def count(self, w, short):
        """How often a workload's work is done."""
        return w.short if short else -(-w.count // self.share)


NO_VTD = "Bochs has no VT-d"
BOCHS = Emulator("bochs", "kvm-on-bochs", kvm_cpus=1, exact=True,
                 lacks={"disk": NO_VTD, "udp": NO_VTD})
NO_CARD = "of Bochs' network card only"
QEMU = Emulator("qemu", "kvm-on-qemu", kvm_cpus=2, exact=False,
                runs=3, share=10, lacks={
                    "ping": NO_CARD, "flood": NO_CARD, "device": NO_CARD,
                    "timer": "TCG's APIC has no TSC deadline; see oneshot"})
EMULATORS = {e.name: e for e in (BOCHS, QEMU)}


@dataclass(frozen=True)
class Workload:
    """One row per column.  count: how often; short: in the tests; device:
    Bochs' network card; vtd: the lab's name of a device behind VT-d."""
    name: str
    title: str
    guest: str
    count: int
    short: int
    cpus: int = 1
    device: bool = False
    vtd: str = ""
    # Linux': the word after `work`, where it is not the name.
    command: str = ""
    # What the figures are, where they are there; each in ticks.
    latency: str = ""
    act: str = ""
    tolerance: float = EXACT

    @property
    def columns(self):
        """Those of its table."""
        return VTD_COLUMNS if self.vtd else COLUMNS

    @property
    def work(self):
        """What `work` is told to do."""
        return self.command or self.name


WORKLOADS = (
    Workload("ping", "ping -A through the e1000, round trips", LINUX,
             2000, 20, device=True, latency="round trip",
             tolerance=LINUX_TOLERANCE),
    Workload("flood", "UDP datagrams out of the e1000", LINUX,
             10000, 50, device=True, tolerance=LINUX_TOLERANCE),
    Workload("device", "interrupts of the e1000, raised by its ICS", PAYLOAD,
             4000, 50, device=True, latency="line to handler"),
    Workload("timer", "wake-ups from HLT by the TSC deadline", PAYLOAD,
             20000, 100, latency="deadline to handler", act="arm"),
    Workload("oneshot", "wake-ups from HLT by the APIC timer's count", PAYLOAD,
             20000, 100, act="arm"),
    Workload("self", "IPIs to oneself by the self-IPI register", PAYLOAD,
             20000, 100, latency="WRMSR to handler", act="WRMSR"),
    Workload("icr", "IPIs to oneself by the ICR", PAYLOAD,
             20000, 100, latency="WRMSR to handler", act="WRMSR"),
    Workload("pingpong", "IPIs to another core and back", PAYLOAD,
             5000, 50, cpus=2, latency="there and back"),
    Workload("loop", "thousands of hashes, no interrupts", PAYLOAD,
             2000, 20),
    Workload("disk", "4-KiB direct reads from an NVMe disk behind VT-d", LINUX,
             50000, 50, vtd="nvme", command="read", tolerance=LINUX_TOLERANCE),
    Workload("udp", "UDP round trips through an igb behind VT-d", LINUX,
             20000, 50, vtd="igb", tolerance=LINUX_TOLERANCE),
)


def workload(name):
    """The workload of this name."""
    return next(w for w in WORKLOADS if w.name == name)
