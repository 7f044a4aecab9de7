# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's VT-d, as it is and as others are: driven, or left alone."""
import os

import pytest

from runs import BUILD, LINUX, PROMPT, background, command, expect, typed

HELLO = ["--module", "hello=" + os.path.join(BUILD, "payloads/hello.bin")]
HELLO_TABLE = """\
[machine]
sidecores = 1
[partition one]
cpus = 0
memory = 32M
kernel = hello
"""
HELLO_ENDED = "^partition one: stopped: powered off by the guest$"
# Input comes by NMI: a pin of the IO-APIC.
LINUX_TABLE = """\
[machine]
log = com1
[partition linux]
cpus = 0-1
memory = 192M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
"""
LINUX_ENDED = "^partition linux: stopped: powered off by the guest$"
WITHOUT = ("warning: vtd: interrupts are not remapped, devices can send any: "
           "the firmware says so")


@background(long=True)
def vtd_linux(lab):
    return lab("--machine", "qemu", "--cpus", 2, "--table",
               lab.table(LINUX_TABLE), *LINUX,
               *expect(r"^linux\| guest: ready"),
               *command("console linux"), *typed("\\n", "^guest# "),
               *typed("echo an$((81+1))er\\n", "^an82er$"),
               *typed("poweroff -f\\n", LINUX_ENDED), timeout=300)


def hello(lab, options):
    """The smallest guest, on a machine with this IOMMU."""
    return lab("--machine", "qemu", "--cpus", 2, "--iommu", options,
               "--table", lab.table(HELLO_TABLE), *HELLO,
               *expect(HELLO_ENDED, PROMPT), *typed("poweroff\\n"),
               timeout=120)


@background
def vtd_none(lab):
    return hello(lab, "none")


@background
def vtd_dma_only(lab):
    return hello(lab, "intremap=off")


@background
def vtd_xapic(lab):
    return hello(lab, "intremap=on,eim=off")


@background
def vtd_small(lab):
    return hello(lab, "intremap=on,eim=on,aw-bits=39,caching-mode=on")


def said(result):
    return result.findall("^(vtd: .*|warning: .*)$")


def test_linux(vtd_linux):
    assert vtd_linux.outcome == "seen", vtd_linux.stderr
    assert said(vtd_linux) == ["vtd: 1 unit, 48 bits, interrupts remapped"]


@pytest.mark.parametrize("run, lines", [
    ("vtd_none", []),
    ("vtd_dma_only", [WITHOUT, "vtd: 1 unit, 48 bits"]),
    ("vtd_xapic", ["vtd: 1 unit, 48 bits, interrupts remapped for APIC ids up "
                   "to 254"]),
    ("vtd_small", ["vtd: 1 unit, 39 bits, caching mode, interrupts "
                   "remapped"]),
])
def test_others(request, run, lines):
    result = request.getfixturevalue(run)
    assert result.powered_off, result.stderr
    assert said(result) == lines
