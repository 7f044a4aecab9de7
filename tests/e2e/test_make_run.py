# SPDX-License-Identifier: BSD-2-Clause
"""`make run` as a user has it: a terminal, a shell, the monitor, the end.  On
the machine that `auto` finds, which is never the slow one."""
import os
import pty
import re
import select
import subprocess
import time

from runs import LAB, MAKE_LOCK, TOP, background

MAKE_TIMEOUT = 300
SHELL_TIMEOUT = 600
TIMEOUT = 200
CTRL_C = b"\x03"
LSBLK = r"^NAME .*\nnvme0n1 .* 64M +0 disk *$"


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, words):
        self.fd, other = pty.openpty()
        self.process = subprocess.Popen(
            words, cwd=TOP, stdin=other, stdout=other, stderr=other,
            start_new_session=True)
        os.close(other)
        self.text = ""

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            data = b""
        if not data:
            raise EOFError(f"ended early: {self.text[-2000:]}")
        data = re.sub(rb"\x1b\[[0-9;?]*[@-~]|\r", b"", data)
        self.text += data.decode("utf-8", "replace")

    def wait(self, regex, seconds):
        """Waits for output after what was waited for last."""
        end = time.monotonic() + seconds
        start = len(getattr(self, "seen", ""))
        while True:
            match = re.compile(regex, re.M).search(self.text, start)
            if match:
                self.seen = self.text[:match.end()]
                return
            if time.monotonic() > end:
                raise TimeoutError(f"no {regex}: {self.text[-2000:]}")
            self._read(1)

    def type(self, data):
        os.write(self.fd, data)

    def end(self, seconds):
        """Waits for the program's end; its status."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            try:
                self._read(0.2)
            except EOFError:
                time.sleep(0.2)
        return self.process.poll()

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            self.process.wait()
        os.close(self.fd)


@background(long=True)
def make_run(lab):
    terminal = Terminal(["make", "run"])
    try:
        with MAKE_LOCK:
            terminal.wait(r"^The terminal becomes .*\n", MAKE_TIMEOUT)
        terminal.wait("^guest# ", SHELL_TIMEOUT)
        terminal.type(b"echo an$((80+2))er $(nproc)\n")
        terminal.wait("^an82er 2$", TIMEOUT)
        # The disk is found in the kernel's own time.
        terminal.type(b"while [ ! -b /dev/nvme0n1 ]; do sleep 1; done\n")
        terminal.type(b"lsblk\n")
        terminal.wait(LSBLK, TIMEOUT)
        terminal.type(b"poweroff -f\n")
        terminal.wait("^partition linux: stopped: powered off by the guest$",
                      TIMEOUT)
        terminal.wait("^ashlar> ", TIMEOUT)
        terminal.type(b"list\r")
        terminal.wait("^ok$", TIMEOUT)
        terminal.type(CTRL_C * 3)
        return terminal.end(TIMEOUT), terminal.text
    finally:
        with open(os.path.join(lab.directory, "terminal.log"), "w",
                  encoding="utf-8") as file:
            file.write(terminal.text)
        terminal.close()


def test_how_to_leave_is_told(make_run):
    told = make_run[1][:make_run[1].index("Ashlar ")]
    assert "Ctrl-C three times within a second ends the machine" in told
    assert "Ctrl-A" in told


def test_raw_shell_then_ledger_and_monitor(make_run):
    text = make_run[1]
    typed = text.index("poweroff -f")
    ledger = text.index("ledger linux/0 did exits=", typed)
    stopped = text.index("partition linux: stopped", ledger)
    assert text.index("\nashlar> ", stopped)
    assert "\nlinux stopped did cpus=0-1 memory=256M" in text[stopped:]


def test_a_disk_of_its_own(make_run):
    """By VT-d, and kept under build/."""
    text = make_run[1]
    assert re.search(LSBLK, text, re.M)
    assert "device 01:00.0" not in text
    assert os.path.getsize(os.path.join(LAB, "disk.img")) == 64 << 20


def test_quit(make_run):
    assert make_run[0] == 0
