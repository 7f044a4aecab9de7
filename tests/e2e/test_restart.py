# SPDX-License-Identifier: BSD-2-Clause
"""Restarts: hundreds leave Ashlar as it was, and a guest that faults at once
is not started again and again without a pause."""
import re

import ledger
from hostile import PAYLOADS
from runs import background, command, expect, typed

STEADY = """\
[machine]
sidecores = 2
[partition steady]
cpus = 0-1
memory = 18M
kernel = steady
console = com2
"""
# As many as asked for: QEMU's cores run side by side, Bochs' in turns.
RESTARTS = {"qemu": 300, "bochs": 50}

FAULTS = """\
[machine]
sidecores = 2
[partition a]
cpus = 0
memory = 18M
kernel = shutdown
restart = always
[partition b]
cpus = 1
memory = 18M
kernel = victim
console = com3
"""
# partition/life.c, for two partitions
BURST, PAUSE_MS = 10, 2 * 500
PAUSES = 4
PAUSE = r"^partition a: restarts too often: next in \d+ ms$"


def restart(count):
    return count * (typed("restart steady\\n", "^ok$") +
                    expect("2:^steady: ready$"))


@background(long=True)
def steady_restarts(lab):
    return lab(
        "--cpus", 3, "--memory", "256M", "--table", lab.table(STEADY),
        "--module", f"steady={PAYLOADS}/steady.bin",
        *expect("2:^steady: ready$"), *restart(1), *command("memory"),
        *restart(RESTARTS[lab.machine] - 1), *command("memory"),
        *command("list"), timeout=300)


@background
def fault_at_once(lab):
    return lab(
        "--cpus", 3, "--memory", "256M", "--table", lab.table(FAULTS),
        "--module", f"shutdown={PAYLOADS}/shutdown.bin",
        "--module", f"victim={PAYLOADS}/victim.bin",
        # Bochs: a second is so many ticks.
        "--ips", 20_000_000,
        *expect(*PAUSES * [PAUSE]), *typed("3:a\\n", r"3:^victim: \w+ a .*$"),
        # In the pause: neither of them waits for its end.
        *expect(PAUSE), *command("start a"), *expect(PAUSE),
        *command("stop a"), *command("list"),
        *typed("3:b\\n", r"3:^victim: \w+ b .*$"), timeout=120)


def ledgers(result):
    """What each stop has printed, vCPU by vCPU, without the cycles."""
    stops = result.serial().split("partition steady: cores back after ")[1:]
    return [ledger.first(stop[:stop.index("\npartition steady: stopped")])
            for stop in stops]


def test_restarts(steady_restarts):
    assert steady_restarts.outcome == "seen", steady_restarts.stderr
    count = RESTARTS[steady_restarts.report["machine"]]
    assert steady_restarts.serial(2) == (count + 1) * "steady: ready\n"
    # Those that the monitor asks for are not counted.
    assert steady_restarts.replies("list") == [[
        "steady running did cpus=0-1 memory=18M restarts=0",
        "ok"]]


def test_ledgers_are_as_after_the_first(steady_restarts):
    found = ledgers(steady_restarts)
    assert len(found) == RESTARTS[steady_restarts.report["machine"]]
    ledger.check_sums(found[0])
    first = found[0]["steady", 0]
    assert first["cpuid"] == first["msr-icr"] == 100
    assert first["nmi-kick"] == 1
    for each in found:
        assert each == found[0]
        assert [v.exits for v in each.values()] == [
            v.exits for v in found[0].values()]


def test_memory_is_as_after_the_first(steady_restarts):
    first, last = steady_restarts.replies("memory")
    assert first == last
    assert re.fullmatch(r"memory pool free=[1-9]\d*K of=\d+K", first[0])
    # By the walk at the end of the boot.
    (sealed,) = steady_restarts.findall(
        r"^seal: (\d+) tables, (\d+) pages, 0 ")
    lines = [line for line in first[1:-1]
             if not line.startswith("memory iommu ")]
    shown = [re.fullmatch(r"memory (\S+) tables=(\d+) pages=(\d+) "
                          r"sum=[0-9a-f]{16}", line) for line in lines]
    assert [s[1] for s in shown] == ["cpu/0", "cpu/1", "cpu/2", "steady"]
    for at in (0, 1):
        assert sum(int(s[2 + at]) for s in shown[:3]) == int(sealed[at])
    # 18 MiB in frames of 2 MiB, and the page of the echo device
    assert int(shown[3][3]) == 9 + 1


def pauses_of(result):
    """Starts before, between and after the pauses; the pauses in ms."""
    text = result.serial()
    text = text[:text.index("ashlar> start a")]
    parts = re.split(r"^partition a: restarts too often: next in (\d+) ms$",
                     text, flags=re.M)
    starts = [p.count("partition a: running: started") for p in parts[::2]]
    return starts, [int(p) for p in parts[1::2]]


def test_pauses_between_faults(fault_at_once):
    assert fault_at_once.outcome == "seen", fault_at_once.stderr
    starts, pauses = pauses_of(fault_at_once)
    # The first start is no restart.  One more for each pause's length that
    # went by on a loaded host.
    assert 1 + BURST <= starts[0] <= 2 + BURST
    assert len(pauses) > PAUSES
    assert all(starts[:-1])
    assert sum(starts[1:-1]) <= len(starts[1:-1]) + 1
    assert all(0 < n <= PAUSE_MS for n in pauses)


def test_monitor_does_not_wait(fault_at_once):
    assert fault_at_once.replies("start a") == [["ok"]]
    assert fault_at_once.replies("stop a") == [["ok"]]
    after = fault_at_once.serial().split("ashlar> stop a\nok\n")[1]
    assert "partition a: running" not in after
    (shown,) = fault_at_once.replies("list")
    assert shown[0].startswith("a parked did ")
    assert shown[0].endswith(" reason=triple fault")


def test_the_other_partition_is_exact(fault_at_once):
    assert len(re.findall("^victim: exact ", fault_at_once.serial(3),
                          re.M)) == 2
