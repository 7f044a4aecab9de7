# SPDX-License-Identifier: BSD-2-Clause
"""Runs a machine: its serial ports, what is expected and typed, its end."""
import ctypes
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time

# Typed text goes out in small pieces: a 16550 has 16 bytes of FIFO.
TYPE_BYTES = 8
TYPE_PAUSE = 0.02
POLL = 0.25
STOP_WAIT = 5
# How long after a panic an expect may still match.
PANIC_WAIT = 5
PR_SET_PDEATHSIG = 1
# What terminals act on and nobody expects: colours, cursor queries, returns.
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[@-~]|\r")
PART_OF_ESCAPE = re.compile(rb"\x1b(?:\[[0-9;?]*)?\Z")

SEEN, ENDED, FAILED, PANICKED, TIMEOUT = (
    "seen", "ended", "failed", "panicked", "timeout")


class Expect:
    """Output of a port that must match before the next step."""

    def __init__(self, port, text):
        self.port = port
        self.regex = re.compile(text, re.M)


class Type:
    """Text typed into a port."""

    def __init__(self, port, text):
        self.port = port
        self.data = text.encode("latin-1")


class Port:
    """One serial port: a connection that the machine makes to us."""

    def __init__(self, number, sinks):
        self.number = number
        self.sinks = sinks
        self.raw = b""
        self.text = ""
        self.cursor = 0
        self.pending = b""
        self.next_send = 0.0
        self.connection = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.tcp = self.listener.getsockname()[1]

    def accept(self):
        self.connection = self.listener.accept()[0]
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.listener.close()
        self.listener = None

    def receive(self):
        """Takes in what has arrived; False at the end of the connection."""
        try:
            data = self.connection.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.connection.close()
            self.connection = None
            return False
        for sink in self.sinks:
            sink.write(data)
            sink.flush()
        self._add_text(data)
        return True

    def _add_text(self, data):
        data = self.raw + data
        part = PART_OF_ESCAPE.search(data)
        end = part.start() if part else len(data)
        self.raw = data[end:]
        self.text += ESCAPE.sub(b"", data[:end]).decode("utf-8", "replace")

    def send(self, now):
        if not self.pending or not self.connection or now < self.next_send:
            return
        try:
            sent = self.connection.send(self.pending[:TYPE_BYTES])
        except OSError:
            sent = len(self.pending)
        self.pending = self.pending[sent:]
        self.next_send = now + TYPE_PAUSE

    def search(self, regex):
        """A match past the last one, which it then stands behind."""
        match = regex.search(self.text, self.cursor)
        if match:
            self.cursor = match.end()
        return match

    def close(self):
        for end in (self.connection, self.listener):
            if end:
                end.close()


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Session:
    """One run.  ports: number to Port; steps: Expect and Type in order."""

    def __init__(self, machine, ports, steps, timeout, panic):
        self.machine = machine
        self.ports = ports
        self.steps = list(steps)
        self.expecting = any(isinstance(s, Expect) for s in steps)
        # What is typed last is typed to end the machine: wait for that.
        self.to_the_end = not steps or isinstance(steps[-1], Type)
        self.timeout = timeout
        self.panic = re.compile(panic, re.M) if panic else None
        self.panic_cursor = 0
        self.panicked_at = None
        self.matches = []
        self.reason = ""
        self.powered_off = False
        self.process = None
        self.console = None
        self.selector = selectors.DefaultSelector()
        self.start = 0.0
        self.seconds = 0.0

    def run(self, iso, stdio=None):
        """Runs to the end and returns the outcome.  stdio: the machine
        program's own output file."""
        self.launch(iso, subprocess.DEVNULL, stdio)
        try:
            return self._loop()
        finally:
            self.stop()

    def launch(self, iso, stdin, stdout):
        """Starts the machine; stop() must follow, whatever happens."""
        words, env = self.machine.command(
            iso, [(p.number, p.tcp) for p in self.ports.values()])
        for port in self.ports.values():
            self.selector.register(port.listener, selectors.EVENT_READ, port)
        if self.console:
            self.watch(self.console)
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            words, env={**os.environ, **env}, stdin=stdin, stdout=stdout,
            stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=_die_with_parent)

    def watch(self, channel):
        """Has channel.read(ports) called when its fd has something."""
        self.selector.register(channel.fd, selectors.EVENT_READ, channel)

    def _loop(self):
        next_check = 0.0
        while True:
            self.pump()
            self._advance()
            if not self.to_the_end and not self._expects():
                return SEEN
            if self.console and self.console.quit:
                return ENDED
            if self.process.poll() is not None:
                return self._ended()
            now = time.monotonic()
            if self.panicked_at and now - self.panicked_at > PANIC_WAIT:
                return PANICKED
            if self.timeout and now - self.start > self.timeout:
                self.reason = f"no end within {self.timeout:g} s"
                return TIMEOUT
            if now >= next_check:
                next_check = now + 1
                self._check(now)

    def _check(self, now):
        if self.process.returncode is None:
            self.machine.started(self.process.pid)
        reason = self.machine.died()
        if reason:
            self._panic(reason, now)

    def _panic(self, reason, now):
        if not self.panicked_at:
            self.reason = reason
            self.panicked_at = now

    def _expects(self):
        return [s for s in self.steps if isinstance(s, Expect)]

    def _ended(self):
        while any(p.connection for p in self.ports.values()) and self.pump():
            pass
        self._advance()
        self._check(time.monotonic())
        self.powered_off = self.machine.powered_off(self.process)
        if self.expecting and not self._expects():
            return SEEN
        if self.panicked_at:
            return PANICKED
        if self.powered_off:
            return ENDED
        self.reason = f"exit status {self.process.returncode}"
        return FAILED

    def pump(self):
        """One round of input and output; False if nothing happened."""
        typing = any(p.pending and p.connection for p in self.ports.values())
        events = self.selector.select(TYPE_PAUSE if typing else POLL)
        for key, _ in events:
            if not isinstance(key.data, Port):
                key.data.read(self.ports)
            elif key.fileobj is key.data.listener:
                self.selector.unregister(key.fileobj)
                key.data.accept()
                self.selector.register(key.data.connection,
                                       selectors.EVENT_READ, key.data)
            else:
                self._receive(key)
        now = time.monotonic()
        for port in self.ports.values():
            port.send(now)
        return bool(events)

    def _receive(self, key):
        if not key.data.receive():
            self.selector.unregister(key.fileobj)

    def _advance(self):
        """Does the steps whose time has come."""
        while self.steps:
            step = self.steps[0]
            port = self.ports[step.port]
            if isinstance(step, Type):
                port.pending += step.data
            else:
                match = port.search(step.regex)
                if not match:
                    break
                self.matches.append({
                    "port": step.port, "text": match[0],
                    "groups": list(match.groups()),
                    "seconds": round(time.monotonic() - self.start, 3)})
            self.steps.pop(0)
        self._look_for_panic()

    def _look_for_panic(self):
        port = self.ports[1]
        if not self.panic or self.panicked_at:
            return
        match = self.panic.search(port.text, self.panic_cursor)
        # A line still to be completed is looked at again.
        self.panic_cursor = port.text.rfind("\n") + 1
        if match:
            end = port.text.find("\n", match.start())
            line = port.text[match.start():end if end > 0 else None]
            self._panic(line.strip(), time.monotonic())

    def stop(self):
        """Ends the machine's whole process group, whatever it takes."""
        if self.process.poll() is None:
            self.machine.stop(self.process)
            try:
                self.process.wait(STOP_WAIT)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.seconds = time.monotonic() - self.start
        for port in self.ports.values():
            port.close()


class Console:
    """The terminal as console: COM1's keyboard is standard input."""

    QUIT = b"\x03"
    QUIT_TIMES = 3
    QUIT_SECONDS = 1.0

    def __init__(self):
        self.fd = sys.stdin.fileno()
        self.saved = None
        self.quit = False
        self.quits = []

    def __enter__(self):
        if os.isatty(self.fd):
            import termios
            import tty
            self.saved = termios.tcgetattr(self.fd)
            tty.setraw(self.fd)
        return self

    def __exit__(self, *_):
        if self.saved:
            import termios
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)

    def read(self, ports):
        data = os.read(self.fd, 4096)
        if not data:
            self.quit = True
            return
        now = time.monotonic()
        self.quits += [now] * data.count(self.QUIT)
        self.quits = [t for t in self.quits if now - t < self.QUIT_SECONDS]
        self.quit = len(self.quits) >= self.QUIT_TIMES
        ports[1].pending += data
