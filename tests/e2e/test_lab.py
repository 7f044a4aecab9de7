# SPDX-License-Identifier: BSD-2-Clause
"""The lab's nested machines, without running one: what they are started with,
and what they read off L1's log."""
import os
import tarfile
from types import SimpleNamespace

import pytest

import runs  # noqa: F401  pylint: disable=unused-import
import cli  # pylint: disable=wrong-import-order
import nested
from paths import LabError
from qemu import Kvm, Qemu

PORTS = [(1, 5001), (2, 5002)]
KVM = "L1: kvm end exits=12 nested_run=7\r\n"
MARKS = "L1: kvm B exits=2\r\nL1: kvm E exits=5\r\n"


def spec(*arguments):
    """A command line, completed as far as it needs no file."""
    parsed = cli.parser().parse_args(["--machine", "kvm-on-qemu", "--cpus",
                                      "1", *arguments])
    parsed.modules = {"table": "", "vmlinuz": ""}
    return parsed


def made(tmp_path, *arguments, boot="multiboot1", ports=None):
    """The job's tar, of a folder with one file."""
    medium = tmp_path / "files"
    medium.mkdir()
    (medium / "table").write_text("[machine]\n")
    path = nested.make_job(spec("--boot", boot, *arguments), tmp_path,
                           str(medium), ports or PORTS)
    return path, tarfile.open(path)


def script(tar):
    return tar.extractfile(nested.SCRIPT).read().decode().splitlines()


@pytest.fixture(name="machine", params=[nested.KvmOnQemu, nested.KvmOnBochs])
def machine_fixture(request, tmp_path):
    return request.param(spec(), tmp_path)


def test_same_words_as_kvm():
    """But for the UARTs, which are devices in L1."""
    options = spec("--boot", "multiboot1", "--device", "edu")
    inner = nested.Inner(options).words("/r", "/job/files", PORTS)
    there = Kvm(options, "/job").words("/r", "/job/files", PORTS)
    assert len(inner) == len(there)
    differing = [(a, b) for a, b in zip(inner, there) if a != b]
    assert differing == [
        (f"serial,id=com{n},path=/dev/ttyS{n}",
         f"socket,id=com{n},host=127.0.0.1,port={tcp}") for n, tcp in PORTS]


def test_job(tmp_path):
    path, tar = made(tmp_path)
    assert os.path.getsize(path) % nested.CYLINDER == 0
    assert tar.extractfile("files/table").read() == b"[machine]\n"
    (line,) = script(tar)
    assert line.startswith("exec /r/usr/lib64/")
    assert f"-kernel {nested.JOB}/files/ashlar.elf32 " in line
    assert "-initrd /job/files/table,/job/files/vmlinuz " in line
    assert " -no-shutdown " in line


def test_links_are_followed(tmp_path):
    """The folder that a machine boots from has nothing else."""
    (tmp_path / "there").write_text("kernel")
    (tmp_path / "medium").mkdir()
    (tmp_path / "medium/vmlinuz").symlink_to(tmp_path / "there")
    path = nested.make_job(spec("--boot", "multiboot1"), tmp_path,
                           str(tmp_path / "medium"), PORTS)
    with tarfile.open(path) as tar:
        assert tar.extractfile("medium/vmlinuz").read() == b"kernel"


def test_files_are_made_in_l1(tmp_path):
    _, tar = made(tmp_path, "--device", "nvme", boot="grub-uefi")
    lines = script(tar)
    assert lines[0] == ("cp /r/usr/share/OVMF/OVMF_VARS_4M.fd "
                        "/job/uefi-variables.fd")
    assert lines[1] == "truncate -s 67108864 /job/disk0.img"
    assert "file=/job/disk0.img" in lines[2]
    # QEMU would not make them.
    assert not list(tmp_path.glob("disk*"))


def test_passed_through(tmp_path):
    """The hardware has them, and the machine in L1 by VFIO."""
    options = spec("--boot", "multiboot1", "--device", "edu", "--device",
                   "nvme,vfio=on,image=/disk", "--device", "igb,vfio=on")
    inner = nested.Inner(options).words("/r", "/job/files", PORTS)
    assert [w for w in inner if w.startswith(("vfio-pci", "edu", "nvme",
                                              "igb"))] == [
        "edu,bus=rp0,dma_mask=18446744073709551615",
        "vfio-pci,host=0000:01:00.0,bus=rp1",
        "vfio-pci,host=0000:02:00.0,bus=rp2"]
    words, cmdline = nested.KvmOnQemu(options, tmp_path).passed_words()
    assert cmdline == " intel_iommu=on l1.vfio=0000:01:00.0,0000:02:00.0"
    assert words[:2] == nested.L0_IOMMU
    assert "if=none,id=disk0,format=raw,file=/disk" in words
    assert "igb,netdev=net1,bus=rp1,romfile=" in words
    assert nested.KvmOnQemu(spec(), tmp_path).passed_words() == ([], "")


@pytest.mark.parametrize("kind", [Kvm, Qemu])
def test_nothing_beneath(kind, tmp_path):
    machine = kind(spec("--boot", "multiboot1", "--device", "nvme,vfio=on"),
                   tmp_path)
    with pytest.raises(LabError, match="nothing beneath it"):
        machine.words("/r", "", PORTS)


def test_no_com4(tmp_path):
    with pytest.raises(LabError, match="COM1 to COM3 only"):
        made(tmp_path, ports=[(4, 5004)])


@pytest.mark.parametrize("log, off, counts, died", [
    ("", False, {}, ""),
    ("L1: up after 2.8 s: 6.1.0, 1 CPUs\r\n" + KVM +
     "L1: qemu status 0\r\n", True, {"end": {"exits": 12, "nested_run": 7}},
     ""),
    (MARKS + "L1: qemu status 1\r\n", False,
     {"B": {"exits": 2}, "E": {"exits": 5}}, ""),
    ("L1: qemu status 01\r\n", False, {}, ""),
    ("L1: kvm E exits=12 nested_run=1", False, {}, ""),
    ("L1: no /dev/kvm\r\n", False, {}, "L1: no /dev/kvm"),
    ("[    1.0] Kernel panic - not syncing: IO-APIC + timer\r\n", False, {},
     "L1: Kernel panic - not syncing: IO-APIC + timer")])
def test_log(machine, tmp_path, log, off, counts, died):
    (tmp_path / nested.LOG).write_bytes(log.encode())
    process = SimpleNamespace(returncode=0)
    assert machine.powered_off(process) == off
    assert machine.kvm_counts() == counts
    assert machine.died() == died


def test_no_log_yet(machine):
    assert not machine.powered_off(SimpleNamespace(returncode=0))
    assert machine.kvm_counts() == {}
    assert machine.died() == ""


@pytest.mark.parametrize("kind, arguments, why", [
    (nested.KvmOnBochs, ["--cpus", "2"], "one CPU only"),
    (nested.KvmOnBochs, ["--device", "nvme,vfio=on"], "no VT-d"),
    (nested.KvmOnBochs, ["--device", "nvme,behind=switch,vfio=on"],
     "on a root port"),
    (nested.KvmOnQemu, ["--boot", "grub-uefi"], "not by grub-uefi")])
def test_refused(kind, arguments, why, tmp_path):
    with pytest.raises(LabError, match=why):
        kind(spec(*arguments), tmp_path).command("", PORTS)
