# SPDX-License-Identifier: BSD-2-Clause
"""A guest that floods the log port, on a machine without a sidecore: its
neighbour, which uses the port too, goes on all the same, and the log keeps
its marks apart."""
import re

import ledger
from hostile import PAYLOADS
from runs import background, expect

# The victim has the core that the port's NMIs go to.
TABLE = """\
[machine]
log = com1
[partition victim]
cpus = 0
memory = 18M
kernel = victim
cmdline = rounds=16
[partition flood]
cpus = 1
memory = 18M
kernel = talk
cmdline = marks=2000 lines=1500
"""
# partition/machine.c: for two partitions and one vCPU
BURST, PAUSE_MS = 16, 2 * 200
ENDS = ("partition victim: stopped: powered off by the guest",
        "partition flood: stopped: powered off by the guest")


@background
def flood(lab):
    one, other = ENDS
    return lab(
        "--cpus", 2, "--memory", "256M", "--table", lab.table(TABLE),
        "--module", f"victim={PAYLOADS}/victim.bin",
        "--module", f"talk={PAYLOADS}/talk.bin",
        # Bochs: a second, of which the port's speed is a matter, is so many
        # ticks.
        "--ips", 20_000_000,
        *expect(rf"(?s)^{one}$.*^{other}$|^{other}$.*^{one}$"), timeout=240)


def test_neighbour_goes_on(flood):
    assert flood.outcome == "seen", flood.stderr
    text = flood.serial()
    victim = re.search(r"^victim\| payload victim: ok ", text, re.M)
    end = re.search(r"^flood\| payload talk: ok marks=2000 lines=1500$", text,
                    re.M)
    assert victim.start() < end.start()


def test_every_line_arrives(flood):
    numbers = flood.findall(r"^flood\| talk: (\d+) lines of 1500, and no end of"
                            " it in sight$")
    assert numbers == [str(n) for n in range(1500)]


def test_marks_are_kept_apart(flood):
    times = [int(t) for t in flood.findall(r"^mark flood/0 74 tsc=(\d+)$")]
    (khz,) = flood.findall(r"^clock: TSC (\d+) kHz")
    assert BURST <= len(times) < 2000
    for first, last in zip(times, times[BURST:]):
        assert last - first >= PAUSE_MS * int(khz)
    # All were made.
    stopped = flood.serial().split("partition flood: cores back")[1]
    assert ledger.first(stopped)["flood", 0]["mark"] == 2000
