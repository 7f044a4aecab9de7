# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures of the end-to-end tests: runs of the lab.

	def test_boot(lab):
	    result = lab("--table", "tests/e2e/one.table", "--expect", "ready")
	    assert result.outcome == "seen"
"""
import json
import os
import re
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("ASHLAR_BUILD", os.path.join(TOP, "build"))
LAB = os.path.join(BUILD, "lab")
RUN = os.path.join(TOP, "tests/lab/run")
sys.path.insert(0, os.path.join(TOP, "tests/lab"))

# Over the run's own time-out: making the ISO, ending the machine.
GRACE = 60
DEFAULT_TIMEOUT = 300


class Result:
    """The end of a run: the JSON report's fields and what was printed."""

    def __init__(self, directory, status, report, stderr):
        self.directory = directory
        self.status = status
        self.report = report
        self.stderr = stderr
        self.outcome = report["outcome"]
        self.ticks = report["ticks"]
        self.seconds = report["seconds"]
        self.matches = report["matches"]

    def serial(self, port=1):
        """All that a COM port has sent."""
        path = self.report["serial"][str(port)]
        with open(path, "rb") as file:
            return file.read().replace(b"\r", b"").decode("utf-8", "replace")

    def findall(self, regex, port=1):
        """Every match of a regular expression in a port's output."""
        return re.findall(regex, self.serial(port), re.M)


def _report(done, command):
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        pytest.fail(f"{' '.join(command)}: status {done.returncode}: "
                    f"{done.stderr.decode('utf-8', 'replace')[-2000:]}")


def _run(directory, arguments, machine, timeout):
    os.makedirs(directory, exist_ok=True)
    command = [sys.executable, RUN, "--machine", machine, "--keep", directory,
               "--timeout", str(timeout)] + [str(a) for a in arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, cwd=TOP,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout + GRACE, check=False)
    with open(os.path.join(directory, "stderr.log"), "wb") as file:
        file.write(done.stderr)
    return Result(directory, done.returncode, _report(done, command),
                  done.stderr.decode("utf-8", "replace"))


def pytest_addoption(parser):
    parser.addoption("--machine", default="bochs",
                     help="the lab's machine that tests run on")


@pytest.fixture(name="machine")
def machine_fixture(request):
    """The name of the machine under test."""
    return request.config.getoption("--machine")


@pytest.fixture(name="log_dir")
def log_dir_fixture(request):
    """This test's own directory of logs, build/e2e/NAME."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", request.node.name).strip("-")
    directory = os.path.join(BUILD, "e2e", name)
    os.makedirs(directory, exist_ok=True)
    return directory


@pytest.fixture(name="lab")
def lab_fixture(machine, log_dir):
    """lab(ARGUMENT..., timeout=S) runs tests/lab/run and gives a Result.
    A second run of a test keeps its logs in build/e2e/NAME/2, and so on."""
    runs = []

    def run(*arguments, timeout=DEFAULT_TIMEOUT):
        runs.append(arguments)
        where = log_dir if len(runs) == 1 else os.path.join(
            log_dir, str(len(runs)))
        return _run(where, arguments, machine, timeout)
    return run


@pytest.fixture(name="linux_modules")
def linux_modules_fixture():
    """Arguments that load the stock kernel and the tests' initramfs."""
    return ["--module", "vmlinuz=" + os.path.join(LAB, "vmlinuz"),
            "--module", "initrd.img=" + os.path.join(LAB, "initrd.img")]
