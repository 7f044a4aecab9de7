# SPDX-License-Identifier: BSD-2-Clause
"""After the seal no page is writable and executable, and each core maps what
is its own: by Ashlar's walk of its page tables, and by the debugger's."""
import re
import subprocess

from debugger import Debugger
from pagewalk import FRAME, PAGE, Reader, Walk
from runs import BUILD, LINUX, MAKE_LOCK, TOP, background
from symbols import IMAGE, address, offsets

CPUS = 3
TABLE = f"{TOP}/examples/linux.table"
WX_IMAGE = f"{BUILD}/ashlar-wx.elf"
TIMEOUT = 300
MAX_STEPS = 100
SEAL = r"^seal: (\d+) tables, (\d+) pages, (\d+) writable and executable$"
# core/layout.h
LOCAL_VMA = 0xffffffffc0000000
WINDOW_VMA = LOCAL_VMA + 0x200000
# 64-bit FNV-1a, and what the processor sets: accessed and dirty bits.
FNV_BASIS, FNV_PRIME = 0xcbf29ce484222325, 0x100000001b3
STATUS = 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9


class Sealed:
    """What the debugger found."""

    def __init__(self, debugger, cpus):
        self.serial = ""
        self.walks = []
        reader = Reader(debugger)
        for cpu in cpus:
            debugger.select_cpu(cpu)
            self.walks.append(Walk(reader, debugger.registers()["cr3"]))
        self.ram = []
        self.stacks = []

    def claim(self):
        """What Ashlar's walk says: tables, pages, bad pages."""
        ((tables, pages, bad),) = re.findall(SEAL, self.serial, re.M)
        return int(tables), int(pages), int(bad)


def hit(debugger):
    """Runs to the breakpoint; the number of the CPU that met it."""
    text = debugger.run(TIMEOUT)
    return int(re.search(r"^\((\d+)\) Breakpoint", text, re.M)[1])


def image_to_physical(debugger, linear):
    """Where a byte of the image is, by the selected CPU's own tables."""
    text = debugger.command(f"page {linear:#x}")
    return int(re.search(r"maps to physical page 0x([0-9a-f]+)", text)[1],
               16) + linear % PAGE


def guest_ram(debugger, directory):
    """(start, size) of the first partition's memory."""
    nr_ram, ram, size, hpa, length = offsets(
        directory, "core/partition.h", "offsetof(struct partition, nr_ram)",
        "offsetof(struct partition, ram)", "sizeof(struct guest_region)",
        "offsetof(struct guest_region, hpa)",
        "offsetof(struct guest_region, size)")
    base = image_to_physical(debugger, address("partitions"))
    count = debugger.read_u64(base + nr_ram) & 0xffffffff
    return [(debugger.read_u64(base + ram + i * size + hpa),
             debugger.read_u64(base + ram + i * size + length))
            for i in range(count)]


def run_into_seal(debugger, cpu):
    """Steps, if need be, until a core has loaded its sealed tables."""
    at = image_to_physical(debugger, address("sealed_pml4_pa")) + 8 * cpu
    for _ in range(MAX_STEPS):
        debugger.select_cpu(cpu)
        if debugger.registers()["cr3"] & FRAME == debugger.read_u64(at):
            return
        debugger.command("s all 1000")
    raise AssertionError(f"CPU {cpu} does not seal itself")


@background
def sealed(lab):
    arguments = ["--cpus", str(CPUS), "--table", TABLE, *LINUX]
    with Debugger(arguments, lab.directory) as debugger:
        # Not a breakpoint for each core: of cores that reach one in the same
        # instant, the debugger stops one.
        debugger.command(f"lb {address('guest_zero'):#x}")
        assert hit(debugger) == 0
        for cpu in range(CPUS):
            run_into_seal(debugger, cpu)
        found = Sealed(debugger, range(CPUS))
        found.ram = guest_ram(debugger, lab.directory)
        found.stacks = [address("this_cpu")] + offsets(
            lab.directory, "core/percpu.h", "CPU_NMI_STACK", "CPU_DF_STACK",
            "CPU_MC_STACK")
        # The sidecore has yet to print what was logged.
        debugger.command("bpd 1")
        debugger.run_until("^ashlar> ", TIMEOUT)
        debugger.type("memory\n")
        debugger.run_until("^ok$", TIMEOUT)
        found.serial = debugger.serial()
        return found


@background
def writable_text(lab):
    with MAKE_LOCK:
        subprocess.run(["make", "-s", "build/ashlar-wx.elf"], cwd=TOP,
                       check=True, timeout=300)
    arguments = ["--cpus", str(CPUS), "--image", WX_IMAGE, "--table", TABLE,
                 *LINUX]
    with Debugger(arguments, lab.directory) as debugger:
        debugger.command(f"lb {address('boot_refuse', WX_IMAGE):#x}")
        hit(debugger)
        found = Sealed(debugger, [0])
        debugger.command("bpd 1")
        debugger.run_until("stopped, nothing was started", TIMEOUT)
        found.serial = debugger.serial()
        return found


def test_nothing_writable_and_executable(sealed):
    for walk in sealed.walks:
        assert not walk.bad()
        # The walk can see both.
        assert any(p.writable for p in walk.leaves)
        assert any(p.executable for p in walk.leaves)


def test_walks_agree(sealed):
    assert sealed.claim() == (sum(len(w.tables) for w in sealed.walks),
                              sum(len(w.leaves) for w in sealed.walks), 0)


def fingerprint(walk):
    """Over all entries, but for what the core's window shows."""
    total = FNV_BASIS
    for linear, entry in walk.entries:
        if linear != WINDOW_VMA:
            total = (total ^ (entry & ~STATUS)) * FNV_PRIME % (1 << 64)
    return total


def test_what_the_monitor_shows(sealed):
    """The command `memory`, later, while the guest runs."""
    shown = re.findall(r"^memory cpu/(\d+) tables=(\d+) pages=(\d+) "
                       r"sum=([0-9a-f]+)$", sealed.serial, re.M)
    assert shown == [
        (str(cpu), str(len(w.tables)), str(len(w.leaves)),
         f"{fingerprint(w):016x}") for cpu, w in enumerate(sealed.walks)]


def test_only_text_is_executable(sealed):
    start, end = address("text_start"), address("text_end")
    for walk in sealed.walks:
        assert all(start <= p.linear < end
                   for p in walk.leaves if p.executable)


def test_guest_memory_is_not_mapped(sealed):
    assert sum(size for _, size in sealed.ram) == 256 << 20
    for walk in sealed.walks:
        assert not [p for p in walk.leaves for start, size in sealed.ram
                    if p.overlaps(start, size)]


def private(walk):
    """Physical pages that a core maps in its own GiB."""
    return {p.physical for p in walk.leaves if p.linear >= LOCAL_VMA}


def test_cores_do_not_see_each_other(sealed):
    for one in sealed.walks:
        assert private(one)
        for other in sealed.walks:
            if one is not other:
                assert not [p for p in one.leaves for q in private(other)
                            if p.overlaps(q, PAGE)]


def test_guard_pages(sealed):
    """Below each stack is nothing."""
    for walk in sealed.walks:
        mapped = {p.linear for p in walk.leaves}
        for stack in sealed.stacks:
            assert stack in mapped
            assert stack - PAGE not in mapped


def test_page_tables_are_out_of_reach(sealed):
    """But for the one table that holds a core's own window."""
    for walk in sealed.walks:
        for other in sealed.walks:
            seen = {t for t in other.tables
                    for p in walk.leaves if p.overlaps(t, PAGE)}
            assert len(seen) == (1 if walk is other else 0)


def test_variant_is_refused(writable_text):
    tables, pages, bad = writable_text.claim()
    assert tables and pages and bad
    last = writable_text.serial.strip().splitlines()[-2:]
    assert last == [f"boot: seal: {bad} pages are writable and executable",
                    "boot: stopped, nothing was started"]
    assert "partition" not in writable_text.serial


def test_variant_is_found_by_the_debugger(writable_text):
    start, end = (address(s, WX_IMAGE) for s in ("text_start", "text_end"))
    (walk,) = writable_text.walks
    bad = walk.bad()
    # The part that cores share is counted once for each.
    assert len(bad) * CPUS == writable_text.claim()[2]
    assert all(start <= p.linear < end for p in bad)
    assert sum(p.size for p in bad) == end - start


def test_variant_differs_in_nothing_else(writable_text, sealed):
    assert IMAGE != WX_IMAGE
    assert writable_text.claim()[:2] == sealed.claim()[:2]
