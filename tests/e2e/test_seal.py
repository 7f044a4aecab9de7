# SPDX-License-Identifier: BSD-2-Clause
"""After the seal no page is writable and executable, and each core maps what
is its own: by Ashlar's walk of its page tables, and by the debugger's."""
import re

from debugger import Debugger
from pagewalk import FRAME, PAGE, Reader, Walk
from runs import BUILD, LINUX, background, variant
from symbols import IMAGE, address, offsets

TABLE = """\
[machine]
sidecores = 3
log = com1

[partition linux]
cpus = 0-1
memory = 256M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
console = log

[partition other]
cpus = 2
memory = 128M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
"""
CPUS = 4
# Of each partition.
CORES, MEMORY = ({0, 1}, {2}), (256 << 20, 128 << 20)
WX_IMAGE = f"{BUILD}/ashlar-wx.elf"
TIMEOUT = 300
MAX_STEPS = 100
SEAL = r"^seal: (\d+) tables, (\d+) pages, (\d+) writable and executable$"
# core/layout.h
DIRECT_VMA = 0xffff800000000000
LOCAL_VMA = 0xffffffffc0000000
WINDOW_VMA = LOCAL_VMA + 0x200000
ELI_VMA = LOCAL_VMA + 0x600000
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
        # Of each partition: its memory and its second-level tables.
        self.ram = []
        self.tables = []
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


def look_at_partitions(debugger, directory, found):
    """Where their memory is, (start, size) each, and their tables."""
    each, nr_ram, ram, size, hpa, length, root = offsets(
        directory, "partition/partition.h", "sizeof(struct partition)",
        "offsetof(struct partition, ram.nr)",
        "offsetof(struct partition, ram.region)", "sizeof(struct guest_region)",
        "offsetof(struct guest_region, hpa)",
        "offsetof(struct guest_region, size)",
        "offsetof(struct partition, second_level)")
    for partition in range(len(CORES)):
        base = image_to_physical(debugger,
                                 address("partitions") + partition * each)
        count = debugger.read_u64(base + nr_ram) & 0xffffffff
        found.ram.append([(debugger.read_u64(base + ram + i * size + hpa),
                           debugger.read_u64(base + ram + i * size + length))
                          for i in range(count)])
        # In the bits that are looked at they are like Ashlar's own.
        found.tables.append(set(Walk(Reader(debugger), debugger.read_u64(
            base + root)).tables))


def run_into_seal(debugger, cpu):
    """Steps, if need be, until a core has loaded its sealed tables."""
    tables = debugger.read_u64(image_to_physical(debugger,
                                                 address("core_tables")))
    # In the direct map, two words for each core, the first of them this.
    at = tables - DIRECT_VMA + 16 * cpu
    for _ in range(MAX_STEPS):
        debugger.select_cpu(cpu)
        if debugger.registers()["cr3"] & FRAME == debugger.read_u64(at):
            return
        debugger.command("s all 1000")
    raise AssertionError(f"CPU {cpu} does not seal itself")


@background
def sealed(lab):
    arguments = ["--cpus", str(CPUS), "--table", lab.table(TABLE), *LINUX]
    with Debugger(arguments, lab.directory) as debugger:
        # Not a breakpoint for each core: of cores that reach one in the same
        # instant, the debugger stops one.
        debugger.command(f"lb {address('parts_start'):#x}")
        # Each partition's first core comes here.
        assert hit(debugger) in (0, 2)
        for cpu in range(CPUS):
            run_into_seal(debugger, cpu)
        found = Sealed(debugger, range(CPUS))
        look_at_partitions(debugger, lab.directory, found)
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
    arguments = ["--cpus", str(CPUS), *variant("ashlar-wx.elf"), "--table",
                 lab.table(TABLE), *LINUX]
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
    for ram, memory in zip(sealed.ram, MEMORY):
        assert sum(size for _, size in ram) == memory
        for walk in sealed.walks:
            assert not [p for p in walk.leaves for start, size in ram
                        if p.overlaps(start, size)]


def seen(walk, pages):
    """Those of the physical pages that a core maps."""
    return {q for q in pages for p in walk.leaves if p.overlaps(q, PAGE)}


def mapped_from(walk, linear):
    """Physical pages that a core maps from an address on."""
    return {p.physical for p in walk.leaves if p.linear >= linear}


def partition_of(cpu):
    """The partition's number, -1 for none."""
    return next((i for i, cpus in enumerate(CORES) if cpu in cpus), -1)


def test_cores_do_not_see_each_other(sealed):
    """Of another's GiB a core maps what both have of their partition."""
    for cpu, one in enumerate(sealed.walks):
        assert mapped_from(one, LOCAL_VMA)
        for other_cpu, other in enumerate(sealed.walks):
            if cpu != other_cpu:
                assert seen(one, mapped_from(other, LOCAL_VMA)) == (
                    mapped_from(one, ELI_VMA)
                    if partition_of(cpu) == partition_of(other_cpu) else set())


def test_second_level_tables_are_for_their_partition(sealed):
    """And the shadows, which lie behind them."""
    for partition, tables in enumerate(sealed.tables):
        assert tables
        for cpu, walk in enumerate(sealed.walks):
            assert seen(walk, tables) == (
                tables if partition_of(cpu) == partition else set())
    for cpu, walk in enumerate(sealed.walks):
        partition = partition_of(cpu)
        shown = mapped_from(walk, ELI_VMA)
        assert shown > sealed.tables[partition] if partition >= 0 else \
            not shown


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
            assert len(seen(walk, other.tables)) == (
                1 if walk is other else 0)


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
