# SPDX-License-Identifier: BSD-2-Clause
"""tests/lint: rooms, reach and check over made trees must find what is wrong.
"""
import importlib.machinery
import importlib.util
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# As in tests/lint/lint.mk.
APART = ["-ffunction-sections", "-fdata-sections", "-fno-inline"]


def load(name):
    """A script of tests/lint, which has no suffix, as a module."""
    path = str(ROOT / "tests/lint" / name)
    spec = importlib.util.spec_from_loader(
        name, importlib.machinery.SourceFileLoader(name, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Tree:
    """A made tree, and a script that looks at it."""

    def __init__(self, path, script, monkeypatch, capsys):
        self.path = path
        self.script = script
        self.capsys = capsys
        monkeypatch.chdir(path)
        monkeypatch.setattr(script, "ROOT", path)

    def write(self, files):
        """{path: text}."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def compile(self, *flags):
        """All sources; the objects."""
        objects = []
        for source in sorted(self.path.glob("*/*.[cS]")):
            name = source.relative_to(self.path).with_suffix(".o")
            obj = pathlib.Path("build/hv") / name
            obj.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["gcc", "-O2", "-fno-pic", "-I.", *flags, "-c",
                            "-o", obj, source], check=True, timeout=60)
            objects.append(str(obj))
        return objects

    def run(self, *args):
        """The status and the lines."""
        status = self.script.main(list(args))
        return status, self.capsys.readouterr().out.splitlines()

    def links(self, *flags):
        """The same over all objects."""
        return self.run("--objects", "build/hv", *self.compile(*flags))


@pytest.fixture(name="rooms")
def rooms_fixture(tmp_path, monkeypatch, capsys):
    return Tree(tmp_path, load("rooms"), monkeypatch, capsys)


@pytest.fixture(name="reach")
def reach_fixture(tmp_path, monkeypatch, capsys):
    tree = Tree(tmp_path, load("reach"), monkeypatch, capsys)
    monkeypatch.setattr(tree.script, "WALKS", {
        "guest": {"on_exit": ""}, "supervision": {"restart": ""},
        "boot": {"start": ""}})
    monkeypatch.setattr(tree.script, "HOOKS", {})
    return tree


# --- rooms ---

def test_includes_down(rooms):
    rooms.write({"core/a.h": "", "core/a.c": '#include "core/a.h"\n',
                 "guest/b.c": '#include "core/a.h"\n', "guest/b.h": "",
                 "vmx/c.S": '#include "guest/b.h"\n#include "d.inc"\n',
                 "vmx/d.inc": "", "boot/e.c": '#include "vmx/c.h"\n',
                 "tests/unit/f.c": '#include "guest/b.h"\n',
                 "tools/g.c": '#include "boot/h.h"\n'})
    status, lines = rooms.run()
    assert status == 0 and lines[-1] == "rooms: 0 found"


@pytest.mark.parametrize("name, text, complaint", [
    ("core/a.c", '\n#include "guest/b.h"\n',
     "core/a.c:2: includes guest/b.h: guest is not below core"),
    ("core/a.h", '#  include "boot/b.h"\n',
     "core/a.h:1: includes boot/b.h: boot is not below core"),
    # One floor.
    ("svm/a.S", '#include "vmx/b.h"\n',
     "svm/a.S:1: includes vmx/b.h: vmx is not below svm"),
    ("boot/a.c", '#include "tests/b.h"\n',
     "boot/a.c:1: includes tests/b.h: tests is not below boot"),
    ("shed/a.c", '#include "core/a.h"\n',
     "shed/a.c:1: shed/ has no place in ORDER"),
])
def test_include_up(rooms, name, text, complaint):
    rooms.write({name: text})
    status, lines = rooms.run()
    assert status == 1
    assert lines[0] == complaint and lines[-1] == "rooms: 1 found"


def test_include_up_in_this_tree(rooms):
    """A copy of the sources passes, and with one include more does not."""
    script = rooms.script
    for room in (r for r in script.FLOORS if (ROOT / r).exists()):
        shutil.copytree(ROOT / room, rooms.path / room)
    status, lines = rooms.run()
    assert status == 0, lines
    ground = script.ORDER[0]
    header = max((p for room in script.FLOORS if room != ground
                  for p in (rooms.path / room).glob("*.h")),
                 key=lambda p: script.FLOORS[p.parent.name])
    with min((rooms.path / ground).glob("*.c")).open("a") as file:
        file.write(f'#include "{header.relative_to(rooms.path)}"\n')
    status, lines = rooms.run()
    assert status == 1 and lines[-1] == "rooms: 1 found"
    assert f"{header.parent.name} is not below {ground}" in lines[0]


LOW = "void high(void);\n\nvoid low(void)\n{\n\thigh();\n}\n"
HIGH = "void high(void)\n{\n}\n"


def test_reference_up(rooms):
    rooms.write({"core/low.c": LOW, "guest/high.c": HIGH})
    status, lines = rooms.links()
    assert status == 1
    assert lines[0] == ("core/low.c:1: needs high of guest/high.c: "
                        "guest is not below core")
    assert lines[-1] == "rooms: 1 found"


def test_reference_up_from_assembler(rooms):
    rooms.write({"core/low.S": "\t.globl low\nlow:\tcall high\n",
                 "guest/high.c": HIGH})
    status, lines = rooms.links()
    assert status == 1
    assert lines[0].startswith("core/low.S:2: needs high of guest/high.c")


def test_pointer_that_is_handed_down(rooms):
    rooms.write({
        "core/low.c": "void low(void (*f)(void))\n{\n\tf();\n}\n",
        "guest/high.c": "void low(void (*f)(void));\n" + HIGH +
        "void go(void)\n{\n\tlow(high);\n}\n"})
    status, lines = rooms.links()
    assert status == 0, lines


def test_generated_objects(rooms):
    """build/guest/x.c is of guest/; build/id.c may be used by all."""
    rooms.write({"build/guest/x.c": "int x;\n", "build/id.c": "int id;\n",
                 "core/a.c": "extern int id, x;\nint *a = &id, *b = &x;\n"})
    for name in ("guest/x", "id"):
        obj = pathlib.Path(f"build/hv/build/{name}.o")
        obj.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-c", "-o", obj, f"build/{name}.c"],
                       check=True, timeout=60)
    status, lines = rooms.run(
        "--objects", "build/hv", "build/hv/build/guest/x.o",
        "build/hv/build/id.o", *rooms.compile())
    assert status == 1 and lines[-1] == "rooms: 1 found"
    assert lines[0] == ("core/a.c:1: needs x of guest/x.c: "
                        "guest is not below core")


def test_circles(rooms):
    rooms.write({"core/a.c": "void b(void);\nvoid a(void)\n{\n\tb();\n}\n",
                 "core/b.c": "void c(void);\nvoid b(void)\n{\n\tc();\n}\n",
                 "core/c.c": "void a(void);\nvoid c(void)\n{\n\ta();\n}\n",
                 "core/low.c": LOW, "guest/high.c": "void low(void);\n" +
                 HIGH.replace("}", "\tlow();\n}")})
    _, lines = rooms.links()
    assert "circle in core: a.c b.c c.c" in lines
    assert "circles that cross rooms: 1" in lines


# --- reach ---

CORE = """\
struct ops {
	void (*serve)(void);
	void (*set_up)(void);
};

extern const struct ops vmx_ops, svm_ops;
const struct ops *ops;
void restart(void);
void on_exit(void);

void log_line(void)
{
	asm volatile("");
}

static void in_table(void)
{
	log_line();
	asm volatile("");
}

static void (*const table[])(void) = {
	in_table,
	log_line,
};

void on_exit(void)
{
	static volatile unsigned n;

	table[n & 1]();
	if (ops != &vmx_ops)
		ops->serve();
	restart();
}

void restart(void)
{
	/* three lines, and one for the name */
	log_line();
	on_exit();
}

void unused(void)
{
}

void start(void)
{
	ops = on_exit ? &vmx_ops : &svm_ops;
	ops->set_up();
	on_exit();
}
"""
OPS = """\
struct ops {
	void (*serve)(void);
	void (*set_up)(void);
};

static void serve(void)
{
	asm volatile("1:");
%s}

static void set_up(void)
{
	asm volatile("");
}

const struct ops %s_ops = {
	.serve = serve,
	.set_up = set_up,
};
"""


def write_reach(tree):
    """A table, hooks of two back ends, and all three walks."""
    tree.write({"core/core.c": CORE, "vmx/vmx.c": OPS % ("", "vmx"),
                "svm/svm.c": OPS % ('\tasm volatile("");\n' * 2, "svm")})


def test_reach(reach):
    write_reach(reach)
    status, lines = reach.links(*APART)
    assert status == 0, lines
    # log_line 2, in_table 3, on_exit 7 lines, serve 2 and 4; restart 4;
    # set_up 2 and 2, start 4; unused 1.
    assert lines == [
        "function lines: guest 18 (VMX 14, SVM 16), supervision 4, boot 8, "
        "none of them 1, whole 31", "reach: 0 found"]


def test_reach_stops_at_what_another_list_names(reach, monkeypatch):
    write_reach(reach)
    monkeypatch.setitem(reach.script.WALKS["supervision"], "log_line", "")
    _, lines = reach.links(*APART)
    assert lines[0].startswith(
        "function lines: guest 16 (VMX 12, SVM 14), supervision 6, boot 8,")


def test_inline_functions_of_headers_count_once(reach):
    inline = "static inline int one(void)\n{\n\treturn 1;\n}\n"
    users = '#include "core/one.h"\nint %s(void);\n\nint %s(void)\n{\n' \
        "\treturn one();\n}\n"
    reach.write({"core/one.h": inline, "core/a.c": users % (2 * ("on_exit",)),
                 "core/b.c": users % (2 * ("restart",)),
                 "core/c.c": users % (2 * ("start",))})
    _, lines = reach.links(*APART)
    assert lines[0] == ("function lines: guest 4 (VMX 4, SVM 4), "
                        "supervision 2, boot 2, none of them 0, whole 8")


@pytest.mark.parametrize("name, what", [
    ("gone", "there is none"), ("serve", "there are several"),
    ("vmx/vmx.c:serve", None)])
def test_reach_lists_are_true(reach, monkeypatch, name, what):
    write_reach(reach)
    monkeypatch.setitem(reach.script.WALKS["guest"], name, "")
    status, lines = reach.links(*APART)
    assert status == (1 if what else 0)
    if what:
        assert lines[0] == f"tests/lint/reach:1: {name}: {what}"
        assert lines[-1] == "reach: 1 found"


HOOK = """
struct port {
	void (*tx)(void);
};

void attach(struct port *p, void (*tx)(void))
{
	p->tx = tx;
}

void send(struct port *p)
{
	p->tx();
}
"""


def test_hooks_are_named(reach, monkeypatch):
    write_reach(reach)
    reach.write({"core/port.c": HOOK})
    status, lines = reach.links(*APART)
    assert status == 1
    assert lines[0] == ("core/port.c:1: tx is called, and set to what is no "
                        "function: HOOKS in tests/lint/reach must say")
    monkeypatch.setattr(reach.script, "HOOKS", {"tx": "restart"})
    assert reach.links(*APART)[0] == 0
    monkeypatch.setattr(reach.script, "HOOKS", {"tx": "restart", "rx": ""})
    status, lines = reach.links(*APART)
    assert status == 1 and "rx: nobody calls such a member" in lines[0]


# --- check ---

def test_largest_room():
    check = load("check")
    assert not list(check.check_share(
        {".": 9, ".ci": 900, "tests/e2e": 900, "tools": 900, "core": 199,
         **{f"room{n}": 100 for n in range(8)}}))
    found = list(check.check_share({f"room{n}": 20 for n in range(5)}))
    assert found == [("room0", 1, "20.0 % of the code; less than 20 %")]
