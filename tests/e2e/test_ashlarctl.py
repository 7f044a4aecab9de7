# SPDX-License-Identifier: BSD-2-Clause
"""build/ashlarctl over the tables of tests/tables and examples."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CTL = ROOT / "build" / "ashlarctl"
TABLES = ROOT / "tests" / "tables"
NOT_BUILT = "not in this build: "
MODE_TABLE = """\
[partition p]
cpus = 0
memory = 64M
kernel = vmlinuz
interrupts = {}
"""
DEVICE = "identity = yes\ndevice = pci 0000:00:02.0 intx=17\n"


@pytest.fixture(scope="session", autouse=True)
def built():
    subprocess.run(["make", "-s", "build/ashlarctl"], cwd=ROOT, check=True,
                   timeout=300)


def tables(*folders):
    found = [p for f in folders for p in sorted((ROOT / f).glob("*.table"))]
    assert found
    return [pytest.param(p, id=f"{p.parent.name}/{p.stem}") for p in found]


def ctl(*args):
    return subprocess.run([CTL, *args], cwd=ROOT, capture_output=True,
                          timeout=60, check=False)


def expected(path):
    """The lines of NAME.expect as ashlarctl prints them."""
    lines = path.with_suffix(".expect").read_text().splitlines()
    return [f"{path}:{line}" for line in lines]


@pytest.mark.parametrize("path", tables("tests/tables/bad"))
def test_bad(path):
    run = ctl("check", path)
    assert run.returncode == 1
    assert run.stdout == b""
    said = [line for line in run.stderr.decode("ascii").splitlines()
            if NOT_BUILT not in line]
    assert said == expected(path)
    run = ctl("explain", path)
    assert run.returncode == 1
    assert run.stdout == b""
    assert run.stderr.decode("ascii").splitlines() == expected(path)


@pytest.mark.parametrize("path", tables("tests/tables/unsupported"))
def test_unsupported(path):
    run = ctl("check", path)
    assert run.returncode == 1
    said = run.stderr.decode("ascii").splitlines()
    assert said == expected(path)
    assert all(NOT_BUILT in line for line in said)
    assert ctl("explain", path).returncode == 0


@pytest.mark.parametrize("device", ["", DEVICE], ids=["", "device"])
@pytest.mark.parametrize("mode", ["exit", "eli", "did", "posted"])
def test_modes(tmp_path, mode, device):
    """All but one are built; the tests that run in them rely on it."""
    path = tmp_path / "x.table"
    path.write_text(MODE_TABLE.format(mode) + device)
    run = ctl("check", path)
    if mode == "posted":
        assert run.returncode == 1
        assert f"{NOT_BUILT}interrupts = posted; " in run.stderr.decode()
    else:
        assert (run.returncode, run.stderr) == (0, b"")


@pytest.mark.parametrize("path", tables("tests/tables/good", "examples"))
def test_good(path):
    run = ctl("check", path)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    run = ctl("explain", path)
    assert (run.returncode, run.stderr) == (0, b"")
    heads = [line.split()[1] for line in run.stdout.decode().splitlines()
             if line.startswith("partition ")]
    named = [line.split()[1].rstrip("]") for line
             in path.read_text().splitlines() if line.startswith("[partition")]
    assert heads == named


@pytest.mark.parametrize("path", tables("tests/tables/bad",
                                        "tests/tables/unsupported",
                                        "tests/tables/machine"))
def test_has_expectation(path):
    assert path.with_suffix(".expect").exists()


def test_no_stray_expectation():
    for path in TABLES.glob("*/*.expect"):
        assert path.with_suffix(".table").exists(), path


@pytest.mark.parametrize("args", [
    [], ["check"], ["explain"], ["check", "a", "b"], ["verify", "a"],
    ["--help"],
])
def test_usage(args):
    run = ctl(*args)
    assert run.returncode == 2
    assert run.stderr.startswith(b"usage: ashlarctl ")


def test_no_file(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        run = ctl("check", path)
        assert run.returncode == 2
        assert run.stderr.startswith(f"ashlarctl: {path}: ".encode())


def test_size(tmp_path):
    path = tmp_path / "x.table"
    text = (ROOT / "examples" / "linux.table").read_text()
    path.write_text(text.ljust(65536, "\n"))
    assert ctl("check", path).returncode == 0
    for size in (65537, 1 << 20):
        path.write_text(text.ljust(size, "\n"))
        run = ctl("check", path)
        assert run.returncode == 1
        assert run.stderr.decode() == (
            f"{path}:1:1: table is longer than 65536 bytes; shorten it\n")


def test_arbitrary_bytes(tmp_path):
    path = tmp_path / "x.table"
    path.write_bytes(bytes(range(256)) * 16)
    run = ctl("check", path)
    assert run.returncode == 1
    assert all(c == 10 or 32 <= c <= 126 for c in run.stderr)
