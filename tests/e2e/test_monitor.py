# SPDX-License-Identifier: BSD-2-Clause
"""The monitor's commands that ask for the machine, and reach into a guest."""
import re

from hostile import PAYLOADS
from runs import background, command, expect

TABLE = """\
[machine]
sidecores = 1
log = com1
[partition nmi]
cpus = 0
memory = 18M
kernel = nmi
cmdline = count=2
console = com2
"""


@background
def monitor(lab):
    return lab(
        "--cpus", 2, "--memory", "256M", "--table", lab.table(TABLE),
        "--module", f"nmi={PAYLOADS}/nmi.bin",
        *expect("2:^nmi: ready$"), *command("cpus"), *command("list"),
        *command("nmi nmi"), *expect("2:^nmi: 1$"), *command("nmi nmi"),
        *expect("^partition nmi: stopped: "), *command("nmi nmi"),
        timeout=60)


def test_an_nmi_reaches_the_guest(monitor):
    assert monitor.outcome == "seen", monitor.stderr
    assert monitor.serial(2) == ("nmi: ready\nnmi: 1\nnmi: 2\n"
                                 "payload nmi: ok count=2\n")
    assert monitor.replies("nmi nmi") == [
        ["ok"], ["ok"], ["error: nmi nmi: it is not running"]]


def test_cpus_are_listed(monitor):
    (shown,) = monitor.replies("cpus")
    assert len(shown) == 2 + 1
    for number, line in enumerate(shown[:-1]):
        assert re.fullmatch(rf"cpu {number}: APIC id \d+, core \d+, socket "
                            r"\d+", line)
        # And at boot.
        assert monitor.serial().index(f"\n{line}\n") < monitor.serial().index(
            "\nseal: ")


def test_no_reason_while_it_runs(monitor):
    assert monitor.replies("list") == [
        ["nmi running did cpus=0 memory=18M restarts=0", "ok"]]
