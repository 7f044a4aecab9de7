# SPDX-License-Identifier: BSD-2-Clause
"""Runs of the payload `hostile` beside the payload `victim`.

One boot does many attacks: the attacker's console takes one, the monitor
lists, stops and starts the partition, the victim's console is asked for its
counts.  Ports: 1 the monitor, 2 the attacker, 3 the victim.
"""
import os
import re
import typing

from runs import BUILD, command, expect, typed

PAYLOADS = os.path.join(BUILD, "payloads")
TABLE = """\
[machine]
sidecores = 3
log = com1
[partition attacker]
cpus = 0-1
memory = 20M
interrupts = {mode}
kernel = hostile
console = com2
[partition victim]
cpus = 2
memory = 20M
interrupts = {mode}
kernel = victim
cmdline = deadline={deadline}
console = com3
"""
ARGUMENTS = ["--cpus", 4, "--memory", "256M",
             "--module", f"hostile={PAYLOADS}/hostile.bin",
             "--module", f"victim={PAYLOADS}/victim.bin"]

# How an attack goes: it comes to its end, goes on for ever, ends its
# partition, or any of these: it is given the time of some questions to the
# victim, as the endless ones are.
DONE, ENDLESS, ENDS, ANY = "done", "endless", "ends", "any"


# One that is stopped by an attack, not by the monitor: the line of a restart
# may come after the new start.
ENDED = (r"^partition attacker: (?:parked|stopped): "
         r"(?!restarted by the monitor$).*$")


class Attack(typing.NamedTuple):
    """One line for the attacker, and what becomes of it."""
    name: str
    kind: str
    seed: int = 1
    count: str = ""
    questions: int = 2
    # Why TCG itself does not survive it.
    not_on_qemu: str = ""

    @property
    def tag(self):
        return "-".join(filter(None, [self.name, str(self.seed), self.count]))

    @property
    def line(self):
        """What is typed to the attacker."""
        return f"2:{self.name} {self.seed} {self.count}\\n"

    def arguments(self):
        """From a fresh start to the eviction and the next start."""
        name, tag = self.name, self.tag
        words = typed(self.line, rf"2:^hostile {name}: begun$")
        if self.kind == DONE:
            words += expect(rf"2:^hostile {name}: done \d+$|"
                            "^payload hostile: .*$")
        elif self.kind == ENDLESS:
            words += expect(rf"2:^hostile {name}: on its way$")
        elif self.kind == ENDS:
            words += expect(ENDED)
        if self.kind in (ENDLESS, ANY):
            for n in range(self.questions):
                words += ask_victim(f"{tag}-{n}")
        words += command("list") + ask_victim(tag)
        # Evicted and started anew for the next, whatever state it was in.
        return (words + command("restart attacker") +
                expect("2:^hostile: ready$"))


def ask_victim(tag, otherwise="[^\\s\\S]"):
    """Arguments: the victim's counts, under a name; or what else it says."""
    return typed(f"3:{tag}\\n",
                 rf"3:^victim: (?:\w+ {tag} .*|{otherwise})\n")


def fit(attacks, machine):
    """Those of the attacks that the machine's emulator survives."""
    return [a for a in attacks if machine != "qemu" or not a.not_on_qemu]


VICTIM = re.compile(r"^victim: (\w+) (\S+) ticks=(\d+)/(\d+) "
                    r"selfs=(\d+)/(\d+) others=(\d+)/(\d+) "
                    r"words=(\d+) passes=(\d+)$", re.M)
# What the payload says when it has got at something.
SEEN = re.compile(r"^hostile: .*\b(?:SEEN|gives|vector)\b.*$", re.M)
BACK = re.compile(r"^partition attacker: cores back after (\d+) ticks$", re.M)


def victim_problems(result, prefix=""):
    """What is wrong with its reports whose names begin so, as a list."""
    reports = [r for r in VICTIM.findall(result.serial(3))
               if r[1].startswith(prefix)]
    found = [f"victim: {' '.join(r)}" for r in reports
             if r[0] != "exact" or r[2] != r[3] or r[4] != r[5]]
    # It gets on from one to the next.
    ticks = [int(r[2]) for r in reports]
    if sorted(set(ticks)) != ticks:
        found.append(f"victim: ticks {ticks}")
    if prefix and not reports:
        found.append("victim: no report")
    if len(result.findall("^victim: ready$", 3)) > 1:
        found.append("victim: begun anew")
    return found


def split_log(text):
    """The log of each attack: up to the start of the attacker that the
    monitor's `restart` means.  The last one has no such end."""
    logs, restart = [""], False
    for line in text.splitlines(keepends=True):
        logs[-1] += line
        restart |= line == "ashlar> restart attacker\n"
        if restart and line == "partition attacker: running: started\n":
            logs.append("")
            restart = False
    return logs


class Episode:
    """One attack of a run."""

    # pylint: disable-next=too-many-arguments
    def __init__(self, run, attack, log, listed, said, whole):
        self.run = run
        self.attack = attack
        self.log = log or ""
        self.listed = listed or []  # by the monitor, after the attack
        self.said = said or ""
        self.whole = whole  # it came to its end, and so to the next

    def evictions(self):
        """Ticks from the request to the last core in root mode: of its own
        end, if it had one, and of the monitor's restart."""
        return [int(n) for n in BACK.findall(self.log)]

    def ended(self):
        """The lines that name the attacker and what ended it."""
        return re.findall(ENDED, self.log, re.M)

    def seen(self):
        """Its lines about what it must not see."""
        return SEEN.findall(self.said)

    def states(self):
        """What the monitor may say of it; a power-off need not be through."""
        ended = re.findall("(parked|stopped):", " ".join(self.ended()))
        return ended if self.attack.kind == ENDS else ["running", *ended]

    def problems(self):
        """What is wrong, as a list."""
        found = self.seen()
        if not self.whole:
            found += self.run.end()
        states = [line.split()[:2] for line in self.listed]
        if ["victim", "running"] not in states or \
                not any(["attacker", s] in states for s in self.states()):
            found.append(f"listed: {states}")
        if len(self.ended()) != (self.attack.kind == ENDS) and \
                (self.attack.kind not in (DONE, ANY) or self.ended()[1:]):
            found.append("ended by: " + (" / ".join(self.ended()) or "-"))
        if self.attack.kind == DONE and not self.ended() and not re.search(
                rf"^hostile {self.attack.name}: done \d+$", self.said, re.M):
            found.append("neither done nor parked")
        return found + self.run.victim(self.attack.tag)


class Run:
    """One boot with these attacks, and what became of each."""

    # pylint: disable-next=too-many-arguments
    def __init__(self, lab, attacks, *arguments, until=(), mode="did",
                 deadline=0, timeout=240):
        """until: arguments that end the run once the attacks are typed."""
        attacks = fit(attacks, lab.machine)
        words = expect("2:^hostile: ready$", "3:^victim: ready$")
        for attack in attacks:
            words += typed(attack.line) if until else attack.arguments()
        words += until or ask_victim("last") + command("list")
        self.result = lab(
            *ARGUMENTS, *arguments, "--table",
            lab.table(TABLE.format(mode=mode, deadline=deadline)), *words,
            timeout=timeout)
        logs = split_log(self.result.serial(1))
        said = re.split(r"^hostile \w+: begun\n", self.result.serial(2),
                        flags=re.M)[1:]
        lists = self.result.replies("list")
        missing = [None] * len(attacks)
        self.episodes = {
            a.tag: Episode(self, a, *texts, whole=n < len(logs) - 1)
            for n, (a, *texts) in enumerate(zip(
                attacks, logs + missing, lists + missing, said + missing))}

    def victim(self, prefix=""):
        """What is wrong with its reports whose names begin so."""
        return victim_problems(self.result, prefix)

    def end(self):
        """Why the run ended early, as a list."""
        if self.result.outcome == "seen":
            return []
        return [f"{self.result.outcome}: " +
                " / ".join(self.result.stderr.strip().splitlines()[-2:])]

    def harm(self):
        """What the attacks have done to others or seen of them."""
        return self.end() + self.victim() + [
            line for e in self.episodes.values() for line in e.seen()]
