# SPDX-License-Identifier: BSD-2-Clause
"""Runs of the payload `hostile` beside the payload `victim`.

One boot does many attacks: the attacker's console takes one, the monitor
lists, stops and starts the partition, the victim's console is asked for its
counts.  Ports: 1 the monitor, 2 the attacker, 3 the victim.
"""
import os
import re

from runs import BUILD, command, expect, typed

PAYLOADS = os.path.join(BUILD, "payloads")
TABLE = """\
[machine]
sidecores = 3
log = com1
[partition attacker]
cpus = 0-1
memory = 20M
kernel = hostile
console = com2
restart = always
[partition victim]
cpus = 2
memory = 20M
kernel = victim
cmdline = deadline={deadline}
console = com3
"""
ARGUMENTS = ["--cpus", 4, "--memory", "256M",
             "--module", f"hostile={PAYLOADS}/hostile.bin",
             "--module", f"victim={PAYLOADS}/victim.bin"]

# How an attack goes: it comes to its end, goes on for ever, ends its
# partition, or any of these, which is then given the time of some questions
# to the victim.
DONE, ENDLESS, ENDS, ANY = "done", "endless", "ends", "any"


def ask_victim(tag):
    """Arguments: the victim's counts, under a name."""
    return typed(f"3:{tag}\\n", rf"3:^victim: \w+ {tag} .*$")


def attack(name, kind, seed=1, count=""):
    """Arguments: one attack from a fresh start, and the eviction."""
    tag = f"{name}-{seed}"
    words = typed(f"2:{name} {seed} {count}\\n",
                  rf"2:^hostile {name}: begun$")
    if kind == DONE:
        words += expect(rf"2:^hostile {name}: done \d+$|"
                        "^payload hostile: .*$|^hostile: ready$")
    elif kind == ENDLESS:
        words += expect(rf"2:^hostile {name}: on its way$")
    elif kind == ENDS:
        words += expect(r"^partition attacker: (?:parked|stopped): .*$",
                        "2:^hostile: ready$")
    if kind in (ENDLESS, ANY):
        words += ask_victim(f"{tag}-a") + ask_victim(f"{tag}-b")
    words += command("list") + ask_victim(tag)
    # Evicted and started anew for the next, whatever state it was in.
    return words + command("restart attacker") + expect("2:^hostile: ready$")


def run(lab, attacks, deadline=0, timeout=240, arguments=()):
    """One boot with these attacks: tuples for attack()."""
    words = expect("2:^hostile: ready$", "3:^victim: ready$")
    for one in attacks:
        words += attack(*one)
    words += ask_victim("last") + command("list")
    return lab(*ARGUMENTS, *arguments, "--table",
               lab.table(TABLE.format(deadline=deadline)), *words,
               timeout=timeout)


VICTIM = re.compile(r"^victim: (\w+) (\S+) ticks=(\d+)/(\d+) "
                    r"selfs=(\d+)/(\d+) others=(\d+)/(\d+) "
                    r"words=(\d+) passes=(\d+)$", re.M)


def check_victim(result):
    """All of its reports: exact, and it gets on."""
    reports = VICTIM.findall(result.serial(3))
    assert reports, result.stderr
    before = -1
    for report in reports:
        assert report[0] == "exact", report
        assert report[2] == report[3] and report[4] == report[5], report
        assert int(report[2]) > before, report
        before = int(report[2])
    return reports


def evictions(result):
    """Ticks from the request to the last core in root mode, in order."""
    return [int(n) for n in result.findall(
        r"^partition attacker: cores back after (\d+) ticks$")]
