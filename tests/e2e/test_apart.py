# SPDX-License-Identifier: BSD-2-Clause
"""What the IOMMU can't tell apart goes to one partition or to none, on QEMU:
devices behind a bridge to PCI, below ports without ACS."""
import pytest

from runs import BUILD, background, expect, typed

REFUSED = "^boot: stopped, nothing was started$"
HEAD = """\
[machine]
sidecores = 2
log = com1
"""
PARTITION = """\
[partition {}]
cpus = {}
memory = 20M
kernel = edu
console = {}
"""


def edu(lab, devices, owners, consoles, *words, extra=""):
    """A machine with these devices; owners: a list for each partition."""
    table = HEAD
    for number, owned in enumerate(owners):
        table += PARTITION.format("one two".split()[number], number,
                                  consoles[number]) + extra
        table += "".join(f"device = pci 0000:{d}\n" for d in owned)
    return lab("--machine", "qemu", "--cpus", 3, "--memory", "256M",
               *(word for d in devices for word in ("--device", d)),
               "--table", lab.table(table),
               "--module", f"edu={BUILD}/payloads/edu.bin", *words,
               timeout=100)


def refused(lab, devices, *owners):
    """The line that says why."""
    result = edu(lab, devices, owners, ["none"] * 2, *expect(REFUSED))
    assert result.outcome == "seen", result.stderr
    return result.serial().splitlines()[-2]


def works(lab, devices, *owners, words=(), extra=""):
    """The first partition's device reaches its memory."""
    ready = [f"{n + 2}:^edu: ready" for n in range(len(owners))]
    return edu(lab, devices, owners, ["com2", "com3"], *words, *expect(*ready),
               *typed("2:own\\n", "2:^edu own: ok$"), extra=extra)


@background
def apart_bridge(lab):
    return refused(lab, ["edu,behind=bridge"], ["02:00.0"])


@background
def apart_bridge_identity(lab):
    """Nobody asks whose name a request carries."""
    return works(lab, ["edu,behind=bridge"], ["02:00.0 intx=20"],
                 words=["--iommu", "none"], extra="identity = yes\n")


@background
def apart_switch(lab):
    return refused(lab, ["edu,behind=switch"] * 2, ["03:00.0"])


@background
def apart_switch_owners(lab):
    return refused(lab, ["edu,behind=switch"] * 2, ["03:00.0"], ["04:00.0"])


@background
def apart_switch_both(lab):
    return works(lab, ["edu,behind=switch"] * 2, ["03:00.0", "04:00.0"])


@background
def apart_ports(lab):
    """The root ports have ACS, which the firmware leaves off."""
    return works(lab, ["edu"] * 2, ["01:00.0"], ["02:00.0"])


@background
def apart_ports_without(lab):
    return refused(lab, ["edu", "edu,acs=off"], ["01:00.0"], ["02:00.0"])


WHY = {
    "apart_bridge": "one: device 0000:02:00.0: its requests carry the name of "
    "bridge 01:00.0; put it into a slot of PCI Express",
    "apart_switch": "one: device 0000:03:00.0: no ACS at 02:00.0 keeps it from "
    "04:00.0; assign both to one partition",
    "apart_ports_without": "one: device 0000:01:00.0: no ACS at 00:08.0 keeps "
    "it from 02:00.0; assign both to one partition",
}
WHY["apart_switch_owners"] = WHY["apart_switch"]


@pytest.mark.parametrize("run", sorted(WHY))
def test_refused(request, run):
    assert request.getfixturevalue(run) == "boot: partition " + WHY[run]


@pytest.mark.parametrize("run", ["apart_bridge_identity", "apart_switch_both",
                                 "apart_ports"])
def test_not_refused(request, run):
    result = request.getfixturevalue(run)
    assert result.outcome == "seen", result.stderr
