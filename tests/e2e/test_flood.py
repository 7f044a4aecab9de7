# SPDX-License-Identifier: BSD-2-Clause
"""Guests that flood the log port.  Without a sidecore, too, a neighbour that
uses the port goes on all the same; the log keeps marks apart; and the monitor
answers at once."""
import re

import pytest

import ledger
from hostile import PAYLOADS
from runs import BUILD, background, expect, typed, variant

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
# Bochs: a second, of which the port's speed is a matter, is so many ticks.
SECOND = ["--ips", 20_000_000]


@background
def flood(lab):
    one, other = ENDS
    return lab(
        "--cpus", 2, "--memory", "256M", "--table", lab.table(TABLE),
        "--module", f"victim={PAYLOADS}/victim.bin",
        "--module", f"talk={PAYLOADS}/talk.bin",
        *SECOND, *expect(rf"(?s)^{one}$.*^{other}$|^{other}$.*^{one}$"),
        timeout=240)


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


# --- two vCPUs pour, and there is no sidecore ---

TORRENT = """\
[machine]
log = com1
[partition talk]
cpus = 0
memory = 18M
kernel = talk
cmdline = lines={lines}
[partition torrent]
cpus = 1-2
memory = 18M
kernel = torrent
cmdline = cpus=2
"""
LINES = 400
# What the neighbour of a torrent gets of the port is about a half.
SHARE = 2


def torrent_run(lab, *words, timeout):
    return lab("--cpus", 3, "--memory", "256M", *SECOND, "--table",
               lab.table(TORRENT.format(lines=LINES)),
               "--module", f"talk={PAYLOADS}/talk.bin",
               "--module", f"torrent={PAYLOADS}/torrent.bin", *words,
               timeout=timeout)


@background
def torrent(lab):
    return torrent_run(
        lab, *expect(rf"^talk\| payload talk: ok marks=0 lines={LINES}$"),
        *typed("stop torrent\\n", "^partition torrent: stopped: .*$"),
        timeout=200)


# QEMU's port has no speed: there the ring runs dry between two of its lines.
@background
def torrent_twin(lab):
    return torrent_run(lab, "--machine", "bochs",
                       *variant("ashlar-port.elf"),
                       *expect(r"^talk\| payload talk: "), timeout=30)


def test_a_torrent_leaves_the_port_to_others(torrent):
    assert torrent.outcome == "seen", torrent.stderr
    numbers = torrent.findall(r"^talk\| talk: (\d+) lines of")
    assert numbers == [str(n) for n in range(LINES)]
    text = torrent.serial()
    during = text[text.index("talk| "):text.index("talk| payload")]
    assert len(re.findall(r"^torrent\| [ab]+$", during, re.M)) > LINES // 4
    if torrent.report["machine"] == "bochs":
        assert during.count("torrent| ") < SHARE * LINES


def test_without_turns_it_does_not(torrent_twin):
    assert torrent_twin.outcome == "timeout"
    assert len(torrent_twin.findall(r"^talk\| talk: ")) < LINES // 4
    assert torrent_twin.findall(r"^torrent\| [ab]+$")


# --- the monitor, under each flood ---

FLOODS = """\
[machine]
log = com1
{sidecore}
[partition flood]
cpus = 0-3
memory = 18M
kernel = {kernel}
cmdline = cpus=4 marks=1000000
restart = always
"""
# Of each: the payload, and when it is at its worst.
KINDS = {
    "torrent": "^flood\\| [abcd]+$",
    "ends": "^ledger flood/0 did ",
    "talk": "^mark flood/0 74 ",
}
SEEN = 3
# Bytes that the port sends in two seconds of the machine's.
TWO_SECONDS = 2 * 11520


STOPS = [(kind, port) for kind in KINDS for port in ("pumped", "polled")]


def stop_flood(kind, port):
    """The fixture of a run."""
    def job(lab):
        sidecore = port == "polled"
        return lab(
            "--cpus", 4 + sidecore, "--memory", "256M", *SECOND, "--table",
            lab.table(FLOODS.format(
                kernel=kind, sidecore="sidecores = 4" if sidecore else "")),
            "--module", f"{kind}={PAYLOADS}/{kind}.bin",
            *expect(*SEEN * [KINDS[kind]]),
            *typed("stop flood\\n", "^ok$"),
            timeout=100)
    job.__name__ = f"stop_{kind}_{port}"
    return background(job)


globals().update({f"stop_{kind}_{port}": stop_flood(kind, port)
                  for kind, port in STOPS})


@pytest.mark.parametrize("run", ["_".join(["stop", *s]) for s in STOPS])
def test_the_monitor_answers(request, run):
    kind = run.split("_")[1]
    run = request.getfixturevalue(run)
    assert run.outcome == "seen", run.stderr
    if run.report["machine"] != "bochs":
        return
    # Typed when the last of what was waited for came.
    text = run.serial()
    typed_at = list(re.finditer(KINDS[kind], text, re.M))[SEEN - 1].end()
    answer = re.search("^ok$", text, re.M).start()
    print(kind, answer - typed_at)
    assert answer - typed_at < TWO_SECONDS
