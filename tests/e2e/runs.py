# SPDX-License-Identifier: BSD-2-Clause
"""Runs of machines that tests share.

A run is started before the first test and at most two go on at a time, long
ones first, so that the tests, which only look at the results, cost little.

	@background(long=True)
	def one_boot(lab):
	    return lab("--table", lab.table(TABLE), *LINUX, *expect("guest# "))

	def test_boot(one_boot):
	    assert one_boot.outcome == "seen"

A test that takes the fixture fails with the run's exception if it had one.

QEMU 10.0 has a fault of its own: where a CPU looks at a device's register while
another one moves any device's, QEMU may abort.  Such a run says nothing, and is
made again.
"""
import concurrent.futures
import functools
import json
import os
import re
import subprocess
import sys
import threading

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("ASHLAR_BUILD", os.path.join(TOP, "build"))
LAB = os.path.join(BUILD, "lab")
RUN = os.path.join(TOP, "tests/lab/run")
sys.path.insert(0, os.path.join(TOP, "tests/lab"))
from bochs import DEBUGGER_LOG  # noqa: E402  pylint: disable=C0413

AT_A_TIME = 2
# Held by a run while it makes something of the build directory.
MAKE_LOCK = threading.Lock()
# What is printed at the end of the tests, by title: lists of lines.
SUMMARY = {}
# Over the run's own time-out: making the ISO, ending the machine.
GRACE = 60
DEFAULT_TIMEOUT = 600

# QEMU's line, and how often a run is made at most.
QEMU_FAULT = b"iotlb_to_section: Assertion `section_index < d->map.sections_nb'"
ATTEMPTS = 3

# The stock kernel and the tests' initramfs.
LINUX = ["--module", "vmlinuz=" + os.path.join(LAB, "vmlinuz"),
         "--module", "initrd.img=" + os.path.join(LAB, "initrd.img")]
PROMPT = "^ashlar> "


def make(*targets):
    """Of the build directory, while other runs go on."""
    with MAKE_LOCK:
        subprocess.run(["make", "-s", *targets], cwd=TOP, check=True,
                       timeout=300)


def variant(image):
    """Arguments: an image of tests/variants, which is made first."""
    make(f"build/{image}")
    return ["--image", os.path.join(BUILD, image)]


def expect(*regexes):
    """Arguments: each is waited for, one after the other."""
    return [word for r in regexes for word in ("--expect", r)]


def typed(text, *regexes):
    """Arguments: text is typed, then the answers are waited for."""
    return ["--input", text, *expect(*regexes)]


def command(text):
    """Arguments: one command at the monitor's prompt, and its end."""
    return expect(PROMPT) + typed(text + "\\n", "^(?:ok|error: .*)$")


class Result:
    """The end of a run: the JSON report's fields and what was printed."""

    def __init__(self, status, report, stderr):
        self.status = status
        self.report = report
        self.stderr = stderr
        self.outcome = report["outcome"]
        self.powered_off = report["powered_off"]
        self.matches = [m["text"] for m in report["matches"]]

    def serial(self, port=1):
        """All that a COM port has sent, without colours and returns."""
        with open(self.report["serial"][str(port)], "rb") as file:
            data = re.sub(rb"\x1b\[[0-9;?]*[@-~]|\r", b"", file.read())
        return data.decode("utf-8", "replace")

    def findall(self, regex, port=1):
        """Every match of a regular expression in a port's output."""
        return re.findall(regex, self.serial(port), re.M)

    def replies(self, text):
        """What the monitor answered to a command, time by time: lists of
        lines, the last `ok` or `error: ...`.  Where another line has broken
        in before the end of what was typed, that is shown once more."""
        typed = f"ashlar> {text}\n"
        return [match.rpartition(typed)[2].splitlines()
                for match in self.findall(
                    rf"^{re.escape(typed)}"
                    r"((?:(?!ok$|error: ).*\n)*(?:ok$|error: .*$))")]


class QemuFault(Exception):
    """The run says nothing."""


class Lab:
    """What a run is made with: lab(ARGUMENT..., timeout=S) does
    tests/lab/run; logs are kept in build/e2e/NAME."""

    def __init__(self, name, machine):
        self.directory = os.path.join(BUILD, "e2e", name)
        self.machine = machine
        self.files = 0
        os.makedirs(self.directory, exist_ok=True)

    def file(self, data, suffix=""):
        """The path of a new file with these contents."""
        self.files += 1
        path = os.path.join(self.directory, f"file{self.files}{suffix}")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def table(self, text):
        """The path of a new file with this partition table."""
        return self.file(text.encode(), ".table")

    def __call__(self, *arguments, timeout=DEFAULT_TIMEOUT):
        words = [sys.executable, RUN, "--keep", self.directory,
                 "--timeout", str(timeout), *map(str, arguments)]
        if "--machine" not in words:
            words += ["--machine", self.machine]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, cwd=TOP,
                              capture_output=True, timeout=timeout + GRACE,
                              check=False)
        stderr = done.stderr.decode("utf-8", "replace")
        with open(os.path.join(self.directory, "stderr.log"), "w",
                  encoding="utf-8") as file:
            file.write(stderr)
        lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
        try:
            return Result(done.returncode, json.loads(lines[-1]), stderr)
        except (IndexError, ValueError) as error:
            raise RuntimeError(f"{' '.join(words)}: status {done.returncode}:"
                               f" {stderr[-2000:]}") from error


    def _check_qemu(self):
        with open(os.path.join(self.directory, DEBUGGER_LOG), "rb") as file:
            if QEMU_FAULT in file.read():
                raise QemuFault


def _attempt(job, name, machine):
    for _ in range(ATTEMPTS - 1):
        try:
            return job(Lab(name, machine))
        except QemuFault:
            SUMMARY.setdefault("QEMU's own fault", []).append(name)
    return job(Lab(name, machine))


class _Background:
    def __init__(self):
        self.jobs = {}
        self.long = set()
        self.futures = {}
        self.pool = concurrent.futures.ThreadPoolExecutor(AT_A_TIME)

    def start(self, names, machine):
        """Queues those of the names that are runs, each once."""
        for name in sorted(names, key=lambda n: n not in self.long):
            if name in self.jobs and name not in self.futures:
                self.futures[name] = self.pool.submit(
                    _attempt, self.jobs[name], name, machine)


BACKGROUND = _Background()


def background(job=None, *, long=False):
    """Decorator: job(lab) is a run, and the fixture of its name its result.
    long: it boots a guest and is worth an early start."""
    if job is None:
        return functools.partial(background, long=long)
    name = job.__name__
    assert name not in BACKGROUND.jobs, name
    BACKGROUND.jobs[name] = job
    if long:
        BACKGROUND.long.add(name)

    @pytest.fixture(name=name, scope="session")
    def fixture():
        return BACKGROUND.futures[name].result()
    return fixture
