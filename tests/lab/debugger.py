# SPDX-License-Identifier: BSD-2-Clause
"""Drives a machine through Bochs' debugger, for tests that look inside.

	with Debugger(["--cpus", "2", "--table", table], keep) as dbg:
	    dbg.run_until("web: running", timeout=60)
	    dbg.select_cpu(1)
	    entry = dbg.read_u64(dbg.registers()["cr3"] & ~0xfff)

The machine stands still whenever no method is running it.
"""
import os
import re
import signal
import struct
import subprocess
import tempfile
import time

import cli
from media import make_iso
from session import Session

PROMPT = re.compile(r"<bochs:\d+> \Z")
COMMAND_TIMEOUT = 30
# "0x0000000000001000 <bogus+       0>:\t0x00000000\t..."
DUMP_LINE = re.compile(r"^0x[0-9a-f]+ <[^>]*>:\s*(.*)$", re.M)
MAX_DUMP = 1024


class DebuggerError(Exception):
    """The debugger did not answer, or not as it should."""


class Debugger:
    """arguments: as for tests/lab/run, without --machine."""

    def __init__(self, arguments, keep=None):
        self.spec = cli.parser().parse_args(["--machine", "bochs"] +
                                            arguments)
        cli.check(self.spec)
        self.spec.debugger = ""
        self.scratch = tempfile.TemporaryDirectory(prefix="ashlar-lab.")
        self.directory = self.scratch.name
        self.keep = keep and os.path.abspath(keep)
        self.out = ""
        self.fd = -1
        self.session = None

    def __enter__(self):
        if self.keep:
            os.makedirs(self.keep, exist_ok=True)
        machine = cli.MACHINES["bochs"](self.spec, self.directory)
        iso = make_iso(self.directory, self.spec.modules, self.spec.cmdline,
                       self.spec.image, self.spec.acpi)
        files = cli.port_files(self.spec, self.keep or self.directory)
        ports = cli.open_ports(self.spec, files, echo=False)
        self.session = Session(machine, ports, [], 0, None)
        self.session.launch(iso, subprocess.PIPE, subprocess.PIPE)
        try:
            self.fd = self.session.process.stdout.fileno()
            self.session.watch(self)
            self._prompt(COMMAND_TIMEOUT)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.session.process.stdin.close()
        self.session.stop()
        if self.keep:
            cli.keep_logs(self.spec, self.directory, self.keep)
        self.scratch.cleanup()

    def read(self, _ports):
        """Called by the session: output of the debugger."""
        data = os.read(self.fd, 65536)
        if not data:
            self.session.selector.unregister(self.fd)
        self.out += data.decode("utf-8", "replace")

    def _pump(self):
        self.session.pump()
        if self.session.process.poll() is not None:
            raise DebuggerError(f"the machine ended: {self.out[-500:]}")

    def _prompt(self, timeout):
        """Waits for the prompt and returns what came before it."""
        end = time.monotonic() + timeout
        while True:
            match = PROMPT.search(self.out)
            if match:
                text, self.out = self.out[:match.start()], ""
                return text
            if time.monotonic() > end:
                raise DebuggerError(f"no prompt: {self.out[-500:]}")
            self._pump()

    def _send(self, text):
        self.session.process.stdin.write(text.encode() + b"\n")
        self.session.process.stdin.flush()

    def command(self, text, timeout=COMMAND_TIMEOUT):
        """Gives one command; its output up to the next prompt."""
        self._send(text)
        return self._answer(text, timeout)

    def _answer(self, text, timeout):
        # The debugger repeats the command where it is no terminal.
        return self._prompt(timeout).removeprefix(text + "\n").strip()

    def type(self, text, port=1):
        """Typed into a serial port as soon as the machine runs."""
        self.session.ports[port].pending += text.encode("latin-1")

    def serial(self, port=1):
        """All that a port has sent, without escape sequences."""
        return self.session.ports[port].text

    def run(self, timeout):
        """Runs to the next breakpoint and returns the debugger's words;
        when none is met in time the machine is stopped: DebuggerError."""
        self._send("c")
        try:
            return self._answer("c", timeout)
        except DebuggerError:
            self._interrupt()
            raise

    def run_until(self, regex, timeout, port=1):
        """Runs until a port's output matches, then stops; the match."""
        pattern = re.compile(regex, re.M)
        where = self.session.ports[port]
        end = time.monotonic() + timeout
        self._send("c")
        while True:
            match = where.search(pattern)
            if match or time.monotonic() > end:
                break
            if PROMPT.search(self.out):
                raise DebuggerError(f"stopped before: {self.out[-500:]}")
            self._pump()
        self._interrupt()
        if not match:
            raise DebuggerError(f"not seen on COM{port}: {regex}")
        return match

    def _interrupt(self):
        if self.session.process.poll() is None:
            self.session.process.send_signal(signal.SIGINT)
            self._prompt(COMMAND_TIMEOUT)

    def ticks(self):
        """The machine's clock now."""
        return int(re.search(r"ptime: (\d+)", self.command("ptime"))[1])

    def select_cpu(self, cpu):
        """Later commands are about this CPU."""
        self.command(f"set $cpu = {cpu}")

    def read_physical(self, address, length):
        """Bytes of physical memory."""
        data = b""
        while len(data) < length:
            count = min(MAX_DUMP, length - len(data))
            text = self.command(f"xp /{count}bx {address + len(data):#x}")
            part = bytes(int(word, 16) for line in DUMP_LINE.findall(text)
                         for word in line.split())
            if len(part) != count:
                raise DebuggerError(f"no memory at {address:#x}: {text}")
            data += part
        return data

    def read_u64(self, address):
        """The 64-bit word at a physical address."""
        return struct.unpack("<Q", self.read_physical(address, 8))[0]

    def registers(self):
        """General and control registers of the selected CPU."""
        text = self.command("r") + self.command("creg")
        registers = {}
        for name, high, low in re.findall(
                r"\b(r\w+) *: ([0-9a-f]{8})_([0-9a-f]{8})", text):
            registers[name] = int(high + low, 16)
        for name, value in re.findall(
                r"\b(CR[0-4]|EFER|XCR0)[= ]+0x([0-9a-f]+)", text):
            registers[name.lower()] = int(value, 16)
        match = re.search(r"eflags: 0x([0-9a-f]+)", text)
        registers["rflags"] = int(match[1], 16) if match else 0
        return registers
