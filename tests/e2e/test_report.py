# SPDX-License-Identifier: BSD-2-Clause
"""The arithmetic of the benchmarks' report, and what reads their guests."""
import os
import subprocess
import sys

import pytest

from runs import TOP

sys.path.insert(0, os.path.join(TOP, "tests/bench"))

import measure  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
from cases import (BARE_OFF, BOCHS, COLUMNS, LINUX, MODES,  # noqa: E402
                   QEMU, WORKLOADS, workload)
from lab import BenchError  # noqa: E402

SPREAD = {"min": 1, "median": 2, "p99": 3, "max": 4}


def rows():
    """Two modes side by side, one without, and other workloads' bare."""
    return [
        report.row("timer", "bare", ticks=1000, interrupts=10, exits={},
                   latency=SPREAD),
        report.row("timer", "exit", ticks=4000, interrupts=10, latency=SPREAD,
                   exits={"hlt": 10, "msr-eoi": 20, "mark": 1,
                          "injection-mode": 5}),
        report.row("timer", "eli", note="not in this build"),
        report.row("loop", "did", ticks=7, interrupts=0, exits={"mark": 1}),
    ]


@pytest.mark.parametrize("share, value", [
    (0, 1), (0.01, 1), (0.011, 2), (0.5, 50), (0.501, 51), (0.99, 99),
    (1, 100)])
def test_quantile(share, value):
    numbers = list(range(100, 0, -1))
    assert report.quantile(numbers, share) == value
    assert report.quantile([7], share) == 7


def test_latency():
    assert report.latency([5, 1, 3]) == {
        "min": 1, "median": 3, "p99": 5, "max": 5}


def test_row_has_the_fields_of_the_report():
    row = report.row("timer", "did", ticks=1)
    assert tuple(sorted(row)) == tuple(sorted(report.FIELDS))
    assert row["machine"] == "bochs" and row["latency"] is None
    with pytest.raises(AssertionError):
        report.row("timer", "did", tick=1)


def test_marks_and_events_are_no_exits_within():
    assert report.exits_within(rows()[1]["exits"]) == 30
    assert report.exits_within({}) == 0


def test_ratio_and_model():
    bare, exits, eli, alone = report.complete(rows(), 100)
    assert bare["ratio"] == 1
    assert bare["modelled"] == {"cycles_per_exit": 100, "ticks": 1000,
                                "ratio": 1}
    assert exits["ratio"] == 0.25 and exits["per_exit"] == 100
    assert bare["per_exit"] is None
    assert exits["modelled"] == {"cycles_per_exit": 100, "ticks": 7000,
                                 "ratio": 1000 / 7000}
    # Nothing is made up where nothing was measured.
    for row in (eli, alone):
        assert row["ratio"] is None and row["modelled"] is None


def test_exits_per_interrupt():
    assert report.per_interrupt(rows()[1]) == [
        ("msr-eoi", 2), ("hlt", 1), ("injection-mode", 0.5)]
    assert not report.per_interrupt(rows()[3])


def test_table():
    lines = report.table(report.complete(rows(), 100), 100)
    text = "\n".join(lines)
    assert "One exit costs 100 cycles" in text
    assert "eli    not in this build" in lines
    assert "  exit, exits per interrupt: msr-eoi 2, hlt 1, " \
        "injection-mode 0.5; 100 ticks per exit" in lines
    (line,) = [x for x in lines if x.startswith("exit ")]
    assert line.split() == ["exit", "4,000", "0.2500", "7,000", "0.1429",
                            "10", "3.000", "1", "2", "3", "4", "-", "-"]


def repeated_rows():
    """Three runs each, least ticks first, between which exits differ."""
    return [report.row("self", mode, machine="qemu", interrupts=10, exits=e[1],
                       ticks=t[1], runs=[{"ticks": n, "interrupts": 10,
                                          "exits": x} for n, x in zip(t, e)])
            for mode, t, e in (
                ("bare", (80, 100, 125), ({},) * 3),
                ("kvm", (200, 250, 400), ({"irq": 20, "mark": 1},
                                          {"irq": 21}, {"irq": 25})))]


def test_table_of_repeated_runs():
    note = QEMU.lacks["timer"]
    found = report.complete(repeated_rows() + rows(), 100)
    assert found[1]["modelled"] is None
    lines = report.table(found + [
        report.row("timer", m, machine="qemu", note=note) for m in MODES])
    at = lines.index(report.table(repeated_rows())[0])
    assert at and f"not measured: {note}" in lines[at:]
    lines = [line.split() for line in lines[at:]]
    assert ["bare", "100", "1.0000", "0.8000", "1.2500", "10", "0", "0.000",
            "0.000", "0.000"] in lines
    assert ["kvm", "250", "0.4000", "0.2500", "0.5000", "10", "21", "2.100",
            "2.000", "2.500"] in lines


def test_the_hosts_time_is_not_compared():
    other = repeated_rows()
    other[1].update(ticks=1, exits={})
    assert not report.disagreements(repeated_rows(), other)
    other[1]["interrupts"] += 1
    assert report.disagreements(repeated_rows(), other) == [
        "qemu self kvm interrupts: 10 and 11"]


def test_count_is_the_machines_share():
    w = workload("timer")
    assert BOCHS.count(w, False) == w.count
    assert QEMU.count(w, False) * QEMU.share == w.count
    assert BOCHS.count(w, True) == QEMU.count(w, True) == w.short


def test_reports_agree():
    assert not report.disagreements(rows(), rows())
    other = rows()
    other[1]["ticks"] += 1
    other[1]["exits"]["hlt"] += 1
    assert len(report.disagreements(rows(), other)) == 2
    assert report.disagreements(rows(), rows()[1:]) == [
        "bochs timer bare: no such row"]


@pytest.mark.parametrize("ticks, agree", [(103, True), (104, False),
                                          (97, True), (96, False)])
def test_linux_rows_agree_within(ticks, agree):
    first, second = ([report.row("ping", "bare", ticks=n, interrupts=5)]
                     for n in (100, ticks))
    assert (not report.disagreements(first, second)) == agree


PAYLOAD_TEXT = """\
bench| bench latency min=1 median=2 p99=3 max=4
bench| bench eoi min=5 median=6 p99=7 max=8
bench| payload bench: ok work=timer count=9 ticks=100 interrupts=9
"""


def test_payload_is_read():
    assert measure.parse_payload(PAYLOAD_TEXT) == {
        "ticks": 100, "interrupts": 9, "latency": SPREAD,
        "eoi": {"min": 5, "median": 6, "p99": 7, "max": 8}}
    for text in ("", PAYLOAD_TEXT.replace(": ok", ": FAIL")):
        with pytest.raises(BenchError):
            measure.parse_payload(text)


LINUX_TEXT = """\
bench| ping sent=3 received=3 irqs=6 tsc=500
bench| ping latency min=1 median=2 p99=3 max=4
bench| ping packets rx=4 tx=4
bench| guest: done ping:3 status 0
"""


def test_linux_is_read():
    expected = {"ticks": 500, "interrupts": 6, "latency": SPREAD}
    assert measure.parse_linux(LINUX_TEXT, "ping") == expected
    bare = LINUX_TEXT.replace("bench| ", "")
    assert measure.parse_linux(bare, "ping") == expected
    for text in ("", LINUX_TEXT.replace("status 0", "status 1")):
        with pytest.raises(BenchError):
            measure.parse_linux(text, "ping")


def test_reads_are_read():
    text = ("bench| read count=5 wrong=0 interrupts=5 tsc=70\n"
            "bench| guest: done read:5 status 0\n")
    assert measure.parse_linux(text, workload("disk").work) == {
        "ticks": 70, "interrupts": 5}


@pytest.mark.parametrize("mode, agree", [("kvm", True), ("did", False)])
def test_what_linux_is_beneath_is_not_exact(mode, agree):
    first, second = ([report.row("timer", mode, ticks=n, interrupts=5,
                                 exits={"halt": n})] for n in (100, 103))
    assert (not report.disagreements(first, second)) == agree


def test_counts_of_kvm():
    counts = {"B": {"exits": 100, "io_exits": 30, "signal_exits": 1},
              "E": {"exits": 131, "io_exits": 31, "halt_exits": 10,
                    "signal_exits": 9, "irq_window_exits": 2}}
    assert measure.kvm_exits(counts) == {
        "halt": 10, "irq-window": 2, "mark": 1, "other": 18}


def test_what_kvm_is_not_compared_in():
    notes = {w.name: measure.refusal(w, "kvm") for w in WORKLOADS}
    assert {name for name, note in notes.items() if not note} == {
        "timer", "oneshot", "self", "icr", "loop"}
    words = measure.arguments(workload("timer"), "kvm-pm", 9, "")
    assert "--bare" in words and "--cpu-pm" in words
    words = measure.arguments(workload("timer"), "kvm", 9, "")
    assert "--bare" in words and "--cpu-pm" not in words


def option(words, name):
    """The value of an option of the lab's; None without it."""
    return words[words.index(name) + 1] if name in words else None


def test_devices_behind_vtd(tmp_path):
    """Without VT-d is their column only, and KVM has them of the hardware."""
    assert BARE_OFF not in COLUMNS
    for w in WORKLOADS:
        assert (BARE_OFF in w.columns) == bool(w.vtd)
        assert not w.vtd or measure.refusal(w, BARE_OFF) == BOCHS.lacks[w.name]
    for name, begin in ("disk", "nvme"), ("udp", "igb"):
        w = workload(name)
        with measure.beyond(w, tmp_path) as outside:
            words = {m: measure.arguments(w, m, 9, tmp_path, outside)
                     for m in w.columns}
        device = {m: option(words[m], "--device") for m in w.columns}
        assert device["kvm"].startswith(begin)
        assert {m for m in device if "vfio=on" in device[m]} == {
            m for m in device if option(words[m], "--iommu") == "none"} == {
                "kvm", "kvm-pm"}
        assert device["bare"] == device["bare-off"] == device["did"]
        line = option(words[BARE_OFF], "--cmdline")
        assert f"ashlar.run={w.work}:9 " in line
        assert "intel_iommu=off" in line
        assert "intel_iommu=on" in option(words["bare"], "--cmdline")
        assert (" peer_port=" in line) == (name == "udp")
        table = (tmp_path / "table").read_text()
        assert "device = pci 0000:01:00.0\n" in table
        assert (" peer_port=" in table) == (name == "udp")


def test_modes_are_the_tables_words():
    for w in WORKLOADS:
        for mode in MODES[1:]:
            assert f"interrupts = {mode}\n" in measure.table(w, mode, 1)
    assert workload("ping").guest == LINUX


def test_picture(tmp_path):
    path = tmp_path / "it's.svg"
    plot.svg(report.complete(rows(), 100), str(path))
    text = path.read_text()
    assert text.startswith("<?xml") and text.rstrip().endswith("</svg>")
    assert "timer" in text and "100 cycles" in text
    with pytest.raises(BenchError):
        plot.svg([], str(path))


def test_compare(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[]")
    done = subprocess.run([os.path.join(TOP, "tests/bench/compare"), path,
                           path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "they agree\n")
