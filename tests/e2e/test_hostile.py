# SPDX-License-Identifier: BSD-2-Clause
"""Attacks by a partition: each contained, and evicted within a bound."""
import os
import re

import pytest

import runs
from hostile import (ANY, ARGUMENTS, DONE, ENDLESS, ENDS, TABLE, Attack, Run,
                     ask_victim)
from runs import BUILD, background, command, expect, typed, variant

# Of two CPUs, with the register dump of a parked one.
EVICTION_TICKS = 100_000
# No loop by chance.
LOOPS = 1000


def seeds(name, kind, count, questions=2):
    return [Attack(name, kind, seed, questions=questions)
            for seed in range(1, count + 1)]


RESETS = [Attack("reset", ENDS, way + 1, str(way)) for way in range(5)]
# By what they use.  Each group is one boot.
GROUPS = {
    "interrupts": [
        Attack("cli", ENDLESS), Attack("hlt", ENDLESS),
        Attack("tpr", ENDLESS), Attack("eoi", ENDLESS),
        Attack("self", ENDLESS), Attack("timer", ENDLESS),
        Attack("lvt", DONE), Attack("nmis", ENDLESS),
        Attack("inits", ENDLESS), Attack("suicide", ENDLESS),
        Attack("ipis", ENDLESS), Attack("base", DONE),
        Attack("xapic", DONE)],
    "icr": [Attack("icr", DONE), Attack("xicr", DONE), *RESETS],
    "registers": [
        Attack("msr", DONE), Attack("efer", DONE), Attack("cpuid", DONE),
        Attack("vmx", DONE), Attack("xsetbv", DONE),
        Attack("cr", ANY, questions=16),
        Attack("step", DONE), Attack("real", ANY, questions=8),
        Attack("db", ENDLESS, not_on_qemu="a data breakpoint that is hit "
               "while #DB is delivered makes TCG abort"),
        Attack("ac", ENDLESS)],
    "ports": [
        Attack("ports", DONE), Attack("string", ANY),
        Attack("marks", ENDLESS), Attack("flood", ENDLESS),
        Attack("serial", DONE)],
    "memory": [
        Attack("pages", DONE), Attack("outside", DONE),
        Attack("ioapic", DONE), Attack("fetch", ENDS),
        Attack("stack", ENDS), *seeds("odd", ANY, 6)],
    "tables": [
        *seeds("idt", ANY, 6), *seeds("gdt", ANY, 4), *seeds("tss", ANY, 4),
        *seeds("cr3", ANY, 6), *seeds("pagetables", ANY, 2),
        Attack("triple", ENDS)],
    "wild": seeds("wild", ANY, 12, questions=16),
}

BY_MODE = dict.fromkeys(("did", "exit", "eli"), list(GROUPS))


def attacks_by(mode, group):
    """The fixture of a run."""
    def job(lab):
        return Run(lab, GROUPS[group], mode=mode)
    job.__name__ = f"hostile_{mode}_{group}"
    return background(job, long=True)


RUNS = {(mode, group): f"hostile_{mode}_{group}"
        for mode, groups in BY_MODE.items() for group in groups}
globals().update({RUNS[key]: attacks_by(*key) for key in RUNS})


@pytest.mark.parametrize("run, attack", [
    pytest.param(name, attack, id=f"{mode}-{attack.tag}")
    for (mode, group), name in RUNS.items() for attack in GROUPS[group]])
def test_contained(request, machine, run, attack):
    """Ashlar alive, the attacker running or ended with one line that names
    it, the victim exact."""
    if machine == "qemu" and attack.not_on_qemu:
        pytest.skip(attack.not_on_qemu)
    episode = request.getfixturevalue(run).episodes[attack.tag]
    assert not episode.problems()
    assert episode.evictions()


@pytest.mark.parametrize("tag, vcpu", [("db-1", 0), ("ac-1", 1)])
@pytest.mark.parametrize("run", [RUNS[mode, "registers"] for mode in BY_MODE])
def test_endless_exceptions(request, machine, run, tag, vcpu):
    """They do come one after the other, and each of them exits."""
    if machine == "qemu":
        pytest.skip("TCG has neither: db aborts it, #AC it does not raise")
    log = request.getfixturevalue(run).episodes[tag].log
    (count,) = re.findall(rf"^ledger attacker/{vcpu} exception=(\d+) ", log,
                          re.M)
    assert int(count) >= LOOPS


@pytest.mark.parametrize("run", RUNS.values())
def test_victim_to_the_end(request, run):
    run = request.getfixturevalue(run)
    assert not run.end() + run.victim()


@pytest.mark.usefixtures(*RUNS.values())
def test_eviction_bounds(request, machine):
    """Ticks to get all cores back from each attack, in a file and at the end
    of the tests' output."""
    lines = []
    for (mode, _), name in RUNS.items():
        for tag, episode in request.getfixturevalue(name).episodes.items():
            back = episode.evictions()
            assert back, tag
            # Its ticks count instructions; those of TCG are the host's time.
            assert machine != "bochs" or max(back) < EVICTION_TICKS, tag
            lines.append(f"{machine} {mode} {tag:14} {max(back)}")
    with open(os.path.join(BUILD, f"e2e/evictions-{machine}.txt"), "w",
              encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in lines)
    runs.SUMMARY["ticks to get an attacker's cores back, at most"] = lines


# --- a console that shares the log's port ---


@background
def log_flooded(lab):
    table = TABLE.format(mode="did", deadline=0)
    return lab(
        *ARGUMENTS, "--table",
        lab.table(table.replace("console = com2", "console = log")),
        *expect("3:^victim: ready$"), *command("console attacker"),
        *typed("flood\\n", "^hostile flood: on its way$"),
        *typed("\\x01", r"^attacker\| .+$"), *ask_victim("flood-0"),
        *command("list"), *ask_victim("flood-1"), *command("stop attacker"),
        *expect("^partition attacker: stopped: "), *ask_victim("flood-2"),
        timeout=120)


def test_operator_is_served_in_a_flood(log_flooded):
    assert log_flooded.outcome == "seen", log_flooded.stderr
    ((*states, end),) = log_flooded.replies("list")
    assert [line.split()[:2] for line in states] == [
        ["attacker", "running"], ["victim", "running"]]
    assert end == "ok"
    assert re.findall(r"^victim: (\w+) ", log_flooded.serial(3), re.M) == [
        "exact"] * 3


# --- the twins: a guard is taken out, and what it guards against succeeds ---

SEEN = expect(r"2:^hostile: SEEN .*\n")
# The image (tests/variants), the attack, and what ends the run early.
TWINS = {
    "icr": (Attack("icr", DONE), [w for n in range(20) for w in ask_victim(
        f"icr-{n}", "ready")]),
    "msr": (Attack("msr", DONE), SEEN),
    "memory": (Attack("pages", DONE), SEEN),
}
TWIN_TIMEOUT = 90


def attack_on_twin(guard):
    """The fixture of a run."""
    def job(lab):
        attack, until = TWINS[guard]
        return Run(lab, [attack], *variant(f"ashlar-{guard}.elf"),
                   until=until, timeout=TWIN_TIMEOUT)
    job.__name__ = f"hostile_twin_{guard}"
    return background(job)


globals().update({f"hostile_twin_{guard}": attack_on_twin(guard)
                  for guard in TWINS})


@pytest.mark.parametrize("run", [f"hostile_twin_{guard}" for guard in TWINS])
def test_guard_taken_out_is_noticed(request, run):
    """By the checks that the attack passes with all guards in place."""
    run = request.getfixturevalue(run)
    assert run.result.findall("^hostile: ready$", 2)
    assert run.result.findall("^victim: ready$", 3)
    print("\n".join(run.harm()))
    assert run.harm()
