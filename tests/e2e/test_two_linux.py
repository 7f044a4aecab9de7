# SPDX-License-Identifier: BSD-2-Clause
"""Two Linux partitions with consoles of their own: what one does to itself,
the other's counts do not show."""
import re

from runs import LINUX, background, command, expect, typed

TABLE = """\
[machine]
sidecores = 3
log = com1
[partition one]
cpus = 0-1
memory = 192M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
console = com2
restart = 10
[partition two]
cpus = 2
memory = 192M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
console = com3
"""
# One and a half minutes each on Bochs, where CPUs take turns.
RESETS = {"qemu": 10, "bochs": 3}
COUNT = re.compile(r"^count (\w+) (\S+) timers=(\d+)/(\d+) turns=(\d+)/(\d+) "
                   r"words=(\d+) wrong=(\d+) strays=(\d+)$", re.M)
RESET = "partition one: stopped: reset by the guest"
TRIPLE_FAULT = "partition two: parked: triple fault"


def shell(port):
    return expect(f"{port}:^guest# ")


def ask(port, tag):
    """Arguments: the counts of `work count` there, under a name."""
    return typed(f"{port}:{tag}\\n", rf"{port}:^count \w+ {tag} .*\n")


def resets(count):
    words = []
    for number in range(count):
        words += typed("2:reboot -f\\n", f"^{RESET}$") + shell(2)
        words += ask(3, f"reset{number}")
    return words


@background(long=True)
def two_linux(lab):
    return lab(
        "--cpus", 4, "--memory", "768M", "--table", lab.table(TABLE), *LINUX,
        *shell(2), *shell(3),
        *typed("3:work count\\n", "3:^count ready$"),
        *resets(RESETS[lab.machine]),
        *ask(3, "quit"), *shell(3),
        # The other way round.
        *typed("2:work count\\n", "2:^count ready$"),
        *typed("3:echo triple >/sys/kernel/reboot/type\\n"), *shell(3),
        *typed("3:reboot -f\\n", f"^{TRIPLE_FAULT}$"), *ask(2, "parked"),
        *command("list"), *command("start two"), *shell(3),
        *typed("3:echo an$((81+1))er\\n", "3:^an82er$"), *ask(2, "quit"),
        *shell(2), *command("list"), timeout=900)


def check_counts(result, port, tags):
    """Exact whenever asked, and they get on."""
    reports = COUNT.findall(result.serial(port))
    assert [r[1] for r in reports] == tags
    before = 0
    for report in reports:
        assert report[0] == "exact", report
        assert report[2] == report[3] and report[4] == report[5], report
        assert report[7:] == ("0", "0"), report
        assert int(report[2]) >= before, report
        before = int(report[2])
    assert before > len(tags)


def test_resets(two_linux):
    assert two_linux.outcome == "seen", two_linux.stderr
    count = RESETS[two_linux.report["machine"]]
    assert two_linux.findall("^partition one: (?!cores|zeroing).*") == [
        "partition one: running: started"] + count * [
            RESET, "partition one: running: started"]
    check_counts(two_linux, 3, [f"reset{n}" for n in range(count)] +
                 ["quit", "end"])


def test_triple_fault(two_linux):
    assert two_linux.findall("^partition two: (?!cores|zeroing).*") == [
        "partition two: running: started", TRIPLE_FAULT,
        "partition two: running: started"]
    check_counts(two_linux, 2, ["parked", "quit", "end"])
    parked, revived = two_linux.replies("list")
    about = "did cpus=2 memory=192M restarts=0"
    assert parked[1] == f"two parked {about} reason=triple fault"
    assert revived[1] == f"two running {about}"
    assert revived[0].startswith("one running ")


def test_its_registers_are_shown(two_linux):
    """In the kernel, which has taken its own IDT away."""
    dump = "\n".join(two_linux.findall("^two/0: (.*)$"))
    assert dump.startswith("triple fault\n")
    assert re.search("^rip ffffffff[0-9a-f]{8} rsp ", dump, re.M)
    assert re.search(r"^cs .* idt 0 ", dump, re.M)
    assert re.search("^r12-r15 ", dump, re.M)
