# SPDX-License-Identifier: BSD-2-Clause
"""The command line of tests/lab/run.

Boots build/ashlar.elf (or, with --bare, a kernel alone) on a machine,
headless, from a GRUB ISO unless --boot says otherwise.  The last line of
stdout is one JSON object.  Exit status: 0 seen (or, without --expect, powered
off), 1 ended or panicked without it, 124 time-out, 2 usage.
"""
import argparse
import codecs
import json
import os
import re
import shutil
import signal
import sys
import tempfile

from bochs import DEBUGGER_LOG, Bochs
from machine import DEVICE
from media import BOOTS, make_medium
from nested import KvmOnBochs, KvmOnQemu
from paths import BUILD, LabError
from qemu import LOG, MONITOR, Kvm, Qemu, kvm_problem
from session import (ENDED, SEEN, TIMEOUT, Console, Expect, Port, Session,
                     Type)

MACHINES = {m.name: m for m in (Bochs, Qemu, Kvm, KvmOnBochs, KvmOnQemu)}
TAIL_LINES = 25
# At the start of a line: a line of a guest has "NAME| " before it.
PANIC = (r"^(?:\[[^]\n]*\] )?(?:ashlar: )?panic: |"
         r"^(?:\[[^]\n]*\] )?Kernel panic - not syncing")


def split_port(text):
    """[N:]TEXT -> (N, TEXT)."""
    match = re.match(rf"([1-4{MONITOR}]):", text)
    return (int(match[1]), text[2:]) if match else (1, text)


def make_step(kind, value):
    """An Expect or a Type from the command line's text."""
    port, text = split_port(value)
    if kind is Type:
        text = codecs.decode(text.encode("latin-1", "backslashreplace"),
                             "unicode_escape")
    return kind(port, text)


def step_action(kind):
    """--expect and --input go into one list: their order counts."""
    class Action(argparse.Action):
        def __call__(self, parser, namespace, value, option_string=None):
            try:
                step = make_step(kind, value)
            except (re.error, UnicodeError) as error:
                parser.error(f"{option_string} {value}: {error}")
            namespace.steps = (namespace.steps or []) + [step]
    return Action


def named_file(text):
    name, equals, path = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise argparse.ArgumentTypeError("not NAME=FILE")
    return name, path


def serial_file(text):
    match = re.match(r"([1-4])=", text)
    return (int(match[1]), text[2:]) if match else (1, text)


def parser():
    p = argparse.ArgumentParser(prog="tests/lab/run", description=__doc__,
                                allow_abbrev=False)
    p.add_argument("--machine", choices=["auto"] + sorted(MACHINES),
                   required=True)
    p.add_argument("--supported", default="kvm qemu bochs", metavar="NAMES",
                   help="what auto chooses from, best first")
    p.add_argument("--which", action="store_true",
                   help="say which machine that is, and do nothing")
    p.add_argument("--cpus", type=int, default=2, metavar="N")
    p.add_argument("--memory", default="512M", metavar="SIZE")
    p.add_argument("--boot", choices=BOOTS, default=BOOTS[0],
                   help="the firmware and the loader; the others than "
                   f"{BOOTS[0]} on QEMU only")
    p.add_argument("--bare", action="store_true",
                   help="boot the module vmlinuz (with initrd), or a "
                   "multiboot image, without Ashlar")
    p.add_argument("--image", default=os.path.join(BUILD, "ashlar.elf"),
                   metavar="FILE", help="Ashlar's image")
    p.add_argument("--cmdline", default="", metavar="TEXT")
    p.add_argument("--table", metavar="FILE")
    p.add_argument("--module", type=named_file, action="append", default=[],
                   metavar="NAME=FILE")
    p.add_argument("--device", action="append", default=[], metavar="SPEC",
                   help=DEVICE)
    p.add_argument("--iommu", default="intremap=on,eim=on", metavar="OPTIONS",
                   help="QEMU: those of its intel-iommu, or none")
    p.add_argument("--acpi", action="append", default=[], metavar="FILE",
                   help="an ACPI table instead of the firmware's of the same "
                   "signature")
    p.add_argument("--input", action=step_action(Type), dest="steps",
                   metavar="[N:]TEXT", help="typed after the expect before "
                   r"it; \n, \t, \x01 as in C; to COM N, or "
                   f"{MONITOR}: QEMU's monitor")
    p.add_argument("--expect", action=step_action(Expect), dest="steps",
                   metavar="[N:]REGEX")
    p.add_argument("--timeout", type=float, default=600, metavar="S")
    p.add_argument("--serial", type=serial_file, action="append", default=[],
                   metavar="[N=]FILE", help="a port's output; COM1's goes to "
                   "stdout without it")
    p.add_argument("--keep", metavar="DIR", help="keep the run's logs here, "
                   "serialN.log among them")
    p.add_argument("--panic", default=PANIC, metavar="REGEX",
                   help="output of COM1 that means the run has failed; empty "
                   "for none")
    p.add_argument("--cpu-model", metavar="NAME")
    p.add_argument("--ips", type=int, default=100_000_000, metavar="N",
                   help="Bochs: ticks per second of guest time")
    p.add_argument("--quantum", type=int, default=16, metavar="N",
                   help="Bochs: at most so many instructions of a CPU before "
                   "the next one's turn")
    p.add_argument("--debugger", metavar="FILE", help="Bochs: run under its "
                   "debugger, with commands from FILE; output in --keep's "
                   + DEBUGGER_LOG)
    p.add_argument("--vmexits", action="store_true", help="QEMU: a line "
                   "`vmexit(CODE, INFO1, INFO2, RIP)!` for each #VMEXIT, in "
                   "--keep's " + LOG)
    p.add_argument("--trace", action="append", default=[], metavar="EVENT",
                   help="QEMU: a line for each of these of its trace events, "
                   "in the same file")
    p.add_argument("--cpu-pm", action="store_true", help="KVM: a guest's HLT "
                   "does not exit")
    p.add_argument("--interactive", action="store_true",
                   help="the terminal is the console; no time-out")
    return p


def choose_machine(names):
    """The first of the machines that runs on this host."""
    for name in names.split():
        if name in MACHINES and not (name == "kvm" and kvm_problem()):
            return name
    raise LabError(f"none of the machines {names} runs here")


def raw_console(path):
    """The first partition of a table whose console is on COM1, or ""."""
    name, found, log = "", [], "com1"
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            section = re.match(r"\[partition ([a-z0-9-]+)\]", line)
            key, _, value = (w.strip() for w in line.partition("="))
            if section:
                found.append(name := section[1])
            elif key == "log" and not name:
                log = value
            elif key == "console" and value != "log" and name in found:
                found.remove(name)
    return found[0] if found and log == "com1" else ""


def make_interactive(spec):
    """The terminal becomes the first partition's, as soon as it can be."""
    spec.timeout = 0
    name = raw_console(spec.table) if spec.table and not spec.steps else ""
    print(f"{spec.machine}: Ctrl-C three times within a second ends the "
          "machine.")
    if name:
        spec.steps = [Expect(1, "^ashlar> "), Type(1, f"console {name}\n")]
        print(f"The terminal becomes {name}'s; Ctrl-A goes to Ashlar's "
              f"monitor, whose `console {name}` comes back.")
    sys.stdout.flush()


def check(spec):
    """What argparse can't check; completes the defaults."""
    if not 1 <= spec.cpus <= 254:
        raise LabError(f"--cpus {spec.cpus}: 1 to 254")
    if spec.debugger and spec.machine != "bochs":
        raise LabError("--debugger: the bochs machine only")
    if spec.boot != BOOTS[0] and spec.machine == "bochs":
        raise LabError(f"--boot {spec.boot}: not on the bochs machine")
    if spec.vmexits and spec.machine != "qemu":
        raise LabError("--vmexits: the qemu machine only")
    if spec.trace and spec.machine != "qemu":
        raise LabError("--trace: the qemu machine only")
    if spec.machine != "qemu" and any(
            s.port == MONITOR for s in spec.steps or []):
        raise LabError("QEMU's monitor: the qemu machine only")
    if spec.cpu_pm and not spec.machine.startswith("kvm"):
        raise LabError("--cpu-pm: the machines with KVM only")
    if spec.table:
        spec.module.insert(0, ("table", spec.table))
    spec.modules = dict(spec.module)
    if len(spec.modules) < len(spec.module):
        raise LabError("two modules of one name")
    spec.image = None if spec.bare else spec.image
    files = list(spec.modules.values()) + spec.acpi + [spec.image,
                                                       spec.debugger]
    for path in filter(None, files):
        if not os.path.isfile(path):
            raise LabError(f"no file {path}")
    spec.steps = spec.steps or []


def port_files(spec, directory):
    """Which ports there are and where each one's output goes: N -> path."""
    files = dict(spec.serial)
    numbers = {1} | set(files) | {s.port for s in spec.steps}
    for number in numbers - set(files):
        files[number] = os.path.join(directory, f"serial{number}.log")
    return {n: os.path.abspath(files[n]) for n in sorted(files)}


def open_ports(spec, files, echo):
    ports = {}
    for number, path in files.items():
        sinks = [open(path, "wb")]
        if number == 1 and echo:
            sinks.append(sys.stdout.buffer)
        ports[number] = Port(number, sinks)
    return ports


def run(spec, directory, keep):
    """One run in a scratch directory; the report as a dict."""
    machine = MACHINES[spec.machine](spec, directory)
    files = port_files(spec, keep or directory)
    medium = make_medium(spec, directory)
    ports = open_ports(spec, files,
                       1 not in dict(spec.serial) or spec.interactive)
    session = Session(machine, ports, spec.steps, spec.timeout, spec.panic)
    with open(os.path.join(directory, DEBUGGER_LOG), "wb") as stdio:
        if spec.interactive:
            with Console() as session.console:
                outcome = session.run(medium, stdio)
        else:
            outcome = session.run(medium, stdio)
    for port in ports.values():
        port.sinks[0].close()
    report = {
        "outcome": outcome, "machine": spec.machine, "cpus": spec.cpus,
        "seconds": round(session.seconds, 2), "ticks": machine.ticks(),
        "reason": session.reason, "matches": session.matches,
        "powered_off": session.powered_off, "kvm": machine.kvm_counts(),
        "serial": {str(n): path for n, path in files.items()
                   if keep or n in dict(spec.serial)}}
    if not status(report, spec):
        return report
    explain(session, directory)
    return report


def explain(session, directory):
    """Says on stderr why the run failed."""
    err = sys.stderr
    for step in session.steps:
        if isinstance(step, Expect):
            print(f"lab: not seen on COM{step.port}: {step.regex.pattern}",
                  file=err)
            break
    for port in session.ports.values():
        print(f"lab: the end of COM{port.number}:", file=err)
        for line in port.text.splitlines()[-TAIL_LINES:]:
            print(f"  {line}", file=err)
    if not any(port.text for port in session.ports.values()):
        with open(os.path.join(directory, DEBUGGER_LOG), "rb") as file:
            err.write(file.read()[-2000:].decode("utf-8", "replace"))
    if session.reason:
        print(f"lab: {session.reason}", file=err)


def status(report, spec):
    """The exit status that belongs to an outcome."""
    expecting = not spec.interactive and any(
        isinstance(s, Expect) for s in spec.steps)
    outcome = report["outcome"]
    if outcome == SEEN or (outcome == ENDED and not expecting):
        return 0
    return 124 if outcome == TIMEOUT else 1


def keep_logs(spec, directory, keep):
    machine = MACHINES[spec.machine](spec, directory)
    for name in set(machine.logs()) | {DEBUGGER_LOG}:
        path = os.path.join(directory, name)
        if os.path.exists(path):
            shutil.copy(path, keep)


def interrupted(signum, _frame):
    raise SystemExit(128 + signum)


def main(argv):
    spec = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    try:
        if spec.machine == "auto":
            spec.machine = choose_machine(spec.supported)
        if spec.which:
            print(spec.machine)
            return 0
        check(spec)
        if spec.interactive:
            make_interactive(spec)
        keep = spec.keep and os.path.abspath(spec.keep)
        if keep:
            os.makedirs(keep, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="ashlar-lab.") as directory:
            report = run(spec, directory, keep)
            if keep:
                keep_logs(spec, directory, keep)
    except (LabError, OSError) as error:
        print(f"tests/lab/run: {error}", file=sys.stderr)
        return 2
    if spec.interactive:
        return status(report, spec)
    sys.stdout.flush()
    print("\n" + json.dumps(report) if 1 not in dict(spec.serial)
          else json.dumps(report))
    return status(report, spec)
