# SPDX-License-Identifier: BSD-2-Clause
"""One Linux from boot loader to shell and down again, and the monitor."""
import re

import pytest

from ledger import check_sums, first, latencies
from runs import LINUX, PROMPT, background, command, expect, typed

# The shell as lines of the log, and raw.
SHELL = r"^linux\| guest# "
RAW_SHELL = "^guest# "
STOPPED = r"^partition linux: stopped: .*$"
CTRL_A = "\\x01"

RESTART = """\
[machine]
sidecores = 2
[partition linux]
cpus = 0-1
memory = 256M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
restart = 1
"""
TWO = """\
[machine]
sidecores = 3
[partition one]
cpus = 1
memory = 192M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
[partition two]
cpus = 2
memory = 192M
kernel = vmlinuz
initrd = initrd.img
cmdline = console=ttyS0 quiet
"""


def console(name):
    """To the raw console of a partition whose shell waits."""
    return command(f"console {name}") + typed("\\n", RAW_SHELL)


def answer(number):
    """The shell computes, so that an echo is not taken for its answer."""
    return typed(f"echo an$(({number}-1))er $(nproc)\\n",
                 rf"^an{number - 1}er \d+$")


@background(long=True)
def sidecore(lab):
    return lab(
        "--cpus", 3, "--table", "examples/linux.table", *LINUX,
        *expect(SHELL), *console("linux"), *answer(43), *typed(CTRL_A),
        *command("list"), *command("console linux"),
        *typed("poweroff -f\\n", STOPPED),
        *command("list"), *command("stat"), *command("stat linux"),
        *command("latency linux"), *command("help"), *command("log"),
        *command("bogus"),
        *command("stop linux"), *command("stop nobody"), *command("stop"),
        *command("start linux"), *expect(SHELL), *command("start linux"),
        *command("stop linux"), *expect(STOPPED),
        *command("restart linux"), *expect(SHELL), *console("linux"),
        *typed("reboot -f\\n", STOPPED), *command("list"),
        *expect(PROMPT), *typed("poweroff\\n"))


@background(long=True)
def nmi_console(lab):
    return lab(
        "--cpus", 2, "--table", "examples/linux-nosidecore.table", *LINUX,
        *expect(r"^linux\| guest: ready"), *console("linux"), *answer(53),
        *typed("poweroff -f\\n", STOPPED), *command("list"),
        *command("stat"), *command("start linux"),
        *expect(r"^linux\| guest: ready"), *console("linux"), *answer(55),
        *typed(CTRL_A), *command("stop linux"), *expect(STOPPED, PROMPT),
        *typed("poweroff\\n"))


@background(long=True)
def restarts(lab):
    return lab(
        "--cpus", 3, "--table", lab.table(RESTART), *LINUX, *expect(SHELL),
        *console("linux"), *typed("reboot -f\\n", RAW_SHELL), *answer(63),
        *typed("reboot -f\\n", STOPPED), *command("list"),
        *command("log"), *expect(PROMPT),
        *typed("reboot\\n", "^ok$", "^Ashlar ", "^partition linux: running"))


@background(long=True)
def parked(lab):
    return lab(
        "--cpus", 4, "--memory", "768M", "--table", lab.table(TWO), *LINUX,
        *expect(r"(?s)^one\| guest# .*^two\| guest# |"
                r"^two\| guest# .*^one\| guest# "),
        *console("one"), *typed("work forbidden\\n", "^partition one: .*$"),
        *command("list"), *command("stat two"),
        *console("two"), *answer(73), *typed(CTRL_A),
        *command("start one"), *expect(r"^one\| guest# "),
        *console("one"), *answer(75), *typed(CTRL_A),
        *command("list"), *expect(PROMPT), *typed("poweroff\\n"))


def test_shell(sidecore):
    assert sidecore.outcome == "seen", sidecore.stderr
    assert "an42er 2" in sidecore.matches


def test_machine_poweroff(sidecore, nmi_console, parked):
    assert sidecore.powered_off
    assert nmi_console.powered_off
    assert parked.powered_off


def test_no_panic(sidecore, nmi_console, restarts, parked):
    for run in (sidecore, nmi_console, restarts, parked):
        assert "panic" not in run.serial()


def test_guest_poweroff(sidecore):
    # The second comes from the command `log`.
    assert sidecore.findall(STOPPED) == [
        "partition linux: stopped: powered off by the guest",
        "partition linux: stopped: powered off by the guest",
        "partition linux: stopped: stopped by the monitor",
        "partition linux: stopped: reset by the guest, restart = never or "
        "used up"]


def test_ledger_at_stop(sidecore):
    text = sidecore.serial()
    end = text.index("partition linux: stopped")
    found = first(text[:end])
    assert set(found) == {("linux", 0), ("linux", 1)}
    check_sums(found)
    assert found["linux", 0]["cpuid"] > 0
    assert found["linux", 1]["msr-icr"] > 0
    # The ledger's lines are the last before the partition's own.
    assert text[:end].splitlines()[-1].startswith("ledger linux/1 ")


def test_list(sidecore):
    shown = sidecore.replies("list")
    about = "did cpus=0-1 memory=256M restarts=0"
    assert shown == [
        [f"linux running {about}", "ok"],
        [f"linux stopped {about} reason=powered off by the guest", "ok"],
        [f"linux stopped {about} reason=reset by the guest, restart = never "
         "or used up", "ok"]]


def test_stat(sidecore):
    (everything,), (one,) = (sidecore.replies("stat"),
                             sidecore.replies("stat linux"))
    assert everything == one
    assert one[-1] == "ok"
    found = first("\n".join(one))
    check_sums(found)
    text = sidecore.serial()
    assert found == first(text[:text.index("partition linux: stopped")])


def test_latency(sidecore):
    """Each exit is in the ledger and in the histogram, once."""
    (lines,) = sidecore.replies("latency linux")
    assert lines[-1] == "ok"
    assert latencies("\n".join(lines)) == {
        (name, vcpu, "exit"): snapshot.exits
        for (name, vcpu), snapshot in first(sidecore.serial()).items()}


def test_help(sidecore):
    (lines,) = sidecore.replies("help")
    assert lines[-1] == "ok"
    assert [line.split()[0] for line in lines[:-1]] == [
        "help", "list", "stat", "latency", "cpus", "memory", "faults",
        "console", "stop", "start", "restart", "nmi", "mode", "log",
        "poweroff", "reboot"]


def test_log(sidecore):
    (lines,) = sidecore.replies("log")
    assert lines[-1] == "ok"
    for regex in ("Ashlar .*", "cpus: 3, TSCs in step", r"linux\| guest: ready",
                  "partition linux: stopped: powered off by the guest"):
        assert [s for s in lines if re.fullmatch(regex, s)], regex


@pytest.mark.parametrize("text,replies", [
    ("bogus", ["error: unknown command bogus; help lists them"]),
    ("stop linux", ["error: stop linux: it is not running", "ok"]),
    ("stop nobody", ["error: no partition nobody; list shows them"]),
    ("stop", ["error: usage: stop NAME"]),
    ("start linux", ["ok", "error: start linux: it is running"]),
    ("restart linux", ["ok"]),
])
def test_replies(sidecore, text, replies):
    assert sidecore.replies(text) == [[line] for line in replies]


def test_nmi_console(nmi_console):
    assert nmi_console.outcome == "seen", nmi_console.stderr
    assert {"an52er 2", "an54er 2"} <= set(nmi_console.matches)
    assert nmi_console.findall(STOPPED) == [
        "partition linux: stopped: powered off by the guest",
        "partition linux: stopped: stopped by the monitor"]


def test_nmi_console_is_counted(nmi_console, sidecore):
    (lines,) = nmi_console.replies("stat")
    found = first("\n".join(lines))
    check_sums(found)
    assert found["linux", 0]["nmi-console"] > 0
    assert "nmi-console" not in found["linux", 1]
    assert "nmi-console" not in sidecore.serial()


def test_restart_count(restarts):
    assert restarts.outcome == "seen", restarts.stderr
    assert "an62er 2" in restarts.matches
    assert restarts.replies("list") == [[
        "linux stopped did cpus=0-1 memory=256M restarts=1 reason=reset by "
        "the guest, restart = never or used up", "ok"]]
    (log,) = restarts.replies("log")
    assert "partition linux: stopped: reset by the guest" in log


def test_machine_reboot(restarts):
    before, after = restarts.serial().split("ashlar> reboot\nok\n")
    assert before.startswith("Ashlar ")
    assert after.lstrip().startswith("Ashlar ")


def test_park(parked):
    assert parked.outcome == "seen", parked.stderr
    reason = "string I/O to an emulated port"
    assert parked.findall("^partition one: parked: .*") == [
        f"partition one: parked: {reason}"]
    assert parked.findall("^one/0: .*O.*") == [f"one/0: {reason}"]
    assert "forbidden passed" not in parked.serial()


def test_park_dumps_registers(parked):
    # SVM adds a line on the exit itself.
    dump = parked.findall("^one/0: (?!exit )(.*)$")
    assert re.match(r"rip [0-9a-f]+ rsp [0-9a-f]+ rflags [0-9a-f]+", dump[1])
    # REP OUTSB to port 80h of the ten bytes of "forbidden".
    assert dump[4].startswith("r0-r3 ")
    _, rcx, rdx, _ = dump[4].split()[1:]
    assert (int(rcx, 16), int(rdx, 16)) == (10, 0x80)
    assert len(dump) == 8


def test_park_leaves_others_alone(parked):
    assert "an72er 1" in parked.matches
    lists = parked.replies("list")
    assert lists[0] == [
        "one parked did cpus=1 memory=192M restarts=0 reason=string I/O to "
        "an emulated port",
        "two running did cpus=2 memory=192M restarts=0", "ok"]
    assert not parked.findall("^partition two: (?!running|zeroing)")


def test_start_revives(parked):
    assert "an74er 1" in parked.matches
    assert parked.replies("list")[1][:2] == [
        "one running did cpus=1 memory=192M restarts=0",
        "two running did cpus=2 memory=192M restarts=0"]
